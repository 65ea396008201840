//! Email and password, and what follows from them.

use super::{Context, Effect, Next, Person, Refusal, Stage, Then, remember, second_factor};
use crate::{
    account::AccountKind,
    assurance::Authentication,
    audit::{Action, Outcome},
    email::EmailAddress,
    password::PasswordCheck,
    user_flow::{Audience, FlowType},
};

/// Email and password were given. Wrong, unknown, disabled (the account, or its password by N9), of the
/// wrong kind: one answer (U10).
pub(super) fn submit(context: &mut Context<'_, '_>, email: &EmailAddress, check: &PasswordCheck, keep: bool) -> Next {
    if let Some(until) = context.facts.sign_in_locked_until.filter(|until| *until > context.now()) {
        context.tell(audit(Outcome::Failure, context.facts.account.as_ref().map(|a| a.id), "locked"));
        return Err((Stage::SignIn, Refusal::SignInLocked { until }));
    }
    if let Some(until) = context.facts.network_locked_until.filter(|until| *until > context.now()) {
        context.tell(audit(Outcome::Failure, context.facts.account.as_ref().map(|a| a.id), "network_locked"));
        return Err((Stage::SignIn, Refusal::NetworkLocked { until }));
    }
    let account = context.facts.account.as_ref();
    let right = account.filter(|account| {
        check.matched().is_some_and(|(id, version)| id == account.id && Some(version) == account.password_version)
            && !account.disabled
            && !account.is_password_disabled()
            && account.email == *email
            && admits(context.header.flow.audience, account.kind)
    });
    let Some(right) = right else {
        let known = account.map(|a| a.id);
        context.tell(Effect::SignInFailed { email: email.clone() });
        let disabled = account.is_some_and(super::AccountFacts::is_password_disabled);
        context.tell(audit(Outcome::Failure, known, if disabled { "password_disabled" } else { "password" }));
        return Err((Stage::SignIn, Refusal::WrongCredentials));
    };
    let (id, password_version) = (right.id, right.password_version);
    let counted = (right.password_failures > 0).then_some(id);
    context.tell(Effect::SignInSucceeded { email: email.clone(), counted });
    context.tell(audit(Outcome::Success, Some(id), "password"));
    let then = match context.header.flow.kind {
        FlowType::ProfileEditing => Then::EditProfile,
        FlowType::SignUpSignIn | FlowType::SignIn | FlowType::PasswordReset => Then::Finish,
    };
    let authentication = Authentication::begin(id, context.now()).with_password_of(check.stands_alone());
    let authentication = remember::recognise(context, authentication, then);
    let keep = keep && context.header.flow.settings.session.kept_life().is_some();
    let person = Person { keep, ..Person::identified(authentication, then, password_version) };
    Ok(second_factor::proceed(context, person))
}

/// Whether a flow for `audience` lets an account of `kind` in. A patient flow never signs staff
/// in, and the other way round: a journey through one cannot become a session of the other.
pub(super) const fn admits(audience: Audience, kind: AccountKind) -> bool {
    match (audience, kind) {
        (Audience::Patients, AccountKind::Patient)
        | (Audience::Staff, AccountKind::Staff)
        | (Audience::Operators, AccountKind::Operator)
        | (Audience::SelfService, AccountKind::Patient | AccountKind::Staff | AccountKind::Operator) => true,
        (Audience::Patients, AccountKind::Staff | AccountKind::Operator)
        | (Audience::Staff, AccountKind::Patient | AccountKind::Operator)
        | (Audience::Operators, AccountKind::Patient | AccountKind::Staff) => false,
    }
}

fn audit(outcome: Outcome, account: Option<crate::id::Id<crate::account::Account>>, detail: &'static str) -> Effect {
    Effect::Audit { action: Action::PasswordChecked, outcome, account, detail }
}
