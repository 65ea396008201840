//! Setting up a factor: the proof of the address first, the choice of a method, a phone, an
//! authenticator app. What is bound stands from then on, or, for a new account, comes into being
//! with it.

use std::collections::BTreeSet;

use super::{
    CodeProof, CodePurpose, Context, Effect, Header, NewAccount, Notice, Person, Refusal, Stage,
    context::Send,
    refusal::Next,
    second_factor::{bound, check_app, proceed, second, send_phone},
};
use crate::{
    account::Account,
    assurance::{Demand, Method},
    audit::{Action, Outcome},
    factor::{FactorSecret, NewFactor},
    id::Id,
    phone::PhoneNumber,
    secret::Sealed,
};

/// An existing account gets a factor in a journey only behind a code to its verified address.
pub(super) fn confirm(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let address = context.facts.account.as_ref().map(|a| a.email.as_str().to_owned()).unwrap_or_default();
    let mut proof = context.proof(CodePurpose::ConfirmEmail, &address);
    match proof.may_resend(context.now(), &context.facts.email_sends, None) {
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
    if let Err(refusal) = proof.may_resend(context.now(), &context.facts.email_sends, None) {
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

impl Header {
    /// The methods that may be set up: those that are `demanded`, or the flow's own where nothing is demanded and
    /// one is set up all the same (after a recovery code that was all that there was).
    #[must_use]
    pub fn offered(&self, demanded: &Demand) -> BTreeSet<Method> {
        match demanded.methods.is_empty() {
            true => self.flow.settings.mfa.second_factor().methods,
            false => demanded.methods.clone(),
        }
    }
}

pub(super) fn offered(context: &Context<'_, '_>) -> BTreeSet<Method> {
    context.header.offered(&context.demand)
}

/// Straight to the method if there is only one to choose.
pub(super) fn start(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let mut methods = offered(context).into_iter();
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
        Method::Passkey => Stage::EnrolPasskey(person),
        // Made at the account page, beside other factors; no demand lists it.
        Method::RecoveryCode => Stage::ChooseMethod(person),
    }
}

/// Which method to set up.
pub(super) fn choose(context: &mut Context<'_, '_>, person: Person, method: Method) -> Next {
    if !offered(context).contains(&method) {
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
    if !method.is_phone() || !offered(context).contains(&method) {
        return Err((Stage::EnrolPhone { person, method: chosen }, Refusal::MethodUnavailable));
    }
    if !may_bind(context, &person) {
        return Ok(second(context, person));
    }
    if let Err(refusal) = context.serves(&number) {
        return Err((Stage::EnrolPhone { person, method: chosen }, refusal));
    }
    let history = &context.facts.phone_sends;
    let proof = match context.enter(CodePurpose::EnrolPhone, number.as_str(), history, Some(method)) {
        Ok((proof, Send::Now)) if context.barred().is_some() => {
            context.set_aside(proof);
            let from = context.barred().unwrap_or_default();
            return Err((Stage::EnrolPhone { person, method: chosen }, Refusal::TooManySends { from }));
        }
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
pub(super) fn known(person: &Person) -> Option<Id<Account>> {
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
    let allowed = context.may_send_phone(&number, &mut proof, method);
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
            let factor = new_factor(context, FactorSecret::Phone { number, preferred: method }, name, None);
            Ok(bind(context, person, factor, by.unwrap_or(method)))
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
            let factor = new_factor(context, FactorSecret::AuthenticatorApp { seed }, name, Some(step));
            Ok(bind(context, person, factor, Method::AuthenticatorApp))
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

/// A first factor needs the code to the account's address; any other one needs a factor that is bound, and
/// that code or a factor as good as any that is bound (N18, N19). Asked when enrolment goes on and once more when it ends: another journey of the
/// same account may have bound one in between.
pub(super) fn may_bind(context: &Context<'_, '_>, person: &Person) -> bool {
    let (authentication, bound) = (&person.authentication, bound(context, person));
    let used = !authentication.second().is_empty();
    let first = bound.is_empty() && authentication.email_proved();
    let another = used && (authentication.email_proved() || authentication.measures_up_to(bound));
    person.new.is_some() || first || another
}

pub(super) fn new_factor(
    context: &mut Context<'_, '_>,
    secret: FactorSecret,
    name: String,
    first_step: Option<i64>,
) -> NewFactor {
    NewFactor { id: Id::new(context.now(), context.tools.entropy), secret, name, first_step }
}

pub(super) fn bind(context: &mut Context<'_, '_>, person: Person, factor: NewFactor, method: Method) -> Stage {
    if !may_bind(context, &person) {
        return second(context, person);
    }
    let first = bound(context, &person).is_empty();
    let authentication = match factor.secret.passkey() {
        Some(passkey) => person.authentication.with_passkey(passkey.kind(), context.now()),
        None => person.authentication.with_second(method, context.now()),
    };
    let new = match person.new {
        Some(new) => {
            let NewAccount { mut factors, .. } = *new;
            factors.push(factor);
            Some(Box::new(NewAccount { factors, ..*new }))
        }
        None => {
            let account = authentication.account();
            context.tell(Effect::BindFactor { account, factor, first });
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
    proceed(context, Person { authentication, new, session: None, bound: true, ..person })
}
