//! `lanyard operator invite`.

use super::print;
use crate::{
    config::Config,
    service::{invitations, tenants},
};

/// Prints a one-time link for one more operator.
pub(super) async fn invite(config: Config) -> Result<(), Box<dyn std::error::Error>> {
    let started = super::open(config).await?;
    let system = tenants::ensure_system(&started.app).await?;
    let link = invitations::operator_link(&started.app, &system).await?;
    let printed = print::line(link);
    print::note("The link works once, within 60 minutes.");
    started.app.store.close().await;
    Ok(printed?)
}
