//! Client credentials: an application asks for a token of its own (RFC 6749, 4.4).

use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
    id::Id,
};
use lanyard_oidc::{
    claims::ApplicationIssuance,
    dpop::{self as dpop_rules, Proof},
    error::{Code, OAuthError, Refusal},
    scope::Scopes,
    token::{self, ApplicationToken},
};
use lanyard_storage::StorageError;

use super::{
    Place, ProtocolError, dpop,
    standing::{self, Standing},
};
use crate::{
    http::client::Client,
    service::{audit, journey::JourneyError, signing},
    state::App,
};

pub(super) async fn by_client(
    app: &App,
    place: &Place,
    application: &Application,
    scope: Option<String>,
    (proof, from): (Option<Proof>, &Client),
) -> Result<ApplicationToken, ProtocolError> {
    token::may_ask_for_itself(application)?;
    dpop_rules::demanded(application, proof.as_ref())?;
    let key = proof.as_ref().map(|proof| proof.thumbprint.clone());
    // A proof is noted down in the transaction.
    let granted = match proof {
        None => at_once(app, place, application, scope.as_deref(), from).await?,
        Some(_) => None,
    };
    let granted = match granted {
        Some(granted) => granted,
        None => attempt(app, place, application, scope.clone(), (proof, from)).await?,
    };
    issue(app, place, application, (&granted, scope.unwrap_or_default(), key.as_deref())).await
}

/// Signs the token that was granted, bound to `key` if there is one.
///
/// # Errors
/// When the keys cannot be read or do not sign.
pub(super) async fn issue(
    app: &App,
    place: &Place,
    application: &Application,
    (granted, scope, key): (&Granted, String, Option<&str>),
) -> Result<ApplicationToken, ProtocolError> {
    let Granted { api, roles } = granted;
    let signing = signing::of(app, place.tenant.id).await?;
    let now = app.clock.now();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let issuance =
        ApplicationIssuance { issuer: &place.issuer, flow: &place.flow, application, api, roles: &roles, key, now };
    let serial = Id::<Application>::new(now, app.entropy().as_mut()).uuid();
    ApplicationToken::issue(&issuance, signing.key(api.settings.signing)?, serial, scope)
        .map_err(|error| JourneyError::Internal(format!("signing: {error}")).into())
}

/// The web API that a token is for, and what it permits there.
pub(super) struct Granted {
    api: Application,
    roles: Vec<String>,
}

// An application that was unlinked gets nothing more from this flow.
fn judge(caller: &Application, standing: &Standing, asked: Option<&str>) -> Result<Granted, Refusal> {
    if !standing.linked {
        return Err(unlinked());
    }
    let (api, roles) = Scopes::new(caller, &standing.apis).whole_api(asked)?;
    Ok(Granted { api: api.clone(), roles: roles.into_iter().map(str::to_owned).collect() })
}

fn issued(caller: &Application, granted: &Granted, from: &Client) -> audit::Event {
    audit::Event::of(Action::ApplicationTokenIssued, Outcome::Success)
        .on(caller.id)
        .from(from)
        .with(serde_json::json!({"api": granted.api.id}))
}

/// By what is known of the configuration, as long as it is that while the event is noted down. `None`: it has to be
/// looked at.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn at_once(
    app: &App,
    place: &Place,
    application: &Application,
    asked: Option<&str>,
    from: &Client,
) -> Result<Option<Granted>, ProtocolError> {
    dpop_rules::demanded(application, None)?;
    let Some(standing) = standing::at_hand(app, place, application) else { return Ok(None) };
    let Ok(granted) = judge(application, &standing, asked) else { return Ok(None) };
    let event = audit::record(app, place.tenant.id, issued(application, &granted, from));
    match app.store.note(event, place.configuration).await {
        Ok(()) => Ok(Some(granted)),
        Err(StorageError::Conflict | StorageError::Raced) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn attempt(
    app: &App,
    place: &Place,
    application: &Application,
    asked: Option<String>,
    (proof, from): (Option<Proof>, &Client),
) -> Result<Granted, ProtocolError> {
    let (own, here, caller, from) = (app.clone(), place.clone(), application.clone(), from.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                dpop::consume(tx, proof.as_ref()).await?;
                let configuration = tx.configuration_version(here.tenant.id).await?.unwrap_or_default();
                let standing = standing::standing(&own, tx, &here, &caller, configuration).await?;
                let granted = judge(&caller, &standing, asked.as_deref())?;
                audit::append(&own, tx, here.tenant.id, issued(&caller, &granted, &from)).await?;
                Ok(granted)
            })
        })
        .await
}

const fn unlinked() -> Refusal {
    Refusal::new(
        OAuthError::UnauthorizedClient,
        Code::UnknownClient,
        "The application is not linked to this user flow.",
    )
}
