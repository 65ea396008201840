//! `lanyard tenant create|list|texts|cool-down|resets|passkeys|minimums|registration`.

use std::collections::BTreeMap;

use clap::Subcommand;
use lanyard_domain::{role::Role, tenant::Tenant};
use serde_json::json;

use super::{Outcome, any_tenant_of, by, problems, registration, said, tenant_of, with};
use crate::{
    cli::ServeArgs,
    http::{form::Fields, portal::forms},
    service::portal::{cool_down, listing::Wanted, minimums, tenants},
};

/// Tenants.
#[derive(Debug, Subcommand)]
pub(in super::super) enum TenantCommand {
    /// Create a tenant with its keys; prints it.
    Create {
        /// The name that people see.
        #[arg(long)]
        name: String,
        /// Its domain, such as harbour.example.
        #[arg(long)]
        domain: String,
        /// Two letters of a country or region.
        #[arg(long, default_value = "US")]
        region: String,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Show or set the countries to whose phones codes go by text and call.
    Texts {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// Names or two-letter codes with commas between them; "" for every country. Without it nothing changes.
        #[arg(long)]
        countries: Option<String>,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Show or set for how many hours after a recovery factors stay, and address and numbers do not change.
    CoolDown {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// 0 to 168; 0 for not at all. Without it nothing changes.
        #[arg(long)]
        hours: Option<String>,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Show or set whether a reset of a patient's second step takes a second member of staff.
    Resets {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// true or false. Without it nothing changes.
        #[arg(long)]
        second_approver: Option<bool>,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Show or set of which makes new passkeys of staff must be; of operators with --tenant lanyard.system.
    Passkeys {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// A make: its AAGUID and a name, such as "2fc0579f-8113-47ea-b116-bb5a8db9202a Key 5"; again for more.
        #[arg(long, requires = "roots", conflicts_with = "any")]
        make: Vec<String>,
        /// A file with the makers' root certificates, PEM.
        #[arg(long, requires = "make")]
        roots: Option<std::path::PathBuf>,
        /// Of any make, as at first.
        #[arg(long)]
        any: bool,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Show or set what staff and operators must show at every sign-in, whatever the built-in flows ask.
    Minimums {
        /// The tenant's domain; lanyard.system for the operators of the whole instance.
        #[arg(long)]
        tenant: String,
        /// Of the clinic's staff: aal1 (as the flow asks), aal2_legacy (any second factor), aal2_strict or phishing_resistant.
        #[arg(long)]
        staff: Option<String>,
        /// The same of the operators who manage the tenant. With neither nothing changes.
        #[arg(long)]
        operators: Option<String>,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Whether programs may register applications (RFC 7591), and with which tokens.
    #[command(subcommand, after_help = crate::cli::REGISTRATION_EXAMPLES)]
    Registration(registration::RegistrationCommand),
    /// List the tenants (50 at most, by name).
    List {
        #[command(flatten)]
        server: ServeArgs,
    },
}

/// Carries out `command`.
///
/// # Errors
/// One line that says why nothing was done.
pub(in super::super) async fn run(command: &TenantCommand) -> Outcome {
    match command {
        TenantCommand::Create { name, domain, region, server } => {
            let form = [("name", name), ("domain", domain), ("region", region)];
            let form: BTreeMap<String, String> = form.map(|(name, value)| (name.to_owned(), value.clone())).into();
            with(server.load()?, |app| async move {
                let draft = forms::tenant(&Fields(form)).map_err(problems)?;
                let made = tenants::create(&app, draft, by()).await.map_err(|error| said(error, domain))?;
                Ok(shown(&made))
            })
            .await
        }
        TenantCommand::Texts { tenant, countries, server } => {
            with(server.load()?, |app| async move {
                let found = tenant_of(&app, tenant).await?;
                let Some(countries) = countries else { return Ok(shown(&found)) };
                let form = Fields([("countries".to_owned(), countries.clone())].into());
                let wanted = forms::phone_countries(&form).map_err(problems)?;
                let set = tenants::set_phone_countries(&app, found.id, None, wanted, by()).await;
                let phone_countries = set.map_err(|error| said(error, tenant))?;
                Ok(shown(&Tenant { phone_countries, ..found }))
            })
            .await
        }
        TenantCommand::CoolDown { tenant, hours, server } => {
            with(server.load()?, |app| async move {
                let found = tenant_of(&app, tenant).await?;
                let set = match hours {
                    None => cool_down::show(&app, found.id).await,
                    Some(hours) => {
                        let form = Fields([("hours".to_owned(), hours.clone())].into());
                        let wanted = forms::cool_down(&form).map_err(problems)?;
                        cool_down::set(&app, found.id, (None, wanted), by()).await
                    }
                };
                let hours = set.map_err(|error| said(error, tenant))?.hours();
                Ok(json!({"domain": found.domain, "cool_down_hours": hours}))
            })
            .await
        }
        TenantCommand::Resets { tenant, second_approver, server } => {
            with(server.load()?, |app| async move {
                let found = tenant_of(&app, tenant).await?;
                let Some(second_approver) = *second_approver else { return Ok(shown(&found)) };
                let set = tenants::set_second_approver(&app, found.id, second_approver, by()).await;
                set.map_err(|error| said(error, tenant))?;
                Ok(shown(&Tenant { second_approver, ..found }))
            })
            .await
        }
        TenantCommand::Passkeys { tenant, make, roots, any, server } => {
            with(server.load()?, |app| async move {
                let found = any_tenant_of(&app, tenant).await?;
                if make.is_empty() && !any {
                    return Ok(passkeys(&found));
                }
                let read = |path: &std::path::PathBuf| {
                    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
                };
                let roots = roots.as_ref().map(read).transpose()?.unwrap_or_default();
                let form = [("makes".to_owned(), make.join("\n")), ("roots".to_owned(), roots)];
                let wanted = forms::staff_passkeys(&Fields(form.into())).map_err(problems)?;
                let set = tenants::set_staff_passkeys(&app, found.id, None, wanted, by()).await;
                let staff_passkeys = set.map_err(|error| said(error, tenant))?;
                Ok(passkeys(&Tenant { staff_passkeys, ..found }))
            })
            .await
        }
        TenantCommand::Minimums { tenant, staff, operators, server } => {
            with(server.load()?, |app| async move {
                let found = any_tenant_of(&app, tenant).await?;
                let now = minimums::show(&app, &found).await.map_err(|error| said(error, tenant))?;
                let form = [("staff", staff, now.staff), ("operators", operators, now.operators)];
                let form = form
                    .map(|(name, set, now)| (name.to_owned(), set.clone().unwrap_or_else(|| now.as_str().to_owned())));
                let wanted = forms::role_minimums(&Fields(form.into())).map_err(problems)?;
                let set = minimums::set(&app, &found, (Some(now), wanted), by()).await;
                let set = set.map_err(|error| said(error, tenant))?;
                Ok(json!({"domain": found.domain, "staff": set.staff, "operators": set.operators}))
            })
            .await
        }
        TenantCommand::Registration(command) => registration::run(command).await,
        TenantCommand::List { server } => {
            with(server.load()?, |app| async move {
                let page = tenants::list(&app, &[Role::InstanceOperator], Wanted::default()).await?;
                Ok(page.rows.iter().map(shown).collect())
            })
            .await
        }
    }
}

fn passkeys(tenant: &Tenant) -> serde_json::Value {
    json!({"domain": tenant.domain, "staff_passkeys": tenant.staff_passkeys})
}

fn shown(tenant: &Tenant) -> serde_json::Value {
    json!({
        "id": tenant.id,
        "name": tenant.name,
        "domain": tenant.domain,
        "region": tenant.region,
        "phone_countries": tenant.phone_countries,
        "second_approver": tenant.second_approver,
    })
}
