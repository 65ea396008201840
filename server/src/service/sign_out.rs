//! The end of a session, whatever ends it: on the server, and at the applications that it signed in
//! to (OpenID Connect Back-Channel Logout).
//!
//! The notices go into the outbox in the transaction that ends the session; they are signed when
//! they are delivered, never within a transaction.

use lanyard_crypto::Purpose;
use lanyard_domain::{
    account::Account,
    application::Application,
    clock::{HOUR, Millis, Timestamp},
    id::Id,
    remembered::RememberedBrowser,
    session::Session,
    tenant::Tenant,
};
use lanyard_messaging::{DeliveryError, Reason};
use lanyard_oidc::{
    jose::TokenType,
    logout::{LogoutToken, front_channel_url},
};
use lanyard_storage::{ClaimedMessage, MessageKind, NewMessage, ReadTx, RelyingParty, WriteTx};
use serde::{Deserialize, Serialize};

use super::{journey::JourneyError, signing};
use crate::state::App;

/// How long a notice is worth delivering.
const NOTICE_LIFE: Millis = 2 * HOUR;

/// What the outbox keeps of a notice, sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Notice {
    url: String,
    issuer: String,
    application: Id<Application>,
    subject: Id<Account>,
    sid: Id<Session>,
}

/// An application that a session signed in to, as it stands now.
#[derive(Debug, Clone)]
pub struct Party {
    /// The application.
    pub application: Application,
    /// The issuer that it knows.
    pub issuer: String,
    /// The `sid` that it knows.
    pub sid: Id<Session>,
}

impl Party {
    /// What to load in a frame when the person signs out.
    #[must_use]
    pub fn frame(&self) -> Option<String> {
        let url = self.application.settings.front_channel_logout.as_ref()?;
        Some(front_channel_url(url, &self.issuer, self.sid))
    }
}

/// The applications that `session` signed in to.
///
/// # Errors
/// When the database does not answer.
pub async fn parties(app: &App, tx: &mut (dyn ReadTx + '_), session: &Session) -> Result<Vec<Party>, JourneyError> {
    let mut parties = Vec::new();
    for RelyingParty { application, flow, sid } in tx.relying_parties(session.id).await? {
        let application = tx.application_by_id(session.tenant, application).await?;
        let flow = tx.flow_by_id(session.tenant, flow).await?;
        let Some((application, flow)) = application.zip(flow) else { continue };
        parties.push(Party { application, issuer: app.issuer(&flow), sid });
    }
    Ok(parties)
}

/// Ends `session` and puts a notice into the outbox for each application that wants one; whether
/// it was still standing. Wake the outbox after the commit.
///
/// # Errors
/// When the database does not answer.
pub async fn end(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    session: &Session,
    now: Timestamp,
) -> Result<bool, JourneyError> {
    if !tx.end_session(session.id, now).await? {
        return Ok(false);
    }
    for party in parties(app, tx, session).await? {
        notify(app, tx, session, party, now).await?;
    }
    Ok(true)
}

/// Ends every session of `account` but `except`, as [`end`] does, and forgets its browsers: whatever is
/// reason enough for the one is for the other, whoever sits in them.
///
/// # Errors
/// When the database does not answer.
pub async fn end_all(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
    except: Option<Id<Session>>,
    now: Timestamp,
) -> Result<(), JourneyError> {
    for session in tx.live_sessions_of_account(account, now).await? {
        if Some(session.id) != except {
            end(app, tx, &session, now).await?;
        }
    }
    // Those, too, that a clock which was set back would revive.
    tx.end_sessions_of_account(account, except, now).await?;
    // Whatever happened to the account may have happened in one of its browsers.
    tx.forget_places(account).await?;
    tx.forget_all_remembered(account).await?;
    Ok(())
}

/// What [`end_opened_by`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Sessions that stood.
    pub sessions: usize,
    /// Grants, with their refresh tokens.
    pub grants: u64,
}

/// Ends every session in which `browser` stood in for a second factor, as [`end`] does, and revokes the grants that
/// came of that, also of sessions that ended before: the remembered browser was copied, and nobody can tell which of
/// them the copy opened.
///
/// # Errors
/// When the database does not answer.
pub async fn end_opened_by(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    browser: Id<RememberedBrowser>,
    now: Timestamp,
) -> Result<Opened, JourneyError> {
    let mut opened = Opened { sessions: 0, grants: 0 };
    for session in tx.sessions_of_browser(browser).await? {
        opened.sessions += usize::from(end(app, tx, &session, now).await?);
        opened.grants += tx.revoke_grants_of_session(session.id, now).await?;
    }
    opened.grants += tx.revoke_grants_of_browser(browser, now).await?;
    Ok(opened)
}

async fn notify(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    session: &Session,
    party: Party,
    now: Timestamp,
) -> Result<(), JourneyError> {
    let Party { application, issuer, sid } = party;
    let Some(url) = application.settings.back_channel_logout else { return Ok(()) };
    let host = host_of(&url);
    let notice = Notice { url, issuer, application: application.id, subject: session.account, sid };
    let plain = serde_json::to_vec(&notice).map_err(|error| JourneyError::Internal(error.to_string()))?;
    let keys = app.tenant_keys(tx, session.tenant).await?;
    let mut entropy = app.entropy();
    let id = Id::new(now, entropy.as_mut());
    let payload = keys.seal(Purpose::OutboxPayload, &id.to_string(), &plain, entropy.as_mut());
    tx.enqueue_message(&NewMessage {
        id,
        tenant: session.tenant,
        journey: None,
        kind: MessageKind::Logout,
        host,
        payload,
        created_at: now,
        expires_at: now.plus(NOTICE_LIFE),
    })
    .await?;
    Ok(())
}

// Whoever has many addresses at one host has its one slot. What is no address goes nowhere.
fn host_of(url: &str) -> String {
    let parsed = url::Url::parse(url).ok();
    parsed.as_ref().and_then(url::Url::host_str).map(|host| host.trim_end_matches('.').to_owned()).unwrap_or_default()
}

/// Signs and delivers a notice of the outbox.
///
/// # Errors
/// Says whether another attempt makes sense.
pub async fn deliver(app: &App, claimed: &ClaimedMessage) -> Result<(), DeliveryError> {
    let entry = &claimed.message;
    let bad = DeliveryError::Permanent(Reason::BadMessage("payload"));
    let keys = app.tenant_keys_of(entry.tenant).await.map_err(|_| DeliveryError::Transient(Reason::Unreachable))?;
    let plain = keys.open(Purpose::OutboxPayload, &entry.id.to_string(), &entry.payload).map_err(|_| bad)?;
    let notice: Notice = serde_json::from_slice(&plain).map_err(|_| bad)?;
    let token = sign(app, entry.tenant, &notice, entry.id.uuid()).await.map_err(|error| {
        tracing::warn!(%error, "a logout token could not be signed");
        DeliveryError::Transient(Reason::Unreachable)
    })?;
    let Some(token) = token else { return Ok(()) };
    app.outbound.post_form(&notice.url, &[("logout_token", &token)]).await
}

// By the application's algorithm of today; `None` if it is gone.
async fn sign(app: &App, tenant: Id<Tenant>, notice: &Notice, jti: uuid::Uuid) -> Result<Option<String>, JourneyError> {
    let id = notice.application;
    let application = app.store.read(move |tx| Box::pin(async move { tx.application_by_id(tenant, id).await })).await;
    let application: Option<Application> =
        application.map_err(|error: lanyard_storage::StorageError| JourneyError::from(error))?;
    let Some(application) = application else { return Ok(None) };
    let token = LogoutToken { issuer: &notice.issuer, application: id, subject: notice.subject, sid: notice.sid, jti };
    let signing = signing::of(app, tenant).await?;
    let signed = signing.key(application.settings.signing)?.sign(TokenType::Logout, &token.claims(app.clock.now()));
    signed.map(Some).map_err(|error| JourneyError::Internal(error.to_string()))
}
