//! A forgotten password: address, code, every bound second factor's worth (N18), new password.

use super::{
    CodeProof, CodePurpose, Context, Effect, Next, Notice, Person, Refusal, Stage, Then, code::Checked, context::Send,
    second_factor, sign_in,
};
use crate::{
    account::Account,
    assurance::Authentication,
    audit::{Action, Outcome},
    email::EmailAddress,
    id::Id,
    password,
};

/// "Send verification code". An unknown address gets a notice, and the page looks the same.
pub(super) fn request(context: &mut Context<'_, '_>, email: EmailAddress) -> Checked<Stage> {
    let history = &context.facts.email_sends;
    let (mut proof, when) = context.enter(CodePurpose::Reset, email.as_str(), history, None)?;
    let account =
        context.facts.account.as_ref().filter(|account| may_reset(context, account)).map(|account| account.id);
    match when {
        Send::Now => send(context, &email, account, &mut proof),
        Send::Underway => {}
    }
    Ok(Stage::ResetCode { email, account, proof })
}

fn may_reset(context: &Context<'_, '_>, account: &super::AccountFacts) -> bool {
    !account.disabled && sign_in::admits(context.header.flow.audience, account.kind)
}

/// Another code to the same address.
pub(super) fn resend(
    context: &mut Context<'_, '_>,
    email: EmailAddress,
    account: Option<Id<Account>>,
    mut proof: CodeProof,
) -> Next {
    if let Err(refusal) = proof.may_resend(context.now(), &context.facts.email_sends, None) {
        return Err((Stage::ResetCode { email, account, proof }, refusal));
    }
    send(context, &email, account, &mut proof);
    Ok(Stage::ResetCode { email, account, proof })
}

fn send(context: &mut Context<'_, '_>, email: &EmailAddress, account: Option<Id<Account>>, proof: &mut CodeProof) {
    let (journey, now) = (context.header.id, context.now());
    let code = proof.issue(journey, now, context.tools.entropy, context.tools.codes, None, account.is_none());
    let effect = if account.is_some() {
        Effect::SendEmailCode { to: email.clone(), purpose: CodePurpose::Reset, code }
    } else {
        Effect::SendNotice { to: email.clone(), notice: Notice::NoAccount }
    };
    context.tell(effect);
    context.tell(Effect::Audit { action: Action::EmailCodeSent, outcome: Outcome::Success, account, detail: "reset" });
}

/// The code of the address. It proves the address and no more: a bound factor comes next.
pub(super) fn submit_code(
    context: &mut Context<'_, '_>,
    email: EmailAddress,
    account: Option<Id<Account>>,
    mut proof: CodeProof,
    digits: &str,
) -> Next {
    let checked = proof.check(context.header.id, digits, context.now(), context.tools.codes, context.spent);
    let outcome = if checked.is_ok() { Outcome::Success } else { Outcome::Failure };
    context.tell(Effect::Audit { action: Action::EmailProved, outcome, account, detail: "reset" });
    let present = context.facts.account.as_ref().filter(|a| Some(a.id) == account && may_reset(context, a));
    match (checked, present.map(|a| (a.id, a.password_version))) {
        (Ok(_), Some((id, password_version))) => {
            let authentication = Authentication::begin(id, context.now()).with_email();
            let then = Then::NewPassword;
            let person = Person { reset: true, ..Person::identified(authentication, then, password_version) };
            Ok(second_factor::proceed(context, person))
        }
        // A decoy matches nothing, so this is an account that went away meanwhile.
        (Ok(_), None) => Err((Stage::ResetCode { email, account, proof }, Refusal::CodeExpired)),
        (Err(refusal), _) => Err((Stage::ResetCode { email, account, proof }, refusal)),
    }
}

/// The new password. It replaces the version that was read, ends all sessions, tells the owner.
pub(super) fn submit(context: &mut Context<'_, '_>, person: Person, phc: String) -> Next {
    let Some(account) = context.facts.account.as_ref().filter(|a| a.id == person.authentication.account()) else {
        return Err((Stage::NewPassword(person), Refusal::AccountUnavailable));
    };
    // A factor may have been bound since this page was reached.
    if second_factor::is_due(context, &person) {
        return Ok(second_factor::proceed(context, person));
    }
    let (id, replaces, email) = (account.id, account.password_version, account.email.clone());
    context.tell(Effect::SetPassword { account: id, replaces, phc });
    // Whoever has proved this much does not wait for what was guessed from here before (N9, failure 18).
    context.tell(Effect::SignInSucceeded { email: email.clone(), counted: None });
    context.tell(Effect::SendNotice { to: email, notice: Notice::PasswordChanged });
    context.tell(Effect::Audit {
        action: Action::PasswordReset,
        outcome: Outcome::Success,
        account: Some(id),
        detail: "reset",
    });
    let authentication = person.authentication.with_password();
    let password_version = Some(password::next_version(replaces));
    let person = Person { authentication, then: Then::Finish, password_version, ..person };
    Ok(second_factor::proceed(context, person))
}
