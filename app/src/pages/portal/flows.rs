//! User flows: the list, a new one, one's own page, and the switch for MFA.

use leptos::prelude::*;

use super::{
    addresses,
    applications::flow_endpoints,
    domain,
    flow_remember::remember,
    flow_settings::{claims_table, conditions, grace, second_factor, sessions, tokens},
    parts::{check, check_group, conflict_notice, flow_name, pages, search_form},
    portal_page, words,
};
use crate::{
    api::portal::{Editable, FlowDetail, FlowRow, Flows, FormState, Frame, MfaMode, MfaSwitch, NewFlow},
    components::{
        Badge, Breadcrumbs, Button, ButtonKind, ButtonLink, Column, DataTable, EmptyState, ErrorSummary, Form, Notice,
        RadioOption, Radios, TextField, Tone,
    },
};

/// `/portal/{tenant}/flows`.
#[must_use]
pub fn flow_list_page(frame: Frame, flows: Flows) -> AnyView {
    let domain = domain(&frame);
    let (path, new) = (addresses::flows(&domain), addresses::new_flow(&domain));
    let listing = flows.own;
    let (empty, searched) = (listing.rows.is_empty(), !listing.query.is_empty());
    let search = (!empty || searched).then(|| search_form("Search by name", &listing.query));
    let create = (!empty || searched).then(|| view! { <ButtonLink href=new.clone() label="Create a user flow" /> });
    let paging = pages(&path, &listing);
    let list = if !empty {
        flow_table("User flows", &domain, listing.rows, true)
    } else if searched {
        view! { <EmptyState title="No user flow matches" text="Try a shorter word, or clear the search.">
            <ButtonLink href=path label="Show all user flows" kind=ButtonKind::Secondary />
        </EmptyState> }
        .into_any()
    } else {
        view! { <EmptyState title="No user flows yet" text="A user flow says what patients are asked for, whether they need a second factor, and what the application receives.">
            <ButtonLink href=new label="Create a user flow" />
        </EmptyState> }
        .into_any()
    };
    let built_in = (!flows.built_in.is_empty()).then(|| {
        view! {
            <h2>"Built in"</h2>
            <p class="muted">"These are for clinic staff and for people’s own accounts. They are there from the start and can’t be removed."</p>
            {flow_table("Built-in user flows", &domain, flows.built_in, false)}
        }
    });
    let content = view! {
        <div class="page-head">
            <h1>"User flows"</h1>
            <div class="page-actions">{create}</div>
        </div>
        {search}
        {list}
        {paging}
        {built_in}
    };
    portal_page(frame, content.into_any())
}

fn flow_table(caption: &str, domain: &str, rows: Vec<FlowRow>, own: bool) -> AnyView {
    let mut columns = ["Name", "Type", "Second factor"].map(Column::plain).to_vec();
    if own {
        columns.push(Column::plain("Switch"));
        columns.push(Column::plain("Try it"));
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            let mut cells = vec![
                view! { <a href=addresses::flow(domain, &row.key)>{flow_name(&row.name)}</a> }.into_any(),
                row.kind.into_any(),
                row_badge(row.mfa),
            ];
            if own {
                let of = row.name.clone();
                let to = if row.mfa == Some(MfaMode::Off) { MfaMode::On } else { MfaMode::Off };
                let label = to.title();
                cells.push(
                    view! { <a href=addresses::flow_mfa_to(domain, &row.key, to)>{label}<span class="visually-hidden">{format!(" for {of}")}</span></a> }
                        .into_any(),
                );
                cells.push(
                    view! { <a href=addresses::flow_run(domain, &row.key)>"Run"<span class="visually-hidden">{format!(" {of}")}</span></a> }.into_any(),
                );
            }
            cells
        })
        .collect();
    view! { <DataTable caption=caption.to_owned() columns=columns rows=rows /> }.into_any()
}

fn row_badge(mfa: Option<MfaMode>) -> AnyView {
    mfa.map_or_else(|| view! { <Badge text="If set up" tone=Tone::Info /> }.into_any(), mfa_badge)
}

fn mfa_badge(mode: MfaMode) -> AnyView {
    match mode {
        MfaMode::On => view! { <Badge text="Always on" tone=Tone::Success /> }.into_any(),
        MfaMode::Conditional => view! { <Badge text="Under conditions" tone=Tone::Info /> }.into_any(),
        MfaMode::Off => view! { <Badge text="Off" /> }.into_any(),
    }
}

fn radio(value: &str, label: &str, description: &str) -> RadioOption {
    RadioOption {
        value: value.into(),
        label: label.into(),
        description: description.into(),
        mark: None,
        needs_passkeys: false,
    }
}

/// `/portal/{tenant}/flows/new`.
#[must_use]
pub fn new_flow_page(frame: Frame, page: NewFlow) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let list = addresses::flows(&domain);
    let form = page.form;
    let problems = form.problems.clone();
    let allowed = second_factor(&form, &page.methods, "Kept for later while the second factor is off.");
    let table = claims_table(&form, &page.rows, true);
    let kinds = vec![
        radio(
            "sign_up_sign_in",
            "Sign up and sign in",
            "New patients make an account; the others sign in. Most applications need this one.",
        ),
        radio("sign_in", "Sign in", "Only people who have an account."),
        radio("profile_editing", "Profile editing", "People sign in and change their details."),
        radio("password_reset", "Password reset", "People prove their email address and choose a new password."),
    ];
    let enforcement = vec![
        radio("always_on", "Always on", "Asked for at every sign-in. People set it up when they sign up."),
        radio(
            "conditional",
            "Under conditions",
            "Asked for in a new browser, for example, or after some days. Else a password is enough.",
        ),
        radio("off", "Off", "A password is enough."),
    ];
    let content = view! {
        <Breadcrumbs items=vec![("User flows".into(), Some(list.clone())), ("Create a user flow".into(), None)] />
        <ErrorSummary items=problems />
        <h1>"Create a user flow"</h1>
        <Form action=addresses::new_flow(&domain) csrf=csrf class="form form-wide">
            <Radios name="kind" legend="Type" options=kinds value=form.value("kind") error=form.error("kind") />
            <TextField
                name="name"
                label="Name"
                value=form.value("name")
                hint="Letters, digits, _ and -. It is part of the sign-in address and can’t be changed later."
                error=form.error("name")
                class="ltr"
            />
            <Radios
                name="identity"
                legend="How people sign up"
                options=vec![radio("email", "Email sign-up", "With an email address, proved by a code, and a password.")]
                value=form.value("identity")
                error=form.error("identity")
            />
            <Radios name="mfa" legend="Second factor (MFA)" options=enforcement value=form.value("mfa") error=form.error("mfa") />
            {conditions(&form, "These count where you chose “Under conditions”.", page.countries_told)}
            {allowed}
            <h2>"Attributes and claims"</h2>
            <p class="hint">"“Collect” is asked for when people sign up or edit their profile; the other types of flow ask for nothing. “Return” goes to the application."</p>
            {table}
            <p class="hint">"Something missing? " <a href=addresses::attributes(&domain)>"Define a custom attribute"</a> " first."</p>
            <div class="actions">
                <Button label="Create user flow" />
                <ButtonLink href=list label="Cancel" kind=ButtonKind::Secondary />
            </div>
        </Form>
    };
    portal_page(frame, content.into_any())
}

/// `/portal/{tenant}/flows/{flow}`.
#[must_use]
pub fn flow_page(frame: Frame, detail: FlowDetail) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let own = detail.editable == Editable::All;
    let run =
        own.then(|| view! { <ButtonLink href=addresses::flow_run(&domain, &detail.key) label="Run user flow" /> });
    let body = match detail.editable {
        Editable::All => own_flow(&domain, &csrf, &detail),
        Editable::Methods => staff_flow(&domain, &csrf, &detail),
        Editable::Nothing => view! {
            <Notice tone=Tone::Info title="Built in">
                <p>"People sign in to their own account with it. It asks for the second factor that they have set up, and nothing in it can be changed."</p>
            </Notice>
        }
        .into_any(),
    };
    let content = view! {
        <Breadcrumbs items=vec![("User flows".into(), Some(addresses::flows(&domain))), (detail.name.clone(), None)] />
        {conflict_notice(detail.conflict.clone())}
        <ErrorSummary items=detail.form.problems.clone() />
        <div class="page-head">
            <div>
                <h1>{flow_name(&detail.name)}</h1>
                <p class="muted">{detail.kind.clone()}</p>
            </div>
            <div class="page-actions">{run}</div>
        </div>
        {body}
    };
    portal_page(frame, content.into_any())
}

fn own_flow(domain: &str, csrf: &str, detail: &FlowDetail) -> AnyView {
    let (says, hint) = match detail.mfa {
        MfaMode::On => ("Asked for at every sign-in.", ""),
        MfaMode::Conditional => ("Asked for where one of the conditions holds. Else a password is enough.", ""),
        MfaMode::Off => ("Not asked for: a password is enough.", "Kept for later while the second factor is off."),
    };
    let version = detail.form.value("version");
    let remark = detail.remark.clone().map(|remark| view! { <p>{remark}</p> });
    let allowed = second_factor(&detail.form, &detail.methods, hint);
    let table = claims_table(&detail.form, &detail.rows, detail.collects);
    let waits = detail.signs_in.then(|| grace(&detail.form));
    let lives = view! { {tokens(&detail.form, &detail.issuers)}{sessions(&detail.form)}{detail.signs_in.then(|| remember(&detail.form))} };
    view! {
        <section class="panel panel-row">
            <div>
                <h2>"Second factor (MFA) " {mfa_badge(detail.mfa)}</h2>
                <p class="muted">{says}</p>
                {remark}
            </div>
            <div class="page-actions">{switches(domain, detail)}</div>
        </section>
        <section class="panel">
            <h2>"Applications"</h2>
            {link_form(domain, csrf, detail)}
        </section>
        <section class="panel">
            <h2>"Settings"</h2>
            <Form action=addresses::flow(domain, &detail.key) csrf=csrf.to_owned() class="form form-wide">
                <input type="hidden" name="version" value=version />
                {allowed}
                {waits}
                {table}
                <h3>"Rarely changed"</h3>
                {lives}
                <div class="actions"><Button label="Save changes" /></div>
            </Form>
        </section>
        <section class="panel">
            <h2>"For the developer"</h2>
            {flow_endpoints(&detail.endpoints)}
        </section>
    }
    .into_any()
}

// To every other mode; the conditions can be changed as well.
fn switches(domain: &str, detail: &FlowDetail) -> AnyView {
    let button = |to: MfaMode, label: &'static str, kind| {
        let href = addresses::flow_mfa_to(domain, &detail.key, to);
        view! { <ButtonLink href=href label=label kind=kind /> }
    };
    let on = || button(MfaMode::On, MfaMode::On.title(), ButtonKind::Primary);
    let off = || button(MfaMode::Off, MfaMode::Off.title(), ButtonKind::Danger);
    let when = |label| button(MfaMode::Conditional, label, ButtonKind::Secondary);
    match detail.mfa {
        MfaMode::On => view! { {when(MfaMode::Conditional.title())}{off()} }.into_any(),
        MfaMode::Conditional => view! { {when("Change the conditions")}{on()}{off()} }.into_any(),
        MfaMode::Off => view! { {when(MfaMode::Conditional.title())}{on()} }.into_any(),
    }
}

fn staff_flow(domain: &str, csrf: &str, detail: &FlowDetail) -> AnyView {
    let version = detail.form.value("version");
    let allowed = second_factor(&detail.form, &detail.methods, "");
    view! {
        <section class="panel">
            <h2>"Second factor (MFA) " {mfa_badge(detail.mfa)}</h2>
            <p class="muted">"Clinic staff always need a second factor. You can choose which methods they may use, and how good they must be."</p>
            <Form action=addresses::flow(domain, &detail.key) csrf=csrf.to_owned()>
                <input type="hidden" name="version" value=version />
                {allowed}
                <div class="actions"><Button label="Save changes" /></div>
            </Form>
        </section>
    }
    .into_any()
}

fn link_form(domain: &str, csrf: &str, detail: &FlowDetail) -> AnyView {
    if detail.applications.is_empty() {
        return view! {
            <p>"There are no applications yet. " <a href=addresses::new_application(domain)>"Register an application"</a> "."</p>
        }
        .into_any();
    }
    let mut form = FormState::default();
    for id in &detail.linked {
        form = form.with(format!("application-{id}"), "true");
    }
    let shown = detail.linked.join(",");
    let boxes = detail
        .applications
        .iter()
        .map(|choice| {
            check(&form, &format!("application-{}", choice.id), choice.name.clone(), Some(choice.about.clone()))
        })
        .collect();
    view! {
        <Form action=addresses::flow_applications(domain, &detail.key) csrf=csrf.to_owned()>
            <input type="hidden" name="shown" value=shown />
            {check_group("applications", "Linked applications", "Patients can sign in to these through this flow, and to no others.", None, boxes)}
            <div class="actions"><Button label="Save links" kind=ButtonKind::Secondary /></div>
        </Form>
    }
    .into_any()
}

/// `/portal/{tenant}/flows/{flow}/mfa?to=on`: asks before MFA is switched, and says whom it touches.
#[must_use]
pub fn mfa_page(frame: Frame, switch: MfaSwitch) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let back = addresses::flow(&domain, &switch.key);
    let title = switch.to.title();
    let radius = words::blast_radius(switch.patients, switch.patients.saturating_sub(switch.without));
    let (tone, what): (Tone, &str) = match switch.to {
        MfaMode::On => (
            Tone::Info,
            "It acts at the next sign-in: who has no second factor is asked to set one up, with a code sent to their email address first. Sign-ins without a second factor stop counting, and apps can’t renew their tokens from them.",
        ),
        MfaMode::Conditional => (
            Tone::Info,
            "It acts at the next sign-in: where a condition holds, a second factor is asked for, and who has none is asked to set one up. Everybody is asked once in each browser to begin with. Where no condition holds, a password alone is enough, and the application is told so. An application that asks for a second factor gets one in any case.",
        ),
        MfaMode::Off => (
            Tone::Warning,
            "It acts at the next sign-in: a password alone will be enough. Second factors that people have set up are kept, and apps that always want a second factor still ask for it.",
        ),
    };
    let when = (switch.to == MfaMode::Conditional)
        .then(|| conditions(&switch.form, "Choose at least one.", switch.countries_told));
    let choose =
        (switch.to != MfaMode::Off).then(|| second_factor(&switch.form, &switch.methods, "Choose at least one."));
    let button = if switch.to == MfaMode::Off { ButtonKind::Danger } else { ButtonKind::Primary };
    let waits = (switch.to != MfaMode::Off && switch.signs_in).then(|| grace(&switch.form));
    let mut lines = words::touched(switch.to, (switch.patients, switch.without, switch.weaker));
    lines.extend(switch.waiting.as_ref().map(|(number, until)| words::waiting(*number, until)));
    lines.extend(words::raised(switch.raised));
    let touched = (!lines.is_empty()).then(|| {
        let lines = lines.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
        view! { <ul>{lines}</ul> }
    });
    let dry_run = (switch.to != MfaMode::Off).then(|| {
        view! { <Button label="Show who would be affected" kind=ButtonKind::Secondary name="dry_run" value="true" /> }
    });
    let content = view! {
        <Breadcrumbs items=vec![
            ("User flows".into(), Some(addresses::flows(&domain))),
            (switch.name.clone(), Some(back.clone())),
            (title.into(), None),
        ] />
        {conflict_notice(switch.conflict.clone())}
        <ErrorSummary items=switch.form.problems.clone() />
        <h1>{format!("{title} for ")}{flow_name(&switch.name)}"?"</h1>
        <Notice tone=tone title=radius>
            {touched}
            <p>{format!("All patients of {} are counted, because each of them can sign in with any of its user flows.", switch.tenant)}</p>
            <p>{what}</p>
        </Notice>
        <Form action=addresses::flow_mfa(&domain, &switch.key) csrf=csrf>
            <input type="hidden" name="to" value=switch.to.as_str() />
            <input type="hidden" name="version" value=switch.form.value("version") />
            {when}
            {choose}
            {waits}
            <div class="actions">
                <Button label=title kind=button />
                {dry_run}
                <ButtonLink href=back label="Cancel" kind=ButtonKind::Secondary />
            </div>
        </Form>
    };
    portal_page(frame, content.into_any())
}
