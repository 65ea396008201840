//! `lanyard account disable|enable|require`.

use clap::Subcommand;
use lanyard_domain::{account::Account, email::EmailAddress, tenant::Tenant};
use serde_json::{Value, json};

use super::{Failed, Outcome, any_tenant_of, by, said, with};
use crate::{
    cli::ServeArgs,
    http::portal::forms,
    service::portal::{PortalError, accounts},
    state::App,
};

/// Accounts.
#[derive(Debug, Subcommand)]
pub(in super::super) enum AccountCommand {
    /// Stop every sign-in to an account; its sessions and tokens end.
    Disable {
        /// The address that it has.
        email: String,
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Let a stopped account be signed in to again, once you know whose it is.
    Enable {
        /// The address that it has.
        email: String,
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// Another address for it, where somebody else may read the one that it has.
        #[arg(long)]
        address: Option<String>,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Say what an account must show at every sign-in, whatever its user flow asks; its owner is told by mail.
    Require {
        /// The address that it has.
        email: String,
        /// The tenant's domain; lanyard.system for an operator.
        #[arg(long)]
        tenant: String,
        /// aal1 (as the flow asks), aal2_legacy (any second factor), aal2_strict (none of the phone network) or
        /// phishing_resistant (a passkey).
        #[arg(long)]
        minimum: String,
        #[command(flatten)]
        server: ServeArgs,
    },
}

/// Carries out `command`.
///
/// # Errors
/// One line that says why nothing was done.
pub(in super::super) async fn run(command: &AccountCommand) -> Outcome {
    match command {
        AccountCommand::Disable { email, tenant, server } => {
            with(server.load()?, |app| async move {
                let (tenant, account) = found(&app, tenant, email).await?;
                match accounts::disable(&app, tenant.id, account.id, by()).await {
                    Ok(account) => Ok(shown(&account)),
                    Err(PortalError::Unchanged) => Err(format!("{email}: is stopped already").into()),
                    Err(error) => Err(said(error, email)),
                }
            })
            .await
        }
        AccountCommand::Enable { email, tenant, address, server } => {
            with(server.load()?, |app| async move {
                let (tenant, account) = found(&app, tenant, email).await?;
                let address = address.as_deref().map(parse).transpose()?;
                match accounts::enable(&app, tenant.id, (account.id, address), by()).await {
                    Ok(account) => Ok(shown(&account)),
                    Err(PortalError::Unchanged) => Err(format!("{email}: is not stopped").into()),
                    Err(error) => Err(said(error, email)),
                }
            })
            .await
        }
        AccountCommand::Require { email, tenant, minimum, server } => {
            with(server.load()?, |app| async move {
                let wanted = forms::assurance(minimum).map_err(|text| format!("{minimum}: {text}"))?;
                let tenant = any_tenant_of(&app, tenant).await?;
                let found = accounts::find(&app, tenant.id, parse(email)?).await.map_err(|error| said(error, email))?;
                match accounts::require(&app, tenant, (found.id, wanted), by()).await {
                    Ok((account, before)) => {
                        Ok(json!({"id": account.id, "email": email, "minimum": wanted, "before": before}))
                    }
                    Err(PortalError::Unchanged) => Err(format!("{email}: is so already").into()),
                    Err(error) => Err(said(error, email)),
                }
            })
            .await
        }
    }
}

fn parse(text: &str) -> Result<EmailAddress, Failed> {
    EmailAddress::parse(text).map_err(|_| format!("{text}: is no email address").into())
}

async fn found(app: &App, tenant: &str, email: &str) -> Result<(Tenant, Account), Failed> {
    // Those of operators too: who leaves is stopped (A19).
    let tenant = any_tenant_of(app, tenant).await?;
    let account = accounts::find(app, tenant.id, parse(email)?).await.map_err(|error| said(error, email))?;
    Ok((tenant, account))
}

fn shown(account: &Account) -> Value {
    json!({"id": account.id, "email": account.email.as_str(), "disabled": account.disabled_at.is_some()})
}
