//! The operators' portal: functions from data to pages, all plain forms and links.
//!
//! Every page is a [`portal_page`] around its own content. [`addresses`] has the routes below
//! `/portal/{tenant}`; the server's half is `server/src/http/portal`.

pub mod addresses;
mod application_settings;
mod applications;
mod attributes;
mod flow_remember;
mod flow_settings;
mod flows;
mod initial_tokens;
mod operators;
mod parts;
mod people;
mod run;
mod secrets;
mod settings;
mod staff;
mod tenants;
pub mod words;

use leptos::prelude::*;

pub use applications::{application_list_page, application_page, new_application_page};
pub use attributes::attributes_page;
pub use flows::{flow_list_page, flow_page, mfa_page, new_flow_page};
pub use initial_tokens::initial_tokens_page;
pub use operators::{operators_page, revoke_operator_page};
pub use run::{run_page, run_result_page};
pub use secrets::remove_secret_page;
pub use settings::settings_page;
pub use staff::{revoke_staff_page, staff_page};
pub use tenants::{new_tenant_page, overview_page, tenant_list_page};

use crate::{
    api::portal::{Frame, Section},
    components::{Button, ButtonKind, ConsoleLayout, Disclosure, Form, NavItem, Notice, SessionEnd, Tone},
    paths,
};

/// A page of the portal: top bar with the tenant switcher (O16), navigation, what was just done,
/// what is not configured, then `content` with the page's only `<h1>`.
pub(crate) fn portal_page(frame: Frame, content: AnyView) -> AnyView {
    let switcher = switcher(&frame);
    let nav = navigation(&frame);
    let warnings = warnings(&frame.warnings);
    let done = frame.done.map(parts::done_notice);
    let session_end =
        view! { <SessionEnd seconds=frame.idle_seconds home=paths::PORTAL csrf=frame.csrf.clone() /> }.into_any();
    let menu = view! {
        <Form action=paths::CONSOLE_SIGN_OUT csrf=frame.csrf class="inline-form">
            <Button label="Sign out" kind=ButtonKind::Link />
        </Form>
    };
    view! {
        <ConsoleLayout
            console="Portal"
            home=paths::PORTAL
            tenant=switcher
            nav=nav
            account=frame.account
            account_menu=menu.into_any()
            session_end=session_end
            demo=frame.demo
        >
            {done}
            {content}
            {warnings}
        </ConsoleLayout>
    }
    .into_any()
}

fn switcher(frame: &Frame) -> AnyView {
    let current = frame.tenant.as_ref().map(|tenant| tenant.domain.clone());
    let name = frame.tenant.as_ref().map_or_else(|| "All tenants".to_owned(), |tenant| tenant.name.clone());
    let links = frame
        .tenants
        .iter()
        .map(|tenant| {
            let here = (current.as_deref() == Some(tenant.domain.as_str())).then_some("true");
            view! {
                <a class="switch" href=paths::portal_tenant(&tenant.domain) aria-current=here>
                    {tenant.name.clone()}
                    <bdi class="switch-domain">{tenant.domain.clone()}</bdi>
                </a>
            }
        })
        .collect_view();
    let create = frame.can_create.then(|| view! { <a href=addresses::NEW_TENANT>"Create a tenant"</a> });
    view! {
        <Disclosure summary=name>
            {links}
            <a href=paths::PORTAL>"All tenants"</a>
            {create}
        </Disclosure>
    }
    .into_any()
}

fn navigation(frame: &Frame) -> Vec<NavItem> {
    let Some(tenant) = &frame.tenant else { return Vec::new() };
    let domain = tenant.domain.as_str();
    let item = |label: &str, href: String, section| NavItem::new(label, href, frame.section == section);
    vec![
        item("Overview", paths::portal_tenant(domain), Section::Overview),
        item("Applications", addresses::applications(domain), Section::Applications),
        item("User flows", addresses::flows(domain), Section::Flows),
        item("Attributes", addresses::attributes(domain), Section::Attributes),
        item("Clinic staff", addresses::staff(domain), Section::Staff),
        item("Operators", addresses::operators(domain), Section::Operators),
        item("Settings", addresses::settings(domain), Section::Settings),
    ]
}

fn warnings(warnings: &[String]) -> Option<AnyView> {
    if warnings.is_empty() {
        return None;
    }
    let lines = warnings.iter().map(|line| view! { <p>{line.clone()}</p> }).collect_view();
    Some(view! { <Notice tone=Tone::Warning title="Not everything is set up">{lines}</Notice> }.into_any())
}

/// The tenant of the page; pages within a tenant always have one.
fn domain(frame: &Frame) -> String {
    frame.tenant.as_ref().map(|tenant| tenant.domain.clone()).unwrap_or_default()
}
