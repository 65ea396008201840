//! `lanyard tenant`, `lanyard app`, `lanyard flow`, `lanyard account`, `lanyard operator`: what operators do in the portal, for scripts.
//!
//! The same services, and the same rules of the portal's forms: `--set name=value` is a field of the
//! form. Each command opens the database itself (a server may run beside it), prints JSON, and its
//! change stands in the audit log with no operator to it.

mod account;
mod application;
mod flow;
mod operator;
mod registration;
mod tenant;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use lanyard_app::components::ErrorItem;
use lanyard_domain::tenant::{Tenant, TenantDomain};

pub(super) use self::{
    account::{AccountCommand, run as account},
    application::{ApplicationCommand, run as application},
    flow::{FlowCommand, run as flow},
    operator::{list as list_operators, revoke as revoke_operator},
    tenant::{TenantCommand, run as tenant},
};
use super::print;
use crate::{
    config::Config,
    http::{client::Client, form::Fields},
    service::portal::{By, PortalError},
    start::Started,
    state::App,
};

/// Why a command came to nothing, in one line.
type Failed = Box<dyn std::error::Error>;
type Outcome = Result<(), Failed>;

// Opens what `config` names, lets `command` work, prints its answer.
async fn with<F>(config: Config, command: impl FnOnce(App) -> F) -> Outcome
where
    F: Future<Output = Result<serde_json::Value, Failed>>,
{
    let Started { app, .. } = super::open(config).await?;
    let answer = command(app.clone()).await;
    app.store.close().await;
    Ok(print::line(serde_json::to_string_pretty(&answer?)?)?)
}

// Whoever has the command line has the keys: no account is asked for.
fn by() -> By {
    let request = "command-line".to_owned();
    let client = Client { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), country: None, browser: None, request };
    By { operator: None, client }
}

// The tenant of this domain; what is in `lanyard.system` is built in.
async fn tenant_of(app: &App, domain: &str) -> Result<Tenant, Failed> {
    let tenant = any_tenant_of(app, domain).await?;
    if tenant.domain.is_system() { Err(format!("there is no tenant {domain}").into()) } else { Ok(tenant) }
}

/// The same, that of the operators included.
pub(super) async fn any_tenant_of(app: &App, domain: &str) -> Result<Tenant, Failed> {
    let missing = || format!("there is no tenant {domain}");
    let parsed = TenantDomain::parse(domain).map_err(|_| missing())?;
    let found = app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&parsed).await }));
    let found: Result<Option<Tenant>, lanyard_storage::StorageError> = found.await;
    Ok(found?.ok_or_else(missing)?)
}

// `name=value` into the form, held to the bounds of forms; a name that no form has is refused.
fn set(
    form: &mut BTreeMap<String, String>,
    assignments: &[String],
    known: impl Fn(&str) -> bool,
) -> Result<Fields, Failed> {
    for assignment in assignments {
        let (name, value) = assignment.split_once('=').ok_or_else(|| format!("{assignment}: write name=value"))?;
        if !known(name) {
            return Err(format!("{name}: there is no such setting (this command with --help lists them)").into());
        }
        form.insert(name.to_owned(), value.replace("\\n", "\n"));
    }
    Fields(form.clone()).checked().map_err(|_| "a value is too long, or has a character that cannot be kept".into())
}

// What is wrong with a form, in one line.
fn problems(items: Vec<ErrorItem>) -> Failed {
    let lines: Vec<String> = items
        .into_iter()
        .map(|item| if item.field.is_empty() { item.text } else { format!("{}: {}", item.field, item.text) })
        .collect();
    lines.join(" ").replace('\n', " ").into()
}

fn said(error: PortalError, what: &str) -> Failed {
    match error {
        PortalError::NotFound => format!("{what}: not found").into(),
        PortalError::Taken => format!("{what}: the name is taken").into(),
        error => format!("{what}: {error}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_no_form_has_is_refused_and_nothing_is_set() {
        let mut form = BTreeMap::from([("name".to_owned(), "App".to_owned())]);
        let known = |name: &str| name == "hybrid";
        let fields = set(&mut form, &["hybrid=true".to_owned()], known).unwrap();
        assert!(fields.ticked("hybrid") && fields.get("name") == "App");
        for bad in ["hybird=true", "hybrid", "=true"] {
            assert!(set(&mut form.clone(), &[bad.to_owned()], known).is_err(), "{bad}");
        }
        assert!(set(&mut form, &[format!("hybrid={}", "x".repeat(20_000))], known).is_err());
    }

    #[test]
    fn problems_are_one_line() {
        let item = |field: &str| ErrorItem { field: field.to_owned(), text: "No.\nReally.".to_owned() };
        assert_eq!(problems(vec![item("name"), item("")]).to_string(), "name: No. Really. No. Really.");
    }
}
