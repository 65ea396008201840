//! "Second step for this patient": what every sign-in of one patient must show, whatever the application asks.

use leptos::prelude::*;

use super::{frame, reset::crumbs};
use crate::{
    api::minimum::{MINIMUMS, MinimumSaid, MinimumState, MinimumView, is_offered, label},
    components::{
        Breadcrumbs, Button, ButtonKind, ButtonLink, ErrorItem, ErrorSummary, Form, Notice, SelectField, Tone,
    },
    paths,
};

/// The title of [`minimum_page`].
pub const MINIMUM_TITLE: &str = "Second step for this patient";

/// The body of `/clinic/{tenant}/patients/{id}/minimum`.
pub fn minimum_page(view: MinimumView) -> impl IntoView {
    let MinimumView { visitor, patient, name, email, said, present, state } = view;
    let crumbs = crumbs(&visitor, &patient, &name, MINIMUM_TITLE);
    let problems = match &state {
        MinimumState::Form { problem: Some(text), .. } => {
            vec![ErrorItem { field: "minimum".to_owned(), text: text.clone() }]
        }
        MinimumState::Form { .. } | MinimumState::SignInAgain => Vec::new(),
    };
    let now = format!("Now: {}.", label(&present));
    let body = match state {
        MinimumState::SignInAgain => sign_in_again(&visitor.domain, &patient),
        MinimumState::Form { passkeys, problem } => {
            form((&visitor.domain, &patient), visitor.csrf.clone(), &present, (passkeys, problem))
        }
    };
    let content = view! {
        <Breadcrumbs items=crumbs />
        <ErrorSummary items=problems />
        <div class="patient-head">
            <h1>{MINIMUM_TITLE}</h1>
            <p class="patient-marks"><bdi>{name}</bdi><bdi class="muted">{email}</bdi></p>
        </div>
        {said.map(said_view)}
        <section class="panel">
            <p>{now}</p>
            {body}
        </section>
    }
    .into_any();
    frame(&visitor, content)
}

fn said_view(said: MinimumSaid) -> AnyView {
    let (tone, title, text) = match said {
        MinimumSaid::Saved => (Tone::Success, "Saved", "The patient is told by email if it was changed."),
        MinimumSaid::SignInAgain => {
            (Tone::Warning, "Sign in again first", "Your sign-in is older than 10 minutes. Nothing was done.")
        }
        MinimumSaid::Changed => (
            Tone::Warning,
            "Somebody else has changed this meanwhile",
            "Nothing was done just now. The page below shows how it stands.",
        ),
    };
    view! { <Notice tone=tone title=title><p>{text}</p></Notice> }.into_any()
}

fn sign_in_again(domain: &str, patient: &str) -> AnyView {
    let href = paths::clinic_minimum_sign_in_again(domain, patient);
    view! {
        <p>"To change this, we need to know that it’s you: a sign-in of the last 10 minutes. Then you come back to this page."</p>
        <ButtonLink href=href label="Sign in again" />
    }
    .into_any()
}

fn form(
    (domain, patient): (&str, &str),
    csrf: String,
    present: &str,
    (passkeys, problem): (bool, Option<String>),
) -> AnyView {
    let (action, back) = (paths::clinic_minimum(domain, patient), paths::clinic_patient(domain, patient));
    let offered = MINIMUMS.iter().filter(|(value, _, _)| is_offered(value, present, passkeys));
    let options: Vec<_> = offered.map(|(value, label, _)| ((*value).to_owned(), (*label).to_owned())).collect();
    let (was, value) = (present.to_owned(), present.to_owned());
    view! {
        <p>"This can only ask for more than the sign-in page does, never for less. If the patient lost the second step, use “Help with signing in” instead."</p>
        <p>"When you ask for more, the patient is signed out wherever they signed in with less. What they don’t have yet, they set up at their next sign-in. They are told by email either way."</p>
        <Form action=action csrf=csrf>
            <input type="hidden" name="was" value=was />
            <SelectField
                name="minimum"
                label="When the patient signs in, ask for a second step"
                options=options
                value=value
                hint="It holds for every application, also where the browser is remembered."
                error=problem
            />
            <div class="actions">
                <Button label="Save" />
                <ButtonLink href=back label="Cancel" kind=ButtonKind::Secondary />
            </div>
        </Form>
    }
    .into_any()
}
