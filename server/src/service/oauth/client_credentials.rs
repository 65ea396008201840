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

use super::{Place, ProtocolError, dpop, standing::standing};
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
    let (own, here, caller, from, asked) =
        (app.clone(), place.clone(), application.clone(), from.clone(), scope.clone());
    let (api, roles) = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                dpop::consume(tx, proof.as_ref()).await?;
                // An application that was unlinked gets nothing more from this flow.
                let configuration = tx.configuration_version(here.tenant.id).await?.unwrap_or_default();
                let standing = standing(&own, tx, &here, &caller, configuration).await?;
                if !standing.linked {
                    return Err(ProtocolError::Refused(unlinked()));
                }
                let (api, roles) = Scopes::new(&caller, &standing.apis).whole_api(asked.as_deref())?;
                let event = audit::Event::of(Action::ApplicationTokenIssued, Outcome::Success)
                    .on(caller.id)
                    .from(&from)
                    .with(serde_json::json!({"api": api.id}));
                audit::append(&own, tx, here.tenant.id, event).await?;
                Ok((api.clone(), roles.into_iter().map(str::to_owned).collect::<Vec<_>>()))
            })
        })
        .await?;
    let signing = signing::of(app, place.tenant.id).await?;
    let now = app.clock.now();
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let issuance = ApplicationIssuance {
        issuer: &place.issuer,
        flow: &place.flow,
        application,
        api: &api,
        roles: &roles,
        key: key.as_deref(),
        now,
    };
    let serial = Id::<Application>::new(now, app.entropy().as_mut()).uuid();
    ApplicationToken::issue(&issuance, signing.key(api.settings.signing)?, serial, scope.unwrap_or_default())
        .map_err(|error| JourneyError::Internal(format!("signing: {error}")).into())
}

const fn unlinked() -> Refusal {
    Refusal::new(
        OAuthError::UnauthorizedClient,
        Code::UnknownClient,
        "The application is not linked to this user flow.",
    )
}
