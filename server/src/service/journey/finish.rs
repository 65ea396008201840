//! The way back: taken once, by one request.

use lanyard_app::{api::journey::OverReason, paths};
use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
    grant::AuthorizationRequest,
    id::Id,
    journey::{Ended, Facts, Journey, OtherPerson, Stage, Target},
    secret::{Token, TokenHash},
};
use lanyard_oidc::{authorize, device as device_rules, error::Refusal};
use lanyard_storage::{JourneySave, StorageError, StoredJourney, WriteTx};

use super::{
    JourneyError, Scene,
    answer::{self, Issue, Reply, Way},
    facts,
    scene::demand,
    show::{self, Loaded},
    view::Feedback,
};
use crate::{
    http::client::Client,
    service::{account::lock, audit, oauth::device::said_no},
    state::App,
};

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
    /// To the page that says how the sign-in of a device ended.
    Device {
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
    let Some(Loaded { row, scene, .. }) = show::load(app, id, None).await? else {
        return Err(JourneyError::NotFound);
    };
    if browser.is_none_or(|browser| !row.journey.header.browser.matches(&browser.hash()))
        || row.journey.is_expired(app.clock.now())
    {
        return Ok(Back::Nowhere);
    }
    if let (Stage::Ended(Ended::Cancelled), Target::Device { request, device }) =
        (row.journey.stage(), &row.journey.header.target)
    {
        return not_approved(app, &scene, (*device, request.application), client).await;
    }
    match row.journey.stage() {
        Stage::Ended(Ended::Cancelled) => return Ok(told(app, &row.journey, &scene, &Refusal::cancelled())),
        Stage::Ended(Ended::ForgotPassword) => {
            return Ok(told(app, &row.journey, &scene, &Refusal::forgotten_password()));
        }
        Stage::Returning(_) => {}
        _ => return Ok(Back::Nowhere),
    }
    let target = row.journey.header.target.clone();
    let (own, place, client) = (app.clone(), scene.clone(), client.clone());
    let taken = app.store.write(move |tx| Box::pin(async move { take(&own, tx, row, place, &client).await })).await;
    let issued = match taken {
        Ok(Taken::Back(back)) => return Ok(back),
        Ok(Taken::Issued(issued)) => issued,
        // Another request took it first.
        Err(JourneyError::Storage(StorageError::Conflict)) => return Ok(Back::Nowhere),
        Err(error) => return Err(error),
    };
    let (Target::Application(request), Some(application)) = (&target, &scene.application) else {
        return Ok(Back::Nowhere);
    };
    let reply = match issued {
        Ok(issued) => {
            let way = Way { tenant: scene.tenant.id, flow: &scene.flow, application, request };
            answer::deliver(app, way, *issued).await?
        }
        Err(OtherPerson) => answer::refuse(app, &scene.flow, request, &Refusal::other_person()),
    };
    Ok(Back::Application(reply))
}

/// What was taken out of a journey.
enum Taken {
    /// All there is to it.
    Back(Back),
    /// For the application; an ID token is still to be signed.
    Issued(Result<Box<Issue>, OtherPerson>),
}

async fn take(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    row: StoredJourney,
    scene: Scene,
    client: &Client,
) -> Result<Taken, JourneyError> {
    let now = app.clock.now();
    let holds = still_holds(app, tx, &row.journey, &scene).await?;
    let Ok((used, back)) = row.journey.take_return() else { return Ok(Taken::Back(Back::Nowhere)) };
    let feedback =
        (!holds).then(|| super::act::encode(&Feedback { over: Some(OverReason::Expired), ..Feedback::default() }));
    let save = JourneySave {
        journey: &used,
        replaces: row.version,
        feedback: feedback.as_deref(),
        ended_at: Some(now),
        flow_version: None,
    };
    tx.save_journey(save).await?;
    if !holds {
        return Ok(Taken::Back(Back::Nowhere));
    }
    let header = &used.header;
    match &header.target {
        Target::Console { return_to } => Ok(Taken::Back(Back::Own { path: return_to.clone() })),
        Target::Application(request) => {
            let issued = answer::issue(app, tx, back, header, request, client).await?;
            Ok(Taken::Issued(issued.map(Box::new)))
        }
        Target::Device { request, device } => {
            // Too late, or answered elsewhere: the device gets nothing, and the person is told.
            let waiting = tx.device_code(device).await?.filter(|code| code.is_open(now));
            let Some(waiting) = waiting else {
                return Ok(Taken::Back(device_page(&scene, paths::DeviceResult::TooLate)));
            };
            let grant = back.approve_device(header, request, waiting.expires_at, now, app.entropy().as_mut());
            tx.create_grant(&grant).await?;
            tx.approve_device_code(device, grant.id, now).await?;
            let event = audit::Event::of(Action::DeviceApproved, Outcome::Success);
            audit::append(app, tx, header.tenant, event.by(grant.account).on(request.application).from(client)).await?;
            Ok(Taken::Back(device_page(&scene, paths::DeviceResult::Approved)))
        }
        // The portal redeems it: the tokens are shown to the operator, not sent away.
        Target::Run { request, .. } => {
            let issued = back.issue(header, request, now, app.entropy().as_mut());
            let Some((grant, code)) = issued.ok().and_then(|issued| Some((issued.grant, issued.code?))) else {
                return Ok(Taken::Back(Back::Nowhere));
            };
            tx.create_grant(&grant).await?;
            let path = paths::portal_run_result(scene.tenant.domain.as_str(), code.expose());
            Ok(Taken::Back(Back::Own { path }))
        }
    }
}

// Between the last step and the way back the toggle may have moved, the account been disabled,
// or the session been ended: then there is no code.
async fn still_holds(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    journey: &Journey,
    scene: &Scene,
) -> Result<bool, JourneyError> {
    let Stage::Returning(back) = journey.stage() else { return Ok(false) };
    let now = app.clock.now();
    // A reset or a sign-out at the same moment comes before the code or after it: then it revokes it.
    lock(app, tx, back.authentication().account()).await?;
    let session = tx.session_by_id(back.session()).await?;
    let account = tx.account_facts(scene.tenant.id, back.authentication().account()).await?;
    // Read afresh: the flow may have been changed since the page was asked for.
    let Some(flow) = tx.flow_by_id(scene.tenant.id, scene.flow.id).await? else { return Ok(false) };
    let application = match &scene.application {
        Some(known) => tx.application_by_id(scene.tenant.id, known.id).await?,
        None => None,
    };
    // A reply URL, a link or a response type that was taken away since gets nothing (A28).
    if let Target::Application(request) = &journey.header.target {
        let fits = application.as_ref().is_some_and(|found| authorize::still_fits(request, found));
        if !fits || !tx.is_linked(request.application, flow.id).await? {
            return Ok(false);
        }
    }
    if let Target::Device { request, .. } = &journey.header.target {
        let may = application.as_ref().is_some_and(|found| device_rules::allowed(found).is_ok());
        if !may || !tx.is_linked(request.application, flow.id).await? {
            return Ok(false);
        }
    }
    let demand = demand(tx, &flow, application.as_ref()).await?;
    // The person may have taken the consent back since.
    let id = Some(back.authentication().account());
    let consent = facts::consent(tx, &journey.header.target, application.as_ref(), &flow, id).await?;
    let facts = Facts::at(now, demand, account, consent);
    Ok(session.is_some_and(|session| session.is_live(now)) && journey.still_holds(&facts))
}

fn device_page(scene: &Scene, result: paths::DeviceResult) -> Back {
    Back::Device { path: paths::device_result(scene.tenant.domain.as_str(), &scene.flow.name.key(), result) }
}

// Who turns back says no: the device need not wait for the end of its code.
async fn not_approved(
    app: &App,
    scene: &Scene,
    (device, application): (TokenHash, Id<Application>),
    client: &Client,
) -> Result<Back, JourneyError> {
    let (own, tenant, client) = (app.clone(), scene.tenant.id, client.clone());
    let said = app
        .store
        .write(move |tx| Box::pin(async move { said_no(&own, tx, tenant, (&device, application), &client).await }))
        .await?;
    // It may have been answered elsewhere meanwhile, or its time is up.
    Ok(device_page(scene, if said { paths::DeviceResult::Denied } else { paths::DeviceResult::TooLate }))
}

// The application learns why there is nothing for it, at a reply URL that is still registered.
fn told(app: &App, journey: &Journey, scene: &Scene, refusal: &Refusal) -> Back {
    match &journey.header.target {
        Target::Application(request) if may_be_told(scene, request) => {
            Back::Application(answer::refuse(app, &scene.flow, request, refusal))
        }
        Target::Application(_) | Target::Run { .. } | Target::Console { .. } | Target::Device { .. } => Back::Nowhere,
    }
}

/// Whether anything may be sent to the reply URL of `request`: it is registered now.
pub(super) fn may_be_told(scene: &Scene, request: &AuthorizationRequest) -> bool {
    scene.application.as_ref().is_some_and(|application| application.accepts_reply_url(&request.redirect_uri))
}
