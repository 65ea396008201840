//! Refusals and input errors as the closed codes of a page.

use lanyard_app::api::journey::{Problem, ProblemCode};
use lanyard_domain::{
    assurance::Method,
    attribute::{Attribute, AttributeProblem},
    clock::Timestamp,
    journey::{Refusal, Stage},
    password::PasswordProblem,
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

/// What a refusal says, and at which field of `stage`. `None` where the page as a whole says it.
#[must_use]
pub(super) fn of_refusal(refusal: &Refusal, stage: &Stage, now: Timestamp) -> Option<Problem> {
    let seconds = |until: &Timestamp| seconds_until(*until, now);
    let problem = match refusal {
        Refusal::JourneyExpired | Refusal::AccountUnavailable | Refusal::AddressTaken => return None,
        Refusal::OutOfStep => at("", ProblemCode::OutOfStep),
        Refusal::WrongCredentials => at("email", ProblemCode::WrongCredentials),
        Refusal::SignInLocked { until } => at("", ProblemCode::SignInLocked { seconds: seconds(until) }),
        Refusal::CodeLength => at("code", ProblemCode::CodeLength),
        Refusal::CodeWrong { tries_left } => at("code", ProblemCode::CodeWrong { tries_left: *tries_left }),
        Refusal::CodeExpired => at("code", ProblemCode::CodeExpired),
        Refusal::CodeUsed if at_recovery(stage) => at("code", ProblemCode::RecoveryCodeUsed),
        Refusal::CodeUsed => at("code", ProblemCode::CodeUsed),
        Refusal::CodeLocked { until } => at("code", ProblemCode::CodeLocked { seconds: seconds(until) }),
        Refusal::FactorLocked { until } => at("code", ProblemCode::FactorLocked { seconds: seconds(until) }),
        Refusal::ResendTooSoon { from } => at("", ProblemCode::ResendTooSoon { seconds: seconds(from) }),
        Refusal::TooManySends { from } => {
            at(destination_field(stage), ProblemCode::TooManySends { seconds: seconds(from) })
        }
        Refusal::MethodUnavailable => at("method", ProblemCode::MethodUnavailable),
        Refusal::PasskeyWrong => at("", ProblemCode::PasskeyWrong),
        Refusal::PasskeyExpired => at("", ProblemCode::PasskeyExpired),
        Refusal::PasskeyCopied => at("", ProblemCode::PasskeyCopied),
        Refusal::FactorDisabled => at("", ProblemCode::FactorDisabled),
        Refusal::PasswordChangedMeanwhile => at("", ProblemCode::PasswordChangedMeanwhile),
    };
    Some(problem)
}

// No other code comes by waiting or asking.
const fn at_recovery(stage: &Stage) -> bool {
    matches!(stage, Stage::Challenge { method: Method::RecoveryCode, .. })
}

// Where the page has a field for the destination, the limit of sends belongs to it.
fn destination_field(stage: &Stage) -> &'static str {
    match stage.name() {
        "sign_up_email" | "reset_email" => "email",
        "enrol_phone" => "phone",
        _ => "",
    }
}
