//! Logout: ends the session of the tenant, on the server.

use lanyard_domain::{
    audit::{Action, Outcome},
    secret::Token,
    session::Session,
};
use lanyard_oidc::{
    logout::{LogoutError, LogoutRequest, SignedIn},
    params::Params,
};
use lanyard_storage::ReadTx;

use super::Place;
use crate::{
    http::client::Client,
    service::{account::lock, audit, journey::JourneyError, sign_out, signing},
    state::App,
};

/// What a logout request led to.
#[derive(Debug)]
pub enum LogoutOutcome {
    /// The page asks "Sign out?": nothing proves that the person's own application asked (A35).
    Confirm,
    /// The session is ended; go there, or show that it is done.
    Done {
        /// A registered reply URL, with `state`.
        redirect: Option<String>,
        /// The addresses of the applications that sign out in a frame, before going on.
        frames: Vec<String>,
    },
    /// An error page.
    Refused(LogoutError),
}

/// Answers a logout request. `confirmed`: the person pressed the button of our own page.
///
/// # Errors
/// [`JourneyError`] when the database does not answer.
pub async fn logout(
    app: &App,
    place: &Place,
    params: &Params,
    sso: Option<&Token>,
    confirmed: bool,
    client: &Client,
) -> Result<LogoutOutcome, JourneyError> {
    let now = app.clock.now();
    let signing = signing::of(app, place.tenant.id).await?;
    let request = match LogoutRequest::parse(params) {
        Ok(request) => request,
        Err(error) => return Ok(LogoutOutcome::Refused(error)),
    };
    if let Err(error) = request.demand_hint(&place.flow.settings.session) {
        return Ok(LogoutOutcome::Refused(error));
    }
    let identified = match request.identify(&signing.verifier, &place.issuer, now) {
        Ok(identified) => identified,
        Err(error) => return Ok(LogoutOutcome::Refused(error)),
    };
    let (tenant, flow, id, cookie) = (place.tenant.id, place.flow.id, identified.application, sso.map(Token::hash));
    let asked = request.clone();
    let (application, session, signed_in) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let application = match id {
                    Some(id) => tx.application_by_id(tenant, id).await?,
                    None => tx.applications_of_flow(tenant, flow).await?.into_iter().find(|one| asked.returns_to(one)),
                };
                let session = match &cookie {
                    Some(cookie) => tx.session_by_token(tenant, cookie).await?,
                    None => None,
                };
                let signed_in = match &session {
                    Some(session) => Some(signed_in(tx, session).await?),
                    None => None,
                };
                Ok::<_, JourneyError>((application, session, signed_in))
            })
        })
        .await?;
    let decided = match request.decide(&identified, application.as_ref(), signed_in.as_ref()) {
        Ok(decided) => decided,
        Err(error) => return Ok(LogoutOutcome::Refused(error)),
    };
    if decided.confirm && !confirmed {
        return Ok(LogoutOutcome::Confirm);
    }
    let mut frames = Vec::new();
    if let Some(session) = session {
        let (own, client) = (app.clone(), client.clone());
        frames = app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    // A code that is issued at the same moment is either seen here or not issued.
                    lock(&own, tx, session.account).await?;
                    let parties = sign_out::parties(&own, tx, &session).await?;
                    if sign_out::end(&own, tx, &session, now).await? {
                        tx.revoke_grants_of_session(session.id, now).await?;
                        let event = audit::Event::of(Action::SignOut, Outcome::Success)
                            .by(session.account)
                            .on(session.id)
                            .from(&client);
                        audit::append(&own, tx, tenant, event).await?;
                    }
                    Ok::<_, JourneyError>(parties.iter().filter_map(sign_out::Party::frame).collect())
                })
            })
            .await?;
        app.outbox.wake();
    }
    Ok(LogoutOutcome::Done { redirect: decided.redirect, frames })
}

async fn signed_in(tx: &mut (dyn ReadTx + '_), session: &Session) -> Result<SignedIn, JourneyError> {
    let parties = tx.relying_parties(session.id).await?;
    let parties = parties.into_iter().map(|party| (party.application, party.sid)).collect();
    Ok(SignedIn { account: session.account, session: session.id, parties })
}

/// Whether no session stands under this cookie any more, of whatever tenant.
///
/// # Errors
/// [`JourneyError`] when the database does not answer.
pub async fn is_dead(app: &App, sso: &Token) -> Result<bool, JourneyError> {
    let hash = sso.hash();
    app.store.read(move |tx| Box::pin(async move { Ok(tx.sessions_of_cookie(&hash).await?.is_empty()) })).await
}
