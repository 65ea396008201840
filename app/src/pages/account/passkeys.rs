//! Passkeys on the account page (U25): the marks of each, and the page that makes one.

use leptos::prelude::*;

use super::frame;
use crate::{
    api::account::{PasskeyFormView, PasskeyView, Visitor},
    components::{Badge, Button, ButtonKind, ButtonLink, Ceremony, ErrorItem, ErrorSummary, Form, TextField, Tone},
    pages::journey::words,
    paths,
};

/// The title of the page that makes a passkey.
pub const NEW_PASSKEY_TITLE: &str = "Add a passkey";

/// What is to be known of a passkey at a glance.
pub(super) fn marks(passkey: &PasskeyView) -> AnyView {
    let copied =
        passkey.copied.then(|| view! { <Badge text="Turned off: it may have been copied" tone=Tone::Error /> });
    let backed_up =
        (passkey.backed_up && !passkey.copied).then(|| view! { <Badge text="Backed up" tone=Tone::Success /> });
    view! { {copied} {backed_up} }.into_any()
}

/// The button that begins a new one. Without scripts it is not shown: there could be no passkey.
pub(super) fn add(visitor: &Visitor) -> AnyView {
    view! {
        <div class="needs-passkeys">
            <Form action=paths::account_new_passkey(&visitor.domain) csrf=visitor.csrf.clone() class="inline-form">
                <Button label="Add a passkey" kind=ButtonKind::Secondary />
            </Form>
        </div>
    }
    .into_any()
}

/// The body of `/account/{tenant}/passkeys/new`.
pub fn passkey_page(view: PasskeyFormView) -> impl IntoView {
    let visitor = view.visitor;
    let problems: Vec<ErrorItem> = view
        .problem
        .iter()
        .map(|problem| ErrorItem { field: String::new(), text: words::problem_text(&problem.code) })
        .collect();
    let body = view! {
        <ErrorSummary items=problems />
        <h1>{NEW_PASSKEY_TITLE}</h1>
        <Ceremony
            kind="create"
            options=view.passkey.options
            lives_seconds=view.passkey.lives_seconds
            action=paths::account_passkeys(&visitor.domain)
            csrf=visitor.csrf.clone()
        >
            <p>
                "With a passkey you sign in with your fingerprint, face or screen lock. Those stay on your device: we never get them."
            </p>
            <TextField
                name="name"
                label="Name for this passkey"
                hint="So that you know it again, such as “My phone”."
                value="My passkey"
                autocomplete="off"
                class="medium"
            />
            <div class="actions">
                <Button label="Create a passkey" />
            </div>
        </Ceremony>
        <p class="without-passkeys">"This browser can’t create passkeys."</p>
        <ButtonLink href=paths::account(&visitor.domain) label="Back to your account" kind=ButtonKind::Link />
    }
    .into_any();
    frame(&visitor, body)
}
