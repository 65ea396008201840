//! A forgotten password: address, code, every bound second factor's worth (N18), new password.

use super::{
    CodeProof, CodePurpose, Context, Effect, Next, Notice, Person, Refusal, Stage, Then, code, second_factor, sign_in,
};
use crate::{
    account::Account,
    assurance::Authentication,
    audit::{Action, Outcome},
    email::EmailAddress,
    id::Id,
};

/// "Send verification code". An unknown address gets a notice, and the page looks the same.
pub(super) fn request(context: &mut Context<'_, '_>, email: EmailAddress) -> Next {
    if let Err(refusal) = code::may_send(context.now(), &context.facts.email_sends) {
        return Err((Stage::ResetEmail, refusal));
    }
    let account =
        context.facts.account.as_ref().filter(|account| may_reset(context, account)).map(|account| account.id);
    let mut proof = CodeProof::new(CodePurpose::Reset, email.as_str().to_owned());
    send(context, &email, account, &mut proof);
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
    if let Err(refusal) = proof.may_resend(context.now(), &context.facts.email_sends) {
        return Err((Stage::ResetCode { email, account, proof }, refusal));
    }
    send(context, &email, account, &mut proof);
    Ok(Stage::ResetCode { email, account, proof })
}

fn send(context: &mut Context<'_, '_>, email: &EmailAddress, account: Option<Id<Account>>, proof: &mut CodeProof) {
    let (journey, now) = (context.header.id, context.now());
    let code = proof.issue(journey, now, context.tools.entropy, context.tools.codes, account.is_none());
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
    match (checked, present.map(|a| a.id)) {
        (Ok(()), Some(id)) => {
            let authentication = Authentication::begin(id, context.now()).with_email();
            Ok(second_factor::proceed(context, Person { authentication, new: None, then: Then::NewPassword }))
        }
        // A decoy matches nothing, so this is an account that went away meanwhile.
        (Ok(()), None) => Err((Stage::ResetCode { email, account, proof }, Refusal::CodeExpired)),
        (Err(refusal), _) => Err((Stage::ResetCode { email, account, proof }, refusal)),
    }
}

/// The new password. It replaces the version that was read, ends all sessions, tells the owner.
pub(super) fn submit(context: &mut Context<'_, '_>, person: Person, phc: String) -> Next {
    let Some(account) = context.facts.account.as_ref().filter(|a| a.id == person.authentication.account()) else {
        return Err((Stage::NewPassword(person), Refusal::AccountUnavailable));
    };
    let (id, replaces, email) = (account.id, account.password_version, account.email.clone());
    context.tell(Effect::SetPassword { account: id, replaces, phc });
    context.tell(Effect::SendNotice { to: email, notice: Notice::PasswordChanged });
    context.tell(Effect::Audit {
        action: Action::PasswordReset,
        outcome: Outcome::Success,
        account: Some(id),
        detail: "reset",
    });
    let authentication = person.authentication.with_password();
    Ok(second_factor::proceed(context, Person { authentication, new: None, then: Then::Finish }))
}
