//! Steps that ask for a code: by email, text, call, or from an app (U11 to U14, U18, U19).

use leptos::prelude::*;

use super::parts::Step;
use super::words;
use crate::api::journey::{CodeView, Delivery, Method, OtherWay};
use crate::browser;
use crate::components::{Button, ButtonKind, CheckboxField, CodeField, Disclosure, Notice, Plain as _, Tone};

/// How the message fares, kept up to date by the island while the page is open.
#[derive(Clone, Copy)]
pub(crate) struct LiveDelivery(pub(crate) RwSignal<Delivery>);

/// What a code by email is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EmailPurpose {
    SignUp,
    Reset,
    Confirm,
}

/// What can be done when there is trouble with a code.
struct Help {
    /// The button for a new code, where one can be had.
    resend: Option<&'static str>,
    /// Where to look for it.
    look: &'static str,
    /// The button that goes back to change the address or number.
    change: Option<&'static str>,
}

pub(super) fn email_code(at: &Step<'_>, code: &CodeView, purpose: EmailPurpose) -> AnyView {
    let change = match purpose {
        EmailPurpose::SignUp | EmailPurpose::Reset => Some("Use another email address"),
        EmailPurpose::Confirm => None,
    };
    // U10: the words are the same whether or not there is an account.
    let sent = match purpose {
        EmailPurpose::SignUp | EmailPurpose::Confirm => "We’ve sent a 6-digit code to ",
        EmailPurpose::Reset => "If there’s an account for this address, we’ve sent a 6-digit code to ",
    };
    let why = (purpose == EmailPurpose::Confirm)
        .then(|| view! { <p class="lead">"Before you set up a second step, we check that this is your account."</p> });
    let help = Help {
        resend: Some("Send a new code"),
        look: "Look in your spam or junk folder. Check that the email address above is right.",
        change,
    };
    view! {
        {why}
        {where_it_went(sent, code)}
        {ask(at, code, "Code from the email", None)}
        {trouble(at, Some(code), help)}
    }
    .plain()
}

pub(super) fn phone_code(at: &Step<'_>, method: Method, code: &CodeView) -> AnyView {
    let help =
        Help { resend: Some(resend_label(method)), look: phone_look(method), change: Some("Change the phone number") };
    view! {
        {where_it_went(phone_sent(method), code)}
        {ask(at, code, phone_label(method), None)}
        {trouble(at, Some(code), help)}
    }
    .plain()
}

pub(super) fn challenge(
    at: &Step<'_>,
    method: Method,
    (code, remember_days): (Option<&CodeView>, Option<u32>),
    factor_name: &str,
    other_ways: &[OtherWay],
) -> AnyView {
    let help = Help { resend: code.is_some().then_some(resend_label(method)), look: phone_look(method), change: None };
    let asked = match code {
        Some(code) => view! {
            {where_it_went(phone_sent(method), code)}
            {ask(at, code, phone_label(method), remember_days)}
        }
        .plain(),
        None => {
            let named = match factor_name {
                "" => "Open your authenticator app and enter the 6-digit code it shows for this account.".to_owned(),
                name => format!(
                    "Open your authenticator app ({name}) and enter the 6-digit code it shows for this account."
                ),
            };
            view! {
                <p class="lead">{named}</p>
                {form(at, "Code from the app", remember_days)}
            }
            .plain()
        }
    };
    view! {
        {asked}
        {another_way(at, code, other_ways)}
        {trouble(at, code, help)}
    }
    .plain()
}

const fn phone_sent(method: Method) -> &'static str {
    match method {
        Method::TextMessage | Method::AuthenticatorApp | Method::Passkey | Method::RecoveryCode => {
            "We’ve texted a 6-digit code to "
        }
        Method::PhoneCall => "We’re calling you. You’ll hear a 6-digit code three times. The number is ",
    }
}

const fn phone_label(method: Method) -> &'static str {
    match method {
        Method::AuthenticatorApp | Method::Passkey | Method::RecoveryCode => "Code from the app",
        Method::TextMessage => "Code from the text",
        Method::PhoneCall => "Code from the call",
    }
}

const fn resend_label(method: Method) -> &'static str {
    match method {
        Method::AuthenticatorApp | Method::Passkey | Method::TextMessage | Method::RecoveryCode => "Send a new code",
        Method::PhoneCall => "Call me again",
    }
}

const fn phone_look(method: Method) -> &'static str {
    match method {
        Method::TextMessage => "Check that your phone is on and has a signal, and that the number above is right.",
        Method::PhoneCall => {
            "Check that the line is free, that the number above is right, and that unknown callers are not blocked."
        }
        Method::AuthenticatorApp | Method::Passkey | Method::RecoveryCode => {
            "Make sure you use the entry for this account, and that your phone sets its time by itself. A code changes every 30 seconds."
        }
    }
}

/// Where the code went, how long it lives, and that it may take a while (U12).
fn where_it_went(sent: &str, code: &CodeView) -> AnyView {
    let sent = sent.to_owned();
    let lives = words::duration(code.lives_minutes.saturating_mul(60));
    // A number stays on one line; a long address may break.
    let class = if code.sent_to.contains('@') { "fixed" } else { "fixed whole" };
    view! {
        <p class="lead">
            {sent}
            <bdi class=class>{code.sent_to.clone()}</bdi>
            {format!(". It works for {lives}. It may take a few minutes to arrive.")}
        </p>
        {delivery_notice(code.delivery)}
    }
    .plain()
}

/// Says so when the message is late or lost, also while the page is open.
fn delivery_notice(now: Delivery) -> AnyView {
    let delivery = use_context::<LiveDelivery>().map_or_else(|| RwSignal::new(now), |live| live.0);
    view! {
        <div role="status">
            {move || {
                words::delivery_text(delivery.get())
                    .map(|text| {
                        let tone = match delivery.get_untracked() {
                            Delivery::OnItsWay | Delivery::Delayed => Tone::Warning,
                            Delivery::Failed => Tone::Error,
                        };
                        let text = view! { <p>{text}</p> }.plain();
                        view! { <Notice tone=tone>{text}</Notice> }.plain()
                    })
            }}
        </div>
    }
    .plain()
}

/// The form, or the time until codes are taken again (U14).
fn ask(at: &Step<'_>, code: &CodeView, label: &str, remember_days: Option<u32>) -> AnyView {
    if code.locked_for_seconds == 0 {
        return form(at, label, remember_days);
    }
    let left = browser::countdown(code.locked_for_seconds);
    let address = at.address();
    let said = view! {
        <p>
            {move || match left.get() {
                0 => "You can enter a code again now.".to_owned(),
                left => format!("You can enter a code again in {}.", words::duration(left)),
            }}
        </p>
        <p>
            <a href=address>"Try again"</a>
        </p>
    }
    .plain();
    view! { <Notice tone=Tone::Warning title="Too many wrong codes">{said}</Notice> }.plain()
}

fn form(at: &Step<'_>, label: &str, remember_days: Option<u32>) -> AnyView {
    let label = label.to_owned();
    let fields = view! {
        <CodeField name="code" label=label error=at.error("code") />
        {remember_days.map(|days| remember(at, days))}
        <div class="actions">
            <Button label="Continue" />
        </div>
    }
    .plain();
    at.form("submit-code", fields)
}

// Never ticked beforehand: on a shared device the next person would need the password alone (U23).
fn remember(at: &Step<'_>, days: u32) -> AnyView {
    let span = words::days(days);
    view! {
        <CheckboxField
            name="remember"
            label=format!("Remember this browser for {span}")
            checked=at.value("remember", "") == "true"
            hint="Until then you need only your password here. Don’t use this on a device that you share with others."
        />
    }
    .plain()
}

/// Every other bound method, one press away (U19).
fn another_way(at: &Step<'_>, code: Option<&CodeView>, ways: &[OtherWay]) -> AnyView {
    let stuck = code.is_some_and(|code| code.locked_for_seconds > 0 || code.delivery != Delivery::OnItsWay);
    other_ways(at, stuck, ways)
}

/// Every other way as a button; a passkey only where the browser has them.
pub(super) fn other_ways(at: &Step<'_>, open: bool, ways: &[OtherWay]) -> AnyView {
    if ways.is_empty() {
        return ().plain();
    }
    let class = |needs| if needs { "needs-passkeys" } else { "" };
    let all = class(ways.iter().all(|way| way.method == Method::Passkey));
    let ways = ways
        .iter()
        .map(|way| {
            let label = words::other_way(way.method, &way.hint);
            let value = way.method.as_str().to_owned();
            view! {
                <div class=class(way.method == Method::Passkey)>
                    <Button kind=ButtonKind::Secondary label=label name="method" value=value />
                </div>
            }
        })
        .collect_view();
    let ways = at.form("choose-method", view! { <div class="stack">{ways}</div> }.plain());
    view! { <div class=all><Disclosure summary="Try another way" open=open>{ways}</Disclosure></div> }.plain()
}

/// A new code, with the time until it can be had (U13).
fn resend(at: &Step<'_>, code: &CodeView, label: &str) -> AnyView {
    let left = browser::countdown(code.resend_in_seconds);
    view! {
        <div class="resend">
            {at.lone_button("resend", label, ButtonKind::Link)}
            <p class="hint">
                {move || match left.get() {
                    0 => "Up to 5 codes in 15 minutes.".to_owned(),
                    left => format!("Available in {}.", words::duration(left)),
                }}
            </p>
        </div>
    }
    .plain()
}

/// "Problems with the code?" (U18): a new one, where to look, a change, the clinic.
fn trouble(at: &Step<'_>, code: Option<&CodeView>, help: Help) -> AnyView {
    let stuck = code.is_some_and(|code| code.delivery != Delivery::OnItsWay);
    let again = code.zip(help.resend).map(|(code, label)| resend(at, code, label));
    let change = help.change.map(|label| at.lone_button("back", label, ButtonKind::Link));
    let clinic = format!("Still stuck? Contact {}. They can help you sign in.", at.tenant());
    let body = view! {
        <p>{help.look}</p>
        {change}
        <p>{clinic}</p>
    }
    .plain();
    view! {
        {again}
        <Disclosure summary="Problems with the code?" open=stuck>
            {body}
        </Disclosure>
    }
    .plain()
}
