//! Passkeys on the account page: adding one. What else is done with factors is in [`super::factors`].
//!
//! It takes the account's own level in this session (N19, failure 19), and a fresh sign-in to begin
//! (A20). The ceremony stands in the session's row and is taken by whoever answers it. A first factor is not set up here: it needs the
//! code to the address, which the journey asks for.

use lanyard_app::api::{
    account::PasskeyFormView,
    journey::{PasskeyPrompt, Problem, ProblemCode},
};
use lanyard_crypto::passkey::Owner as KeyOwner;
use lanyard_domain::{
    assurance::{Level, Method},
    audit::{Action, Outcome},
    factor::{Factor, FactorSecret, NewFactor},
    id::Id,
    makes::PasskeyMakes,
    passkey::{Ceremony, Challenge, Counter, MAX_PASSKEYS, Passkey, PasskeyCreation},
    tenant::Tenant,
};
use lanyard_storage::{Constraint, ReadTx, StorageError};

use super::{
    Owner,
    factors::holds_factors,
    notices::{self, News},
};
use crate::{
    http::{client::Client, form::Fields},
    service::{audit, journey::JourneyError},
    state::App,
};

/// What came of adding a passkey.
#[derive(Debug)]
pub enum Added {
    /// It is bound.
    Done,
    /// The session is below the account's level.
    SignInAgain,
    /// The page again, with another challenge.
    Refused(Box<PasskeyFormView>),
}

/// Begins the making of a passkey; whether it may be.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(app: &App, owner: &Owner) -> Result<bool, StorageError> {
    if !owner.fresh || app.passkeys.is_none() {
        return Ok(false);
    }
    let (id, session, authentication) = (owner.account.id, owner.session, owner.authentication.clone());
    let ceremony = Ceremony::begin(app.clock.now(), app.entropy().as_mut());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let factors = tx.factors_of_account(id).await?;
                if !may_add(&factors) || !authentication.measures_up_to(&factors) {
                    return Ok(false);
                }
                tx.set_session_ceremony(session, &ceremony).await?;
                Ok(true)
            })
        })
        .await
}

fn may_add(factors: &[Factor]) -> bool {
    let passkeys = factors.iter().filter(|factor| factor.secret.passkey().is_some()).count();
    !factors.is_empty() && passkeys < MAX_PASSKEYS
}

/// The page that makes a passkey; `None` where none was begun, or it took too long.
///
/// # Errors
/// When the database does not answer.
pub async fn form(
    app: &App,
    owner: Owner,
    problem: Option<ProblemCode>,
) -> Result<Option<PasskeyFormView>, StorageError> {
    let (id, session, now) = (owner.account.id, owner.session, app.clock.now());
    let tenant = owner.account.tenant;
    let (ceremony, factors, makes) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let (ceremony, factors) = (tx.session_ceremony(session).await?, tx.factors_of_account(id).await?);
                Ok::<_, StorageError>((ceremony, factors, makes(tx, tenant).await?))
            })
        })
        .await?;
    let Some((party, ceremony)) = app.passkeys.as_ref().zip(ceremony.filter(|ceremony| ceremony.is_open(now))) else {
        return Ok(None);
    };
    let existing: Vec<&Passkey> = factors.iter().filter_map(|factor| factor.secret.passkey()).collect();
    let key_owner = KeyOwner { account: id, name: owner.account.email.as_str() };
    let options = party.creation(ceremony.challenge, key_owner, &existing, makes.asked_of(owner.account.kind));
    Ok(options.map(|options| PasskeyFormView {
        visitor: owner.visitor,
        passkey: PasskeyPrompt {
            options,
            lives_seconds: u32::try_from(ceremony.ends_at().since(now) / 1000).unwrap_or_default(),
        },
        problem: problem.map(|code| Problem { field: String::new(), code }),
    }))
}

/// Binds the passkey that the browser made.
///
/// # Errors
/// When the database does not answer.
pub async fn add(app: &App, owner: Owner, client: Client, fields: &Fields) -> Result<Added, JourneyError> {
    let Some(party) = app.passkeys.as_ref().filter(|_| owner.strong) else { return Ok(Added::SignInAgain) };
    let (session, now) = (owner.session, app.clock.now());
    let tenant = owner.account.tenant;
    let (ceremony, makes): (Option<Ceremony>, PasskeyMakes) = app
        .store
        .read(move |tx| {
            Box::pin(
                async move { Ok::<_, StorageError>((tx.session_ceremony(session).await?, makes(tx, tenant).await?)) },
            )
        })
        .await?;
    let open = ceremony.filter(|ceremony| ceremony.is_open(now));
    let challenge = open.map_or(Challenge([0; 32]), |open| open.challenge);
    let name = lanyard_domain::text::clean(fields.get("name"), 60).unwrap_or_else(|_| "My passkey".to_owned());
    // Checked outside of the transaction, like every answer.
    let creation = party.check_creation(fields.get("credential"), challenge, name, &makes);
    let suits = creation.attestation.as_ref().is_none_or(|made| made.suits(owner.account.kind));
    let problem = match (open, creation) {
        (None, _) => ProblemCode::PasskeyExpired,
        (Some(open), creation) => match bind(app, &owner, client, (open, creation)).await {
            Ok(true) => {
                app.outbox.wake();
                return Ok(Added::Done);
            }
            Ok(false) if !suits => ProblemCode::PasskeyMake,
            Ok(false) => ProblemCode::PasskeyWrong,
            Err(JourneyError::Storage(StorageError::Unique(Constraint::Credential))) => ProblemCode::PasskeyWrong,
            Err(JourneyError::Storage(StorageError::Conflict)) => ProblemCode::PasskeyExpired,
            Err(error) => return Err(error),
        },
    };
    if !begin(app, &owner).await? {
        return Ok(Added::SignInAgain);
    }
    Ok(form(app, owner, Some(problem)).await?.map_or(Added::SignInAgain, |view| Added::Refused(Box::new(view))))
}

// What new passkeys of the tenant's staff must be.
async fn makes(tx: &mut (dyn ReadTx + '_), tenant: Id<Tenant>) -> Result<PasskeyMakes, StorageError> {
    let tenant = tx.tenant_by_id(tenant).await?.ok_or(StorageError::Conflict)?;
    Ok(tenant.staff_passkeys)
}

// Whether it was bound; the ceremony is gone either way.
async fn bind(
    app: &App,
    owner: &Owner,
    client: Client,
    (open, creation): (Ceremony, PasskeyCreation),
) -> Result<bool, JourneyError> {
    let (own, owner) = (app.clone(), owner.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let (account, now) = (&owner.account, own.clock.now());
                let strong =
                    holds_factors(&own, tx, account.id, owner.session, |held| held.level(now) == Level::Aal2).await?;
                tx.take_session_ceremony(owner.session, &open).await?;
                let allowed = strong && may_add(&tx.factors_of_account(account.id).await?);
                let attested = creation.attestation.filter(|made| allowed && made.suits(account.kind));
                let outcome = if attested.is_some() { Outcome::Success } else { Outcome::Failure };
                let event = audit::Event::of(Action::FactorBound, outcome)
                    .by(account.id)
                    .on(account.id)
                    .from(&client)
                    .with(serde_json::json!({"detail": Method::Passkey.as_str()}));
                audit::append(&own, tx, account.tenant, event).await?;
                let Some(attested) = attested else { return Ok(false) };
                let factor = NewFactor {
                    id: Id::new(now, own.entropy().as_mut()),
                    secret: FactorSecret::Passkey(attested.passkey),
                    name: creation.name,
                    first_step: Counter::first(attested.counter),
                };
                tx.bind_factor(account.id, &factor, now).await?;
                tx.forget_all_remembered(account.id).await?;
                tx.outdate_journeys(account.id).await?;
                notices::tell(&own, tx, &owner, &client, News::FactorAdded(&factor.secret)).await?;
                Ok(true)
            })
        })
        .await
}
