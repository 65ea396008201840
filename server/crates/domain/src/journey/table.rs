//! The whole table of transitions: which event is taken at which stage, and by whom.

use super::{
    Context, Event, Header, Refusal, Stage, Target, complete, enrol, grace, new_password, offer, passkey, profile,
    recovery, recovery_offer, refusal::Next, remember, second_factor, sign_in, sign_up,
};
use crate::{
    assurance::Method,
    user_flow::{Audience, FlowType},
};

/// Whether a flow lets people create an account.
pub(super) fn can_sign_up(header: &Header) -> bool {
    header.flow.kind == FlowType::SignUpSignIn && header.flow.audience == Audience::Patients
}

/// The next stage. What is not in the table is out of step.
pub(super) fn transition(context: &mut Context<'_, '_>, stage: Stage, event: Event) -> Next {
    match (stage, event) {
        (Stage::Ended(ended), _) => Err((Stage::Ended(ended), Refusal::OutOfStep)),
        (stage, Event::SignIn { .. }) if stage.authentication().is_some() => remember::sent_again(context, stage),
        (stage @ (Stage::Complete(_) | Stage::Returning(_)), _) => Err((stage, Refusal::OutOfStep)),
        (_, Event::Cancel) => Ok(complete::cancel(context)),

        (Stage::SignIn, Event::SignIn { email, check, keep }) => sign_in::submit(context, &email, &check, keep),
        (
            stage @ (Stage::SignIn
            | Stage::SignUpEmail
            | Stage::SignUpCode { .. }
            | Stage::ResetEmail
            | Stage::ResetCode { .. }),
            Event::GoSignIn,
        ) if context.header.flow.kind != FlowType::PasswordReset => Ok(context.leave(stage, Stage::SignIn)),
        (Stage::SignIn, Event::SubmitPasskey(check)) if passkey::signs_in(context.header) => {
            passkey::sign_in(context, &check)
        }
        (Stage::SignIn, Event::GoSignUp) if can_sign_up(context.header) => Ok(Stage::SignUpEmail),
        (Stage::SignIn, Event::GoForgotPassword) => Ok(Stage::ResetEmail),
        (Stage::SignIn, Event::LeaveForReset) if matches!(context.header.target, Target::Application(_)) => {
            Ok(complete::leave_for_reset(context))
        }

        (Stage::SignUpCode { email, proof }, Event::RequestCode { email: same }) if email == same => {
            sign_up::resend(context, email, proof)
        }
        (stage @ (Stage::SignUpEmail | Stage::SignUpCode { .. }), Event::RequestCode { email }) => {
            let next = sign_up::request(context, email);
            context.go(stage, next)
        }
        (Stage::SignUpCode { email, proof }, Event::Resend) => sign_up::resend(context, email, proof),
        (Stage::SignUpCode { email, proof }, Event::SubmitCode { digits }) => {
            sign_up::submit_code(context, email, proof, &digits)
        }
        (stage @ Stage::SignUpCode { .. }, Event::Back) => Ok(context.leave(stage, Stage::SignUpEmail)),
        (Stage::Details(details), Event::SubmitDetails(new)) => sign_up::submit_details(context, details, *new),

        (Stage::ResetCode { email, account, proof }, Event::RequestCode { email: same }) if email == same => {
            new_password::resend(context, email, account, proof)
        }
        (stage @ (Stage::ResetEmail | Stage::ResetCode { .. }), Event::RequestCode { email }) => {
            let next = new_password::request(context, email);
            context.go(stage, next)
        }
        (Stage::ResetCode { email, account, proof }, Event::Resend) => {
            new_password::resend(context, email, account, proof)
        }
        (Stage::ResetCode { email, account, proof }, Event::SubmitCode { digits }) => {
            new_password::submit_code(context, email, account, proof, &digits)
        }
        (stage @ Stage::ResetCode { .. }, Event::Back) => Ok(context.leave(stage, Stage::ResetEmail)),
        (Stage::NewPassword(person), Event::SubmitNewPassword { phc }) => new_password::submit(context, person, phc),

        (Stage::ConfirmEmail { person, proof }, Event::Resend) => enrol::resend_email(context, person, proof),
        (Stage::ConfirmEmail { person, proof }, Event::SubmitCode { digits }) => {
            enrol::confirm_email(context, person, proof, &digits)
        }
        (Stage::ChooseMethod(person), Event::ChooseMethod { method }) => enrol::choose(context, person, method),
        (Stage::EnrolPhone { person, method: chosen }, Event::EnterPhone { number, method }) => {
            enrol::enter_phone(context, person, chosen, number, method)
        }
        (Stage::EnrolPhoneCode { person, number, method, proof }, Event::Resend) => {
            enrol::resend_enrolment(context, person, number, method, proof)
        }
        (Stage::EnrolPhoneCode { person, number, method, proof }, Event::SubmitCode { digits }) => {
            enrol::bind_phone(context, person, number, method, proof, &digits)
        }
        (Stage::EnrolPhoneCode { person, method, proof, .. }, Event::Back) => {
            context.set_aside(proof);
            Ok(Stage::EnrolPhone { person, method })
        }
        (
            Stage::EnrolPhone { person, .. } | Stage::EnrolApp { person, .. } | Stage::EnrolPasskey(person),
            Event::Back,
        ) => Ok(Stage::ChooseMethod(person)),
        (Stage::EnrolApp { person, seed, failures }, Event::SubmitAppCode { digits, name }) => {
            enrol::bind_app(context, person, seed, failures, &digits, name)
        }

        (Stage::EnrolPasskey(person), Event::CreatePasskey(creation)) => passkey::create(context, person, *creation),
        (Stage::OfferPasskey(person), Event::CreatePasskey(creation)) => {
            passkey::create_offered(context, person, *creation)
        }
        (Stage::OfferPasskey(person), Event::NotNow) => Ok(offer::decline(context, person)),
        (Stage::OfferRecoveryCodes { person, seed }, Event::KeepRecoveryCodes { browser }) => {
            recovery_offer::keep(context, person, seed, &browser)
        }
        (Stage::OfferRecoveryCodes { person, .. }, Event::NotNow) => Ok(recovery_offer::decline(context, person)),
        (stage, Event::NotNow) => grace::postpone(context, stage),
        (stage, Event::RenewPasskey) if passkey::is_wanted(context.header, &stage) => {
            context.ceremony = None;
            Ok(stage)
        }

        (Stage::Challenge { person, factor, method: Method::Passkey, proof }, Event::SubmitPasskey(check)) => {
            passkey::answer(context, person, check).map_err(|(person, refusal)| {
                (Stage::Challenge { person, factor, method: Method::Passkey, proof }, refusal)
            })
        }
        (
            Stage::Challenge { person, factor, method: Method::RecoveryCode, proof },
            Event::SubmitRecoveryCode { code },
        ) => recovery::answer(context, person, factor, &code).map_err(|(person, refusal)| {
            (Stage::Challenge { person, factor, method: Method::RecoveryCode, proof }, refusal)
        }),
        (Stage::Challenge { person, factor, method, proof }, Event::SubmitCode { digits }) => {
            second_factor::answer(context, person, factor, method, proof, &digits)
        }
        (Stage::Challenge { person, factor, method, proof }, Event::Resend) => {
            second_factor::resend_challenge(context, person, factor, method, proof)
        }
        (Stage::Challenge { person, factor, method, proof }, Event::ChooseMethod { method: other }) => {
            second_factor::another_way(context, person, factor, method, proof, other)
        }

        (Stage::EditProfile(person), Event::SubmitProfile { attributes }) => {
            profile::submit(context, person, attributes)
        }
        (stage, Event::Remembering(event)) => remember::asked(context, stage, *event),

        (Stage::Consent { person, asked }, Event::Agree) => Ok(complete::agree(context, person, asked)),
        (stage, _) => Err((stage, Refusal::OutOfStep)),
    }
}
