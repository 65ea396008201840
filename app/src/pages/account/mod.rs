//! A person's own account: what the clinic's server holds, how they sign in, where they are signed
//! in. Roomy, in plain words, complete without scripting (U1).

mod apps;
mod browsers;
mod contact;
mod deletion;
mod factors;
mod history;
mod not_me;
mod passkeys;
mod profile;
mod recovery;
mod way;

use leptos::prelude::*;

use crate::{
    api::account::{AccountView, ClaimView, Done, MethodView, Moment, SessionView, Visitor},
    components::{
        Badge, Button, ButtonKind, ButtonLink, ConsoleLayout, DefinitionList, Disclosure, Form, Notice, SessionEnd,
        Tone,
    },
    paths,
};
pub use contact::{EMAIL_TITLE, PHONE_TITLE, contact_page};
pub use deletion::{DELETE_TITLE, FAREWELL_TITLE, delete_page, farewell_page};
pub use history::{DATA_TITLE, HISTORY_TITLE, data_page, history_page};
pub use not_me::{NOT_ME_TITLE, not_me_over_page, not_me_page, secured_page};
pub use passkeys::{NEW_PASSKEY_TITLE, passkey_page};
pub use profile::{PROFILE_TITLE, profile_page};
pub use recovery::{NEW_CODES_TITLE, new_codes_page};
pub use way::{WAY_TITLE, way_page};

/// The title of [`account_page`], less the tenant.
pub const ACCOUNT_TITLE: &str = "Your account";

/// The claim that only programs care for.
const OBJECT_ID: &str = "oid";

/// A moment as `<time>`.
pub(crate) fn time(moment: Moment) -> AnyView {
    view! { <time datetime=moment.iso>{moment.text}</time> }.into_any()
}

/// A moment, or what to say where there is none.
pub(crate) fn time_or(moment: Option<Moment>, otherwise: &'static str) -> AnyView {
    moment.map_or_else(|| view! { <span class="muted">{otherwise}</span> }.into_any(), time)
}

/// The form that ends every console session of this browser.
pub(crate) fn sign_out(csrf: String, kind: ButtonKind) -> AnyView {
    view! {
        <Form action=paths::CONSOLE_SIGN_OUT csrf=csrf class="inline-form">
            <Button label="Sign out" kind=kind />
        </Form>
    }
    .into_any()
}

/// The frame of the account's pages.
fn frame(visitor: &Visitor, children: AnyView) -> AnyView {
    let tenant = view! { <span>{visitor.tenant.clone()}</span> }.into_any();
    let home = paths::account(&visitor.domain);
    let menu = sign_out(visitor.csrf.clone(), ButtonKind::Link);
    let session_end =
        view! { <SessionEnd seconds=visitor.idle_seconds home=home.clone() csrf=visitor.csrf.clone() /> }.into_any();
    view! {
        <ConsoleLayout
            console=ACCOUNT_TITLE
            home=home
            tenant=tenant
            nav=Vec::new()
            account=visitor.name.clone()
            account_menu=menu
            roomy=true
            session_end=session_end
            demo=visitor.demo
        >
            <div class="own">{children}</div>
        </ConsoleLayout>
    }
    .into_any()
}

/// The body of `/account/{tenant}`.
pub fn account_page(view: AccountView) -> impl IntoView {
    let visitor = view.visitor;
    let body = view! {
        <div class="own-head">
            <h1>{ACCOUNT_TITLE}</h1>
            <p class="muted">{format!("This is what {} knows about you, and how you sign in.", visitor.tenant)}</p>
        </div>
        {view.done.map(|news| done(&visitor, news))}
        {view.deletion.clone().map(|at| deletion::planned(&visitor, at))}
        {view.pending.into_iter().map(|pending| contact::pending(&visitor, pending)).collect_view()}
        {details(&visitor, view.claims, view.may_change_email)}
        {view.cooling_until.clone().map(cooling)}
        {methods(
            &visitor,
            view.methods,
            view.may_add_passkey,
            (view.may_change_factors, view.signed_in_weakly, view.cooling_until.is_some()),
        )}
        {(view.may_have_recovery || view.recovery.is_some())
            .then(|| {
                let may = (view.may_change_factors, view.cooling_until.is_none());
                recovery::section(&visitor, view.recovery, view.may_have_recovery, may)
            })}
        {apps::section(&visitor, view.apps)}
        {sessions(&visitor, view.sessions)}
        {browsers::section(&visitor, view.browsers)}
        {history::section(&visitor)}
        {(view.may_delete && view.deletion.is_none()).then(|| deletion::section(&visitor))}
    }
    .into_any();
    frame(&visitor, body)
}

fn done(visitor: &Visitor, done: Done) -> AnyView {
    let (tone, title, text) = match done {
        Done::PasskeyAdded => (Tone::Success, "Passkey added", "You can sign in with it from now on."),
        Done::FactorRenamed => (Tone::Success, "Name saved", "You’ll see the new name from now on."),
        Done::FactorRemoved => (
            Tone::Success,
            "Removed",
            "It no longer signs in to your account, and you’re signed out everywhere else. A passkey or an app may still show it: delete it there too.",
        ),
        Done::EmailChanged => (
            Tone::Success,
            "Your email address is changed",
            "Use the new one to sign in. You’re signed out everywhere else, and we’ve emailed both addresses.",
        ),
        Done::PhoneChanged => (
            Tone::Success,
            "Your number is changed",
            "Codes go to the new number. You’re signed out everywhere else, and we’ve emailed you about it.",
        ),
        Done::CalledOff => (Tone::Success, "Nothing is changed", "The code that we sent no longer works."),
        Done::DeletionPlanned => (
            Tone::Success,
            "We’ll delete your account",
            "You’re signed out everywhere else. We’ve emailed you about it.",
        ),
        Done::Kept => (Tone::Success, "Your account stays", "Nothing is deleted."),
        Done::RecoveryRemoved => (
            Tone::Success,
            "Recovery codes removed",
            "They no longer sign in to your account: throw them away. You’re signed out everywhere else.",
        ),
        Done::RecoveryMadeAlready => (
            Tone::Warning,
            "You already have new recovery codes",
            "They were made a moment ago, so we didn’t make others. If you haven’t saved them, make new ones below.",
        ),
        Done::LastFactor => (
            Tone::Warning,
            "This one can’t be removed",
            "It’s the last thing that protects your account next to your password. Add another one first.",
        ),
        Done::CoolingDown => (
            Tone::Warning,
            "This can’t be changed yet",
            "Your account was opened with a recovery code or got a new password a short while ago. See below how long this takes.",
        ),
        Done::SignInAgain => (
            Tone::Warning,
            "Sign in again first",
            "To keep your account safe, we need a sign-in of the last 10 minutes before this changes, with the safest second step that you have, or a recovery code.",
        ),
        Done::Saved => {
            (Tone::Success, "Your details are saved", "Apps get the new details the next time you sign in to them.")
        }
        Done::AccessRemoved => (
            Tone::Success,
            "Access removed",
            "The app gets no more of your details. It keeps what it got before: ask its makers to delete it.",
        ),
        Done::BrowsersForgotten => {
            (Tone::Success, "Forgotten", "The next sign-in there asks for a code again, after the password.")
        }
        Done::SignedOut => (Tone::Success, "Signed out", "Whoever uses that browser must sign in again."),
    };
    let again = (done == Done::SignInAgain).then(|| factors::sign_in_again(visitor));
    view! {
        <Notice tone=tone role="status" title=title>
            <p>{text}</p>
            {again}
        </Notice>
    }
    .into_any()
}

// What waits after a recovery, and what does not.
fn cooling(until: Moment) -> AnyView {
    view! {
        <Notice tone=Tone::Info title="Some things can’t be changed yet">
            <p>
                "Your account was opened with a recovery code or got a new password. In case that wasn’t you, no second step can be removed and your email address and phone numbers stay as they are until "
                {time(until)} "."
            </p>
            <p>"You can still add a second step, make recovery codes and sign out everywhere else. If it wasn’t you, use the link in the email that we sent you about it."</p>
        </Notice>
    }
    .into_any()
}

fn details(visitor: &Visitor, claims: Vec<ClaimView>, may_change_email: bool) -> AnyView {
    let technical = claims.clone();
    let facts = claims
        .into_iter()
        .filter(|claim| claim.name != OBJECT_ID)
        .map(|claim| (claim.label, view! { <bdi>{claim.value}</bdi> }.into_any()))
        .collect();
    let names = technical
        .into_iter()
        .map(|claim| {
            let id = (claim.name == OBJECT_ID).then_some(claim.value);
            let name = view! {
                <code class="fixed">{claim.name}</code>
                {id.map(|id| view! { <bdi class="technical">{id}</bdi> })}
            };
            (claim.label, name.into_any())
        })
        .collect();
    view! {
        <section class="panel" aria-labelledby="details">
            <div class="page-head">
                <h2 id="details">"Your details"</h2>
                <ButtonLink
                    href=paths::account_profile(&visitor.domain)
                    label="Change your details"
                    kind=ButtonKind::Secondary
                />
            </div>
            <DefinitionList items=facts />
            {may_change_email.then(|| contact::to_email(visitor))}
            <Disclosure summary="Technical names">
                <p>"Apps know these details by other names. An app gets only those that it needs."</p>
                <DefinitionList items=names />
            </Disclosure>
        </section>
    }
    .into_any()
}

fn methods(
    visitor: &Visitor,
    methods: Vec<MethodView>,
    may_add: bool,
    (may_change, weakly, cooling): (bool, bool, bool),
) -> AnyView {
    let none = methods.is_empty().then(|| {
        let text = format!(
            "You sign in with your password alone. When an app of {} needs a second step, we’ll help you to set it up.",
            visitor.tenant
        );
        view! { <p class="muted">{text}</p> }
    });
    // Only who may change them sees the forms: A20.
    let why = if weakly {
        "To change these, sign in with the safest of them: a passkey if you have one, else an app. A recovery code will do too."
    } else {
        "To change these, we need to know that it’s you: a sign-in of the last 10 minutes."
    };
    let stale = (!methods.is_empty() && !may_change).then(|| {
        view! {
            <p>{why}</p>
            {factors::sign_in_again(visitor)}
        }
    });
    // Who finds the phone that the clinic turned off waits for nothing.
    let off = methods.iter().any(|method| method.turned_off).then(|| {
        view! {
            <p class="hint">
                "What is turned off opens nothing any more, and is not turned on again: set it up anew when you’re asked for a second step, and remove the old one here. "
                <a href=paths::account_history(&visitor.domain)>"Your security history"</a>
                " says when it was turned off, and why."
            </p>
        }
    });
    let list = (!methods.is_empty()).then(|| {
        let item = |found| thing(found, |method| may_change.then(|| factors::change(visitor, method, cooling)));
        let items = methods.into_iter().map(item).collect_view();
        view! { <ul class="things">{items}</ul> }
    });
    view! {
        <section class="panel" aria-labelledby="methods">
            <h2 id="methods">"Second step"</h2>
            <p>"After your password, we check that it’s really you with one of these."</p>
            {list}
            {off}
            {none}
            {stale}
            {may_add.then(|| passkeys::add(visitor))}
        </section>
    }
    .into_any()
}

/// A method with its dates; the clinic's pages show it too.
pub(crate) fn method(method: MethodView) -> AnyView {
    thing(method, |_| None)
}

fn thing(method: MethodView, change: impl FnOnce(&MethodView) -> Option<AnyView>) -> AnyView {
    let change = change(&method);
    let lock = method.locked_until.map(|until| {
        view! {
            <p>
                <Badge text="Locked" tone=Tone::Error />
                " until "
                {time(until)}
                ", after too many wrong codes."
            </p>
        }
    });
    let off = method.turned_off.then(|| view! { <Badge text="Turned off" tone=Tone::Error /> });
    let marks = method.passkey.as_ref().map(passkeys::marks);
    view! {
        <li class="thing">
            <p class="thing-name">{method.label} " " <bdi class="muted">{method.detail}</bdi> " " {marks} {off}</p>
            <p class="muted">
                "Added " {time(method.created)} ". Last used: " {time_or(method.last_used, "not since then")} "."
            </p>
            {lock}
            {change}
        </li>
    }
    .into_any()
}

fn sessions(visitor: &Visitor, sessions: Vec<SessionView>) -> AnyView {
    let others = sessions.iter().any(|session| !session.current);
    let end = paths::account_end_sessions(&visitor.domain);
    let csrf = visitor.csrf.clone();
    let end_others = others.then(|| {
        view! {
            <Form action=end.clone() csrf=csrf.clone() class="inline-form">
                <Button label="Sign out everywhere else" kind=ButtonKind::Secondary />
            </Form>
        }
    });
    let items = sessions
        .into_iter()
        .map(|session| {
            let (action, csrf) = (end.clone(), csrf.clone());
            let end = (!session.current).then(|| {
                let label = format!("Sign out of {}, signed in {}", session.label, session.created.text);
                view! {
                    <Form action=action csrf=csrf class="inline-form">
                        <input type="hidden" name="session" value=session.id.clone() />
                        <button class="button-link" type="submit" aria-label=label>"Sign out"</button>
                    </Form>
                }
            });
            view! {
                <li class="thing">
                    <p class="thing-name">
                        {session.label} " "
                        {session.current.then(|| view! { <Badge text="This browser" tone=Tone::Success /> })}
                    </p>
                    <p class="muted">
                        "Signed in " {time(session.created)} ". Last used: " {time(session.last_seen)} "."
                    </p>
                    {end}
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="panel" aria-labelledby="sessions">
            <h2 id="sessions">"Where you’re signed in"</h2>
            <ul class="things">{items}</ul>
            <div class="actions">{sign_out(visitor.csrf.clone(), ButtonKind::Secondary)} {end_others}</div>
            <p class="muted">
                {format!(
                    "See something that you don’t know? Change your password with “Forgot your password?” on the sign-in page: that signs you out everywhere. Then tell {}.",
                    visitor.tenant,
                )}
            </p>
        </section>
    }
    .into_any()
}
