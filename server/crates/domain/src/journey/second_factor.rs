//! The second factor: whether one is due, and the challenge of a bound one. [`proceed`] is the gate
//! through which every path to completion passes; [`super::enrol`] binds new factors.

use super::{
    AccountFacts, CodeProof, CodePurpose, Context, Effect, Next, Person, Refusal, Stage, Then, code, complete, enrol,
};
use crate::{
    account::Account,
    assurance::{Demand, Level, Method},
    audit::{Action, Outcome},
    clock::Timestamp,
    delays::GUESSES,
    factor::{Factor, FactorSecret, MAX_CONSECUTIVE},
    id::Id,
    phone::PhoneNumber,
    secret::Sealed,
    user_flow::Audience,
};

/// Where a person goes next, given what is proved and what is demanded.
pub(super) fn proceed(context: &mut Context<'_, '_>, person: Person) -> Stage {
    if is_due(context, &person) {
        return second(context, person);
    }
    match person.then {
        Then::NewPassword => Stage::NewPassword(person),
        Then::EditProfile => Stage::EditProfile(person),
        Then::Finish => complete::finish(context, person),
    }
}

/// Whether a second factor stands between this person and what they came for.
///
/// Signing in asks for what the flow and the application demand. Whatever changes credentials or
/// data asks for a bound factor as well, whatever the flow says: no path ends below the account's
/// own level (N18, N19, A8).
pub(super) fn is_due(context: &Context<'_, '_>, person: &Person) -> bool {
    let authentication = &person.authentication;
    let own_level = match person.then {
        Then::NewPassword | Then::EditProfile => true,
        Then::Finish => context.header.flow.audience == Audience::SelfService,
    };
    if own_level && authentication.second().is_empty() && !bound(context, person).is_empty() {
        return true;
    }
    match person.then {
        // The password is not there yet: the level is judged once it is.
        Then::NewPassword => false,
        Then::EditProfile | Then::Finish => {
            renewal_is_due(context, person) || !context.demand.is_met(authentication, authentication.level())
        }
    }
}

/// Whether a recovery code alone was the second factor, and the account has no other one any more that opens
/// something. The code stood in for what was lost, once; a new factor is set up before anybody goes on, or the
/// next sign-in would find nothing to ask for.
pub(super) fn renewal_is_due(context: &Context<'_, '_>, person: &Person) -> bool {
    let used = person.authentication.second();
    let by_code_alone = used.len() == 1 && used.contains(&Method::RecoveryCode);
    let opens = |factor: &Factor| factor.stands_alone() && factor.opens(context.now());
    by_code_alone && !bound(context, person).iter().any(opens)
}

pub(super) fn bound<'a>(context: &'a Context<'_, '_>, person: &Person) -> &'a [Factor] {
    match &context.facts.account {
        // Recovery codes stand beside other factors: alone they protect nothing and open nothing.
        Some(account)
            if person.new.is_none()
                && account.id == person.authentication.account()
                && account.factors.iter().any(Factor::stands_alone) =>
        {
            &account.factors
        }
        Some(_) | None => &[],
    }
}

// Challenge a factor that the demand accepts; else any bound factor, because binding a new one
// takes the level the account has (N19); then enrol one, behind a proof of the address as well: what a
// weaker factor alone could bind would be worth no more than that one (N18: two routes).
pub(super) fn second(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let accepted = ways(context, &person);
    if let Some((factor, method)) = accepted.first().copied() {
        return challenge(context, person, factor, method);
    }
    if person.new.is_some() || person.authentication.email_proved() {
        return enrol::start(context, person);
    }
    enrol::confirm(context, person)
}

/// The bound factors and methods this person may answer with, the preferred one first.
pub(super) fn ways(context: &Context<'_, '_>, person: &Person) -> Vec<(Id<Factor>, Method)> {
    ways_among(&context.demand, bound(context, person), person, context.now())
}

/// [`ways`] without a context, for the view.
pub(super) fn ways_among(
    demand: &Demand,
    factors: &[Factor],
    person: &Person,
    now: Timestamp,
) -> Vec<(Id<Factor>, Method)> {
    let used = person.authentication.second();
    // What is dead is shown only where nothing else is left: its page says so.
    let none_left = used.is_empty() && !factors.iter().any(|factor| factor.opens(now));
    let live = || factors.iter().filter(|factor| factor.stands_alone() && (none_left || !factor.is_dead()));
    let all = || live().flat_map(|f| f.secret.methods().iter().map(move |m| (f, *m)));
    let mut found: Vec<_> = all()
        .filter(|(_, m)| demand.level == Level::Aal1 || demand.methods.contains(m))
        .filter(|(_, m)| !used.contains(m))
        .collect();
    if found.is_empty() && used.is_empty() {
        found = all().collect();
    }
    // Last used first, and of a phone's two methods the preferred one.
    found.sort_by_key(|(factor, method)| (!prefers(factor, *method), std::cmp::Reverse(factor.last_used_at), *method));
    // All passkeys of an account answer one challenge.
    let mut passkeys = 0;
    found.retain(|(_, method)| *method != Method::Passkey || std::mem::replace(&mut passkeys, 1) == 0);
    // Recovery codes come last, for who has none of the others at hand; one page takes those of every set.
    if used.is_empty() && factors.iter().any(Factor::stands_alone) {
        let there = |f: &&Factor| f.secret.recovery().is_some_and(|codes| codes.left() > 0 && !codes.is_over(now));
        let sets = factors.iter().filter(there).filter(|f| none_left || !f.is_dead());
        found.extend(sets.max_by_key(|factor| factor.is_issued()).map(|factor| (factor, Method::RecoveryCode)));
    }
    found.into_iter().map(|(factor, method)| (factor.id, method)).collect()
}

// Everything but a phone answers in one way alone.
fn prefers(factor: &Factor, method: Method) -> bool {
    match &factor.secret {
        FactorSecret::Phone { preferred, .. } => *preferred == method,
        FactorSecret::AuthenticatorApp { .. } | FactorSecret::Passkey(_) | FactorSecret::RecoveryCodes(_) => true,
    }
}

/// The number of the account's phone factor; of one that is out of use only where there is no other.
pub(super) fn phone_of(account: &AccountFacts) -> Option<PhoneNumber> {
    let numbers = |out_of_use| {
        let phones = account.factors.iter().filter(move |factor| factor.is_dead() == out_of_use);
        phones.filter_map(|factor| factor.secret.number().cloned())
    };
    numbers(false).chain(numbers(true)).next()
}

pub(super) fn factor_of(context: &Context<'_, '_>, person: &Person, id: Id<Factor>) -> Option<Factor> {
    bound(context, person).iter().find(|factor| factor.id == id).cloned()
}

// Enters the challenge and sends the code, if the method takes one.
fn challenge(context: &mut Context<'_, '_>, person: Person, id: Id<Factor>, method: Method) -> Stage {
    let number =
        factor_of(context, &person, id).filter(|f| !f.is_disabled()).as_ref().and_then(|f| f.secret.number()).cloned();
    let proof = number.map(|number| {
        let mut proof = context.proof(CodePurpose::Challenge, number.as_str());
        let account = Some(person.authentication.account());
        match context.may_send_phone(&number, &mut proof, method) {
            Ok(()) => send_phone(context, &number, method, &mut proof, account),
            Err(Refusal::TooManySends { from }) => proof.withhold(from),
            // Locked, sent a moment ago, or of a country that is not served: the page says so.
            Err(_) => {}
        }
        proof
    });
    Stage::Challenge { person, factor: id, method, proof }
}

pub(super) fn send_phone(
    context: &mut Context<'_, '_>,
    number: &PhoneNumber,
    method: Method,
    proof: &mut CodeProof,
    account: Option<Id<Account>>,
) {
    let (journey, now) = (context.header.id, context.now());
    let code = proof.issue(journey, now, context.tools.entropy, context.tools.codes, Some(method), false);
    context.tell(Effect::SendPhoneCode { to: number.clone(), purpose: proof.purpose(), method, code });
    context.tell(Effect::Audit {
        action: Action::FactorChallenged,
        outcome: Outcome::Success,
        account,
        detail: method.as_str(),
    });
}

/// An answer to the challenge.
pub(super) fn answer(
    context: &mut Context<'_, '_>,
    person: Person,
    id: Id<Factor>,
    method: Method,
    mut proof: Option<CodeProof>,
    digits: &str,
) -> Next {
    let stay = |person, proof, refusal| Err((Stage::Challenge { person, factor: id, method, proof }, refusal));
    let Some(factor) = factor_of(context, &person, id) else {
        return stay(person, proof, Refusal::MethodUnavailable);
    };
    if factor.is_disabled() {
        return stay(person, proof, Refusal::FactorDisabled);
    }
    if let Some(until) = factor.lock(context.now()) {
        return stay(person, proof, Refusal::FactorLocked { until });
    }
    // While the proof is locked nothing is compared, so nothing is a guess.
    let compared = proof.as_ref().is_none_or(|proof| proof.lock(context.now()).is_none());
    let checked = match (&factor.secret, &mut proof) {
        (FactorSecret::Phone { .. }, Some(proof)) => proof
            .check(context.header.id, digits, context.now(), context.tools.codes, context.spent)
            // What counts is how the code came, not which button was pressed last.
            .map(|by| (by.unwrap_or(method), None))
            .map_err(|refusal| counted(refusal, &factor, context.now())),
        (FactorSecret::AuthenticatorApp { seed }, _) => check_app(context, seed, digits, factor.last_step)
            .map(|step| (method, Some(step)))
            .map_err(|refusal| counted(refusal, &factor, context.now())),
        (FactorSecret::Phone { .. }, None) | (FactorSecret::Passkey(_) | FactorSecret::RecoveryCodes(_), _) => {
            Err(Refusal::MethodUnavailable)
        }
    };
    let account = Some(person.authentication.account());
    match checked {
        Ok((method, step)) => {
            context.tell(Effect::FactorUsed { factor: id, method, step });
            context.tell(Effect::Audit {
                action: Action::FactorChecked,
                outcome: Outcome::Success,
                account,
                detail: method.as_str(),
            });
            let authentication = person.authentication.with_second(method, context.now());
            Ok(proceed(context, Person { authentication, session: None, ..person }))
        }
        Err(refusal) => {
            failed(context, &factor, method, compared && counts_as_guess(&refusal));
            stay(person, proof, refusal)
        }
    }
}

/// Writes a failure down; a guess is counted, and the hundredth one disables the factor and is told of (N9).
pub(super) fn failed(context: &mut Context<'_, '_>, factor: &Factor, method: Method, guess: bool) {
    if guess {
        context.tell(Effect::FactorFailed { factor: factor.id });
        let owner = context.facts.account.as_ref().filter(|_| factor.failures.saturating_add(1) == MAX_CONSECUTIVE);
        if let Some((account, to)) = owner.map(|owner| (owner.id, owner.email.clone())) {
            context.tell(Effect::FactorDisabled { account, to, method });
        }
    }
    let (action, outcome, account) = (Action::FactorChecked, Outcome::Failure, Some(factor.account));
    context.tell(Effect::Audit { action, outcome, account, detail: method.as_str() });
}

pub(super) fn check_app(
    context: &Context<'_, '_>,
    seed: &Sealed,
    digits: &str,
    last_step: Option<i64>,
) -> Result<i64, Refusal> {
    if !code::is_code(digits) {
        return Err(Refusal::CodeLength);
    }
    match context.tools.totp.matched_step(seed, digits, context.now()) {
        Some(step) if last_step.is_some_and(|last| step <= last) => Err(Refusal::CodeUsed),
        Some(step) => Ok(step),
        None => Err(Refusal::CodeWrong { tries_left: GUESSES.tries_left(0) }),
    }
}

/// What a wrong code comes to, the one after `factor.failures`: the factor's count spans journeys, so
/// it may bring a wait earlier than the proof's own. A locked proof says so itself.
pub(super) fn counted(refusal: Refusal, factor: &Factor, now: Timestamp) -> Refusal {
    let Refusal::CodeWrong { tries_left } = refusal else { return refusal };
    let failures = factor.failures.saturating_add(1);
    match GUESSES.after(failures) {
        Some(wait) => Refusal::FactorLocked { until: now.plus(wait) },
        None => Refusal::CodeWrong { tries_left: tries_left.min(GUESSES.tries_left(failures)) },
    }
}

// A wrong code is a guess. An expired, used or malformed one is a mistake.
const fn counts_as_guess(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::CodeWrong { .. } | Refusal::CodeLocked { .. } | Refusal::FactorLocked { .. })
}

/// Another code for the challenge.
pub(super) fn resend_challenge(
    context: &mut Context<'_, '_>,
    person: Person,
    id: Id<Factor>,
    method: Method,
    proof: Option<CodeProof>,
) -> Next {
    let number = factor_of(context, &person, id).as_ref().and_then(|f| f.secret.number()).cloned();
    let (mut proof, number) = match (proof, number) {
        (Some(proof), Some(number)) => (proof, number),
        (proof, _) => return Err((Stage::Challenge { person, factor: id, method, proof }, Refusal::MethodUnavailable)),
    };
    let account = Some(person.authentication.account());
    let allowed = context.may_send_phone(&number, &mut proof, method);
    if allowed.is_ok() {
        send_phone(context, &number, method, &mut proof, account);
    }
    let stage = Stage::Challenge { person, factor: id, method, proof: Some(proof) };
    match allowed {
        Ok(()) => Ok(stage),
        Err(refusal) => Err((stage, refusal)),
    }
}

/// "Try another way". The proof goes along where the number is the same and is set aside where it
/// is not, so that the count of wrong tries cannot be shed by switching to and fro.
pub(super) fn another_way(
    context: &mut Context<'_, '_>,
    person: Person,
    id: Id<Factor>,
    method: Method,
    proof: Option<CodeProof>,
    other: Method,
) -> Next {
    let Some((factor, other)) = ways(context, &person).into_iter().find(|(_, m)| *m == other) else {
        return Err((Stage::Challenge { person, factor: id, method, proof }, Refusal::MethodUnavailable));
    };
    match proof {
        Some(proof) if factor == id => resend_challenge(context, person, factor, other, Some(proof))
            .map_err(|(stage, refusal)| (with_method(stage, method), refusal)),
        proof => {
            if let Some(proof) = proof {
                context.set_aside(proof);
            }
            Ok(challenge(context, person, factor, other))
        }
    }
}

fn with_method(stage: Stage, method: Method) -> Stage {
    match stage {
        Stage::Challenge { person, factor, proof, .. } => Stage::Challenge { person, factor, method, proof },
        other => other,
    }
}
