//! Remembered browsers in a journey: what is known of the one that a step comes from, and the cookie.

use lanyard_domain::{
    assurance::Authentication,
    clock::{Millis, Timestamp},
    id::Id,
    journey::{Effect, Event, Journey, RememberedFacts},
    remembered::{MAX_REMEMBERED, RememberedBrowser},
    secret::Token,
    session::Session,
    tenant::Tenant,
};
use lanyard_storage::{ReadTx, StorageError, WriteTx};

use super::{JourneyError, Scene};
use crate::{http::client::Client, state::App};

/// The cookie of a remembered browser as it is to be set, and for how long.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) token: Token,
    pub(super) life: Millis,
}

/// The browser that a sign-in comes from, as its cookie names it, whosesoever it is: the same statement for
/// every address (A6). Later in the journey, the one that stood in for a factor in it, with the cookie of a
/// sign-in that is sent again. Where no remembered browser counts nothing is read.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn shown(
    tx: &mut (dyn ReadTx + '_),
    scene: &Scene,
    (journey, event): (&Journey, &Event),
    cookie: Option<&Token>,
) -> Result<Option<RememberedFacts>, StorageError> {
    let cookie = cookie.filter(|_| matches!(event, Event::SignIn { .. }));
    if let Some(authentication) = journey.stage().authentication() {
        let mut found = of(tx, scene.tenant.id, Some(authentication)).await?;
        if let Some(found) = &mut found {
            found.secret = cookie.filter(|cookie| cookie.series() == found.browser.series).map(Token::hash);
        }
        return Ok(found);
    }
    let Some(cookie) = cookie.filter(|_| scene.demand.takes_remembered()) else { return Ok(None) };
    let found = tx.remembered_by_series(scene.tenant.id, &cookie.series()).await?;
    Ok(found.map(|browser| RememberedFacts { browser, secret: Some(cookie.hash()) }))
}

/// The browser that stood in for a factor when `session` was made, if it was not forgotten since.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn of_session(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    session: Option<&Session>,
) -> Result<Option<RememberedFacts>, StorageError> {
    of(tx, tenant, session.map(|session| &session.authentication)).await
}

async fn of(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    authentication: Option<&Authentication>,
) -> Result<Option<RememberedFacts>, StorageError> {
    let Some(id) = authentication.and_then(Authentication::remembered) else { return Ok(None) };
    let found = tx.remembered_by_id(tenant, id).await?;
    Ok(found.map(|browser| RememberedFacts { browser, secret: None }))
}

/// The next secret of the browser's cookie, drawn before the step: the effect that uses the old one up stores it.
pub(super) fn next(app: &App, effects: &[Effect], cookie: Option<&Token>, now: Timestamp) -> Option<Remembered> {
    let recognised = |effect: &Effect| match effect {
        Effect::BrowserRecognised { until, .. } => Some(*until),
        _ => None,
    };
    let until = effects.iter().find_map(recognised)?;
    Some(Remembered { token: cookie?.renewed(app.entropy().as_mut()), life: until.since(now) })
}

/// Stores a browser that is remembered from now on, in place of whatever the same cookie stood for at this tenant.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn store(
    tx: &mut (dyn WriteTx + '_),
    (mut browser, token): (RememberedBrowser, Token),
    (client, cookie): (&Client, Option<&Token>),
) -> Result<Remembered, JourneyError> {
    browser.label = client.browser.clone().unwrap_or_default();
    browser.network = client.network();
    if let Some(old) = cookie {
        tx.forget_series(browser.tenant, &old.series()).await?;
    }
    tx.remember_browser(&browser).await?;
    tx.trim_remembered(browser.account, MAX_REMEMBERED).await?;
    Ok(Remembered { token, life: browser.expires_at.since(browser.created_at) })
}
