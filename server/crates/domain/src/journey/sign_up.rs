//! A new account: address, code, details. It exists once the journey completes.

use super::{
    CodeProof, CodePurpose, Context, DetailsStage, Effect, NewAccount, NewDetails, Next, Notice, Person, Refusal,
    Stage, Then, code::Checked, context::Send, second_factor, sign_in,
};
use crate::{
    account::AccountKind,
    assurance::Authentication,
    audit::{Action, Outcome},
    email::EmailAddress,
    id::Id,
};

/// "Send verification code". An address that has an account gets a notice instead of a code, and
/// the page looks the same (U10).
pub(super) fn request(context: &mut Context<'_, '_>, email: EmailAddress) -> Checked<Stage> {
    let history = &context.facts.email_sends;
    let (mut proof, when) = context.enter(CodePurpose::SignUp, email.as_str(), history, None)?;
    match when {
        Send::Now => send(context, &email, &mut proof),
        Send::Underway => {}
    }
    Ok(Stage::SignUpCode { email, proof })
}

/// Another code to the same address.
pub(super) fn resend(context: &mut Context<'_, '_>, email: EmailAddress, mut proof: CodeProof) -> Next {
    if let Err(refusal) = proof.may_resend(context.now(), &context.facts.email_sends, None) {
        return Err((Stage::SignUpCode { email, proof }, refusal));
    }
    send(context, &email, &mut proof);
    Ok(Stage::SignUpCode { email, proof })
}

fn send(context: &mut Context<'_, '_>, email: &EmailAddress, proof: &mut CodeProof) {
    let taken = context.facts.account.is_some();
    let (journey, now) = (context.header.id, context.now());
    let code = proof.issue(journey, now, context.tools.entropy, context.tools.codes, None, taken);
    let effect = if taken {
        Effect::SendNotice { to: email.clone(), notice: Notice::AlreadyRegistered }
    } else {
        Effect::SendEmailCode { to: email.clone(), purpose: CodePurpose::SignUp, code }
    };
    context.tell(effect);
    context.tell(Effect::Audit {
        action: Action::EmailCodeSent,
        outcome: Outcome::Success,
        account: None,
        detail: "sign_up",
    });
}

/// The code of the address.
pub(super) fn submit_code(
    context: &mut Context<'_, '_>,
    email: EmailAddress,
    mut proof: CodeProof,
    digits: &str,
) -> Next {
    match proof.check(context.header.id, digits, context.now(), context.tools.codes, context.spent) {
        Ok(_) => {
            context.tell(Effect::Audit {
                action: Action::EmailProved,
                outcome: Outcome::Success,
                account: None,
                detail: "sign_up",
            });
            Ok(Stage::Details(DetailsStage {
                email: Some(email),
                email_proved: true,
                kind: AccountKind::Patient,
                invitation: None,
            }))
        }
        Err(refusal) => {
            context.tell(Effect::Audit {
                action: Action::EmailProved,
                outcome: Outcome::Failure,
                account: None,
                detail: "sign_up",
            });
            Err((Stage::SignUpCode { email, proof }, refusal))
        }
    }
}

/// Password and attributes. From here on the person counts as known; the account itself is
/// written when the journey completes.
pub(super) fn submit_details(context: &mut Context<'_, '_>, details: DetailsStage, new: NewDetails) -> Next {
    let email = details.email.clone().or(new.email);
    let Some(email) = email.filter(|_| sign_in::admits(context.header.flow.audience, details.kind)) else {
        return Err((Stage::Details(details), Refusal::OutOfStep));
    };
    let id = Id::new(context.now(), context.tools.entropy);
    let mut authentication = Authentication::begin(id, context.now()).with_password().for_new_account();
    if details.email_proved {
        authentication = authentication.with_email();
    }
    let account = NewAccount {
        id,
        kind: details.kind,
        email,
        phc: new.phc,
        attributes: new.attributes,
        factors: Vec::new(),
        invitation: details.invitation,
    };
    let new = Some(Box::new(account));
    let person = Person { new, ..Person::identified(authentication, Then::Finish, None) };
    Ok(second_factor::proceed(context, person))
}
