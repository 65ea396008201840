//! "Help with signing in": the request of a member of staff, the decision of a second one, and the code, once.

use leptos::prelude::*;

use super::{LIST_TITLE, frame};
use crate::{
    api::{
        account::{Moment, Visitor},
        reset::{RECOGNISED, ResetCodeView, ResetForm, ResetSaid, ResetState, ResetView, WaitingReset, WaitingRow},
    },
    components::{
        Breadcrumbs, Button, ButtonKind, ButtonLink, CheckboxField, DefinitionList, ErrorSummary, FieldFrame, Form,
        Notice, RadioOption, Radios, Tone, field_id,
    },
    islands::CopyButton,
    pages::account::time,
    paths,
};

/// The title of [`reset_page`], less the patient's name.
pub const RESET_TITLE: &str = "Help with signing in";
/// The title of [`reset_code_page`].
pub const RESET_CODE_TITLE: &str = "Code for the patient";

/// The way to a page about a patient.
pub(super) fn crumbs(visitor: &Visitor, patient: &str, name: &str, here: &str) -> Vec<(String, Option<String>)> {
    vec![
        (LIST_TITLE.to_owned(), Some(paths::clinic(&visitor.domain))),
        (name.to_owned(), Some(paths::clinic_patient(&visitor.domain, patient))),
        (here.to_owned(), None),
    ]
}

/// The body of `/clinic/{tenant}/patients/{id}/reset`.
pub fn reset_page(view: ResetView) -> impl IntoView {
    let ResetView { visitor, patient, name, email, said, state, open_until, second_approver } = view;
    let crumbs = crumbs(&visitor, &patient, &name, RESET_TITLE);
    let problems = match &state {
        ResetState::Form(form) => form.problems.clone(),
        _ => Vec::new(),
    };
    let body = match state {
        ResetState::Nothing => nothing(),
        ResetState::Disabled => disabled(),
        ResetState::SignInAgain { typed } => sign_in_again(&visitor, &patient, typed),
        ResetState::Form(form) => ask(&visitor, &patient, form, second_approver),
        ResetState::Waits(waiting) => waits(&visitor, &patient, waiting),
    };
    let content = view! {
        <Breadcrumbs items=crumbs />
        <ErrorSummary items=problems />
        <div class="patient-head">
            <h1>{RESET_TITLE}</h1>
            <p class="patient-marks"><bdi>{name}</bdi><bdi class="muted">{email}</bdi></p>
        </div>
        {said.map(said_view)}
        {open_until.map(open_view)}
        {body}
    }
    .into_any();
    frame(&visitor, content)
}

fn said_view(said: ResetSaid) -> AnyView {
    let (tone, title, text) = match said {
        ResetSaid::Asked => {
            (Tone::Success, "Your request waits", "Somebody else at the clinic has to approve it within 24 hours.")
        }
        ResetSaid::Refused => (Tone::Info, "The request is refused", "Nothing was turned off, and there is no code."),
        ResetSaid::SignInAgain => {
            (Tone::Warning, "Sign in again first", "Your sign-in is older than 10 minutes. Nothing was done.")
        }
        ResetSaid::Changed => (
            Tone::Warning,
            "Something has changed meanwhile",
            "Nothing was done just now. The page below shows how things stand.",
        ),
        ResetSaid::Own => {
            (Tone::Error, "You asked for this yourself", "Somebody else at the clinic has to approve it.")
        }
        ResetSaid::TooManyForPatient => (
            Tone::Error,
            "Too many for this patient",
            "This patient was helped 3 times within 24 hours. Try again tomorrow. Nothing was done.",
        ),
        ResetSaid::TooManyByStaff => (
            Tone::Error,
            "Too many in a short time",
            "You asked for 10 of these within an hour. Try again later. Nothing was done.",
        ),
    };
    view! { <Notice tone=tone title=title><p>{text}</p></Notice> }.into_any()
}

fn open_view(until: Moment) -> AnyView {
    view! {
        <Notice tone=Tone::Info title="A code was given out">
            <p>"It was not used yet, and works until " {time(until)} ". A new code takes its place."</p>
        </Notice>
    }
    .into_any()
}

fn nothing() -> AnyView {
    view! {
        <section class="panel">
            <p>"This patient has no second step, so there is nothing to reset. If they forgot the password, they press “Forgot your password?” where they sign in."</p>
        </section>
    }
    .into_any()
}

fn disabled() -> AnyView {
    view! {
        <section class="panel">
            <p>"This account can’t sign in at all, so a code would not help. Ask the people who run this system."</p>
        </section>
    }
    .into_any()
}

fn sign_in_again(visitor: &Visitor, patient: &str, typed: String) -> AnyView {
    let href = paths::clinic_reset_sign_in_again(&visitor.domain, patient);
    let kept = (!typed.is_empty()).then(|| {
        view! {
            <p>"You wrote as the reason:"</p>
            <blockquote><bdi>{typed}</bdi></blockquote>
        }
    });
    view! {
        <section class="panel">
            <p>"To help a patient sign in, we need to know that it’s you: a sign-in of the last 10 minutes. Then you come back to this page."</p>
            {kept}
            <ButtonLink href=href label="Sign in again" />
        </section>
    }
    .into_any()
}

fn ask(visitor: &Visitor, patient: &str, form: ResetForm, second_approver: bool) -> AnyView {
    let ways = RECOGNISED.map(|(value, label, _)| RadioOption {
        value: value.to_owned(),
        label: label.to_owned(),
        ..RadioOption::default()
    });
    let then = if second_approver {
        "Somebody else at the clinic has to approve this. Then they get a code to tell the patient."
    } else {
        "You get a code to tell the patient. It works once, for 24 hours, or for 10 minutes if you called them."
    };
    let button = match (second_approver, form.live.is_empty()) {
        (true, _) => "Ask for approval",
        (false, true) => "Give a code",
        (false, false) => "Turn these off and give a code",
    };
    let (action, csrf) = (paths::clinic_reset(&visitor.domain, patient), visitor.csrf.clone());
    let (known, recognised, wrong) = (form.known.clone(), form.recognised.clone(), form.error("recognised"));
    let (lost, reason, back) = (lost(&form), reason(&form), paths::clinic_patient(&visitor.domain, patient));
    view! {
        <section class="panel">
            <p>"For a patient who lost the phone or app they sign in with. First make sure that it is them: whoever gets the code and the password gets in."</p>
            <p>{then} " The patient is told by email and text message, and is signed out everywhere. They can read the reason."</p>
            <Form action=action csrf=csrf>
                <input type="hidden" name="known" value=known />
                <Radios
                    name="recognised"
                    legend="How did you recognise the patient?"
                    options=ways.to_vec()
                    value=recognised
                    error=wrong
                />
                {lost}
                {reason}
                <div class="actions">
                    <Button label=button />
                    <ButtonLink href=back label="Cancel" kind=ButtonKind::Secondary />
                </div>
            </Form>
        </section>
    }
    .into_any()
}

// One box for each second step that works; what is off already needs none.
fn lost(form: &ResetForm) -> AnyView {
    let off = (!form.off.is_empty()).then(|| {
        let text = format!("Turned off already: {}.", form.off.join(", "));
        view! { <p class="hint">{text}</p> }
    });
    if form.live.is_empty() {
        return view! { <div class="field">{off}</div> }.into_any();
    }
    let wrong = form.error("lost");
    let boxes = form.live.iter().map(|factor| {
        view! {
            <CheckboxField
                name=format!("lost-{}", factor.id)
                label=factor.what.clone()
                checked=factor.ticked
            />
        }
    });
    let boxes = boxes.collect_view();
    let described = wrong.is_some().then_some("f-lost-error");
    view! {
        <fieldset class="field" id=field_id("lost") tabindex="-1" aria-describedby=described>
            <legend class="label">"What is lost?"</legend>
            <p class="hint">"Each one that you tick is turned off at once and stays off."</p>
            {wrong.map(|text| view! {
                <p class="field-error" id="f-lost-error"><span class="visually-hidden">"Error: "</span>{text}</p>
            })}
            {boxes}
            {off}
        </fieldset>
    }
    .into_any()
}

fn reason(form: &ResetForm) -> AnyView {
    let (id, error, value) = (field_id("reason"), form.error("reason"), form.reason.clone());
    let invalid = error.is_some().then_some("true");
    let described = if error.is_some() { format!("{id}-error {id}-hint") } else { format!("{id}-hint") };
    view! {
        <FieldFrame
            name="reason"
            label="Reason"
            hint="10 to 500 characters. The patient can read it, and it stays in the log."
            error=error
        >
            <textarea
                class="input"
                id=id
                name="reason"
                rows="4"
                aria-describedby=described
                aria-invalid=invalid
            >
                {value}
            </textarea>
        </FieldFrame>
    }
    .into_any()
}

fn recognised_words(value: &str) -> String {
    RECOGNISED.iter().find(|(own, _, _)| *own == value).map_or_else(String::new, |(_, label, _)| (*label).to_owned())
}

fn waits(visitor: &Visitor, patient: &str, waiting: WaitingReset) -> AnyView {
    let lost = match waiting.lost.is_empty() {
        true => "Nothing more: all of it is off already".to_owned(),
        false => waiting.lost.join(", "),
    };
    let facts = vec![
        ("Asked by".to_owned(), view! { <bdi>{waiting.asked_by}</bdi> }.into_any()),
        ("When".to_owned(), time(waiting.asked)),
        ("Waits until".to_owned(), time(waiting.until)),
        ("Recognised".to_owned(), recognised_words(&waiting.recognised).into_any()),
        ("Reason".to_owned(), view! { <bdi>{waiting.reason}</bdi> }.into_any()),
        ("Is turned off".to_owned(), lost.into_any()),
    ];
    let action = paths::clinic_reset_decide(&visitor.domain, patient);
    let decide = |decision: &'static str, label: &'static str, kind: ButtonKind| {
        let (action, csrf, id) = (action.clone(), visitor.csrf.clone(), waiting.id.clone());
        view! {
            <Form action=action csrf=csrf class="inline-form">
                <input type="hidden" name="request" value=id />
                <input type="hidden" name="decision" value=decision />
                <Button label=label kind=kind />
            </Form>
        }
    };
    let buttons = if waiting.own {
        view! {
            <p>"Somebody else at the clinic has to approve your request. You can take it back."</p>
            {decide("refuse", "Take the request back", ButtonKind::Secondary)}
        }
        .into_any()
    } else if waiting.fresh {
        view! {
            <p>"If you approve, you get the code to tell the patient. Make sure with who asked that it is them."</p>
            <div class="actions">
                {decide("approve", "Approve and show the code", ButtonKind::Primary)}
                {decide("refuse", "Refuse", ButtonKind::Secondary)}
            </div>
        }
        .into_any()
    } else {
        let href = paths::clinic_reset_sign_in_again(&visitor.domain, patient);
        view! {
            <p>"To approve or refuse this, we need to know that it’s you: a sign-in of the last 10 minutes."</p>
            <ButtonLink href=href label="Sign in again" />
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby="waits">
            <h2 id="waits">"A request waits for approval"</h2>
            <DefinitionList items=facts />
            {buttons}
        </section>
    }
    .into_any()
}

/// The part of the list of patients: requests that wait. Nothing where there are none.
pub(super) fn waiting(domain: &str, rows: Vec<WaitingRow>) -> Option<AnyView> {
    if rows.is_empty() {
        return None;
    }
    let items = rows.into_iter().map(|row| {
        let href = paths::clinic_reset(domain, &row.patient);
        view! {
            <li>
                <a href=href><bdi>{row.name}</bdi></a>
                <span class="muted">" asked for by " <bdi>{row.asked_by}</bdi> ", " {time(row.asked)}</span>
            </li>
        }
    });
    let items = items.collect_view();
    let list = view! {
        <Notice tone=Tone::Warning title="Help with signing in waits for approval">
            <ul class="points">{items}</ul>
        </Notice>
    };
    Some(list.into_any())
}

/// The body of the answer to a POST that gave a code out.
pub fn reset_code_page(view: ResetCodeView) -> impl IntoView {
    let ResetCodeView { visitor, patient, name, code, until } = view;
    let crumbs = crumbs(&visitor, &patient, &name, RESET_CODE_TITLE);
    let copied = code.clone();
    let body = view! {
        <Breadcrumbs items=crumbs />
        <h1>{RESET_CODE_TITLE}</h1>
        <Notice tone=Tone::Warning title="Tell the patient this code now">
            <p>"We show it only this once. Tell it to " <bdi>{name}</bdi> " directly, in person or on the call. Never send it by email or text."</p>
        </Notice>
        <div data-once="">
            <p class="recovery-codes"><code class="fixed">{code}</code></p>
            <div class="actions"><CopyButton text=copied what="code".to_owned() /></div>
        </div>
        <p>"It works once, until " {time(until)} ". The patient signs in with the password and this code, gets a code by email, and sets up a new second step."</p>
        <p>"If they forgot the password as well, they press “Forgot your password?” first and use this code there."</p>
        <div class="actions">
            <ButtonLink href=paths::clinic_patient(&visitor.domain, &patient) label="Done" />
        </div>
    }
    .into_any();
    frame(&visitor, body)
}
