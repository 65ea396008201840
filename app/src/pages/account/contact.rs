//! Another address, another number: the form, the code, calling it off (A20). Plain forms throughout (U1).

use leptos::prelude::*;

use super::{ACCOUNT_TITLE, factors::sign_in_again, frame, time};
use crate::{
    api::account::{ContactPage, ContactProblem, ContactStep, ContactView, PendingView, Visitor},
    components::{
        Breadcrumbs, Button, ButtonKind, ButtonLink, CodeField, ErrorItem, ErrorSummary, Form, Notice, RadioOption,
        Radios, SelectField, TextField, Tone,
    },
    pages::journey::words::problem_text,
    paths,
};

/// The title of the page that changes the address.
pub const EMAIL_TITLE: &str = "Change your email address";
/// The title of the page that changes a number.
pub const PHONE_TITLE: &str = "Use another number";

/// The way to the page of the address.
pub(super) fn to_email(visitor: &Visitor) -> AnyView {
    let href = paths::account_email(&visitor.domain);
    view! { <div class="actions"><ButtonLink href=href label=EMAIL_TITLE kind=ButtonKind::Secondary /></div> }
        .into_any()
}

/// What stands at the top of the account page while a change waits for its code.
pub(super) fn pending(visitor: &Visitor, pending: PendingView) -> AnyView {
    let (title, href) = if pending.phone {
        ("Your new number is not in use yet", paths::account_phone(&visitor.domain))
    } else {
        ("Your new email address is not in use yet", paths::account_email(&visitor.domain))
    };
    view! {
        <Notice tone=Tone::Info role="status" title=title>
            <p>"We’ve sent a code to " <bdi>{pending.to}</bdi> ". Until you enter it, everything stays as it is."</p>
            <ButtonLink href=href label="Enter the code or cancel" kind=ButtonKind::Secondary />
        </Notice>
    }
    .into_any()
}

// Where the forms of a page post.
struct Places {
    ask: String,
    code: String,
    resend: String,
    cancel: String,
}

fn places(page: &ContactPage, domain: &str) -> Places {
    match page {
        ContactPage::Email { .. } => Places {
            ask: paths::account_email(domain),
            code: paths::account_email_code(domain),
            resend: paths::account_email_resend(domain),
            cancel: paths::account_email_cancel(domain),
        },
        ContactPage::Phone { .. } => Places {
            ask: paths::account_phone(domain),
            code: paths::account_phone_code(domain),
            resend: paths::account_phone_resend(domain),
            cancel: paths::account_phone_cancel(domain),
        },
    }
}

fn error(view: &ContactView) -> Option<ErrorItem> {
    let (field, same) = match view.page {
        ContactPage::Email { .. } => ("email", "This is your email address already. Enter another one."),
        ContactPage::Phone { .. } => ("phone", "You use this number already. Enter another one."),
    };
    let (field, text) = match view.problem.as_ref()? {
        ContactProblem::Field(problem) => (problem.field.clone(), problem_text(&problem.code)),
        ContactProblem::Same => (field.to_owned(), same.to_owned()),
        ContactProblem::Taken => (
            field.to_owned(),
            "Another account uses this email address by now, so nothing is changed. Enter another one.".to_owned(),
        ),
    };
    Some(ErrorItem { field, text })
}

/// The body of `/account/{tenant}/email` and `/account/{tenant}/phone`.
pub fn contact_page(view: ContactView) -> impl IntoView {
    let wrong = error(&view);
    let told = wrong.clone();
    let of = move |field: &str| told.as_ref().filter(|item| item.field == field).map(|item| item.text.clone());
    let ContactView { visitor, page, step, .. } = view;
    let (home, places) = (paths::account(&visitor.domain), places(&page, &visitor.domain));
    let crumbs = vec![(ACCOUNT_TITLE.to_owned(), Some(home.clone())), (title_of(&page).to_owned(), None)];
    let title = title_of(&page);
    let csrf = visitor.csrf.clone();
    let body = match step {
        ContactStep::SignInAgain => view! {
            <p>{match page {
                ContactPage::Email { both: true, .. } => "To change this, we need to know that it’s you: a sign-in of the last 10 minutes. Then come back to this page.",
                ContactPage::Email { .. } | ContactPage::Phone { .. } => "To change this, we need to know that it’s you: a sign-in of the last 10 minutes, with the safest second step that you have, or a recovery code. Then come back to this page.",
            }}</p>
            <div class="actions">
                {sign_in_again(&visitor)}
                <ButtonLink href=home.clone() label="Back to your account" kind=ButtonKind::Link />
            </div>
        }
        .into_any(),
        ContactStep::CoolingDown { until } => view! {
            <p>
                "Your account was opened with a recovery code or got a new password. In case that wasn’t you, this stays as it is until "
                {time(until)} "."
            </p>
            <div class="actions"><ButtonLink href=home.clone() label="Back to your account" kind=ButtonKind::Secondary /></div>
        }
        .into_any(),
        ContactStep::Form { typed, country } => {
            let (lead, fields) = fields(page, typed, country, &of);
            view! {
                {lead}
                <Form action=places.ask csrf=csrf>
                    {fields}
                    <div class="actions">
                        <Button label="Send code" />
                        <ButtonLink href=home.clone() label="Cancel" kind=ButtonKind::Secondary />
                    </div>
                </Form>
            }
            .into_any()
        }
        ContactStep::PresentCode { to, of: which } => {
            let lead = view! {
                <p class="lead">
                    "First we make sure that it’s you. We’ve sent a 6-digit code to your present address, "
                    <bdi class="strong">{to}</bdi> ". After that we send one to the new address."
                </p>
            };
            let words = Words {
                lead: lead.into_any(),
                label: "Code from the email",
                look: "No code? It may take a few minutes. Look in your spam or junk folder. If you can’t read this address any more, ask the clinic to help you.",
            };
            code_forms(places, (csrf, which), words, of("code"))
        }
        ContactStep::Code { to, of: which } => {
            let lead = view! { <p class="lead">"We’ve sent a 6-digit code to " <bdi class="strong">{to}</bdi> "."</p> };
            let (lead, label, look) = match page {
                ContactPage::Email { both, .. } => (
                    view! { {both.then(|| view! { <p>"Thank you. Now the new address:"</p> })} {lead} }.into_any(),
                    "Code from the email",
                    "No code? It may take a few minutes. Look in your spam or junk folder, and check that the address is right.",
                ),
                ContactPage::Phone { .. } => {
                    (lead.into_any(), "Code from the text or call", "No code? It may take a few minutes. Check that the number is right.")
                }
            };
            code_forms(places, (csrf, which), Words { lead, label, look }, of("code"))
        }
    };
    let body = view! {
        <ErrorSummary items=wrong.into_iter().collect() />
        <Breadcrumbs items=crumbs />
        <h1>{title}</h1>
        <section class="panel">{body}</section>
    }
    .into_any();
    frame(&visitor, body)
}

// What a page with a code says around its field.
struct Words {
    lead: AnyView,
    label: &'static str,
    look: &'static str,
}

fn code_forms(places: Places, (csrf, of): (String, String), words: Words, error: Option<String>) -> AnyView {
    view! {
        {words.lead}
        <Form action=places.code csrf=csrf.clone()>
            <input type="hidden" name="of" value=of />
            <CodeField name="code" label=words.label error=error />
            <div class="actions">
                <Button label="Continue" />
            </div>
        </Form>
        <p class="muted">"The code works for 10 minutes, and only once."</p>
        <p class="muted">{words.look}</p>
        <p class="muted">"Up to 5 codes in 15 minutes."</p>
        <div class="actions">
            <Form action=places.resend csrf=csrf.clone() class="inline-form">
                <Button label="Send a new code" kind=ButtonKind::Secondary />
            </Form>
            <Form action=places.cancel csrf=csrf class="inline-form">
                <Button label="Cancel the change" kind=ButtonKind::Secondary />
            </Form>
        </div>
    }
    .into_any()
}

const fn title_of(page: &ContactPage) -> &'static str {
    match page {
        ContactPage::Email { .. } => EMAIL_TITLE,
        ContactPage::Phone { .. } => PHONE_TITLE,
    }
}

// What the form says before its fields, and the fields.
fn fields(
    page: ContactPage,
    typed: String,
    country: String,
    of: &impl Fn(&str) -> Option<String>,
) -> (AnyView, AnyView) {
    match page {
        ContactPage::Email { present, both } => (
            view! {
                <p>"Now it is " <bdi class="strong">{present}</bdi> "."</p>
                <p>
                    {match both {
                        true => "We send a code to this address first, to make sure that it’s you, and then one to the new address. When you’ve entered both",
                        false => "We send a code to the new one. When you’ve entered it",
                    }}
                    ", you sign in with the new address, you’re signed out everywhere else, and we tell both addresses."
                </p>
            }
            .into_any(),
            view! {
                <TextField
                    name="email"
                    label="New email address"
                    value=typed
                    error=of("email")
                    kind="email"
                    autocomplete="email"
                    inputmode="email"
                    class="ltr"
                />
            }
            .into_any(),
        ),
        ContactPage::Phone { factor, present, call, countries } => {
            let ways = [("text_message", "Text message"), ("phone_call", "Phone call")];
            let ways = ways.map(|(value, label)| RadioOption {
                value: value.to_owned(),
                label: label.to_owned(),
                description: String::new(),
                mark: None,
                needs_passkeys: false,
            });
            let lead = view! {
                <p>"Now it is the number " <bdi class="strong">{present}</bdi> "."</p>
                <p>
                    "We send a code to the new one. When you’ve entered it, the old number is removed and you’re signed out everywhere else."
                </p>
            };
            let fields = view! {
                <input type="hidden" name="factor" value=factor />
                <SelectField
                    name="country"
                    label="Country of the number"
                    options=countries
                    value=country
                    autocomplete="country"
                />
                <TextField
                    name="phone"
                    label="New phone number"
                    value=typed
                    hint="Type it as you would dial it. For another country, start with +, like +44."
                    error=of("phone")
                    kind="tel"
                    autocomplete="tel"
                    inputmode="tel"
                    class="medium ltr"
                />
                <Radios
                    name="method"
                    legend="How should we send codes?"
                    options=ways.to_vec()
                    value=if call { "phone_call" } else { "text_message" }
                    error=of("method")
                />
            };
            (lead.into_any(), fields.into_any())
        }
    }
}
