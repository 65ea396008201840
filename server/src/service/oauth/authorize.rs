//! The authorization endpoint: the pure rules, then a live session or a journey.

use lanyard_domain::{id::Id, secret::Token};
use lanyard_oidc::{
    authorize::{self, Authorize, AuthorizeError, Input},
    error::Code,
    params::Params,
    response::AuthorizationResponse,
};

use super::Place;
use crate::{
    http::client::Client,
    service::{
        journey::{self, Begun, JourneyError},
        signing,
    },
    state::App,
};

/// What an authorization request led to.
#[derive(Debug)]
pub enum Authorization {
    /// Back to the application at once: a code from a live session, or an error.
    Respond(AuthorizationResponse),
    /// To the journey's first page.
    Begin(Begun),
    /// Nothing: too many journeys were begun from there.
    TooMany,
    /// An error page; nothing is ever sent to the reply URL.
    Page {
        /// B2C's code.
        code: String,
        /// One plain sentence.
        text: &'static str,
    },
}

/// Answers an authorization request for `place`.
///
/// # Errors
/// [`JourneyError`] when the database does not answer.
pub async fn authorize(
    app: &App,
    place: &Place,
    params: &Params,
    sso: Option<Token>,
    browser: Option<Token>,
    client: &Client,
) -> Result<Authorization, JourneyError> {
    match checked(app, place, params).await? {
        Ok((application, authorize)) => go_on(app, place, application, authorize, sso, browser, client).await,
        Err(error) => Ok(refused(app, place, error)),
    }
}

type Checked = Result<(lanyard_domain::application::Application, Authorize), AuthorizeError>;

async fn checked(app: &App, place: &Place, params: &Params) -> Result<Checked, JourneyError> {
    let id = match authorize::client_id(params) {
        Ok(id) => id,
        Err(error) => return Ok(Err(error)),
    };
    let (tenant, flow) = (place.tenant.id, place.flow.id);
    let own_flow = place.flow.clone();
    let (application, linked, too_weak) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let application = tx.application_by_id(tenant, id).await?;
                let linked = tx.is_linked(id, flow).await?;
                let too_weak = match &application {
                    Some(application) if linked => journey::is_too_weak(tx, &own_flow, application).await?,
                    Some(_) | None => false,
                };
                Ok::<_, JourneyError>((application, linked, too_weak))
            })
        })
        .await?;
    let input = Input { params, tenant, application: application.as_ref(), linked };
    let authorize = match authorize::check(&input) {
        Ok(authorize) => authorize,
        Err(error) => return Ok(Err(error)),
    };
    // No redirect: the address was edited, or the application asks its weaker flow by mistake.
    if too_weak {
        let text = "This user flow does not ask for the second step that the app requires.";
        return Ok(Err(AuthorizeError::Page { code: Code::UnknownClient, text }));
    }
    // The rules accept no request without its application.
    let Some(application) = application else { return Err(JourneyError::NotFound) };
    Ok(Ok((application, authorize)))
}

async fn go_on(
    app: &App,
    place: &Place,
    application: lanyard_domain::application::Application,
    authorize: Authorize,
    sso: Option<Token>,
    browser: Option<Token>,
    client: &Client,
) -> Result<Authorization, JourneyError> {
    let silent = authorize.silent();
    let refusal = authorize.refuse_silent(false);
    let (auth_time, hint_fits) = session_facts(app, place, &authorize, sso.as_ref()).await?;
    let mut request = authorize.into_request(auth_time, app.clock.now());
    request.fresh_login |= !hint_fits;
    let reply = journey::single_sign_on(app, &place.tenant, &place.flow, &application, &request, sso.as_ref()).await?;
    match reply {
        Some(reply) => return Ok(Authorization::Respond(reply.0)),
        None if silent => return Ok(refused(app, place, refusal)),
        None if !app.limiter.admits_beginning(client.ip) => return Ok(Authorization::TooMany),
        None => {}
    }
    let (tenant, flow) = (place.tenant.clone(), place.flow.clone());
    let begun = journey::begin_for(app, tenant, flow, application, request, sso, browser).await?;
    Ok(Authorization::Begin(begun))
}

// When the present session began, and whether it is the one that `id_token_hint` means.
async fn session_facts(
    app: &App,
    place: &Place,
    authorize: &Authorize,
    sso: Option<&Token>,
) -> Result<(Option<lanyard_domain::clock::Timestamp>, bool), JourneyError> {
    let Some(sso) = sso else { return Ok((None, true)) };
    let (tenant, hash) = (place.tenant.id, sso.hash());
    let session = app
        .store
        .read(move |tx| Box::pin(async move { Ok::<_, JourneyError>(tx.session_by_token(tenant, &hash).await?) }))
        .await?;
    let Some(session) = session else { return Ok((None, true)) };
    let hint_fits = match &authorize.id_token_hint {
        None => true,
        Some(token) => {
            let signing = signing::of(app, tenant).await?;
            let hint = signing.verifier.id_token_hint(
                token,
                &place.issuer,
                Some(authorize.request.application),
                app.clock.now(),
            );
            hint.is_ok_and(|hint| Authorize::hint_fits(Some(&hint), session.account))
        }
    };
    Ok((Some(session.authentication.at()), hint_fits))
}

fn refused(app: &App, place: &Place, error: AuthorizeError) -> Authorization {
    match error {
        AuthorizeError::Page { code, text } => Authorization::Page { code: code.to_string(), text },
        AuthorizeError::Redirect { back, refusal } => {
            let now = app.clock.now();
            let correlation = Id::<Place>::new(now, app.entropy().as_mut()).uuid();
            Authorization::Respond(back.with_error(&place.issuer, &refusal, correlation, now))
        }
    }
}
