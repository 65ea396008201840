//! How an application stands with a flow as they are configured now: what every authorization and redemption asks.

use std::sync::Arc;

use lanyard_domain::{
    application::Application, assurance::Demand, clock::Timestamp, grant::Grant, id::Id, tenant::Tenant,
    user_flow::UserFlow,
};
use lanyard_storage::{ReadTx, StorageError};

use super::{Place, client::apis_of};
use crate::{
    service::journey::{self, JourneyError},
    state::App,
};

/// What a standing is kept under.
pub(super) type Key = (Id<Tenant>, Id<UserFlow>, Id<Application>);

/// What the configuration says of an application at a flow.
#[derive(Debug)]
pub(super) struct Standing {
    /// Whether the flow may sign people in to it.
    pub(super) linked: bool,
    /// The web APIs that its permissions name.
    pub(super) apis: Vec<Application>,
    /// What the flow and the application demand of a sign-in.
    pub(super) demand: Demand,
    /// Whether the flow signs people in below what the application asks for.
    pub(super) too_weak: bool,
}

/// The standing of `application` at `place`, where the tenant's configuration has the version
/// `configuration`: as it was kept, or read anew.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn standing(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    place: &Place,
    application: &Application,
    configuration: i64,
) -> Result<Arc<Standing>, JourneyError> {
    // What the caller holds of the flow and the application may be older than `configuration`, by the
    // time between two statements: then nothing is kept.
    let current = configuration > 0 && place.configuration == configuration;
    if let Some(known) = at_hand(app, place, application).filter(|_| current) {
        return Ok(known);
    }
    let key = (place.tenant.id, place.flow.id, application.id);
    let read = Standing {
        linked: tx.is_linked(application.id, place.flow.id).await?,
        apis: apis_of(tx, application).await?,
        // Conditions are those of a sign-in: a refresh has no browser and no network of its person.
        demand: journey::demand(tx, &place.flow, Some(application)).await?.of_what_stands(),
        too_weak: journey::is_too_weak(tx, &place.flow, application).await?,
    };
    Ok(if current { app.configured.standings.keep(key, configuration, read) } else { Arc::new(read) })
}

/// The standing of `application` at `place` as it was when `place` was read or later, for who has no transaction.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn of(app: &App, place: &Place, application: &Application) -> Result<Arc<Standing>, JourneyError> {
    if let Some(known) = at_hand(app, place, application) {
        return Ok(known);
    }
    let (own, place, application) = (app.clone(), place.clone(), application.clone());
    let read = app.store.read(move |tx| {
        Box::pin(async move {
            let configuration = tx.configuration_version(place.tenant.id).await?.ok_or(JourneyError::NotFound)?;
            standing(&own, tx, &place, &application, configuration).await
        })
    });
    read.await
}

/// The standing of `application` at `place` as it was kept at the version of the configuration at which `place` was
/// read.
pub(super) fn at_hand(app: &App, place: &Place, application: &Application) -> Option<Arc<Standing>> {
    let key = (place.tenant.id, place.flow.id, application.id);
    app.configured.standings.at(&key, place.configuration).filter(|_| place.configuration > 0)
}

/// Whether the remembered browser that `grant` rests on is remembered still; true where it rests on none. Whatever
/// forgets a browser ends what it opened with that, and so does the end of its days (N22).
///
/// # Errors
/// When the database does not answer.
pub(super) async fn is_recognised(
    tx: &mut (dyn ReadTx + '_),
    grant: &Grant,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let Some(browser) = grant.authentication.remembered() else { return Ok(true) };
    let found = tx.remembered_by_id(grant.tenant, browser).await?;
    Ok(found.is_some_and(|browser| browser.account == grant.account && browser.is_live(now)))
}
