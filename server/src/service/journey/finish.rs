//! The way back: taken once, by one request.

use lanyard_domain::{
    audit::{Action, Outcome},
    id::Id,
    journey::{Ended, Journey, Stage, Target},
    secret::Token,
};
use lanyard_app::paths;
use lanyard_oidc::{error::Refusal, response};
use lanyard_storage::{JourneySave, StorageError};

use super::{JourneyError, show};
use crate::{http::client::Client, service::audit, state::App};

/// A finished authorization response.
#[derive(Debug)]
pub struct Reply(pub response::AuthorizationResponse);

/// Where a journey leads at its end.
#[derive(Debug)]
pub enum Back {
    /// To the application.
    Application(Reply),
    /// To a page of ours.
    Own {
        /// Its path.
        path: String,
    },
    /// Nowhere: the journey's own page says why.
    Nowhere,
}

/// Takes the way back out of journey `id`.
///
/// # Errors
/// [`JourneyError::NotFound`] if there is no such journey.
pub async fn take_return(app: &App, id: &str, browser: Option<&Token>, client: &Client) -> Result<Back, JourneyError> {
    let Some((row, scene)) = show::load(app, id).await? else { return Err(JourneyError::NotFound) };
    if browser.is_none_or(|browser| !row.journey.header.browser.matches(&browser.hash())) || row.journey.is_expired(app.clock.now()) {
        return Ok(Back::Nowhere);
    }
    if matches!(row.journey.stage(), Stage::Ended(Ended::Cancelled)) {
        return Ok(cancelled(app, &row.journey, &scene.flow.name.key()));
    }
    let Ok((used, back)) = row.journey.take_return() else { return Ok(Back::Nowhere) };
    let (now, version, flow_key) = (app.clock.now(), row.version, scene.flow.name.key());
    let (own, client, domain) = (app.clone(), client.clone(), scene.tenant.domain.clone());
    let taken = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let save = JourneySave { journey: &used, replaces: version, feedback: None, ended_at: Some(now), flow_version: None };
                tx.save_journey(save).await?;
                let header = &used.header;
                match &header.target {
                    Target::Console { return_to } => Ok(Back::Own { path: return_to.clone() }),
                    Target::Application(request) => {
                        let issued = back.issue_code(header, request, now, own.entropy().as_mut());
                        tx.create_grant(&issued.grant).await?;
                        let event = audit::Event::of(Action::CodeIssued, Outcome::Success)
                            .by(issued.grant.account)
                            .on(request.application)
                            .from(&client);
                        audit::append(&own, tx, header.tenant, event).await?;
                        let issuer = own.issuer(header.tenant, &flow_key);
                        let reply = response::Back::from(request).with_code(&issuer, &issued.code);
                        Ok(Back::Application(Reply(reply)))
                    }
                    // The portal redeems it: the tokens are shown to the operator, not sent away.
                    Target::Run { request, .. } => {
                        let issued = back.issue_code(header, request, now, own.entropy().as_mut());
                        tx.create_grant(&issued.grant).await?;
                        Ok(Back::Own { path: paths::portal_run_result(domain.as_str(), issued.code.expose()) })
                    }
                }
            })
        })
        .await;
    match taken {
        // Another request took it first.
        Err(JourneyError::Storage(StorageError::Conflict)) => Ok(Back::Nowhere),
        other => other,
    }
}

fn cancelled(app: &App, journey: &Journey, flow_key: &str) -> Back {
    match &journey.header.target {
        Target::Application(request) => {
            let issuer = app.issuer(journey.header.tenant, flow_key);
            let now = app.clock.now();
            let correlation = Id::<Journey>::new(now, app.entropy().as_mut()).uuid();
            let reply = response::Back::from(request).with_error(&issuer, &Refusal::cancelled(), correlation, now);
            Back::Application(Reply(reply))
        }
        Target::Run { .. } | Target::Console { .. } => Back::Nowhere,
    }
}
