//! Applications: the list, a new one, and one's own page.

use leptos::prelude::*;

use super::{
    addresses,
    application_settings::settings,
    domain,
    parts::{check, check_group, conflict_notice, copyable, flow_name, pages, search_form, text_area},
    portal_page,
    secrets::{new_secret, secrets},
    words,
};
use crate::{
    api::portal::{ApplicationDetail, ApplicationRow, FlowEndpoints, FormState, Frame, LinkChoice, Listing},
    components::{
        Breadcrumbs, Button, ButtonKind, ButtonLink, Column, DataTable, DefinitionList, EmptyState, ErrorSummary, Form,
        Notice, RadioOption, Radios, SelectField, TextField, Tone,
    },
};

const REPLY_URL_HINT: &str = "One on each line. It must begin with https (http is for localhost only). \
    A sign-in must ask for exactly the same address: capital letters, slashes and everything else count.";

/// `/portal/{tenant}/applications`.
#[must_use]
pub fn application_list_page(frame: Frame, listing: Listing<ApplicationRow>) -> AnyView {
    let domain = domain(&frame);
    let path = addresses::applications(&domain);
    let new = addresses::new_application(&domain);
    let searched = !listing.query.is_empty();
    let empty = listing.rows.is_empty();
    let search = (!empty || searched).then(|| search_form("Search by name", &listing.query));
    let register =
        (!empty || searched).then(|| view! { <ButtonLink href=new.clone() label="Register an application" /> });
    let paging = pages(&path, &listing);
    let list = if !empty {
        application_table(&domain, listing.rows)
    } else if searched {
        view! { <EmptyState title="No application matches" text="Try a shorter word, or clear the search.">
            <ButtonLink href=path label="Show all applications" kind=ButtonKind::Secondary />
        </EmptyState> }
        .into_any()
    } else {
        view! { <EmptyState title="No applications yet" text="An application is a website, an app or an API that patients sign in to.">
            <ButtonLink href=new label="Register an application" />
        </EmptyState> }
        .into_any()
    };
    let content = view! {
        <div class="page-head">
            <h1>"Applications"</h1>
            <div class="page-actions">{register}</div>
        </div>
        {search}
        {list}
        {paging}
    };
    portal_page(frame, content.into_any())
}

fn application_table(domain: &str, rows: Vec<ApplicationRow>) -> AnyView {
    let columns = ["Name", "Kind", "Reply URLs", "Client ID"].map(Column::plain).to_vec();
    let rows = rows
        .into_iter()
        .map(|row| {
            vec![
                view! { <a href=addresses::application(domain, &row.id)>{row.name}</a> }.into_any(),
                row.kind.into_any(),
                words::counted(row.reply_urls, "reply URL", "reply URLs").into_any(),
                copyable(&row.id, "client ID"),
            ]
        })
        .collect();
    view! { <DataTable caption="Applications" columns=columns rows=rows /> }.into_any()
}

fn kinds() -> Vec<RadioOption> {
    let kind = |value: &str, label: &str, description: &str| RadioOption {
        value: value.into(),
        label: label.into(),
        description: description.into(),
        mark: None,
        needs_passkeys: false,
    };
    vec![
        kind("web", "Web application", "Runs on a server and can keep a client secret."),
        kind(
            "single_page",
            "Single-page application",
            "Runs in the browser. It proves itself with PKCE and has no secret.",
        ),
        kind(
            "native",
            "Native application",
            "Runs on a phone or computer. It proves itself with PKCE and has no secret.",
        ),
        kind(
            "web_api",
            "Web API",
            "Receives tokens from other applications. Nobody signs in to it, so it has no reply URLs.",
        ),
    ]
}

fn minimum_field(form: &FormState) -> AnyView {
    let options = [
        ("strongest_linked", "The strongest of its user flows (recommended)"),
        ("none", "None: each user flow decides for itself"),
        ("mfa", "Always a second factor"),
    ];
    let options = options.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    view! {
        <SelectField
            name="minimum"
            label="What every sign-in must reach at least"
            options=options
            value=form.value("minimum")
            hint="A weaker user flow is refused, so nobody gets past the second factor by changing the address."
            error=form.error("minimum")
        />
    }
    .into_any()
}

fn reply_urls_field(form: &FormState) -> AnyView {
    text_area(form, "reply_urls", "Reply URLs", REPLY_URL_HINT, false)
}

fn flow_checks(form: &FormState, flows: &[LinkChoice], domain: &str) -> AnyView {
    if flows.is_empty() {
        return view! {
            <div class="field">
                <p class="label">"User flows"</p>
                <p class="hint">"There are none yet. " <a href=addresses::new_flow(domain)>"Create a user flow"</a> ", then link it here."</p>
            </div>
        }
        .into_any();
    }
    let boxes = flows
        .iter()
        .map(|flow| check(form, &format!("flow-{}", flow.id), flow.name.clone(), Some(flow.about.clone())))
        .collect();
    check_group("flows", "User flows", "Patients can sign in to this application through these.", None, boxes)
}

/// `/portal/{tenant}/applications/new`. Fields `name`, `kind`, `reply_urls`, `minimum`, `flow-{id}`.
#[must_use]
pub fn new_application_page(frame: Frame, form: FormState, flows: Vec<LinkChoice>) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let list = addresses::applications(&domain);
    let content = view! {
        <Breadcrumbs items=vec![("Applications".into(), Some(list.clone())), ("Register an application".into(), None)] />
        <ErrorSummary items=form.problems.clone() />
        <h1>"Register an application"</h1>
        <Form action=addresses::new_application(&domain) csrf=csrf>
            <TextField name="name" label="Name" value=form.value("name") hint="Patients see it when they sign in." error=form.error("name") />
            <Radios name="kind" legend="Kind" options=kinds() value=form.value("kind") error=form.error("kind") />
            {reply_urls_field(&form)}
            {minimum_field(&form)}
            {flow_checks(&form, &flows, &domain)}
            <div class="actions">
                <Button label="Register application" />
                <ButtonLink href=list label="Cancel" kind=ButtonKind::Secondary />
            </div>
        </Form>
    };
    portal_page(frame, content.into_any())
}

/// `/portal/{tenant}/applications/{id}`.
#[must_use]
pub fn application_page(frame: Frame, detail: ApplicationDetail) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let list = addresses::applications(&domain);
    let secret = detail.new_secret.clone().map(new_secret);
    let content = view! {
        <Breadcrumbs items=vec![("Applications".into(), Some(list)), (detail.name.clone(), None)] />
        {conflict_notice(detail.conflict.clone())}
        {secret}
        <ErrorSummary items=detail.form.problems.clone() />
        <h1>{detail.name.clone()}</h1>
        <section class="panel">
            <h2>"For the developer"</h2>
            <DefinitionList items=vec![
                ("Client ID".into(), copyable(&detail.id, "client ID")),
                ("Tenant ID".into(), copyable(&detail.tenant_id, "tenant ID")),
                ("Kind".into(), detail.kind.clone().into_any()),
            ] />
            {endpoints(&detail)}
        </section>
        {detail.has_secrets.then(|| secrets(&detail, &domain, &csrf))}
        {detail.manages_itself.then(|| manages_itself(&detail, &domain, &csrf))}
        <section class="panel">
            <h2>"Settings"</h2>
            <Form action=addresses::application(&domain, &detail.id) csrf=csrf.clone()>
                <input type="hidden" name="version" value=detail.form.value("version") />
                <input type="hidden" name="shown" value=detail.form.value("shown") />
                <TextField name="name" label="Name" value=detail.form.value("name") error=detail.form.error("name") />
                {detail.settable.signs_in.then(|| reply_urls_field(&detail.form))}
                {minimum_field(&detail.form)}
                {flow_checks(&detail.form, &detail.flows, &domain)}
                {settings(&detail)}
                <div class="actions"><Button label="Save changes" /></div>
            </Form>
        </section>
    };
    portal_page(frame, content.into_any())
}

// What registered by itself has a token for that (RFC 7592), which may have come into the wrong hands.
fn manages_itself(detail: &ApplicationDetail, domain: &str, csrf: &str) -> AnyView {
    view! {
        <section class="panel">
            <h2>"Registered by a program"</h2>
            <p>"Its makers have a registration access token: with it the application changes its own settings and can delete itself. Revoke the token if somebody else may have it. The application keeps working, and you change its settings here."</p>
            <Form action=addresses::application_registration(domain, &detail.id) csrf=csrf.to_owned()>
                <div class="actions"><Button label="Revoke registration access token" kind=ButtonKind::Secondary /></div>
            </Form>
        </section>
    }
    .into_any()
}

fn endpoints(detail: &ApplicationDetail) -> AnyView {
    // Nobody signs in to a web API: it is linked to flows for those who call it.
    if detail.endpoints.is_empty() && !detail.settable.signs_in {
        return ().into_any();
    }
    if detail.endpoints.is_empty() {
        return view! {
            <Notice tone=Tone::Warning title="No user flow is linked">
                <p>"Nobody can sign in to this application yet. Choose a user flow below."</p>
            </Notice>
        }
        .into_any();
    }
    detail.endpoints.iter().map(flow_endpoints).collect_view().into_any()
}

/// Issuer and discovery document of a flow, exactly as they must be typed.
pub(super) fn flow_endpoints(at: &FlowEndpoints) -> AnyView {
    view! {
        <h3>"User flow "{flow_name(&at.flow)}</h3>
        <DefinitionList items=vec![
            ("Issuer (authority)".into(), copyable(&at.issuer, "issuer")),
            ("Discovery document".into(), copyable(&at.discovery, "address of the discovery document")),
        ] />
    }
    .into_any()
}
