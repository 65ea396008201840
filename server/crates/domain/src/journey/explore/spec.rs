//! The seven properties, judged from outside: from what the person handed in and what the store
//! held at that moment, never from what the machine says of itself.

use std::collections::BTreeSet;

use super::{
    super::{AccountFacts, Effect, Journey, Stage, Step, testing::*},
    world::{Kept, Scenario, Secrets, State},
};
use crate::{
    account::Account,
    assurance::{Assurance, Authentication, Demand, Level, Method},
    clock::{DAY, HOUR, MINUTE, SECOND, Timestamp},
    factor::FactorSecret,
    id::Id,
    passkey::{Challenge, PasskeyCheck},
    recovery::{Found, RecoveryCode, RecoveryCodes},
    remembered::RememberedBrowser,
    secret::{Token, TokenHash},
    user_flow::Audience,
};

/// The properties of `architecture.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Property {
    /// (a) No path reaches `Complete` without every demand met.
    DemandsMet,
    /// (b) A refused event never advances.
    RefusalStays,
    /// (c) A code is never usable twice.
    CodeOnce,
    /// (d) No path ends below the account's assurance level.
    OwnLevel,
    /// (e) No data goes to an application of somebody else without consent.
    Consent,
    /// (f) No path completes below the account's own minimum, whatever the flow says.
    OwnMinimum,
    /// (g) Recovery codes are made beside a factor that stands alone, by who used one, of what their own page
    /// showed; and the offer of them changes nothing that was proved.
    Codes,
}

/// A broken property and how.
pub(super) type Judged = Result<(), (Property, String)>;

fn must(holds: bool, property: Property, what: &str) -> Judged {
    if holds { Ok(()) } else { Err((property, what.to_owned())) }
}

/// What a person has really shown in one journey.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Ghost {
    /// Whose right password was given, or made.
    pub(super) password: Option<Id<Account>>,
    /// Whose passkey signed in by itself.
    pub(super) passkey: Option<Id<Account>>,
    /// Which version of the password stood when the person was identified.
    pub(super) version: Option<i64>,
    /// The address whose code was given.
    pub(super) email: Option<String>,
    /// The second methods that were shown.
    pub(super) used: BTreeSet<Method>,
    /// One of them was bound to the account, or was bound by right in this journey.
    pub(super) entitled: bool,
    /// Browser, network and country were known for this account when the sign-in was complete.
    pub(super) quiet: bool,
    /// The last proof.
    pub(super) at: Timestamp,
    /// Whose remembered browser this was, by its cookie, when the password was given.
    pub(super) remembered: Option<Id<Account>>,
    /// That password was long enough to be the only factor.
    pub(super) long: bool,
    /// Who put off setting up a second factor.
    pub(super) postponed: Option<Id<Account>>,
    /// The password was chosen in this journey.
    pub(super) reset: bool,
}

// Decision 2 of the security rules, once more.
const fn reaches(method: Method, minimum: Assurance) -> bool {
    match minimum {
        Assurance::Aal1 | Assurance::Aal2Legacy => true,
        Assurance::Aal2Strict => matches!(method, Method::Passkey | Method::AuthenticatorApp | Method::RecoveryCode),
        Assurance::PhishingResistant => matches!(method, Method::Passkey),
    }
}

// A recovery code stands in for what the flow lists, as far as it reaches.
fn counts(method: Method, demand: &Demand) -> bool {
    (demand.methods.contains(&method) || method == Method::RecoveryCode) && reaches(method, demand.minimum)
}

impl Ghost {
    fn meets(&self, account: Id<Account>, demand: &Demand, (store, now): (&Store, Timestamp)) -> bool {
        let stands_in = self.long && demand.takes_remembered() && self.remembered == Some(account);
        let waits =
            self.long && self.postponed == Some(account) && !self.reset && may_wait(store, account, demand, now);
        (self.password == Some(account) || self.passkey == Some(account))
            && (demand.level == Level::Aal1
                || (demand.conditions.is_some() && self.quiet)
                || stands_in
                || waits
                || self.used.iter().any(|method| counts(*method, demand)))
    }

    /// What a session of this ghost is worth to a later journey.
    pub(super) fn carried(kept: &Kept, store: &Store, now: Timestamp) -> Self {
        let stale = now.since(kept.session.last_seen_at) >= HOUR || now.since(kept.ghost.at) >= DAY;
        let used = if stale { BTreeSet::new() } else { kept.ghost.used.clone() };
        let live = |account: &Id<Account>| store.browsers.iter().any(|b| b.account == *account && b.is_live(now));
        let remembered = kept.ghost.remembered.filter(|account| !stale && live(account));
        Self { email: None, entitled: !used.is_empty(), used, remembered, ..kept.ghost.clone() }
    }
}

// Who was there before, without a factor of any kind, until the end of the grace period.
fn may_wait(store: &Store, account: Id<Account>, demand: &Demand, now: Timestamp) -> bool {
    let bare = store.account(account).filter(|stored| stored.factors.is_empty());
    let known = bare.zip(demand.grace());
    known.is_some_and(|(stored, grace)| stored.created_at < grace.since && now < grace.until)
}

/// Whether the account signed in with a second factor in this very browser, from this very network and country.
pub(super) fn is_quiet(state: &State, seat: usize, account: Id<Account>) -> bool {
    state.places(seat).iter().all(|place| state.known.contains(&(*place, account)))
}

/// Whether a seat's cookie is of a browser that is remembered for `account`, and is the last that was handed out, or
/// the last that was shown, within ten seconds of that: the answer may have been lost.
pub(super) fn is_remembered(state: &State, seat: usize, account: Id<Account>) -> bool {
    let Some(shown) = state.seats[seat].cookie else { return false };
    let again = |used: Option<(TokenHash, Timestamp)>| {
        used.is_some_and(|(token, at)| token == shown.token && state.now.since(at) < 10 * SECOND)
    };
    let counts = |known: &Secrets| known.series == shown.series && (known.given == shown.token || again(known.used));
    let own = |browser: &RememberedBrowser| {
        browser.series == shown.series && browser.account == account && browser.is_live(state.now)
    };
    state.secrets.iter().any(counts) && state.store.browsers.iter().any(own)
}

/// Judges a sign-in that was taken once more where the journey had gone on: it gives the remembered browser that
/// stood in another secret, and nothing else.
pub(super) fn sent_again(state: &State, seat: usize, before: &Journey, step: &Step) -> Judged {
    must(before.stage() == step.journey.stage(), Property::DemandsMet, "a sign-in that was sent again moved on")?;
    let whose = state.seats[seat].ghost.remembered;
    let known = whose.is_some_and(|account| is_remembered(state, seat, account));
    must(known, Property::DemandsMet, "another secret for a browser that is not remembered")?;
    let nothing_else = |effect: &Effect| matches!(effect, Effect::BrowserRecognised { .. } | Effect::Audit { .. });
    must(step.effects.iter().all(nothing_else), Property::DemandsMet, "a sign-in that was sent again did more")
}

/// Judges a code that was accepted, marks it as taken in `state`, and notes what it proved.
pub(super) fn accepted_code(state: &mut State, seat: usize, before: &Journey, digits: &str, step: &Step) -> Judged {
    let now = state.now;
    let stage = before.stage();
    let account = stage.person().map(|person| person.authentication().account());
    let stored = account.and_then(|id| state.store.account(id)).cloned();
    if let Some((seed, last)) = seed_of(stage, stored.as_ref().map_or(&[], |a| &a.factors)) {
        let present = app_step(now);
        let step_used = [present, present - 1].into_iter().find(|step| app_digits(&seed, *step) == digits);
        let Some(step_used) = step_used else {
            return must(false, Property::DemandsMet, "a code that the app does not show");
        };
        must(last.is_none_or(|last| step_used > last), Property::CodeOnce, "a code of the app for the second time")?;
        note_method(&mut state.seats[seat].ghost, Method::AuthenticatorApp, stage, step, now);
        return Ok(());
    }
    let destination = match stage {
        Stage::SignUpCode { email, .. } | Stage::ResetCode { email, .. } => email.as_str().to_owned(),
        Stage::ConfirmEmail { .. } => stored.as_ref().map(|a| a.email.as_str().to_owned()).unwrap_or_default(),
        Stage::EnrolPhoneCode { number, .. } => number.as_str().to_owned(),
        Stage::Challenge { factor, .. } => {
            let factors = stored.iter().flat_map(|account| &account.factors);
            let found = factors.filter(|f| f.id == *factor).find_map(|f| match &f.secret {
                FactorSecret::Phone { number, .. } => Some(number.as_str().to_owned()),
                FactorSecret::AuthenticatorApp { .. } | FactorSecret::Passkey(_) | FactorSecret::RecoveryCodes(_) => {
                    None
                }
            });
            found.unwrap_or_default()
        }
        other => return must(false, Property::DemandsMet, other.name()),
    };
    let journey = before.header.id;
    let message =
        state.store.outbox.iter_mut().find(|m| m.journey == journey && m.to == destination && m.code == digits);
    let Some(message) = message else {
        return must(false, Property::DemandsMet, "a code that was never sent there for this journey");
    };
    must(!message.taken, Property::CodeOnce, "a code for the second time")?;
    must(now.since(message.at) < 10 * MINUTE, Property::DemandsMet, "a dead code")?;
    message.taken = true;
    let method = message.method;
    let ghost = &mut state.seats[seat].ghost;
    match method {
        Some(method) => note_method(ghost, method, stage, step, now),
        None => ghost.email = Some(destination),
    }
    Ok(())
}

// The seed that a code of an app must come from, and the last step of it that was used.
fn seed_of(stage: &Stage, factors: &[crate::factor::Factor]) -> Option<(crate::secret::Sealed, Option<i64>)> {
    match stage {
        Stage::EnrolApp { seed, .. } => Some((seed.clone(), None)),
        Stage::Challenge { factor, .. } => factors.iter().find(|f| f.id == *factor).and_then(|f| match &f.secret {
            FactorSecret::AuthenticatorApp { seed } => Some((seed.clone(), f.last_step)),
            FactorSecret::Phone { .. } | FactorSecret::Passkey(_) | FactorSecret::RecoveryCodes(_) => None,
        }),
        _ => None,
    }
}

/// Judges an answer of an authenticator that was accepted, and notes what it proved.
pub(super) fn accepted_passkey(state: &mut State, seat: usize, before: &Journey, check: &PasskeyCheck) -> Judged {
    let now = state.now;
    signed(state, before, check.challenge)?;
    let stored = check.assertion.as_ref().and_then(|assertion| {
        let account = state.store.account(assertion.account)?;
        let factor = account.factors.iter().find(|f| f.id == assertion.factor)?;
        Some((assertion, account, factor, factor.secret.passkey()?))
    });
    let Some((assertion, account, factor, passkey)) = stored else {
        return must(false, Property::DemandsMet, "a passkey that is not bound");
    };
    let ours = state.who[seat].keys().contains(&passkey.credential.0[0]);
    must(ours && passkey.copied_at.is_none(), Property::DemandsMet, "a key that this person has not, or that is off")?;
    let went_on = factor.last_step.is_none_or(|last| i64::from(assertion.counter) > last);
    must(went_on, Property::CodeOnce, "a counter of a passkey that went back")?;
    let (id, version, disabled) = (account.id, account.password_version, account.disabled);
    let ghost = &mut state.seats[seat].ghost;
    match before.stage().person() {
        Some(person) => {
            must(person.authentication().account() == id, Property::DemandsMet, "somebody else's passkey")?;
        }
        None => {
            must(!disabled, Property::DemandsMet, "a passkey of a disabled account")?;
            *ghost = Ghost { passkey: Some(id), version, ..Ghost::default() };
        }
    }
    ghost.used.insert(Method::Passkey);
    ghost.entitled = true;
    ghost.at = now;
    Ok(())
}

/// Judges a recovery code that was accepted, and notes what it proved.
pub(super) fn accepted_recovery(state: &mut State, seat: usize, before: &Journey, code: &RecoveryCode) -> Judged {
    let now = state.now;
    let account = before.stage().person().map(|person| person.authentication().account());
    let factors = account.and_then(|id| state.store.account(id)).map_or(&[][..], |account| &account.factors);
    let known = factors.iter().filter_map(|f| f.secret.recovery()).any(|codes| codes.find(code) != Found::Unknown);
    must(known, Property::DemandsMet, "a recovery code that the account has not")?;
    let beside = factors.iter().any(|factor| factor.secret.recovery().is_none());
    must(beside, Property::DemandsMet, "recovery codes as the only second factor")?;
    must(state.recovered.insert(code.hash().0), Property::CodeOnce, "a recovery code for the second time")?;
    let ghost = &mut state.seats[seat].ghost;
    ghost.used.insert(Method::RecoveryCode);
    ghost.entitled = true;
    ghost.at = now;
    Ok(())
}

/// (g) of codes that were kept: those of this page, in this browser.
pub(super) fn accepted_codes(before: &Journey, browser: &Token, step: &Step) -> Judged {
    let own = before.header.browser.matches(&browser.hash());
    must(own, Property::Codes, "codes that another browser shows")?;
    let shown = match before.stage() {
        Stage::OfferRecoveryCodes { seed, .. } => Some(RecoveryCodes::derive(browser, seed).0),
        _ => None,
    };
    let made = step.effects.iter().find_map(|effect| match effect {
        Effect::MakeRecoveryCodes { set, .. } => set.secret.recovery(),
        _ => None,
    });
    must(made.is_some() && made == shown.as_ref(), Property::Codes, "other codes than the page shows")?;
    unchanged(before, step)
}

/// (g) of an answer to the offer.
pub(super) fn unchanged(before: &Journey, step: &Step) -> Judged {
    let was = before.stage().person().map(|person| person.authentication().second());
    let is = match step.journey.stage() {
        Stage::Complete(completion) => Some(completion.authentication().second()),
        other => other.person().map(|person| person.authentication().second()),
    };
    must(is.is_none() || was == is, Property::Codes, "an offer changed what was proved")
}

/// Judges a new passkey that was accepted.
pub(super) fn accepted_creation(
    state: &mut State,
    seat: usize,
    before: &Journey,
    challenge: Challenge,
    step: &Step,
) -> Judged {
    let now = state.now;
    signed(state, before, challenge)?;
    note_method(&mut state.seats[seat].ghost, Method::Passkey, before.stage(), step, now);
    Ok(())
}

// A challenge is good for one answer, in the journey that showed it, for ten minutes.
fn signed(state: &mut State, before: &Journey, challenge: Challenge) -> Judged {
    must(state.signed.insert(challenge.0), Property::CodeOnce, "a challenge that was answered before")?;
    let open = before.ceremony(state.now).is_some_and(|open| open.challenge == challenge);
    must(open, Property::DemandsMet, "a challenge that the page did not show, or that is over")
}

// An enrolment counts if it bound something; an answer to a challenge counts as it is.
fn note_method(ghost: &mut Ghost, method: Method, stage: &Stage, step: &Step, now: Timestamp) {
    let challenged = matches!(stage, Stage::Challenge { .. });
    let new = stage.person().is_some_and(|person| person.new_account().is_some());
    let bound = step.effects.iter().any(|effect| matches!(effect, Effect::BindFactor { .. }));
    if challenged || new || bound {
        ghost.used.insert(method);
        ghost.at = now;
    }
    ghost.entitled |= challenged;
}

/// (b): the same place, nothing granted, nothing sent.
pub(super) fn refused(before: &Journey, step: &Step) -> Judged {
    let (was, is) = (before.stage(), step.journey.stage());
    must(same_place(was, is), Property::RefusalStays, &format!("{} became {}", was.name(), is.name()))?;
    must(before.header == step.journey.header, Property::RefusalStays, "the header changed")?;
    let harmless = step.effects.iter().all(|effect| {
        matches!(
            effect,
            Effect::FactorFailed { .. }
                | Effect::FactorDisabled { .. }
                | Effect::PasskeyCopied { .. }
                | Effect::SignInFailed { .. }
                | Effect::Audit { .. }
        )
    });
    must(harmless, Property::RefusalStays, "a refused event had an effect")
}

// Equal but for the counters.
fn same_place(was: &Stage, is: &Stage) -> bool {
    let same_data = match (was, is) {
        (Stage::SignUpCode { email: a, .. }, Stage::SignUpCode { email: b, .. }) => a == b,
        (Stage::ResetCode { email: a, account: x, .. }, Stage::ResetCode { email: b, account: y, .. }) => {
            a == b && x == y
        }
        (Stage::EnrolPhone { method: a, .. }, Stage::EnrolPhone { method: b, .. }) => a == b,
        (Stage::EnrolPhoneCode { number: a, method: m, .. }, Stage::EnrolPhoneCode { number: b, method: n, .. }) => {
            a == b && m == n
        }
        (Stage::EnrolApp { seed: a, .. }, Stage::EnrolApp { seed: b, .. }) => a == b,
        (Stage::Challenge { factor: a, method: m, .. }, Stage::Challenge { factor: b, method: n, .. }) => {
            a == b && m == n
        }
        (Stage::Consent { asked: a, .. }, Stage::Consent { asked: b, .. }) => a == b,
        (Stage::ConfirmEmail { .. }, Stage::ConfirmEmail { .. }) => true,
        (was, is) => was == is,
    };
    same_data && was.name() == is.name() && was.person() == is.person()
}

/// (a) and (d) of what a step wants done; `state` is the store before, with the ghost after.
pub(super) fn effects(state: &State, seat: usize, step: &Step) -> Judged {
    let ghost = &state.seats[seat].ghost;
    for effect in &step.effects {
        match effect {
            Effect::SetPassword { account, .. } => {
                let stored = state.store.account(*account);
                let address = stored.map(|a| a.email.as_str());
                must(ghost.email.as_deref() == address, Property::OwnLevel, "a new password without the email code")?;
                must(at_own_level(state, seat, *account), Property::OwnLevel, "a new password without the factor")?;
            }
            Effect::BindFactor { account, .. } => {
                let stored = state.store.account(*account);
                let first = stored.is_some_and(|a| !protected(a));
                let proved = ghost.email.as_deref() == stored.map(|a| a.email.as_str());
                must(!first || proved, Property::OwnLevel, "a first factor without the email code")?;
                must(at_own_level(state, seat, *account), Property::OwnLevel, "another factor without the bound one")?;
            }
            Effect::UpdateProfile { account, .. } => {
                let known = ghost.password == Some(*account) || ghost.passkey == Some(*account);
                must(known, Property::DemandsMet, "attributes without password or passkey")?;
                must(at_own_level(state, seat, *account), Property::OwnLevel, "attributes without the factor")?;
            }
            Effect::CreateAccount(new) => {
                let proved = ghost.email.as_deref() == Some(new.email.as_str());
                must(proved, Property::DemandsMet, "an account without a proved address")?;
            }
            Effect::MakeRecoveryCodes { account, .. } => {
                let stored = state.store.account(*account);
                must(stored.is_some_and(protected), Property::Codes, "recovery codes beside nothing")?;
                let sets = stored.is_some_and(|a| a.factors.iter().any(|f| !f.stands_alone() && !f.is_issued()));
                must(!sets, Property::Codes, "a second set of recovery codes")?;
                must(at_own_level(state, seat, *account), Property::Codes, "recovery codes without the factor")?;
            }
            Effect::BrowserRecognised { browser, .. } => {
                let whose = state.store.browsers.iter().find(|found| found.id == *browser).map(|found| found.account);
                let known = whose.is_some() && ghost.remembered == whose && ghost.password == whose;
                must(known, Property::DemandsMet, "a browser that is not remembered, or another account's")?;
            }
            Effect::BrowserCopied { .. }
            | Effect::SendEmailCode { .. }
            | Effect::SendPhoneCode { .. }
            | Effect::SendNotice { .. }
            | Effect::FactorUsed { .. }
            | Effect::FactorFailed { .. }
            | Effect::PasskeyBackedUp { .. }
            | Effect::RecoveryCodeUsed { .. }
            | Effect::FactorDisabled { .. }
            | Effect::PasskeyCopied { .. }
            | Effect::PasskeyDeclined { .. }
            | Effect::OfferRecoveryCodesFrom { .. }
            | Effect::SignInFailed { .. }
            | Effect::SignInSucceeded { .. }
            | Effect::SignedIn { .. }
            | Effect::GiveConsent { .. }
            | Effect::Audit { .. } => {}
        }
    }
    Ok(())
}

fn at_own_level(state: &State, seat: usize, account: Id<Account>) -> bool {
    let none = state.store.account(account).is_none_or(|account| !protected(account));
    none || state.seats[seat].ghost.entitled
}

// Recovery codes alone protect nothing.
fn protected(account: &AccountFacts) -> bool {
    account.factors.iter().any(|factor| factor.secret.recovery().is_none())
}

/// (a) and (d) of a completion, or of a way back at the moment a code is made of it.
pub(super) fn completed(
    state: &State,
    seat: usize,
    audience: Audience,
    demand: &Demand,
    authentication: &Authentication,
) -> Judged {
    let ghost = &state.seats[seat].ghost;
    let account = authentication.account();
    must(
        ghost.meets(account, demand, (&state.store, state.now)),
        Property::DemandsMet,
        "complete without what was demanded",
    )?;
    let honest = authentication.second().is_subset(&ghost.used);
    must(honest, Property::DemandsMet, "a method is claimed that was not used")?;
    let stored = state.store.account(account);
    must(stored.is_some_and(|a| !a.disabled), Property::DemandsMet, "complete for a disabled account")?;
    let present = stored.is_some_and(|a| a.password_version == ghost.version);
    must(present, Property::DemandsMet, "complete with a password that was replaced")?;
    let minimum = stored.map_or(Assurance::PhishingResistant, |account| account.minimum);
    let reached = minimum == Assurance::Aal1 || ghost.used.iter().any(|method| reaches(*method, minimum));
    must(reached, Property::OwnMinimum, "complete below the account's own minimum")?;
    let opens = stored.is_some_and(|a| a.factors.iter().any(|f| f.stands_alone() && f.opens(state.now)));
    let by_code = ghost.used.iter().eq([&Method::RecoveryCode]);
    must(!by_code || opens, Property::OwnLevel, "complete by a recovery code, and no factor is left")?;
    let own = audience != Audience::SelfService || at_own_level(state, seat, account);
    must(own, Property::OwnLevel, "self-service below the account's level")
}

/// (e) of a completion, or of a way back at the moment a code is made of it.
pub(super) fn consented(scenario: &Scenario, state: &State, authentication: &Authentication) -> Judged {
    let agreed = !scenario.third_party || state.agreed.contains(&authentication.account());
    must(agreed, Property::Consent, "data for an application of somebody else that nobody agreed to")
}
