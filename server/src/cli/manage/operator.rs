//! `lanyard operator list|revoke`: who operates the whole instance.

use lanyard_domain::email::EmailAddress;
use serde_json::json;

use super::{Outcome, by, said, with};
use crate::{config::Config, service::portal::instance};

/// Lists the operators of the whole instance.
///
/// # Errors
/// One line that says why nothing was printed.
pub(in super::super) async fn list(config: Config) -> Outcome {
    with(config, |app| async move {
        let holders = instance::operators(&app).await.map_err(|error| said(error, "operators"))?;
        let rows = holders.iter().map(|holder| {
            let account = &holder.account;
            json!({"email": account.email.as_str(), "since": holder.since, "disabled": account.disabled_at.is_some()})
        });
        Ok(rows.collect())
    })
    .await
}

/// Takes the role away from the operator with this address.
///
/// # Errors
/// One line that says why nothing was done.
pub(in super::super) async fn revoke(config: Config, email: &str) -> Outcome {
    let address = EmailAddress::parse(email).map_err(|_| format!("{email}: is no email address"))?;
    with(config, |app| async move {
        let account = instance::find(&app, address).await.map_err(|error| said(error, email))?;
        let left = instance::revoke(&app, account.id, by()).await.map_err(|error| said(error, email))?;
        Ok(json!({"email": email, "operators_left": left.operators, "roles_left": left.roles}))
    })
    .await
}
