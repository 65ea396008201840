//! The initial access tokens of a tenant: what there is, making one, revoking one (RFC 7591, 3).

use leptos::prelude::*;

use super::{addresses, domain, parts::copyable, portal_page};
use crate::{
    api::portal::{Frame, InitialTokenRow, InitialTokensPage, SettingsSection},
    components::{
        Breadcrumbs, Button, Column, DataTable, DefinitionList, ErrorSummary, Form, Notice, SelectField, TextField,
        Tone,
    },
};

/// `/portal/{tenant}/registration/tokens`.
#[must_use]
pub fn initial_tokens_page(frame: Frame, page: InitialTokensPage) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let problems = page.form.problems.clone();
    let made = page.made.clone().map(made);
    let registration = addresses::settings_section(&domain, SettingsSection::Registration);
    let off = (!page.on).then(|| switched_off(registration.clone()));
    let list = list(&domain, &csrf, page.rows.clone());
    let form = form(&domain, &csrf, &page);
    let content = view! {
        <Breadcrumbs items=vec![("Settings".into(), Some(registration)), ("Initial access tokens".into(), None)] />
        <ErrorSummary items=problems />
        <h1>"Initial access tokens"</h1>
        {made}
        {off}
        <p class="lead">"With such a token a program may register an application by itself (RFC 7591). Give it only to whom you trust with that, and for no more registrations than they need."</p>
        {list}
        {form}
    };
    portal_page(frame, content.into_any())
}

fn switched_off(registration: String) -> AnyView {
    view! {
        <Notice tone=Tone::Warning title="Registration is off">
            <p>"No token works until you " <a href=registration>"turn on registration by programs"</a> "."</p>
        </Notice>
    }
    .into_any()
}

fn made((token, address): (String, String)) -> AnyView {
    view! {
        <Notice tone=Tone::Success title="The new initial access token" role="status">
            <p>"Copy it now and hand it over safely. It is shown only this once; nobody can look it up later."</p>
            <DefinitionList items=vec![
                ("Token".into(), view! { <span data-once="">{copyable(&token, "token")}</span> }.into_any()),
                ("Register at".into(), copyable(&address, "address")),
            ] />
        </Notice>
    }
    .into_any()
}

fn list(domain: &str, csrf: &str, rows: Vec<InitialTokenRow>) -> AnyView {
    if rows.is_empty() {
        return view! { <p class="muted">"There is none yet."</p> }.into_any();
    }
    let columns = ["For whom", "User flow", "Registrations left", "Works until", "Revoke"].map(Column::plain).to_vec();
    let rows = rows.into_iter().map(|row| cells(domain, csrf, row)).collect();
    view! { <DataTable caption="Initial access tokens" columns=columns rows=rows /> }.into_any()
}

fn cells(domain: &str, csrf: &str, row: InitialTokenRow) -> Vec<AnyView> {
    let action = addresses::initial_token_revocation(domain, &row.id);
    let which = format!(" the token for {}", row.label);
    let revoke = row.stands.then(|| {
        view! {
            <Form action=action csrf=csrf.to_owned() class="inline-form">
                <button type="submit" class="button-link">
                    "Revoke"
                    <span class="visually-hidden">{which}</span>
                </button>
            </Form>
        }
    });
    vec![
        view! { <bdi>{row.label}</bdi> }.into_any(),
        super::parts::flow_name(&row.flow),
        row.uses_left.to_string().into_any(),
        row.works.into_any(),
        revoke.into_any(),
    ]
}

fn form(domain: &str, csrf: &str, page: &InitialTokensPage) -> AnyView {
    if page.flows.is_empty() {
        let create = addresses::new_flow(domain);
        return view! {
            <Notice tone=Tone::Warning title="There is no user flow yet">
                <p>"A token is for one user flow. " <a href=create>"Create a user flow"</a> " first."</p>
            </Notice>
        }
        .into_any();
    }
    let (form, flows, action) = (page.form.clone(), page.flows.clone(), addresses::initial_tokens(domain));
    view! {
        <section class="panel">
            <h2>"Make a token"</h2>
            <Form action=action csrf=csrf.to_owned()>
                <TextField
                    name="label"
                    label="For whom"
                    value=form.value("label")
                    hint="The partner or the program. You see it here and in the log."
                    error=form.error("label")
                    autocomplete="off"
                />
                <SelectField
                    name="flow"
                    label="User flow"
                    options=flows
                    value=form.value("flow")
                    hint="What is registered with the token is linked to this flow, and to no other."
                    error=form.error("flow")
                />
                <TextField
                    name="uses"
                    label="Registrations"
                    value=form.value("uses")
                    hint="How many applications it may register, from 1 to 100."
                    error=form.error("uses")
                    inputmode="numeric"
                    class="short ltr"
                />
                <TextField
                    name="days"
                    label="Days"
                    value=form.value("days")
                    hint="How long it works, from 1 to 90 days."
                    error=form.error("days")
                    inputmode="numeric"
                    class="short ltr"
                />
                <div class="actions"><Button label="Make token" /></div>
            </Form>
        </section>
    }
    .into_any()
}
