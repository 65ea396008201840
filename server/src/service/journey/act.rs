//! One event: read the form, then load, step, carry out and save in one transaction.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use lanyard_app::api::journey::{JourneyView, OverReason, ProblemCode};
use lanyard_domain::{
    account::Account,
    clock::{SECOND, Timestamp},
    id::Id,
    journey::{Effect, Event, Facts, Journey, Refusal, Stage, Target, Tools, Whose},
    secret::Token,
    tenant::Tenant,
    user_flow::Audience,
};
use lanyard_storage::{Constraint, JourneySave, StorageError, StoredJourney, WriteTx};

use super::{
    JourneyError, Scene,
    effects::{self, Hands},
    facts,
    guessing::{self, Source},
    input::{self, Input},
    known::{self, Whence},
    problems,
    remember::{self, Remembered},
    settle::{self, Cookies, Session},
    show::{self, Loaded},
    view::Feedback,
};
use crate::{
    http::{
        client::Client,
        cookies::{BrowserCookie, Cookie, KnownCookie},
        form::Fields,
    },
    service::invitations,
    state::App,
};

/// The most bytes of typed values that are kept for the next page.
const MAX_TYPED: usize = 16 * 1024;

/// How the answer travels; only a plain form needs what was typed to be kept for the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// POST, 303, GET.
    Form,
    /// JSON in place.
    Json,
}

/// One event as it came in.
#[derive(Clone, Copy)]
pub struct Act<'a> {
    /// The journey's id, as in the path.
    pub id: &'a str,
    /// The event's name, as in the path.
    pub event: &'a str,
    /// The form.
    pub fields: &'a Fields,
    /// The browser's secret; its CSRF token was checked.
    pub browser: &'a Token,
    /// Who asks.
    pub client: &'a Client,
}

/// What came of it.
#[derive(Default)]
pub struct Done {
    /// The page to show, for JSON.
    pub view: Option<JourneyView>,
    /// A session was made: its cookie.
    session: Session,
    /// The browser is remembered, or was recognised, at this tenant: its cookie.
    browser: Option<(Id<Tenant>, Remembered)>,
    // When it comes could tell whose an address is (D11).
    could_tell: bool,
}

impl Done {
    /// Sets the cookies of a session and of a remembered browser that were just made, in answer to `request`.
    pub fn set_cookies(&self, headers: &mut HeaderMap, request: &HeaderMap) {
        if let Some(made) = &self.session {
            made.set_cookies(headers);
        }
        if let Some((tenant, Remembered { token, life })) = &self.browser {
            for line in BrowserCookie(*tenant).keep(token, life / SECOND, request) {
                headers.append(header::SET_COOKIE, line);
            }
        }
    }
}

/// Carries out one event.
///
/// # Errors
/// [`JourneyError`]; a refusal is no error but a page that says so.
pub async fn act(app: &App, act: Act<'_>, headers: &HeaderMap, transport: Transport) -> Result<Done, JourneyError> {
    let beat = app.pace.begin().await;
    let done = perform(app, act, headers, transport).await;
    // What failed may have failed because of what was found.
    if done.as_ref().map_or(true, |done| done.could_tell) {
        beat.keep().await;
    }
    done
}

async fn perform(app: &App, act: Act<'_>, headers: &HeaderMap, transport: Transport) -> Result<Done, JourneyError> {
    let email = input::password_of(act.event, act.fields);
    // An account was looked for, whatever comes of it.
    let looked_for = email.is_some();
    let Some(loaded) = show::load(app, act.id, email).await? else { return Err(JourneyError::NotFound) };
    let Loaded { row: loaded, scene, account: typed_for, password } = loaded;
    if !loaded.journey.header.browser.matches(&act.browser.hash()) || loaded.journey.is_expired(app.clock.now()) {
        // The page itself says what is the matter.
        return Ok(Done { could_tell: looked_for, ..Done::default() });
    }
    let (journey, sent) = ((&loaded.journey, act.browser), (act.event, act.fields));
    match input::read(app, &scene, journey, sent, typed_for.zip(password)).await? {
        Input::Problems(problems) => {
            let feedback = Feedback { problems, values: typed_values(act.fields), ..Feedback::default() };
            let done = kept(app, act, transport, (loaded.version, feedback)).await?;
            Ok(Done { could_tell: looked_for, ..done })
        }
        Input::Event(event) => {
            let order = Order::of(app, act, headers, (loaded, typed_for, scene.tenant.id));
            let of_address = matches!(order.loaded.journey.whose(&event), Whose::Address(_));
            let (done, proved) = obey(app, act, transport, (scene, order, event)).await?;
            // Whoever proved with it who they are learns nothing; a password may be right and let nobody in just now.
            Ok(Done { could_tell: (looked_for || of_address) && !proved, ..done })
        }
    }
}

// Carries the event out, and what follows the commit. Whether it proved who somebody is comes with it.
async fn obey(
    app: &App,
    act: Act<'_>,
    transport: Transport,
    (scene, order, event): (Scene, Order, Event),
) -> Result<(Done, bool), JourneyError> {
    let (operators, tenant) = (scene.flow.audience == Audience::Operators, scene.tenant.id);
    let outcome = carry_out(app, scene, order, event).await?;
    if outcome.sends {
        app.outbox.wake();
    }
    if operators {
        // The clean-up comes by again if this fails.
        let _ = invitations::forget_first_link(app).await;
    }
    let proved = outcome.proved;
    Ok((finish(app, act, transport, (outcome, tenant)).await?, proved))
}

/// The field by which `passkey.js` says that the browser can make passkeys. It opens nothing.
const CAN_MAKE_PASSKEY: &str = "passkeys";

struct Order {
    loaded: StoredJourney,
    // Whose the address is that a password was typed for, also where there is no password to it (D11).
    typed_for: Option<Id<Account>>,
    // The script on the page says that this browser can make one.
    can_make_passkey: bool,
    client: Client,
    typed: BTreeMap<String, String>,
    cookie: Cookies,
    whence: Whence,
}

impl Order {
    fn of(
        app: &App,
        act: Act<'_>,
        headers: &HeaderMap,
        (loaded, typed_for, tenant): (StoredJourney, Option<Id<Account>>, Id<Tenant>),
    ) -> Self {
        Self {
            loaded,
            typed_for,
            can_make_passkey: app.passkeys.is_some() && act.fields.ticked(CAN_MAKE_PASSKEY),
            client: act.client.clone(),
            typed: typed_values(act.fields),
            cookie: Cookies {
                sso: Cookie::Sso.read(headers),
                console: Cookie::Console.read(headers),
                browser: BrowserCookie(tenant).read(headers),
            },
            whence: Whence::of(act.client, KnownCookie::read(headers)),
        }
    }
}

// What a step left behind.
#[derive(Default)]
struct Outcome {
    session: Session,
    browser: Option<Remembered>,
    sends: bool,
    // The right password or the right code.
    proved: bool,
}

// The transaction. Whatever fails rolls all of it back: the step, its effects, its audit events.
async fn carry_out(app: &App, scene: Scene, order: Order, event: Event) -> Result<Outcome, JourneyError> {
    let (id, own) = ((order.loaded.journey.header.id, order.loaded.version), app.clone());
    let turn = match &event {
        Event::SignIn { email, .. } => guessing::turn(app, scene.tenant.id, email).await?,
        _ => None,
    };
    let job = app.store.write(move |tx| {
        Box::pin(async move {
            // Whoever is next waits for the commit at most.
            let _turn = turn;
            step(&own, tx, scene, order, event).await
        })
    });
    let result = job.await;
    match result {
        Ok(outcome) => Ok(outcome),
        // Two accounts for one address: the journey that came second ends here. Where it is the same form of the
        // same journey, sent twice, that one has gone on by now and is left alone (U5).
        Err(JourneyError::Storage(StorageError::Unique(Constraint::AccountEmail))) => {
            end(app, id, OverReason::AddressTaken).await?;
            Ok(Outcome::default())
        }
        // An authenticator that hands out the id of somebody's passkey: no such passkey is made.
        Err(JourneyError::Storage(StorageError::Unique(Constraint::Credential))) => {
            let problems = vec![problems::at("", ProblemCode::PasskeyWrong)];
            say(app, id, encode(&Feedback { problems, ..Feedback::default() }), None).await?;
            Ok(Outcome::default())
        }
        // Somebody else's request won: the page shows how things stand now.
        Err(JourneyError::Storage(StorageError::Conflict | StorageError::Raced)) => Ok(Outcome::default()),
        Err(error) => Err(error),
    }
}

async fn step(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    scene: Scene,
    order: Order,
    event: Event,
) -> Result<Outcome, JourneyError> {
    let StoredJourney { journey, version, .. } = order.loaded;
    let id = journey.header.id;
    let flow_version = scene.flow.version;
    // Also tells whether the journey is still what was loaded.
    let (network, cookie) = (order.client.network(), order.cookie.browser.as_ref());
    let came = (&event, order.can_make_passkey, cookie);
    let (source, seen) = match &event {
        Event::SignIn { .. } => {
            let elsewhere = Source::elsewhere(app, &order.client);
            known::source(app, tx, (scene.tenant.id, order.typed_for), &order.whence, elsewhere).await?
        }
        _ => (Source::elsewhere(app, &order.client), None),
    };
    let from = (network.as_str(), &source);
    let (facts, beset) = facts::load(app, tx, &scene, (&journey, version), came, from, (&order.whence, seen)).await?;
    let keys = app.tenant_keys(tx, scene.tenant.id).await?;
    let before = journey.stage().name();
    let is_proof = matches!(event, Event::SignIn { .. } | Event::SubmitCode { .. });
    let step = {
        let mut entropy = app.entropy();
        let mut tools = Tools { entropy: entropy.as_mut(), codes: keys.as_ref(), totp: keys.as_ref() };
        journey.step(event, &facts, &mut tools)
    };
    let problems = step.refusal.as_ref().and_then(|r| problems::of_refusal(r, step.journey.stage(), facts.now));
    tracing::debug!(journey = %id, from = before, to = step.journey.stage().name(), refused = step.refusal.is_some(), "step");

    let recognised = remember::next(app, &step.effects, cookie, facts.now);
    let next = recognised.as_ref().map(|next| &next.token);
    let hands = Hands {
        app,
        scene: &scene,
        keys: &keys,
        client: &order.client,
        source: &source,
        now: facts.now,
        journey: id,
        beset,
        next,
    };
    let sends = effects::send_something(&step.effects);
    let proved = is_proof && step.refusal.is_none();
    let wrong = step.effects.iter().find_map(|effect| match effect {
        Effect::SignInFailed { email } => Some(email.clone()),
        _ => None,
    });
    // Nothing is read from here on, as a rule: what changes goes to the database together.
    tx.gather();
    effects::apply(&hands, tx, step.effects).await?;
    let from = (&order.client, &order.cookie, &order.whence);
    let (journey, session, remembered) = settle::settle(app, tx, step.journey, &facts, from).await?;
    let feedback = match &step.refusal {
        Some(refusal) => Some(Feedback {
            problems: problems.into_iter().collect(),
            values: order.typed,
            over: over_of(refusal),
            deletion: None,
        }),
        None => farewell(&journey, &facts).map(|at| Feedback { deletion: Some(at), ..Feedback::default() }),
    };
    // The flow must still be the one that the demand was read from.
    let text = feedback.as_ref().map(encode);
    tx.save_journey(JourneySave {
        journey: &journey,
        replaces: version,
        feedback: text.as_deref(),
        ended_at: None,
        flow_version: Some(flow_version).filter(|_| session.is_some()),
    })
    .await?;
    if let Some(email) = &wrong {
        guessing::count_for_tenant(&hands, tx, email).await?;
    }
    tx.scatter().await?;
    Ok(Outcome { session, browser: remembered.or(recognised), sends, proved })
}

// When the account is deleted of somebody who signed in and leaves for an application; the consoles say so
// themselves.
fn farewell(journey: &Journey, facts: &Facts) -> Option<Timestamp> {
    let leaves = matches!(journey.header.target, Target::Application(_) | Target::Device { .. });
    let over = leaves && matches!(journey.stage(), Stage::Returning(_));
    facts.account.as_ref().filter(|_| over)?.delete_at
}

fn over_of(refusal: &Refusal) -> Option<OverReason> {
    match refusal {
        Refusal::AccountUnavailable => Some(OverReason::AccountUnavailable),
        Refusal::AddressTaken => Some(OverReason::AddressTaken),
        Refusal::JourneyExpired => Some(OverReason::Expired),
        Refusal::OutOfStep
        | Refusal::WrongCredentials
        | Refusal::SignInLocked { .. }
        | Refusal::NetworkLocked { .. }
        | Refusal::CodeLength
        | Refusal::CodeWrong { .. }
        | Refusal::CodeExpired
        | Refusal::CodeUsed
        | Refusal::CodeLocked { .. }
        | Refusal::FactorLocked { .. }
        | Refusal::ResendTooSoon { .. }
        | Refusal::TooManySends { .. }
        | Refusal::PhoneUnserved
        | Refusal::MethodUnavailable
        | Refusal::PasskeyWrong
        | Refusal::PasskeyMake
        | Refusal::PasskeyExpired
        | Refusal::PasskeyCopied
        | Refusal::FactorDisabled
        | Refusal::PasswordChangedMeanwhile => None,
    }
}

async fn end(app: &App, of: (Id<Journey>, i64), over: OverReason) -> Result<(), JourneyError> {
    say(app, of, encode(&Feedback { over: Some(over), ..Feedback::default() }), Some(app.clock.now())).await
}

// Keeps words for the next page of a journey of this version, without a step. A step that was quicker has words of
// its own.
async fn say(
    app: &App,
    (id, version): (Id<Journey>, i64),
    text: String,
    ended_at: Option<Timestamp>,
) -> Result<(), JourneyError> {
    let said = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let Some(row) = tx.journey(id).await? else { return Err(JourneyError::NotFound) };
                let save = JourneySave {
                    journey: &row.journey,
                    replaces: version,
                    feedback: Some(&text),
                    ended_at,
                    flow_version: None,
                };
                tx.save_journey(save).await?;
                Ok(())
            })
        })
        .await;
    match said {
        Err(JourneyError::Storage(StorageError::Conflict | StorageError::Raced)) => Ok(()),
        other => other,
    }
}

// After the commit: nothing more can fail but the drawing of the page.
async fn finish(
    app: &App,
    act: Act<'_>,
    transport: Transport,
    (outcome, tenant): (Outcome, Id<Tenant>),
) -> Result<Done, JourneyError> {
    let view = match transport {
        Transport::Form => None,
        Transport::Json => Some(show::show(app, act.id, Some(act.browser)).await?),
    };
    let browser = outcome.browser.map(|made| (tenant, made));
    Ok(Done { view, session: outcome.session, browser, could_tell: false })
}

// Wrong fields never reach the machine; what was typed stays (U4), unless a step that was quicker has words of its own.
async fn kept(
    app: &App,
    act: Act<'_>,
    transport: Transport,
    (version, feedback): (i64, Feedback),
) -> Result<Done, JourneyError> {
    match transport {
        Transport::Json => {
            let (mut view, now) = show::drawn(app, act.id, Some(act.browser)).await?;
            if now == version {
                show::with_feedback(&mut view, feedback);
            }
            Ok(Done { view: Some(view), ..Done::default() })
        }
        Transport::Form => {
            let Some(id) = show::parse_id(act.id) else { return Err(JourneyError::NotFound) };
            say(app, (id, version), encode(&feedback), None).await?;
            Ok(Done::default())
        }
    }
}

pub(super) fn encode(feedback: &Feedback) -> String {
    serde_json::to_string(feedback).unwrap_or_else(|_| "{}".to_owned())
}

// Passwords and codes are never kept; neither is what the form carries for us, nor more than a
// page can show: anybody may post, and it is stored.
fn typed_values(fields: &Fields) -> BTreeMap<String, String> {
    const SECRET: [&str; 5] = ["password", "code", "csrf", "credential", CAN_MAKE_PASSKEY];
    let mut room = MAX_TYPED;
    fields
        .0
        .iter()
        .filter(|(name, value)| !SECRET.contains(&name.as_str()) && name.len() <= 128 && value.len() <= 1024)
        .take_while(|(name, value)| {
            let fits = room.checked_sub(name.len() + value.len());
            room = fits.unwrap_or(0);
            fits.is_some()
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
