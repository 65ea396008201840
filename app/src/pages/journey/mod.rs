//! The pages of a journey: sign-up, sign-in, second factor, reset, profile.
//!
//! [`journey_page`] is the whole page; its card is [`crate::islands::JourneyIsland`], which draws
//! one step with [`step`], on the server and in the browser alike. Every step is plain forms that
//! post to `/journey/{id}/{event}` (U1).

mod account;
mod code;
mod consent;
mod enrol;
mod over;
pub(crate) mod parts;
mod passkey;
mod recovery;
mod sign_in;
pub mod words;

use leptos::prelude::*;

use crate::api::journey::{JourneyView, Method, StageView};
use crate::components::{AuthLayout, ErrorItem, ErrorSummary, Plain as _};
use crate::islands::JourneyIsland;
pub(crate) use code::LiveDelivery;
pub(crate) use parts::Step;
pub use words::page_title;

/// The body of a journey's page; its title is [`page_title`].
pub fn journey_page(view: JourneyView) -> impl IntoView {
    view! {
        <AuthLayout tenant=view.tenant.clone() demo=view.demo>
            <JourneyIsland view=view />
        </AuthLayout>
    }
}

/// One step: the summary of what is wrong, the heading, and the stage's forms.
pub(crate) fn step(view: &JourneyView) -> AnyView {
    let at = Step::new(view);
    let problems = view
        .problems
        .iter()
        .map(|problem| ErrorItem { field: at.link_target(&problem.field), text: at.text(problem) })
        .collect();
    let body = match &view.stage {
        StageView::SignIn { can_sign_up, can_cancel, keep_days, passkey } => {
            sign_in::sign_in(&at, *can_sign_up, *can_cancel, *keep_days, passkey.as_ref())
        }
        StageView::SignUpEmail => sign_in::sign_up_email(&at),
        StageView::SignUpCode(code) => code::email_code(&at, code, code::EmailPurpose::SignUp),
        StageView::Details { email, ask_email, min_length, attributes } => {
            account::details(&at, email.as_deref(), *ask_email, *min_length, attributes)
        }
        StageView::ResetEmail { can_sign_in } => sign_in::reset_email(&at, *can_sign_in),
        StageView::ResetCode(code) => code::email_code(&at, code, code::EmailPurpose::Reset),
        StageView::NewPassword { email, min_length } => account::new_password(&at, email, *min_length),
        StageView::ConfirmEmail(code) => code::email_code(&at, code, code::EmailPurpose::Confirm),
        StageView::ChooseMethod { methods } => enrol::choose_method(&at, methods),
        StageView::EnrolPhone { method, methods, country, countries, can_go_back } => {
            enrol::phone(&at, *method, methods, (country, countries), *can_go_back)
        }
        StageView::EnrolPhoneCode { method, code } => code::phone_code(&at, *method, code),
        StageView::EnrolApp { qr_svg, uri, secret, can_go_back } => enrol::app(&at, qr_svg, uri, secret, *can_go_back),
        StageView::EnrolPasskey { passkey, can_go_back } => passkey::enrol(&at, passkey, *can_go_back),
        StageView::OfferPasskey { passkey } => passkey::offer(&at, passkey.as_ref()),
        StageView::OfferRecoveryCodes { codes, file } => recovery::offer(&at, codes, file),
        StageView::Challenge { passkey: Some(passkey), other_ways, .. } => passkey::challenge(&at, passkey, other_ways),
        StageView::Challenge { method: Method::RecoveryCode, other_ways, .. } => recovery::challenge(&at, other_ways),
        StageView::Challenge { method, code, factor_name, other_ways, passkey: None, remember_days } => {
            code::challenge(&at, *method, (code.as_ref(), *remember_days), factor_name, other_ways)
        }
        StageView::EditProfile { attributes } => account::edit_profile(&at, attributes),
        StageView::Consent { email, details, rights, host } => {
            consent::consent(&at, (email, host.as_deref()), details, rights)
        }
        StageView::Done { location } => over::done(location),
        StageView::Over { reason, start_again } => over::over(*reason, start_again.as_deref()),
    };
    view! {
        <ErrorSummary items=problems />
        <h1 class="step-title" id="step-title" tabindex="-1">
            {words::heading(&view.stage)}
        </h1>
        {body}
        {view.postpone_until.as_deref().map(|until| enrol::not_now(&at, until))}
        {view.longer_password.map(|least| longer_password(&view.stage, least))}
    }
    .plain()
}

// Why the browser cannot be remembered, or nothing be put off, and what to do about it.
fn longer_password(stage: &StageView, least: u32) -> AnyView {
    let what = match stage {
        StageView::Challenge { .. } => "have this browser remembered",
        _ => "put this off",
    };
    let least = least.to_string();
    let more = " characters. Yours is shorter. You can choose another one by “Forgot your password?” when you sign in.";
    let said = ["To ", what, ", you need a password with at least ", &least, more].concat();
    view! { <p class="muted">{said}</p> }.plain()
}
