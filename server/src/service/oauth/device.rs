//! The device grant (RFC 8628): the device asks, a person decides, the device fetches.

use lanyard_app::paths::DeviceResult;
use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
    clock::{MINUTE, Millis, Timestamp},
    delays::Delays,
    device::{DEVICE_CODE_LIFE, DeviceCode, POLL_INTERVAL, UserCode},
    grant::{AuthorizationRequest, RequestOptions, ResponseMode},
    id::Id,
    secret::{Token, TokenHash},
};
use lanyard_oidc::{
    device::{self as rules, DeviceAuthorization, DeviceRefusal},
    dpop::{self as dpop_rules, Proof},
    error::{Code, OAuthError, Refusal},
    params::Params,
    token::{self, Redemption},
};
use lanyard_storage::{StorageError, WriteTx};

use super::{
    Place, ProtocolError,
    client::{self, apis_of},
    dpop,
    redeem::{self, Redeemed, claimed},
    standing::{is_recognised, standing},
};
use crate::{
    http::client::Client,
    service::{
        audit, consents,
        journey::{self, Begun, JourneyError},
    },
    state::App,
};

/// Wrong user codes from one network after which no more are looked at for [`GUESS_LOCK`].
pub const MAX_GUESSES: u32 = 10;
/// How long a network stays locked.
pub const GUESS_LOCK: Millis = 15 * MINUTE;

/// Answers a device authorization request.
///
/// # Errors
/// [`ProtocolError::Refused`] in the protocol's words.
pub async fn authorization(
    app: &App,
    place: &Place,
    params: &Params,
    authorization: Option<&str>,
    from: &Client,
) -> Result<DeviceAuthorization, ProtocolError> {
    let application = client::authenticated(app, place, params, authorization, from).await?;
    client::may_begin(app, &application, from)?;
    let params = params.clone();
    let page = format!("{}{}", app.origin, page(place));
    let (own, place) = (app.clone(), place.clone());
    let (code, user_code) = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let linked = tx.is_linked(application.id, place.flow.id).await?;
                if !linked || journey::is_too_weak(tx, &place.flow, &application).await? {
                    let text = "The application cannot be used with this user flow.";
                    return Err(Refusal::new(OAuthError::UnauthorizedClient, Code::UnknownClient, text).into());
                }
                let apis = apis_of(tx, &application).await?;
                let scope = rules::request(&params, &application, &apis)?;
                let now = own.clock.now();
                let code = Token::generate(own.entropy().as_mut());
                let user_code = UserCode::generate(own.entropy().as_mut());
                let row = DeviceCode {
                    hash: code.hash(),
                    tenant: place.tenant.id,
                    flow: place.flow.id,
                    application: application.id,
                    user_code: hashed(&own, &place, &user_code),
                    scope,
                    poll_interval: POLL_INTERVAL,
                    created_at: now,
                    expires_at: now.plus(DEVICE_CODE_LIFE),
                    polled_at: None,
                    grant: None,
                    denied_at: None,
                    redeemed_at: None,
                };
                // Two codes alike, of 25 thousand millions: the request fails, and the device asks again.
                tx.create_device_code(&row).await?;
                Ok::<_, ProtocolError>((code, user_code))
            })
        })
        .await?;
    Ok(DeviceAuthorization::new(&code, &user_code, &page))
}

/// The path of the page where a person types a code for `place`: always the shortest form.
#[must_use]
pub fn page(place: &Place) -> String {
    lanyard_app::paths::device(place.tenant.domain.as_str(), &place.flow.name.key())
}

fn hashed(app: &App, place: &Place, code: &UserCode) -> TokenHash {
    app.throttle_key(place.tenant.id, "user code", &[code.letters()])
}

/// What a typed user code led to.
#[derive(Debug)]
pub enum Found {
    /// A device that waits for an answer.
    Waiting(Box<Waiting>),
    /// It cannot be a code: nothing was looked up or counted.
    Malformed,
    /// It was answered already, or its time is up. Whoever has a right code guesses nothing.
    Over(DeviceResult),
    /// Nothing. It counts as a guess.
    Nothing,
    /// This network guessed too often: nothing is looked at until then.
    Locked(Timestamp),
}

/// A device that waits for an answer.
#[derive(Debug, Clone)]
pub struct Waiting {
    code: TokenHash,
    scope: String,
    /// The application on it.
    pub application: Application,
}

/// Looks up what a person typed. Wrong codes are counted by network; a right one does not take the
/// count back, or whoever has a code of their own could guess on for ever.
///
/// # Errors
/// When the database does not answer.
pub async fn find(app: &App, place: &Place, typed: &str, client: &Client) -> Result<Found, JourneyError> {
    let Some(typed) = UserCode::parse(typed) else { return Ok(Found::Malformed) };
    let key = app.throttle_key(place.tenant.id, "user code guesses", &[&client.network()]);
    let (own, place, typed) = (app.clone(), place.clone(), hashed(app, place, &typed));
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let (now, tenant) = (own.clock.now(), place.tenant.id);
                if let Some(until) = tx.throttle(tenant, &key).await?.and_then(|throttle| throttle.lock(now)) {
                    return Ok(Found::Locked(until));
                }
                if let Some(found) = look_up(tx, &place, &typed, now).await? {
                    return Ok(found);
                }
                tx.throttle_failed(tenant, &key, now, Delays::flat(MAX_GUESSES, GUESS_LOCK)).await?;
                Ok(Found::Nothing)
            })
        })
        .await
}

async fn look_up(
    tx: &mut (dyn WriteTx + '_),
    place: &Place,
    typed: &TokenHash,
    now: Timestamp,
) -> Result<Option<Found>, JourneyError> {
    let found = tx.device_code_by_user_code(place.tenant.id, typed).await?;
    let Some(code) = found.filter(|code| code.flow == place.flow.id) else { return Ok(None) };
    let application = tx.application_by_id(place.tenant.id, code.application).await?;
    let linked = tx.is_linked(code.application, place.flow.id).await?;
    let application = application.filter(|application| linked && rules::allowed(application).is_ok());
    let Some(application) = application else { return Ok(None) };
    Ok(Some(match (code.is_open(now), code.denied_at, code.grant) {
        (true, _, _) => Found::Waiting(Box::new(Waiting { code: code.hash, scope: code.scope, application })),
        (false, Some(_), _) => Found::Over(DeviceResult::Denied),
        (false, None, Some(_)) => Found::Over(DeviceResult::Approved),
        (false, None, None) => Found::Over(DeviceResult::TooLate),
    }))
}

/// Begins the journey of a person who says that the device is theirs. Only its end approves.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(app: &App, place: &Place, waiting: Waiting, browser: Option<Token>) -> Result<Begun, JourneyError> {
    let request = AuthorizationRequest {
        application: waiting.application.id,
        redirect_uri: String::new(),
        response_mode: ResponseMode::Query,
        scope: waiting.scope,
        state: None,
        nonce: None,
        code_challenge: None,
        login_hint: None,
        fresh_login: true,
        start_with_sign_up: false,
        options: RequestOptions::default(),
    };
    let (tenant, flow) = (place.tenant.clone(), place.flow.clone());
    journey::begin_device(app, (tenant, flow), waiting.application, request, waiting.code, browser).await
}

/// Notes the person's no; whether there was still something to say no to.
///
/// # Errors
/// When the database does not answer.
pub async fn deny(app: &App, place: &Place, waiting: Waiting, client: &Client) -> Result<bool, JourneyError> {
    let (own, tenant, client) = (app.clone(), place.tenant.id, client.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move { said_no(&own, tx, tenant, (&waiting.code, waiting.application.id), &client).await })
        })
        .await
}

/// Notes a no in the transaction of the caller; whether it was in time.
pub(crate) async fn said_no(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<lanyard_domain::tenant::Tenant>,
    (device, application): (&TokenHash, Id<Application>),
    client: &Client,
) -> Result<bool, JourneyError> {
    let denied = claimed(tx.deny_device_code(device, app.clock.now()).await)?;
    if denied {
        let event = audit::Event::of(Action::DeviceDenied, Outcome::Success).on(application).from(client);
        audit::append(app, tx, tenant, event).await?;
    }
    Ok(denied)
}

enum Polled {
    Yet(DeviceRefusal),
    Done(Box<Redeemed>),
}

/// Answers a device that asks for its tokens.
pub(super) async fn by_device(
    app: &App,
    place: &Place,
    application: &Application,
    code: Token,
    (proof, client): (Option<Proof>, &Client),
) -> Result<Redeemed, ProtocolError> {
    rules::allowed(application)?;
    let (own, place, application, client) = (app.clone(), place.clone(), application.clone(), client.clone());
    let polled = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                dpop::consume(tx, proof.as_ref()).await?;
                dpop_rules::demanded(&application, proof.as_ref())?;
                fetch(&own, tx, (&place, &application), &code.hash(), (proof.as_ref(), &client)).await
            })
        })
        .await?;
    match polled {
        Polled::Done(redeemed) => Ok(*redeemed),
        Polled::Yet(refusal) => Err(ProtocolError::Refused(refusal.into())),
    }
}

async fn fetch(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (place, application): (&Place, &Application),
    hash: &TokenHash,
    (proof, client): (Option<&Proof>, &Client),
) -> Result<Polled, ProtocolError> {
    let now = app.clock.now();
    let Some(code) = tx.device_code(hash).await? else { return Err(token::unknown_grant().into()) };
    let (tenant, flow) = (place.tenant.id, place.flow.id);
    // A device need not wait for a flow that its application has left.
    let configuration = tx.configuration_version(tenant).await?.unwrap_or_default();
    let standing = standing(app, tx, place, application, configuration).await?;
    if !standing.linked {
        return Err(token::unknown_grant().into());
    }
    let by = Redemption { tenant, flow, application, apis: &standing.apis, account: None, recognised: true, now };
    let id = match rules::poll(&code, &by) {
        Ok(id) => id,
        Err(refusal) => {
            note(tx, &code, refusal, now).await?;
            if refusal == DeviceRefusal::Used {
                revoke(app, tx, &code, client).await?;
            }
            return Ok(Polled::Yet(refusal));
        }
    };
    let over = Ok(Polled::Yet(DeviceRefusal::Over));
    let Some(grant) = tx.grant_by_id(id).await? else { return over };
    let Some(account) = tx.account_by_id(grant.tenant, grant.account).await? else { return over };
    let recognised = is_recognised(tx, &grant, now).await?;
    let by = Redemption { account: Some(&account), recognised, ..by };
    let agreed = consents::agreed(tx, application, &grant).await?;
    let Some(agreed) = agreed.filter(|_| rules::still_counts(&grant, &standing.demand, &by).is_ok()) else {
        return over;
    };
    // The two claims decide who is first, whatever was seen before (failure 12).
    if !claimed(tx.redeem_device_code(hash, now).await)? {
        revoke(app, tx, &code, client).await?;
        return Ok(Polled::Yet(DeviceRefusal::Used));
    }
    if !claimed(tx.redeem_grant(grant.id, now).await)? {
        // Revoked at this very moment: an error takes the first claim back as well.
        return Err(token::unknown_grant().into());
    }
    let event = audit::Event::of(Action::CodeRedeemed, Outcome::Success).from(client);
    let event = event.with(serde_json::json!({"by": "device"}));
    let to = (place, application, standing.apis.clone());
    let given = redeem::give(app, tx, to, (grant, account, agreed), (proof, event)).await?;
    Ok(Polled::Done(Box::new(given)))
}

// The device's pace is kept with the code, so that every server sees it.
async fn note(
    tx: &mut (dyn WriteTx + '_),
    code: &DeviceCode,
    refusal: DeviceRefusal,
    now: Timestamp,
) -> Result<(), StorageError> {
    match refusal {
        DeviceRefusal::Pending => tx.note_device_poll(&code.hash, now, code.poll_interval).await,
        DeviceRefusal::TooSoon(interval) => tx.note_device_poll(&code.hash, now, interval).await,
        DeviceRefusal::Elsewhere
        | DeviceRefusal::Denied
        | DeviceRefusal::Expired
        | DeviceRefusal::Used
        | DeviceRefusal::Over => Ok(()),
    }
}

// A device code that comes a second time is in two hands: what it gave ends (RFC 6749, 4.1.2).
async fn revoke(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    code: &DeviceCode,
    client: &Client,
) -> Result<(), StorageError> {
    // Once: whoever holds a used code may send it any number of times.
    let Some(grant) = code.grant else { return Ok(()) };
    if !tx.revoke_grant(grant, app.clock.now()).await? {
        return Ok(());
    }
    let event = audit::Event::of(Action::DeviceCodeReused, Outcome::Failure).on(code.application).from(client);
    audit::append(app, tx, code.tenant, event).await
}
