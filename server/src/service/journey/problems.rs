//! Refusals and input errors as the closed codes of a page.

use lanyard_app::api::journey::{Problem, ProblemCode};
use lanyard_domain::{
    assurance::Method,
    attribute::{Attribute, AttributeProblem},
    clock::Timestamp,
    journey::{Refusal, Stage},
    password::PasswordProblem,
    phone::PhoneProblem,
};

/// A problem at `field`.
#[must_use]
pub(super) fn at(field: &str, code: ProblemCode) -> Problem {
    Problem { field: field.to_owned(), code }
}

/// What is wrong with a new password.
#[must_use]
pub(super) fn of_password(problem: PasswordProblem, min: usize) -> Problem {
    let code = match problem {
        PasswordProblem::Missing => ProblemCode::PasswordMissing,
        PasswordProblem::TooShort => ProblemCode::PasswordTooShort { min },
        PasswordProblem::TooLong => ProblemCode::PasswordTooLong,
        PasswordProblem::Common => ProblemCode::PasswordCommon,
        PasswordProblem::Pattern => ProblemCode::PasswordPattern,
        PasswordProblem::Context => ProblemCode::PasswordContext,
    };
    at("password", code)
}

/// What is wrong with a phone number.
#[must_use]
pub(super) const fn of_phone(problem: PhoneProblem) -> ProblemCode {
    match problem {
        PhoneProblem::Invalid => ProblemCode::PhoneInvalid,
        PhoneProblem::PremiumRate => ProblemCode::PhonePremiumRate,
        PhoneProblem::Country => ProblemCode::PhoneUnserved,
    }
}

/// What is wrong with an attribute.
#[must_use]
pub(super) fn of_attribute(problem: AttributeProblem, attribute: &Attribute) -> Problem {
    let label = attribute.label.clone();
    let code = match problem {
        AttributeProblem::Missing => ProblemCode::AttributeMissing { label },
        AttributeProblem::TooLong => ProblemCode::AttributeTooLong { label },
        AttributeProblem::Control => ProblemCode::AttributeCharacters { label },
        AttributeProblem::NotInteger => ProblemCode::AttributeNotInteger { label },
        AttributeProblem::NotAnOption => ProblemCode::AttributeNotAnOption { label },
    };
    at(&attribute.name, code)
}

/// Whole seconds from `now` until `until`, at least one while it lies ahead.
#[must_use]
pub fn seconds_until(until: Timestamp, now: Timestamp) -> u32 {
    u32::try_from((until.since(now).max(0) + 999) / 1000).unwrap_or(u32::MAX)
}

/// What a refusal says. `None` where the page as a whole says it.
#[must_use]
pub fn code_of(refusal: &Refusal, now: Timestamp) -> Option<ProblemCode> {
    let seconds = |until: &Timestamp| seconds_until(*until, now);
    let code = match refusal {
        Refusal::JourneyExpired | Refusal::AccountUnavailable | Refusal::AddressTaken => return None,
        Refusal::OutOfStep => ProblemCode::OutOfStep,
        Refusal::WrongCredentials => ProblemCode::WrongCredentials,
        Refusal::SignInLocked { until } => ProblemCode::SignInLocked { seconds: seconds(until) },
        Refusal::NetworkLocked { until } => ProblemCode::NetworkLocked { seconds: seconds(until) },
        Refusal::CodeLength => ProblemCode::CodeLength,
        Refusal::CodeWrong { tries_left } => ProblemCode::CodeWrong { tries_left: *tries_left },
        Refusal::CodeExpired => ProblemCode::CodeExpired,
        Refusal::CodeUsed => ProblemCode::CodeUsed,
        Refusal::CodeLocked { until } => ProblemCode::CodeLocked { seconds: seconds(until) },
        Refusal::FactorLocked { until } => ProblemCode::FactorLocked { seconds: seconds(until) },
        Refusal::ResendTooSoon { from } => ProblemCode::ResendTooSoon { seconds: seconds(from) },
        Refusal::TooManySends { from } => ProblemCode::TooManySends { seconds: seconds(from) },
        Refusal::PhoneUnserved => ProblemCode::PhoneUnserved,
        Refusal::MethodUnavailable => ProblemCode::MethodUnavailable,
        Refusal::PasskeyWrong => ProblemCode::PasskeyWrong,
        Refusal::PasskeyMake => ProblemCode::PasskeyMake,
        Refusal::PasskeyExpired => ProblemCode::PasskeyExpired,
        Refusal::PasskeyCopied => ProblemCode::PasskeyCopied,
        Refusal::FactorDisabled => ProblemCode::FactorDisabled,
        Refusal::PasswordChangedMeanwhile => ProblemCode::PasswordChangedMeanwhile,
    };
    Some(code)
}

/// What a refusal says, and at which field of `stage`. `None` where the page as a whole says it.
#[must_use]
pub(super) fn of_refusal(refusal: &Refusal, stage: &Stage, now: Timestamp) -> Option<Problem> {
    let field = match refusal {
        Refusal::WrongCredentials => "email",
        Refusal::CodeLength
        | Refusal::CodeWrong { .. }
        | Refusal::CodeExpired
        | Refusal::CodeUsed
        | Refusal::CodeLocked { .. }
        | Refusal::FactorLocked { .. } => "code",
        Refusal::TooManySends { .. } | Refusal::PhoneUnserved => destination_field(stage),
        Refusal::MethodUnavailable => "method",
        _ => "",
    };
    let code = match refusal {
        Refusal::CodeUsed if at_recovery(stage) => Some(ProblemCode::RecoveryCodeUsed),
        _ => code_of(refusal, now),
    };
    code.map(|code| at(field, code))
}

// No other code comes by waiting or asking.
const fn at_recovery(stage: &Stage) -> bool {
    matches!(stage, Stage::Challenge { method: Method::RecoveryCode, .. })
}

// Where the page has a field for the destination, what keeps codes from it belongs there.
fn destination_field(stage: &Stage) -> &'static str {
    match stage.name() {
        "sign_up_email" | "reset_email" => "email",
        "enrol_phone" => "phone",
        _ => "",
    }
}
