//! A patient: who they are, how they sign in, when they last did. Opening it is audited (O11).

use leptos::prelude::*;

use super::{LIST_TITLE, MINIMUM_TITLE, RESET_TITLE, counted, frame};
use crate::{
    api::{
        account::{ClaimView, MethodView},
        clinic::PatientView,
        minimum::label,
    },
    components::{Badge, Breadcrumbs, ButtonKind, ButtonLink, DefinitionList, EmptyState, Tone},
    pages::account::{method, time, time_or},
    paths,
};

/// The body of `/clinic/{tenant}/patients/{id}`; its title begins with the patient's name.
pub fn patient_page(view: PatientView) -> impl IntoView {
    let visitor = view.visitor;
    let crumbs = vec![(LIST_TITLE.to_owned(), Some(paths::clinic(&visitor.domain))), (view.name.clone(), None)];
    let state = if view.methods.is_empty() {
        view! { <Badge text="No second step" tone=Tone::Warning /> }.into_any()
    } else {
        view! { <Badge text="Second step set up" tone=Tone::Success /> }.into_any()
    };
    let help = help(&visitor.domain, &view.id, !view.methods.is_empty());
    let minimum = minimum(&visitor.domain, &view.id, &view.minimum);
    let disabled = view.disabled.then(|| view! { <Badge text="Can’t sign in" tone=Tone::Error /> });
    let sessions = match view.live_sessions {
        0 => "Not signed in anywhere".to_owned(),
        many => counted(many as u64, "live session", "live sessions"),
    };
    let activity = vec![
        ("Account created".to_owned(), time(view.created)),
        ("Last sign-in".to_owned(), time_or(view.last_sign_in, "Never")),
        ("Signed in now".to_owned(), sessions.into_any()),
    ];
    let body = view! {
        <Breadcrumbs items=crumbs />
        <div class="patient-head">
            <h1><bdi>{view.name}</bdi></h1>
            <p class="patient-marks">
                <bdi class="muted">{view.email}</bdi>
                {state}
                {disabled}
            </p>
        </div>
        <div class="patient">
            {claims(view.claims)}
            <div class="patient-side">
                {methods(view.methods)}
                {minimum}
                {help}
                <section class="panel" aria-labelledby="activity">
                    <h2 id="activity">"Activity"</h2>
                    <DefinitionList items=activity />
                </section>
            </div>
        </div>
        <p class="muted">"That you opened this page is in the audit log."</p>
    }
    .into_any();
    frame(&visitor, body)
}

fn minimum(domain: &str, id: &str, present: &str) -> AnyView {
    let (href, present) = (paths::clinic_minimum(domain, id), format!("{}.", label(present)));
    view! {
        <section class="panel" aria-labelledby="minimum">
            <h2 id="minimum">{MINIMUM_TITLE}</h2>
            <p>{present}</p>
            <ButtonLink href=href label="Change what is asked for" kind=ButtonKind::Secondary />
        </section>
    }
    .into_any()
}

fn help(domain: &str, id: &str, has_second_step: bool) -> AnyView {
    let way = if has_second_step {
        view! {
            <p>"Has the patient lost the phone or app that they sign in with? You can turn it off and give them a code."</p>
            <ButtonLink href=paths::clinic_reset(domain, id) label=RESET_TITLE kind=ButtonKind::Secondary />
        }
        .into_any()
    } else {
        view! {
            <p>"There is no second step to reset. If the patient forgot the password, they press “Forgot your password?” where they sign in."</p>
        }
        .into_any()
    };
    view! {
        <section class="panel" aria-labelledby="help">
            <h2 id="help">{RESET_TITLE}</h2>
            {way}
        </section>
    }
    .into_any()
}

fn claims(claims: Vec<ClaimView>) -> AnyView {
    let facts = claims
        .into_iter()
        .map(|claim| {
            let value = view! {
                <bdi>{claim.value}</bdi>
                <code class="fixed technical">{claim.name}</code>
            };
            (claim.label, value.into_any())
        })
        .collect();
    view! {
        <section class="panel" aria-labelledby="claims">
            <h2 id="claims">"Claims"</h2>
            <p class="muted">"What apps can receive about this patient. An app gets only what its user flow selects."</p>
            <DefinitionList items=facts />
        </section>
    }
    .into_any()
}

fn methods(methods: Vec<MethodView>) -> AnyView {
    let list = if methods.is_empty() {
        view! {
            <EmptyState
                title="Not set up"
                text="The patient signs in with a password alone. They are asked to set up a second step when a user flow demands it."
            />
        }
        .into_any()
    } else {
        let items = methods.into_iter().map(method).collect_view();
        view! { <ul class="things">{items}</ul> }.into_any()
    };
    view! {
        <section class="panel" aria-labelledby="methods">
            <h2 id="methods">"Second step"</h2>
            {list}
        </section>
    }
    .into_any()
}
