//! Passkeys in a journey: what the page asks the browser for, and what the browser answered. An answer
//! is checked here, outside the transaction; the journey judges what the check is worth.

use lanyard_app::api::journey::{PasskeyPrompt, ProblemCode};
use lanyard_crypto::passkey::{Answer, Asked, Owner};
use lanyard_domain::{
    factor::{Factor, FactorSecret},
    journey::{Event, Journey, Person},
    passkey::{Challenge, Passkey, PasskeyCheck},
};

use super::{
    JourneyError, Scene,
    input::{Input, one},
    problems::seconds_until,
    view::Sight,
};
use crate::{http::form::Fields, state::App};

/// The field that `passkey.js` fills in.
const CREDENTIAL: &str = "credential";

/// What the page of `journey` asks a browser for: one of the passkeys among `factors`, or any if there
/// are none. `None` where the server has no passkeys.
pub(super) fn request(journey: &Journey, factors: &[Factor], sight: &Sight<'_>) -> Option<PasskeyPrompt> {
    let live = factors.iter().filter(|factor| !factor.is_dead());
    let allowed: Vec<&Passkey> = live.filter_map(|factor| factor.secret.passkey()).collect();
    let party = sight.passkeys?;
    prompt(journey, sight, |challenge| party.request(challenge, &allowed))
}

/// What the page asks for where a new passkey is to be made.
pub(super) fn creation(journey: &Journey, person: &Person, sight: &Sight<'_>) -> Option<PasskeyPrompt> {
    let party = sight.passkeys?;
    let of_new = person.new_account();
    let address = of_new.map(|new| &new.email).or_else(|| sight.account.map(|account| &account.email))?;
    let owner = Owner { account: person.authentication().account(), name: address.as_str() };
    let bound = sight.account.map_or(&[][..], |account| &account.factors).iter().map(|factor| &factor.secret);
    let pending = of_new.map_or(&[][..], |new| &new.factors).iter().map(|factor| &factor.secret);
    let existing: Vec<&Passkey> = bound.chain(pending).filter_map(FactorSecret::passkey).collect();
    let kind = of_new.map(|new| new.kind).or_else(|| sight.account.map(|account| account.kind))?;
    let makes = sight.scene.tenant.staff_passkeys.asked_of(kind);
    prompt(journey, sight, |challenge| party.creation(challenge, owner, &existing, makes))
}

// A ceremony that is over is shown as such: the script asks for the next one when it is pressed.
fn prompt(
    journey: &Journey,
    sight: &Sight<'_>,
    options: impl FnOnce(Challenge) -> Option<String>,
) -> Option<PasskeyPrompt> {
    match journey.ceremony(sight.now) {
        Some(ceremony) => Some(PasskeyPrompt {
            options: options(ceremony.challenge)?,
            lives_seconds: seconds_until(ceremony.ends_at(), sight.now),
        }),
        None => Some(PasskeyPrompt { options: "{}".to_owned(), lives_seconds: 0 }),
    }
}

/// An answer to the ceremony that is open. An unknown passkey costs a look-up and a check, like a known
/// one.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn answered(
    app: &App,
    scene: &Scene,
    journey: &Journey,
    fields: &Fields,
) -> Result<Input, JourneyError> {
    let (Some(party), Some(answer)) = (&app.passkeys, Answer::read(fields.get(CREDENTIAL))) else {
        return Ok(one("", ProblemCode::PasskeyWrong));
    };
    let Some(ceremony) = journey.ceremony(app.clock.now()) else {
        // Too late: the journey says so and begins another one.
        let check = PasskeyCheck { challenge: Challenge([0; 32]), assertion: None };
        return Ok(Input::Event(Event::SubmitPasskey(check)));
    };
    let (tenant, credential) = (scene.tenant.id, answer.credential());
    let stored = app
        .store
        .glance(move |tx| {
            Box::pin(async move { Ok::<_, JourneyError>(tx.factor_by_credential(tenant, &credential).await?) })
        })
        .await?;
    let account_known = journey.stage().person().is_some();
    let check = party.check(&answer, Asked { challenge: ceremony.challenge, account_known }, stored.as_ref());
    Ok(Input::Event(Event::SubmitPasskey(check)))
}

/// A new passkey.
pub(super) fn created(app: &App, scene: &Scene, journey: &Journey, fields: &Fields) -> Input {
    let Some(party) = &app.passkeys else { return one("", ProblemCode::MethodUnavailable) };
    let challenge = journey.ceremony(app.clock.now()).map_or(Challenge([0; 32]), |ceremony| ceremony.challenge);
    let creation = party.check_creation(fields.get(CREDENTIAL), challenge, name(fields), &scene.tenant.staff_passkeys);
    Input::Event(Event::CreatePasskey(Box::new(creation)))
}

/// What its owner calls a passkey.
pub(super) fn name(fields: &Fields) -> String {
    lanyard_domain::text::clean(fields.get("name"), 60).unwrap_or_else(|_| "My passkey".to_owned())
}
