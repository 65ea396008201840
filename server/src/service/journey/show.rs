//! The journey's page: everything that a view is made from, read in one go.

use std::collections::BTreeMap;

use lanyard_app::{
    api::{
        account::FarewellView,
        journey::{Delivery, JourneyView, OverReason, StageView},
    },
    paths,
};
use lanyard_domain::{
    account::Account,
    attribute::Attributes,
    clock::{Millis, SECOND, Timestamp},
    email::EmailAddress,
    id::Id,
    journey::{AccountFacts, Ended, Event, Journey, Stage, Whose},
    password::StoredPassword,
    secret::Token,
};
use lanyard_storage::{JourneyAtHand, MessageStatus, StoredJourney};

use super::{
    JourneyError, Scene,
    scene::usable,
    surroundings::{self, Place},
    view::{self, Feedback, Sight},
};
use crate::{
    http::csrf,
    service::{
        account::words,
        consents::{self, Rights},
    },
    state::App,
};

/// After this long without an answer a message counts as delayed.
const SLOW: Millis = 5 * SECOND;

/// A journey's id out of a path.
pub(super) fn parse_id(text: &str) -> Option<Id<Journey>> {
    text.parse().ok()
}

/// A journey with what stands around it.
pub(super) struct Loaded {
    pub(super) row: StoredJourney,
    pub(super) scene: Scene,
    /// The account of the address that was asked for, whether it has a password or not.
    pub(super) account: Option<Id<Account>>,
    /// Its password, if it has one.
    pub(super) password: Option<StoredPassword>,
}

/// Loads journey `id`, and the password of who has the address `email`; `None` if there is no such
/// journey.
pub(super) async fn load(app: &App, id: &str, email: Option<EmailAddress>) -> Result<Option<Loaded>, JourneyError> {
    let Some(id) = parse_id(id) else { return Ok(None) };
    let found = app
        .store
        .glance(move |tx| Box::pin(async move { Ok::<_, JourneyError>(tx.journey_at_hand(id, email.as_ref()).await?) }))
        .await?;
    let Some(JourneyAtHand { stored: row, configuration, account, password }) = found else { return Ok(None) };
    let header = &row.journey.header;
    let around = surroundings::at(app, Place::of(header), configuration).await?;
    let scene = Scene::of(app, around, header);
    Ok(Some(Loaded { row, scene, account, password }))
}

/// The page of journey `id` for the browser with this secret.
///
/// # Errors
/// [`JourneyError::NotFound`] if there is no such journey.
pub async fn show(app: &App, id: &str, browser: Option<&Token>) -> Result<JourneyView, JourneyError> {
    Ok(drawn(app, id, browser).await?.0)
}

/// The same, and of which version of the journey it is.
pub(super) async fn drawn(app: &App, id: &str, browser: Option<&Token>) -> Result<(JourneyView, i64), JourneyError> {
    let Some(Loaded { row, scene, .. }) = load(app, id, None).await? else { return Err(JourneyError::NotFound) };
    let Some(browser) = browser.filter(|browser| row.journey.header.browser.matches(&browser.hash())) else {
        return Ok((elsewhere(id, &row.journey, &scene), row.version));
    };
    let more = more(app, &row.journey, &scene).await?;
    let keys = app.tenant_keys_of(scene.tenant.id).await?;
    let feedback: Feedback =
        row.feedback.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let now = app.clock.now();
    let sight = Sight {
        scene: &scene,
        csrf: csrf::token(browser, id),
        browser,
        now,
        methods: usable(app, &row.journey.offered(&scene.demand, more.account.as_ref(), now)),
        account: more.account.as_ref(),
        feedback: hinted(feedback, &row.journey),
        delivery: more.delivery,
        passkeys: app.passkeys.as_ref(),
        keys: &keys,
        attributes: more.attributes,
        rights: more.rights,
    };
    Ok((view::of(&row.journey, sight), row.version))
}

/// What the person is told who is about to leave journey `id` with an account that is to be deleted; `None`
/// if there is nothing of the kind to say to this browser.
///
/// # Errors
/// [`JourneyError::NotFound`] if there is no such journey.
pub async fn farewell(app: &App, id: &str, browser: Option<&Token>) -> Result<Option<FarewellView>, JourneyError> {
    let Some(Loaded { row, scene, .. }) = load(app, id, None).await? else { return Err(JourneyError::NotFound) };
    let own = browser.is_some_and(|browser| row.journey.header.browser.matches(&browser.hash()));
    if !own || row.journey.is_expired(app.clock.now()) || !matches!(row.journey.stage(), Stage::Returning(_)) {
        return Ok(None);
    }
    let feedback: Feedback =
        row.feedback.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    Ok(feedback.deletion.map(|at| FarewellView {
        tenant: scene.tenant.name.clone(),
        application: scene.application.as_ref().map(|application| application.name.clone()),
        account: scene.account_path,
        at: words::moment(at),
        onward: paths::journey_return(id),
    }))
}

// A login hint prefills the address; it is never trusted.
fn hinted(mut feedback: Feedback, journey: &Journey) -> Feedback {
    use lanyard_domain::journey::Target;
    if let Target::Application(request) | Target::Run { request, .. } = &journey.header.target
        && let Some(hint) = &request.login_hint
    {
        feedback.values.entry("email".to_owned()).or_insert_with(|| hint.clone());
    }
    feedback
}

// Another browser learns that the page is not its own, and the tenant's name, which is public. A
// journey that is over says so to everybody: its own browser has lost the cookie by then.
fn elsewhere(id: &str, journey: &Journey, scene: &Scene) -> JourneyView {
    let used = matches!(journey.stage(), Stage::Ended(Ended::Used));
    let reason = if used { OverReason::Used } else { OverReason::OtherBrowser };
    JourneyView {
        id: id.to_owned(),
        csrf: String::new(),
        tenant: scene.tenant.name.clone(),
        application: None,
        stage: StageView::Over { reason, start_again: scene.start_elsewhere.clone() },
        postpone_until: None,
        longer_password: None,
        problems: Vec::new(),
        values: BTreeMap::new(),
        demo: scene.demo,
    }
}

struct More {
    account: Option<AccountFacts>,
    attributes: Attributes,
    delivery: Delivery,
    rights: Rights,
}

async fn more(app: &App, journey: &Journey, scene: &Scene) -> Result<More, JourneyError> {
    let whose = journey.whose(&Event::Back);
    let wants_attributes = matches!(journey.stage(), Stage::EditProfile(_) | Stage::EnrolPhone { .. });
    let (id, tenant, now) = (journey.header.id, scene.tenant.id, app.clock.now());
    let asks = matches!(journey.stage(), Stage::Consent { .. });
    let application = scene.application.clone().filter(|_| asks);
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let account = match whose {
                    Whose::Account(account) => tx.account_facts(tenant, account).await?,
                    Whose::Nobody | Whose::Address(_) => None,
                };
                let attributes = match &account {
                    Some(account) if wants_attributes => {
                        tx.account_by_id(tenant, account.id).await?.map(|found| found.attributes).unwrap_or_default()
                    }
                    Some(_) | None => Attributes::new(),
                };
                let delivery = tx.message_status(id).await?.map_or(Delivery::OnItsWay, |status| fares(&status, now));
                let rights = match &application {
                    Some(application) => consents::rights(tx, application).await?,
                    None => Rights::new(),
                };
                Ok(More { account, attributes, delivery, rights })
            })
        })
        .await
}

// A provider that has had the message for a while without an answer is as good as failing.
fn fares(status: &MessageStatus, now: Timestamp) -> Delivery {
    let slow = now.since(status.created_at) > SLOW;
    match status {
        MessageStatus { failed_at: Some(_), .. } => Delivery::Failed,
        MessageStatus { delivered_at: Some(_), .. } => Delivery::OnItsWay,
        MessageStatus { last_error: Some(_), .. } => Delivery::Delayed,
        MessageStatus { .. } if slow => Delivery::Delayed,
        MessageStatus { .. } => Delivery::OnItsWay,
    }
}

/// Puts what was wrong with the last form into a view that was made before it was known.
pub(super) fn with_feedback(view: &mut JourneyView, feedback: Feedback) {
    view.problems = feedback.problems;
    if let StageView::Details { attributes, .. } | StageView::EditProfile { attributes } = &mut view.stage {
        for field in attributes {
            // An unticked box sends nothing, and that is what was typed.
            field.value = feedback.values.get(&field.name).cloned().unwrap_or_default();
        }
    }
    view.values = feedback.values;
}
