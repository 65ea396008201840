//! The list of tenants, a new tenant, and a tenant's first page.

use leptos::prelude::*;

use super::{
    addresses, domain,
    parts::{copyable, pages, search_form},
    portal_page, words,
};
use crate::{
    api::portal::{FormState, Frame, Listing, Overview, TenantRow},
    components::{
        Badge, Breadcrumbs, Button, ButtonKind, ButtonLink, Column, DataTable, DefinitionList, EmptyState,
        ErrorSummary, Form, SelectField, TextField, Tone,
    },
    countries::COUNTRIES,
    paths,
};

/// `/portal`: the tenants that the operator may see.
#[must_use]
pub fn tenant_list_page(frame: Frame, listing: Listing<TenantRow>) -> AnyView {
    let create = frame.can_create.then(|| view! { <ButtonLink href=addresses::NEW_TENANT label="Create a tenant" /> });
    let empty = listing.rows.is_empty();
    let searched = !listing.query.is_empty();
    let search =
        (!empty || searched || !listing.first).then(|| search_form("Search by name or domain", &listing.query));
    let paging = pages(paths::PORTAL, &listing);
    let list = if !empty {
        tenant_table(listing.rows)
    } else if searched {
        view! { <EmptyState title="No tenant matches" text="Try a shorter word, or clear the search.">
            <ButtonLink href=paths::PORTAL label="Show all tenants" kind=ButtonKind::Secondary />
        </EmptyState> }
        .into_any()
    } else if frame.can_create {
        view! { <EmptyState title="No tenants yet" text="A tenant is one clinic with its own patients, applications and user flows. Create the first one to begin.">
            <ButtonLink href=addresses::NEW_TENANT label="Create a tenant" />
        </EmptyState> }
        .into_any()
    } else {
        view! { <EmptyState title="No tenants that you may manage" text="Ask an operator of the whole system to give you a tenant." /> }
            .into_any()
    };
    let create = create.filter(|_| !empty || searched);
    let content = view! {
        <div class="page-head">
            <h1>"Tenants"</h1>
            <div class="page-actions">{create}</div>
        </div>
        {search}
        {list}
        {paging}
    };
    portal_page(frame, content.into_any())
}

fn tenant_table(rows: Vec<TenantRow>) -> AnyView {
    let columns = ["Name", "Domain", "Region", "Created"].map(Column::plain).to_vec();
    let rows = rows
        .into_iter()
        .map(|row| {
            let href = paths::portal_tenant(&row.link.domain);
            vec![
                view! { <a href=href>{row.link.name}</a> }.into_any(),
                view! { <bdi class="fixed">{row.link.domain}</bdi> }.into_any(),
                row.region.into_any(),
                row.created.into_any(),
            ]
        })
        .collect();
    view! { <DataTable caption="Tenants" columns=columns rows=rows /> }.into_any()
}

/// `/portal/new`. Fields `name`, `domain`, `region`.
#[must_use]
pub fn new_tenant_page(frame: Frame, form: FormState) -> AnyView {
    let countries = COUNTRIES.iter().map(|(code, name)| ((*code).to_owned(), (*name).to_owned())).collect();
    let csrf = frame.csrf.clone();
    let content = view! {
        <Breadcrumbs items=vec![("Tenants".into(), Some(paths::PORTAL.into())), ("Create a tenant".into(), None)] />
        <ErrorSummary items=form.problems.clone() />
        <h1>"Create a tenant"</h1>
        <p class="lead">"A tenant is one clinic. It has its own patients, applications and user flows; nothing is shared with other tenants."</p>
        <Form action=addresses::NEW_TENANT csrf=csrf>
            <TextField name="name" label="Name" value=form.value("name") hint="Patients see it on every page, for example Harbour Clinic." error=form.error("name") />
            <TextField
                name="domain"
                label="Domain"
                value=form.value("domain")
                hint="Part of every sign-in address, for example harbour.example. It has a dot, and can’t be changed later. It needs no DNS entry."
                error=form.error("domain")
                class="ltr"
            />
            <SelectField
                name="region"
                label="Country or region"
                options=countries
                value=form.value("region")
                blank="Choose one"
                hint="Shown to operators and kept in the audit log."
                error=form.error("region")
            />
            <div class="actions">
                <Button label="Create tenant" />
                <ButtonLink href=paths::PORTAL label="Cancel" kind=ButtonKind::Secondary />
            </div>
        </Form>
    };
    portal_page(frame, content.into_any())
}

/// `/portal/{tenant}`: first steps (O1) and figures.
#[must_use]
pub fn overview_page(frame: Frame, overview: Overview) -> AnyView {
    let domain = domain(&frame);
    let name = frame.tenant.as_ref().map(|tenant| tenant.name.clone()).unwrap_or_default();
    let steps = checklist(&domain, &overview);
    let covered = words::blast_radius(overview.patients, overview.patients_with_mfa);
    let content = view! {
        <div class="page-head"><h1>{name}</h1></div>
        {steps}
        <div class="tiles">
            {tile("Applications", overview.applications as u64, addresses::applications(&domain))}
            {tile("User flows", overview.flows as u64, addresses::flows(&domain))}
            {figure("Patients", overview.patients)}
            {figure("With a second factor", overview.patients_with_mfa)}
        </div>
        <p class="muted">{covered}</p>
        <section class="panel">
            <h2>"About this tenant"</h2>
            <DefinitionList items=vec![
                ("Domain".into(), copyable(&domain, "domain")),
                ("Tenant ID".into(), copyable(&overview.id, "tenant ID")),
                ("Country or region".into(), overview.region.into_any()),
            ] />
        </section>
    };
    portal_page(frame, content.into_any())
}

fn tile(label: &str, number: u64, href: String) -> AnyView {
    view! {
        <a class="tile" href=href>
            <span class="tile-figure">{words::thousands(number)}</span>
            <span class="tile-label">{label.to_owned()}</span>
        </a>
    }
    .into_any()
}

fn figure(label: &str, number: u64) -> AnyView {
    view! {
        <div class="tile">
            <span class="tile-figure">{words::thousands(number)}</span>
            <span class="tile-label">{label.to_owned()}</span>
        </div>
    }
    .into_any()
}

// Gone once all is done.
fn checklist(domain: &str, overview: &Overview) -> AnyView {
    let (has_application, has_flow) = (overview.applications > 0, overview.flows > 0);
    let steps = [
        ("Create a tenant", "This one.", true, paths::portal_tenant(domain)),
        (
            "Register an application",
            "The website or app that patients sign in to.",
            has_application,
            addresses::new_application(domain),
        ),
        (
            "Create a user flow",
            "What patients are asked for, and what the application receives.",
            has_flow,
            addresses::new_flow(domain),
        ),
        (
            "Link the two",
            "A flow works only for applications that are linked to it.",
            overview.linked,
            if has_application { addresses::applications(domain) } else { addresses::flows(domain) },
        ),
        ("Run the user flow", "Try it yourself and look at the tokens.", overview.run, addresses::flows(domain)),
    ];
    if steps.iter().all(|step| step.2) {
        return ().into_any();
    }
    let next = steps.iter().position(|step| !step.2);
    let items = steps
        .into_iter()
        .enumerate()
        .map(|(at, (label, about, done, href))| step(label, about, done, (next == Some(at)).then_some(href)))
        .collect_view();
    view! {
        <section class="panel">
            <h2>"First steps"</h2>
            <ol class="first-steps">{items}</ol>
        </section>
    }
    .into_any()
}

fn step(label: &str, about: &str, done: bool, href: Option<String>) -> AnyView {
    let class = if done { "first-step first-step-done" } else { "first-step" };
    let action = href.map(|href| view! { <ButtonLink href=href label=label.to_owned() /> });
    view! {
        <li class=class>
            <div>
                <p class="first-step-label">
                    {label.to_owned()} " "
                    {if done { view! { <Badge text="Done" tone=Tone::Success /> } } else { view! { <Badge text="To do" /> } }}
                </p>
                <p class="muted">{about.to_owned()}</p>
            </div>
            {action}
        </li>
    }
    .into_any()
}
