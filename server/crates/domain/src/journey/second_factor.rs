//! The second factor: whether one is due, the challenge of a bound one, the enrolment of a new
//! one. [`proceed`] is the gate through which every path to completion passes.

use super::{
    AccountFacts, CodeProof, CodePurpose, Context, Effect, NewAccount, Next, Notice, Person, Refusal, Stage, Then,
    code, complete, context::Send,
};
use crate::{
    account::Account,
    assurance::{Demand, Level, Method},
    audit::{Action, Outcome},
    clock::Timestamp,
    factor::{Factor, FactorSecret, LOCK_TIME, MAX_FAILURES, NewFactor},
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
        Then::EditProfile | Then::Finish => !context.demand.is_met(authentication, authentication.level()),
    }
}

fn bound<'a>(context: &'a Context<'_, '_>, person: &Person) -> &'a [Factor] {
    match &context.facts.account {
        Some(account) if person.new.is_none() && account.id == person.authentication.account() => &account.factors,
        Some(_) | None => &[],
    }
}

// Challenge a factor that the demand accepts; else any bound factor, because binding a new one
// takes the level the account has (N19); else enrol a first one, behind a proof of the address.
fn second(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let accepted = ways(context, &person);
    if let Some((factor, method)) = accepted.first().copied() {
        return challenge(context, person, factor, method);
    }
    if person.new.is_some() || person.authentication.email_proved() || !person.authentication.second().is_empty() {
        return enrol(context, person);
    }
    confirm(context, person)
}

/// The bound factors and methods this person may answer with, the preferred one first.
pub(super) fn ways(context: &Context<'_, '_>, person: &Person) -> Vec<(Id<Factor>, Method)> {
    ways_among(&context.demand, bound(context, person), person)
}

/// [`ways`] without a context, for the view.
pub(super) fn ways_among(demand: &Demand, factors: &[Factor], person: &Person) -> Vec<(Id<Factor>, Method)> {
    let used = person.authentication.second();
    let all = || factors.iter().flat_map(|f| f.secret.methods().iter().map(move |m| (f, *m)));
    let mut found: Vec<_> = all()
        .filter(|(_, m)| demand.level == Level::Aal1 || demand.methods.contains(m))
        .filter(|(_, m)| !used.contains(m))
        .collect();
    if found.is_empty() && used.is_empty() {
        found = all().collect();
    }
    // Last used first, and of a phone's two methods the preferred one.
    found.sort_by_key(|(factor, method)| (!prefers(factor, *method), std::cmp::Reverse(factor.last_used_at), *method));
    found.into_iter().map(|(factor, method)| (factor.id, method)).collect()
}

fn prefers(factor: &Factor, method: Method) -> bool {
    match &factor.secret {
        FactorSecret::Phone { preferred, .. } => *preferred == method,
        FactorSecret::AuthenticatorApp { .. } => method == Method::AuthenticatorApp,
    }
}

/// The number of the account's phone factor.
pub(super) fn phone_of(account: &AccountFacts) -> Option<PhoneNumber> {
    account.factors.iter().find_map(|factor| number_of(factor).cloned())
}

const fn number_of(factor: &Factor) -> Option<&PhoneNumber> {
    match &factor.secret {
        FactorSecret::Phone { number, .. } => Some(number),
        FactorSecret::AuthenticatorApp { .. } => None,
    }
}

fn factor_of(context: &Context<'_, '_>, person: &Person, id: Id<Factor>) -> Option<Factor> {
    bound(context, person).iter().find(|factor| factor.id == id).cloned()
}

// Enters the challenge and sends the code, if the method takes one.
fn challenge(context: &mut Context<'_, '_>, person: Person, id: Id<Factor>, method: Method) -> Stage {
    let number = factor_of(context, &person, id).as_ref().and_then(number_of).cloned();
    let proof = number.map(|number| {
        let mut proof = context.proof(CodePurpose::Challenge, number.as_str());
        let account = Some(person.authentication.account());
        match proof.may_resend(context.now(), &context.facts.phone_sends) {
            Ok(()) => send_phone(context, &number, method, &mut proof, account),
            Err(Refusal::TooManySends { from }) => proof.withhold(from),
            // Locked, or sent a moment ago: the page says so.
            Err(_) => {}
        }
        proof
    });
    Stage::Challenge { person, factor: id, method, proof }
}

fn send_phone(
    context: &mut Context<'_, '_>,
    number: &PhoneNumber,
    method: Method,
    proof: &mut CodeProof,
    account: Option<Id<Account>>,
) {
    let (journey, now) = (context.header.id, context.now());
    let code = proof.issue(journey, now, context.tools.entropy, context.tools.codes, Some(method), false);
    context.tell(Effect::SendPhoneCode { to: number.clone(), method, code });
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
    if let Some(until) = factor.lock(context.now()) {
        return stay(person, proof, Refusal::FactorLocked { until });
    }
    // While the proof is locked nothing is compared, so nothing is a guess.
    let compared = proof.as_ref().is_none_or(|proof| proof.lock(context.now()).is_none());
    let checked = match (&factor.secret, &mut proof) {
        (FactorSecret::Phone { .. }, Some(proof)) => proof
            .check(context.header.id, digits, context.now(), context.tools.codes, context.spent)
            // What counts is how the code came, not which button was pressed last.
            .map(|by| (by.unwrap_or(method), None)),
        (FactorSecret::AuthenticatorApp { seed }, _) => check_app(context, seed, digits, factor.last_step)
            .map(|step| (method, Some(step)))
            .map_err(|refusal| wrong_app_code(refusal, &factor, context.now())),
        (FactorSecret::Phone { .. }, None) => Err(Refusal::MethodUnavailable),
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
            if compared && counts_as_guess(&refusal) {
                context.tell(Effect::FactorFailed { factor: id });
            }
            context.tell(Effect::Audit {
                action: Action::FactorChecked,
                outcome: Outcome::Failure,
                account,
                detail: method.as_str(),
            });
            stay(person, proof, refusal)
        }
    }
}

fn check_app(context: &Context<'_, '_>, seed: &Sealed, digits: &str, last_step: Option<i64>) -> Result<i64, Refusal> {
    if !code::is_code(digits) {
        return Err(Refusal::CodeLength);
    }
    match context.tools.totp.matched_step(seed, digits, context.now()) {
        Some(step) if last_step.is_some_and(|last| step <= last) => Err(Refusal::CodeUsed),
        Some(step) => Ok(step),
        None => Err(Refusal::CodeWrong { tries_left: MAX_FAILURES }),
    }
}

// An app's wrong codes are counted by the factor alone; this is the one after `factor.failures`.
fn wrong_app_code(refusal: Refusal, factor: &Factor, now: Timestamp) -> Refusal {
    let is_guess = counts_as_guess(&refusal);
    match MAX_FAILURES.saturating_sub(factor.failures.saturating_add(1)) {
        _ if !is_guess => refusal,
        0 => Refusal::FactorLocked { until: now.plus(LOCK_TIME) },
        tries_left => Refusal::CodeWrong { tries_left },
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
    let number = factor_of(context, &person, id).as_ref().and_then(number_of).cloned();
    let (mut proof, number) = match (proof, number) {
        (Some(proof), Some(number)) => (proof, number),
        (proof, _) => return Err((Stage::Challenge { person, factor: id, method, proof }, Refusal::MethodUnavailable)),
    };
    let account = Some(person.authentication.account());
    let allowed = proof.may_resend(context.now(), &context.facts.phone_sends);
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

// An existing account gets its first factor only behind a code to its verified address.
fn confirm(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let address = context.facts.account.as_ref().map(|a| a.email.as_str().to_owned()).unwrap_or_default();
    let mut proof = context.proof(CodePurpose::ConfirmEmail, &address);
    match proof.may_resend(context.now(), &context.facts.email_sends) {
        Ok(()) => send_confirmation(context, &mut proof),
        Err(Refusal::TooManySends { from }) => proof.withhold(from),
        Err(_) => {}
    }
    Stage::ConfirmEmail { person, proof }
}

fn send_confirmation(context: &mut Context<'_, '_>, proof: &mut CodeProof) {
    let Some(account) = context.facts.account.clone() else { return };
    let (journey, now) = (context.header.id, context.now());
    let code = proof.issue(journey, now, context.tools.entropy, context.tools.codes, None, false);
    context.tell(Effect::SendEmailCode { to: account.email, purpose: CodePurpose::ConfirmEmail, code });
    context.tell(Effect::Audit {
        action: Action::EmailCodeSent,
        outcome: Outcome::Success,
        account: Some(account.id),
        detail: "confirm_email",
    });
}

/// Another code to the account's address.
pub(super) fn resend_email(context: &mut Context<'_, '_>, person: Person, mut proof: CodeProof) -> Next {
    if let Err(refusal) = proof.may_resend(context.now(), &context.facts.email_sends) {
        return Err((Stage::ConfirmEmail { person, proof }, refusal));
    }
    send_confirmation(context, &mut proof);
    Ok(Stage::ConfirmEmail { person, proof })
}

/// The code of the account's address.
pub(super) fn confirm_email(context: &mut Context<'_, '_>, person: Person, mut proof: CodeProof, digits: &str) -> Next {
    let checked = proof.check(context.header.id, digits, context.now(), context.tools.codes, context.spent);
    let outcome = if checked.is_ok() { Outcome::Success } else { Outcome::Failure };
    let account = Some(person.authentication.account());
    context.tell(Effect::Audit { action: Action::EmailProved, outcome, account, detail: "confirm_email" });
    match checked {
        Ok(_) => {
            let authentication = person.authentication.with_email();
            Ok(proceed(context, Person { authentication, ..person }))
        }
        Err(refusal) => Err((Stage::ConfirmEmail { person, proof }, refusal)),
    }
}

// Straight to the method if there is only one to choose.
fn enrol(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let mut methods = context.demand.methods.iter().copied();
    match (methods.next(), methods.next()) {
        (Some(only), None) => begin(context, person, only),
        _ => Stage::ChooseMethod(person),
    }
}

fn begin(context: &mut Context<'_, '_>, person: Person, method: Method) -> Stage {
    match method {
        Method::AuthenticatorApp => {
            let seed = context.tools.totp.new_seed(context.tools.entropy);
            Stage::EnrolApp { person, seed, failures: 0 }
        }
        Method::TextMessage | Method::PhoneCall => Stage::EnrolPhone { person, method },
    }
}

/// Which method to set up.
pub(super) fn choose(context: &mut Context<'_, '_>, person: Person, method: Method) -> Next {
    if !context.demand.methods.contains(&method) {
        return Err((Stage::ChooseMethod(person), Refusal::MethodUnavailable));
    }
    if !may_bind(context, &person) {
        return Ok(second(context, person));
    }
    Ok(begin(context, person, method))
}

/// The number of a new phone.
pub(super) fn enter_phone(
    context: &mut Context<'_, '_>,
    person: Person,
    chosen: Method,
    number: PhoneNumber,
    method: Method,
) -> Next {
    if !method.is_phone() || !context.demand.methods.contains(&method) {
        return Err((Stage::EnrolPhone { person, method: chosen }, Refusal::MethodUnavailable));
    }
    if !may_bind(context, &person) {
        return Ok(second(context, person));
    }
    let history = &context.facts.phone_sends;
    let proof = match context.enter(CodePurpose::EnrolPhone, number.as_str(), history) {
        Ok((mut proof, Send::Now)) => {
            let account = known(&person);
            send_phone(context, &number, method, &mut proof, account);
            proof
        }
        Ok((proof, Send::Underway)) => proof,
        Err(refusal) => return Err((Stage::EnrolPhone { person, method: chosen }, refusal)),
    };
    Ok(Stage::EnrolPhoneCode { person, number, method, proof })
}

// A new account has no row yet that an audit event could point at.
fn known(person: &Person) -> Option<Id<Account>> {
    person.new.is_none().then(|| person.authentication.account())
}

/// Another code to the new number.
pub(super) fn resend_enrolment(
    context: &mut Context<'_, '_>,
    person: Person,
    number: PhoneNumber,
    method: Method,
    mut proof: CodeProof,
) -> Next {
    let allowed = proof.may_resend(context.now(), &context.facts.phone_sends);
    if allowed.is_ok() {
        let account = known(&person);
        send_phone(context, &number, method, &mut proof, account);
    }
    let stage = Stage::EnrolPhoneCode { person, number, method, proof };
    match allowed {
        Ok(()) => Ok(stage),
        Err(refusal) => Err((stage, refusal)),
    }
}

/// The code of the new number: bind it.
pub(super) fn bind_phone(
    context: &mut Context<'_, '_>,
    person: Person,
    number: PhoneNumber,
    method: Method,
    mut proof: CodeProof,
    digits: &str,
) -> Next {
    match proof.check(context.header.id, digits, context.now(), context.tools.codes, context.spent) {
        Ok(by) => {
            let name = number.masked();
            let secret = FactorSecret::Phone { number, preferred: method };
            Ok(bind(context, person, secret, name, by.unwrap_or(method), None))
        }
        Err(refusal) => {
            context.tell(Effect::Audit {
                action: Action::FactorBound,
                outcome: Outcome::Failure,
                account: known(&person),
                detail: method.as_str(),
            });
            Err((Stage::EnrolPhoneCode { person, number, method, proof }, refusal))
        }
    }
}

/// The first code of a new app: bind it.
pub(super) fn bind_app(
    context: &mut Context<'_, '_>,
    person: Person,
    seed: Sealed,
    failures: u32,
    digits: &str,
    name: String,
) -> Next {
    match check_app(context, &seed, digits, None) {
        Ok(step) => {
            let secret = FactorSecret::AuthenticatorApp { seed };
            Ok(bind(context, person, secret, name, Method::AuthenticatorApp, Some(step)))
        }
        Err(refusal) => {
            context.tell(Effect::Audit {
                action: Action::FactorBound,
                outcome: Outcome::Failure,
                account: known(&person),
                detail: Method::AuthenticatorApp.as_str(),
            });
            Err((Stage::EnrolApp { person, seed, failures: failures.saturating_add(1) }, refusal))
        }
    }
}

// A first factor needs the code to the account's address, any other one needs a factor that is
// bound (N19). Asked when enrolment goes on and once more when it ends: another journey of the
// same account may have bound one in between.
fn may_bind(context: &Context<'_, '_>, person: &Person) -> bool {
    let used = !person.authentication.second().is_empty();
    person.new.is_some() || used || (bound(context, person).is_empty() && person.authentication.email_proved())
}

fn bind(
    context: &mut Context<'_, '_>,
    person: Person,
    secret: FactorSecret,
    name: String,
    method: Method,
    first_step: Option<i64>,
) -> Stage {
    if !may_bind(context, &person) {
        return second(context, person);
    }
    let factor = NewFactor { id: Id::new(context.now(), context.tools.entropy), secret, name, first_step };
    let authentication = person.authentication.with_second(method, context.now());
    let new = match person.new {
        Some(new) => {
            let NewAccount { mut factors, .. } = *new;
            factors.push(factor);
            Some(Box::new(NewAccount { factors, ..*new }))
        }
        None => {
            let account = authentication.account();
            context.tell(Effect::BindFactor { account, factor });
            if let Some(email) = context.facts.account.as_ref().map(|a| a.email.clone()) {
                context.tell(Effect::SendNotice { to: email, notice: Notice::FactorBound(method) });
            }
            context.tell(Effect::Audit {
                action: Action::FactorBound,
                outcome: Outcome::Success,
                account: Some(account),
                detail: method.as_str(),
            });
            None
        }
    };
    proceed(context, Person { authentication, new, session: None, ..person })
}
