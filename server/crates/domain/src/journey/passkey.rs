//! Passkeys in the journey: as the one factor of a sign-in, as the answer to a challenge, and the
//! making of a new one.
//!
//! Every answer takes the journey's ceremony with it, whatever comes of it: no challenge is good for
//! two answers. Passkeys cannot be guessed, so that wrong answers lock nothing (N9).

use super::{
    AccountFacts, Context, Effect, Header, Person, Refusal, Stage, Then,
    enrol::{bind, known, may_bind, new_factor, offered},
    refusal::Next,
    second_factor::{bound, proceed, second},
    sign_in::admits,
};
use crate::{
    account::{Account, AccountKind},
    assurance::{Authentication, Method},
    audit::{Action, Outcome},
    factor::{Factor, FactorSecret},
    id::Id,
    passkey::{Assertion, Ceremony, Challenge, Counter, MAX_PASSKEYS, Passkey, PasskeyCheck, PasskeyCreation},
    user_flow::FlowType,
};

/// Whether a passkey alone signs in through this flow: where the flow allows it as a method.
pub(super) fn signs_in(header: &Header) -> bool {
    let signs_in = match header.flow.kind {
        FlowType::SignUpSignIn | FlowType::SignIn | FlowType::ProfileEditing => true,
        FlowType::PasswordReset => false,
    };
    signs_in && header.flow.settings.mfa.methods.contains(&Method::Passkey)
}

/// Whether an authenticator may be asked at `stage`.
pub(super) fn is_wanted(header: &Header, stage: &Stage) -> bool {
    match stage {
        Stage::SignIn => signs_in(header),
        Stage::Challenge { method, .. } => *method == Method::Passkey,
        Stage::EnrolPasskey(_) | Stage::OfferPasskey(_) => true,
        Stage::SignUpEmail
        | Stage::SignUpCode { .. }
        | Stage::Details(_)
        | Stage::ResetEmail
        | Stage::ResetCode { .. }
        | Stage::NewPassword(_)
        | Stage::ConfirmEmail { .. }
        | Stage::ChooseMethod(_)
        | Stage::EnrolPhone { .. }
        | Stage::EnrolPhoneCode { .. }
        | Stage::EnrolApp { .. }
        | Stage::OfferRecoveryCodes { .. }
        | Stage::EditProfile(_)
        | Stage::Consent { .. }
        | Stage::Complete(_)
        | Stage::Returning(_)
        | Stage::Ended(_) => false,
    }
}

/// Signs in with a passkey alone: it says who it is, and is both factors.
pub(super) fn sign_in(context: &mut Context<'_, '_>, check: &PasskeyCheck) -> Next {
    let account = context.facts.account.clone();
    let admitted = account.filter(|account| !account.disabled && admits(context.header.flow.audience, account.kind));
    let factors = admitted.as_ref().map_or(&[][..], |account| &account.factors);
    let (passkey, admitted) = match (accept(context, check, factors), admitted) {
        (Ok(passkey), Some(admitted)) => (passkey, admitted),
        (Err(refusal), _) => return Err((Stage::SignIn, refusal)),
        // Without an account there are no factors to accept one of.
        (Ok(_), None) => return Err((Stage::SignIn, Refusal::PasskeyWrong)),
    };
    let then = match context.header.flow.kind {
        FlowType::ProfileEditing => Then::EditProfile,
        FlowType::SignUpSignIn | FlowType::SignIn | FlowType::PasswordReset => Then::Finish,
    };
    let AccountFacts { id, password_version, .. } = admitted;
    let now = context.now();
    let authentication = Authentication::begin(id, now).with_passkey(passkey.kind(), now);
    Ok(proceed(context, Person::identified(authentication, then, password_version)))
}

/// Answers a challenge.
pub(super) fn answer(
    context: &mut Context<'_, '_>,
    person: Person,
    check: PasskeyCheck,
) -> Result<Stage, (Person, Refusal)> {
    let factors = bound(context, &person).to_vec();
    match accept(context, &check, &factors) {
        Ok(passkey) => {
            let authentication = person.authentication.with_passkey(passkey.kind(), context.now());
            Ok(proceed(context, Person { authentication, session: None, ..person }))
        }
        Err(refusal) => Err((person, refusal)),
    }
}

// One of `factors` answered the ceremony that is open. Every check of the outside is made again by
// what the transaction read.
fn accept(context: &mut Context<'_, '_>, check: &PasskeyCheck, factors: &[Factor]) -> Result<Passkey, Refusal> {
    let taken = take(context, check.challenge);
    let found = check.assertion.as_ref().and_then(|assertion| {
        let factor = factors.iter().find(|f| f.id == assertion.factor && f.account == assertion.account)?;
        Some((assertion, factor, factor.secret.passkey()?))
    });
    let account = found.map(|(_, factor, _)| factor.account);
    let accepted = match (taken, found) {
        (Err(refusal), _) => Err(refusal),
        (Ok(_), None) => Err(Refusal::PasskeyWrong),
        (Ok(_), Some((_, _, passkey))) if passkey.copied_at.is_some() => Err(Refusal::PasskeyCopied),
        (Ok(_), Some((_, factor, _))) if factor.is_disabled() => Err(Refusal::FactorDisabled),
        (Ok(ceremony), Some((assertion, factor, passkey))) => use_up(context, ceremony, assertion, (factor, passkey)),
    };
    let outcome = if accepted.is_ok() { Outcome::Success } else { Outcome::Failure };
    let copied = matches!(accepted, Err(Refusal::PasskeyCopied));
    let detail = if copied { "passkey_copied" } else { Method::Passkey.as_str() };
    context.tell(Effect::Audit { action: Action::FactorChecked, outcome, account, detail });
    accepted
}

// The ceremony is gone after this, whether it was the right one or not.
fn take(context: &mut Context<'_, '_>, challenge: Challenge) -> Result<Ceremony, Refusal> {
    let now = context.now();
    match context.ceremony.take() {
        Some(ceremony) if ceremony.is_open(now) && ceremony.challenge == challenge => Ok(ceremony),
        Some(_) | None => Err(Refusal::PasskeyExpired),
    }
}

fn use_up(
    context: &mut Context<'_, '_>,
    ceremony: Ceremony,
    assertion: &Assertion,
    (factor, passkey): (&Factor, &Passkey),
) -> Result<Passkey, Refusal> {
    let step = match Counter::of(assertion.counter, factor.last_step) {
        Counter::None => None,
        Counter::Forward(step) => Some(step),
        // Two pages of one person may be answered in another order than they were signed: that key was
        // used since this page was shown, and its count says nothing about a copy (failure 18).
        Counter::Back if factor.last_used_at.is_some_and(|used| ceremony.began_at < used) => {
            return Err(Refusal::PasskeyExpired);
        }
        Counter::Back => {
            if let Some(account) = context.facts.account.as_ref().filter(|account| account.id == factor.account) {
                let (account, to) = (account.id, account.email.clone());
                context.tell(Effect::PasskeyCopied { factor: factor.id, account, to });
            }
            return Err(Refusal::PasskeyCopied);
        }
    };
    context.tell(Effect::FactorUsed { factor: factor.id, method: Method::Passkey, step });
    if assertion.backed_up != passkey.backed_up {
        context.tell(Effect::PasskeyBackedUp { factor: factor.id, backed_up: assertion.backed_up });
    }
    Ok(passkey.clone())
}

/// Binds a new passkey.
pub(super) fn create(context: &mut Context<'_, '_>, person: Person, creation: PasskeyCreation) -> Next {
    make(context, person, creation, Stage::EnrolPasskey)
}

/// Binds a passkey that was offered.
pub(super) fn create_offered(context: &mut Context<'_, '_>, person: Person, creation: PasskeyCreation) -> Next {
    make(context, person, creation, Stage::OfferPasskey)
}

fn make(context: &mut Context<'_, '_>, person: Person, creation: PasskeyCreation, page: fn(Person) -> Stage) -> Next {
    let stay = |person, refusal| Err((page(person), refusal));
    let taken = take(context, creation.challenge);
    if !offered(context).contains(&Method::Passkey) {
        return stay(person, Refusal::MethodUnavailable);
    }
    if !may_bind(context, &person) {
        return Ok(second(context, person));
    }
    let attested = taken.and_then(|_| creation.attestation.ok_or(Refusal::PasskeyWrong));
    let attested =
        attested.and_then(|made| if made.suits(kind(context, &person)) { Ok(made) } else { Err(Refusal::PasskeyMake) });
    match attested {
        Ok(_) if passkeys(context, &person) >= MAX_PASSKEYS => stay(person, Refusal::MethodUnavailable),
        Ok(attested) => {
            let first = Counter::first(attested.counter);
            let factor = new_factor(context, FactorSecret::Passkey(attested.passkey), creation.name, first);
            Ok(bind(context, person, factor, Method::Passkey))
        }
        Err(refusal) => {
            context.tell(failed(known(&person)));
            stay(person, refusal)
        }
    }
}

// Whose kind is not known is taken for staff.
fn kind(context: &Context<'_, '_>, person: &Person) -> AccountKind {
    let known = context.facts.account.as_ref().filter(|account| account.id == person.authentication.account());
    let of_new = person.new.as_deref().map(|new| new.kind);
    of_new.or(known.map(|account| account.kind)).unwrap_or(AccountKind::Staff)
}

fn passkeys(context: &Context<'_, '_>, person: &Person) -> usize {
    let of_new = person.new.as_deref().map_or(0, |new| new.factors.len());
    of_new + bound(context, person).iter().filter(|factor| factor.secret.passkey().is_some()).count()
}

const fn failed(account: Option<Id<Account>>) -> Effect {
    let (action, outcome) = (Action::FactorBound, Outcome::Failure);
    Effect::Audit { action, outcome, account, detail: Method::Passkey.as_str() }
}
