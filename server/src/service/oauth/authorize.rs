//! The authorization endpoint: the pure rules, then a live session or a journey.

use std::sync::Arc;

use lanyard_domain::{application::Application, grant::AuthorizationRequest, id::Id, secret::Token, session::Session};
use lanyard_oidc::{
    authorize::{self, Authorize, AuthorizeError, Input, pushed},
    error::{Code, Refusal, Silent},
    params::Params,
    response::{AuthorizationResponse, Back},
};

use lanyard_storage::StorageError;

use super::{Place, pushed as requests, standing};
use crate::{
    http::client::Client,
    service::{
        journey::{self, Begun, JourneyError, SignOn, Whence},
        signing,
    },
    state::App,
};

/// What an authorization request led to.
#[derive(Debug)]
pub enum Authorization {
    /// Back to the application at once: what a live session gives, or an error.
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

/// Who asks: what a browser brings along.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// The single sign-on cookie.
    pub sso: Option<&'a Token>,
    /// The journey cookie.
    pub browser: Option<&'a Token>,
    /// The address it comes from.
    pub client: &'a Client,
    /// Where that is, for flows that ask under conditions.
    pub whence: &'a Whence,
}

/// Answers an authorization request for `place`.
///
/// # Errors
/// [`JourneyError`] when the database does not answer. A request with `prompt=none` whose reply
/// URL is good is told so by a redirect instead: no person looks at a page of ours there.
pub async fn authorize(
    app: &App,
    place: &Place,
    params: &Params,
    visitor: Visitor<'_>,
) -> Result<Authorization, JourneyError> {
    let (application, authorize) = match checked(app, place, params).await? {
        Ok(checked) => checked,
        Err(error) => return Ok(refused(app, place, error)),
    };
    let (silent, back) = (authorize.silent(), Back::from(&authorize.request));
    match answer(app, place, application, authorize, visitor).await {
        Err(error) if silent => {
            tracing::error!(%error, "a silent request failed");
            let refusal = match error {
                JourneyError::Busy | JourneyError::Storage(_) => Refusal::unavailable(),
                JourneyError::NotFound | JourneyError::Internal(_) => Refusal::server_error(),
            };
            Ok(refused(app, place, AuthorizeError::Redirect { back, refusal }))
        }
        other => other,
    }
}

type Checked = Result<(Arc<Application>, Authorize), AuthorizeError>;

async fn checked(app: &App, place: &Place, params: &Params) -> Result<Checked, JourneyError> {
    let (id, reference) = match authorize::client_id(params).and_then(|id| Ok((id, pushed::referred(params)?))) {
        Ok(named) => named,
        Err(error) => return Ok(Err(error)),
    };
    let pushed = match &reference {
        None => None,
        Some(reference) => match requests::take(app, place, id, reference).await? {
            Some(params) => Some(params),
            None => return Ok(Err(pushed::gone())),
        },
    };
    let application = super::application(app, place, id).await?;
    let standing = match &application {
        Some(application) => Some(standing::of(app, place, application).await?),
        None => None,
    };
    let input = Input {
        params: pushed.as_ref().unwrap_or(params),
        tenant: place.tenant.id,
        application: application.as_deref(),
        apis: standing.as_ref().map_or(&[], |standing| standing.apis.as_slice()),
        linked: standing.as_ref().is_some_and(|standing| standing.linked),
        pushed: pushed.is_some(),
    };
    let authorize = match authorize::check(&input) {
        Ok(authorize) => authorize,
        Err(error) => return Ok(Err(error)),
    };
    // The rules accept no request without its application.
    let (Some(application), Some(standing)) = (application, standing) else { return Err(JourneyError::NotFound) };
    if standing.too_weak {
        return Ok(Err(weak_flow(place, &authorize)));
    }
    Ok(Ok((application, authorize)))
}

// The address was edited, or the application asks its weaker flow by mistake: a person is told on
// a page, a hidden frame by a redirect.
fn weak_flow(place: &Place, authorize: &Authorize) -> AuthorizeError {
    if authorize.silent() {
        return authorize.silent_refusal(Silent::WeakFlow, place.flow.settings.tokens.strict_errors);
    }
    let text = "This user flow does not ask for the second step that the app requires.";
    AuthorizeError::Page { code: Code::UnknownClient, text }
}

async fn answer(
    app: &App,
    place: &Place,
    application: Arc<Application>,
    authorize: Authorize,
    visitor: Visitor<'_>,
) -> Result<Authorization, JourneyError> {
    let authorize = match with_hint(app, place, authorize).await? {
        Ok(authorize) => authorize,
        Err(error) => return Ok(refused(app, place, error)),
    };
    let session = session(app, place, visitor.sso).await?;
    let auth_time = session.as_ref().map(|session| session.authentication.at());
    let silent = authorize.silent().then(|| authorize.clone());
    let request = authorize.into_request(auth_time, app.clock.now());
    // A cookie of no session leads to no write (D8).
    let sso = visitor.sso.zip(session.map(|session| session.account)).filter(|_| !request.fresh_login);
    if sso.is_some() && !app.limiter.admits_silent(visitor.client.ip) {
        return Ok(match silent {
            Some(_) => refused(app, place, busy(&request)),
            None => Authorization::TooMany,
        });
    }
    let around = (&place.tenant, &place.flow, &*application);
    let sign_on = journey::single_sign_on(app, around, &request, sso, (visitor.client, visitor.whence)).await?;
    match (sign_on, silent) {
        (SignOn::Answered(reply), _) => Ok(Authorization::Respond(reply.0)),
        (SignOn::Person(reason), Some(authorize)) => {
            let strict = place.flow.settings.tokens.strict_errors;
            Ok(refused(app, place, authorize.silent_refusal(reason, strict)))
        }
        (SignOn::Person(_), None) => begin(app, place, Application::clone(&application), request, visitor).await,
    }
}

// A hidden frame has no use for a page.
fn busy(request: &AuthorizationRequest) -> AuthorizeError {
    AuthorizeError::Redirect { back: Back::from(request), refusal: Refusal::unavailable() }
}

async fn begin(
    app: &App,
    place: &Place,
    application: Application,
    request: AuthorizationRequest,
    visitor: Visitor<'_>,
) -> Result<Authorization, JourneyError> {
    if !app.limiter.admits_beginning(visitor.client.ip) {
        return Ok(Authorization::TooMany);
    }
    let (tenant, flow) = (place.tenant.clone(), place.flow.clone());
    let cookies = (visitor.sso.cloned(), visitor.browser.cloned(), visitor.whence.clone());
    let begun = journey::begin_for(app, tenant, flow, application, request, cookies).await?;
    Ok(Authorization::Begin(begun))
}

// Whom the application believes to be signed in, by an ID token of ours.
async fn with_hint(
    app: &App,
    place: &Place,
    authorize: Authorize,
) -> Result<Result<Authorize, AuthorizeError>, JourneyError> {
    let Some(token) = &authorize.id_token_hint else { return Ok(Ok(authorize)) };
    let signing = signing::of(app, place.tenant.id).await?;
    let application = Some(authorize.request.application);
    let hint = signing.verifier.id_token_hint(token, &place.issuer, application, app.clock.now());
    Ok(authorize.about(hint.ok().as_ref()))
}

// The present session, as far as one look tells.
async fn session(app: &App, place: &Place, sso: Option<&Token>) -> Result<Option<Session>, JourneyError> {
    let Some(sso) = sso else { return Ok(None) };
    let (tenant, hash) = (place.tenant.id, sso.hash());
    let found = app.store.glance(move |tx| Box::pin(async move { tx.session_by_token(tenant, &hash).await })).await;
    found.map_err(|error: StorageError| error.into())
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
