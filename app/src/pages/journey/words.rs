//! The words of the journey: what each problem is and what to do about it (U9, U14, U31).
//!
//! Plain words for a reading age of 9 to 11. Nothing here says whether an account exists (U10).

use crate::api::journey::{Delivery, JourneyView, Method, OverReason, ProblemCode, StageView};

/// A number of days.
#[must_use]
pub fn days(days: u32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

/// A stretch of time as people say it: "45 seconds", "1 minute", "4 minutes 30 seconds", "2 hours
/// 5 minutes". Seconds are left out from ten minutes up (rounded up to the next minute).
#[must_use]
pub fn duration(seconds: u32) -> String {
    let count = |number: u32, one: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {one}s"),
    };
    let join = |large: String, small: u32, one: &str| match small {
        0 => large,
        small => format!("{large} {}", count(small, one)),
    };
    if seconds < 60 {
        return count(seconds, "second");
    }
    if seconds < 600 {
        return join(count(seconds / 60, "minute"), seconds % 60, "second");
    }
    let minutes = seconds.div_ceil(60);
    if minutes < 60 {
        return count(minutes, "minute");
    }
    join(count(minutes / 60, "hour"), minutes % 60, "minute")
}

/// A label inside a sentence: "Given name" becomes "given name", "Country/Region"
/// "country/region"; "ID number" stays.
fn within(label: &str) -> String {
    label.split('/').map(uncapitalised).collect::<Vec<_>>().join("/")
}

fn uncapitalised(word: &str) -> String {
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(std::iter::once(second)).chain(letters).collect()
        }
        (Some(_) | None, _) => word.to_owned(),
    }
}

/// What is wrong with a checkbox that must be ticked.
pub(super) fn tick(label: &str) -> String {
    format!("Tick “{label}” to go on.")
}

/// What is wrong with a select that must be chosen from.
pub(super) fn choose(label: &str) -> String {
    format!("Choose your {}.", within(label))
}

/// What is wrong and what to do, in one or two sentences.
#[must_use]
pub fn problem_text(code: &ProblemCode) -> String {
    let fixed = match code {
        ProblemCode::PasswordTooShort { min } => {
            return format!("Your password is too short. Use at least {min} characters.");
        }
        ProblemCode::CodeWrong { tries_left } => return code_wrong(*tries_left),
        ProblemCode::CodeLocked { seconds } => {
            return format!(
                "You’ve entered too many wrong codes. Wait {}, then ask for a new code.",
                duration(*seconds)
            );
        }
        ProblemCode::FactorLocked { seconds } => {
            return format!(
                "This way to sign in is locked after too many wrong codes. Wait {}, or try another way.",
                duration(*seconds)
            );
        }
        ProblemCode::ResendTooSoon { seconds } => {
            return format!("We’ve only just sent a code. Wait {} before you ask for another.", duration(*seconds));
        }
        ProblemCode::TooManySends { seconds } => {
            return format!(
                "You’ve asked for too many codes. Use the last one we sent, or wait {} to ask again.",
                duration(*seconds)
            );
        }
        ProblemCode::SignInLocked { seconds } => {
            return format!(
                "Too many tries to sign in. Wait {}, then try again, or reset your password.",
                duration(*seconds)
            );
        }
        ProblemCode::NetworkLocked { seconds } => {
            return format!(
                "Too many wrong passwords came from your internet connection, perhaps typed by somebody else. Wait {}, use another connection such as mobile data, or reset your password.",
                // Nobody counts down here: whole minutes say enough.
                duration(if *seconds < 60 { *seconds } else { seconds.div_ceil(60).saturating_mul(60) })
            );
        }
        ProblemCode::AttributeMissing { label } => return format!("Enter your {}.", within(label)),
        ProblemCode::AttributeTooLong { label } => return format!("Your {} is too long. Shorten it.", within(label)),
        ProblemCode::AttributeCharacters { label } => {
            return format!("Your {} has characters we can’t use. Take them out.", within(label));
        }
        ProblemCode::AttributeNotInteger { label } => {
            return format!("Enter your {} as a whole number, such as 42.", within(label));
        }
        ProblemCode::AttributeNotAnOption { label } => {
            return format!("Choose your {} from the list.", within(label));
        }
        ProblemCode::EmailMissing => "Enter your email address.",
        ProblemCode::EmailInvalid => "Enter an email address in the form name@example.com.",
        ProblemCode::PasswordMissing => "Enter your password.",
        ProblemCode::PasswordTooLong => "Your password is too long. Use 256 characters or fewer.",
        ProblemCode::PasswordCommon => {
            "Many people use this password, so it’s easy to guess. Choose a different one: three or four unrelated words work well."
        }
        ProblemCode::PasswordPattern => {
            "This password repeats or follows a pattern, so it’s easy to guess. Mix in some unrelated words."
        }
        ProblemCode::PasswordContext => {
            "Your password includes your name, your email or the name of this service. Choose one without them."
        }
        ProblemCode::CodeMissing => "Enter the code.",
        ProblemCode::CodeLength => "The code has 6 digits. Check it and enter all of them.",
        ProblemCode::CodeExpired => "This code has run out. Ask for a new code.",
        ProblemCode::CodeUsed => "This code has already been used. Wait for the next one, or ask for a new code.",
        ProblemCode::WrongCredentials => {
            "The email address or password is not right. Check both and try again, or reset your password."
        }
        ProblemCode::PhoneMissing => "Enter your phone number.",
        ProblemCode::PhoneInvalid => {
            "This doesn’t look like a phone number we can reach. Check it, or choose the country it belongs to."
        }
        ProblemCode::PhonePremiumRate => {
            "We can’t use this number because calls or texts to it cost extra. Enter an ordinary mobile or home number."
        }
        ProblemCode::PhoneUnserved => {
            "We don’t send codes to phones in this country. Enter a number of another country, or choose another way."
        }
        ProblemCode::MethodMissing => "Choose how you want to prove it’s you.",
        ProblemCode::MethodUnavailable => "You can’t use that way here. Choose another one.",
        ProblemCode::OutOfStep => {
            "You’ve moved on since that page was opened, so we didn’t use what you sent. Carry on from here."
        }
        ProblemCode::Busy => "The service is busy. What you sent was not used. Wait a few seconds and try again.",
        ProblemCode::EmailUnavailable => "We can’t send email at the moment. Try again later, or contact the clinic.",
        ProblemCode::PasskeyWrong => "We couldn’t use that passkey here. Try again, or choose another way.",
        ProblemCode::PasskeyMake => {
            "That passkey is not of a kind that people who work here may use, so we didn’t save it. Use a security key that the clinic gave you."
        }
        ProblemCode::PasskeyExpired => "That took too long, so we didn’t use it. Try once more.",
        ProblemCode::PasskeyCopied => {
            "This passkey may have been copied, so we’ve turned it off. Choose another way, or contact the clinic."
        }
        ProblemCode::RecoveryCodeForm => "A recovery code has 24 letters and numbers. Check it and enter all of them.",
        ProblemCode::RecoveryCodeUsed => "This recovery code has already been used. Enter another one of your codes.",
        ProblemCode::FactorDisabled => {
            "There were too many wrong codes, so we’ve turned this method off. Choose another way, or contact the clinic."
        }
        ProblemCode::PasswordChangedMeanwhile => {
            "Your password, your email address or a second step was changed a moment ago. Sign in again."
        }
    };
    fixed.to_owned()
}

/// With a warning when three tries or fewer are left (U14).
fn code_wrong(tries_left: u32) -> String {
    match tries_left {
        0 => "That code is not right, and it was your last try. Ask for a new code.".to_owned(),
        1 => "That code is not right. You have 1 try left before we lock this for a while.".to_owned(),
        2 | 3 => format!("That code is not right. You have {tries_left} tries left before we lock this for a while."),
        4.. => "That code is not right. Check it and try again.".to_owned(),
    }
}

/// A method's name as a choice.
#[must_use]
pub const fn method_label(method: Method) -> &'static str {
    match method {
        Method::Passkey => "Passkey",
        Method::AuthenticatorApp => "Authenticator app",
        Method::TextMessage => "Text message",
        Method::PhoneCall => "Phone call",
        Method::RecoveryCode => "Recovery code",
    }
}

/// One line about a method.
#[must_use]
pub const fn method_description(method: Method) -> &'static str {
    match method {
        Method::Passkey => "Use your fingerprint, face or screen lock. There is no code to type.",
        Method::AuthenticatorApp => "An app on your phone or computer shows you a code. It works without a signal.",
        Method::TextMessage => "We text a code to your phone.",
        Method::PhoneCall => "We call your phone and read out a code. It can be a home phone.",
        Method::RecoveryCode => "One of the codes that you saved for the day you lose your phone.",
    }
}

/// Another way to answer, with its hint: "Text message to •••• 42".
#[must_use]
pub fn other_way(method: Method, hint: &str) -> String {
    match method {
        Method::Passkey => "Use your passkey".to_owned(),
        Method::AuthenticatorApp if hint.is_empty() => "Use your authenticator app".to_owned(),
        Method::AuthenticatorApp => format!("Use your authenticator app, {hint}"),
        Method::TextMessage => format!("Text a code to {hint}"),
        Method::PhoneCall => format!("Call {hint} with a code"),
        Method::RecoveryCode => "Use a recovery code".to_owned(),
    }
}

/// The heading of a step, which is also the first part of the title (U2).
#[must_use]
pub fn heading(stage: &StageView) -> &'static str {
    match stage {
        StageView::SignIn { .. } => "Sign in",
        StageView::SignUpEmail => "Create an account",
        StageView::SignUpCode(_) | StageView::ResetCode(_) => "Check your email",
        StageView::Details { .. } => "Finish your account",
        StageView::ResetEmail { .. } => "Reset your password",
        StageView::NewPassword { .. } => "Choose a new password",
        StageView::ConfirmEmail(_) => "Check that it’s you",
        StageView::ChooseMethod { .. } => "Protect your account",
        StageView::EnrolPhone { .. } => "Add your phone",
        StageView::EnrolPhoneCode { method, .. } => phone_heading(*method),
        StageView::EnrolApp { .. } => "Set up your authenticator app",
        StageView::EnrolPasskey { .. } => "Create a passkey",
        StageView::OfferPasskey { .. } => "Sign in faster next time",
        StageView::OfferRecoveryCodes { .. } => "Your recovery codes",
        StageView::Challenge { method, .. } => phone_heading(*method),
        StageView::EditProfile { .. } => "Your details",
        StageView::Consent { .. } => "Share your details?",
        StageView::Done { .. } => "All done",
        StageView::Over { reason, .. } => over_heading(*reason),
    }
}

const fn phone_heading(method: Method) -> &'static str {
    match method {
        Method::Passkey => "Use your passkey",
        Method::AuthenticatorApp => "Enter the code from your app",
        Method::TextMessage => "Check your texts",
        Method::PhoneCall => "Answer your phone",
        Method::RecoveryCode => "Enter a recovery code",
    }
}

const fn over_heading(reason: OverReason) -> &'static str {
    match reason {
        OverReason::Expired => "You ran out of time",
        OverReason::Used => "You’ve already finished here",
        OverReason::OtherBrowser => "Open this page where you started",
        OverReason::AccountUnavailable => "You can’t sign in to this account",
        OverReason::AddressTaken => "You need to start again",
        OverReason::Cancelled => "You’ve stopped signing in",
    }
}

/// Why a journey is over and what to do.
#[must_use]
pub const fn over_text(reason: OverReason) -> &'static str {
    match reason {
        OverReason::Expired => {
            "To keep your account safe, signing in has to be finished within an hour. Nothing was saved. You can start again."
        }
        OverReason::Used => {
            "This page was used already, perhaps in another tab. Go back to the app you came from, or start again."
        }
        OverReason::OtherBrowser => {
            "This page belongs to another browser or device, or your browser has not kept our cookie. Carry on there, or start again here."
        }
        OverReason::AccountUnavailable => {
            "The account was switched off. Contact the clinic to find out why and to have it switched on again."
        }
        OverReason::AddressTaken => {
            "We couldn’t make an account with what you sent. Start again. If you have an account already, sign in to it."
        }
        OverReason::Cancelled => "Nothing was changed. You can close this page, or start again.",
    }
}

/// What is said about a message that fares badly; `None` while nothing is wrong.
#[must_use]
pub const fn delivery_text(delivery: Delivery) -> Option<&'static str> {
    match delivery {
        Delivery::OnItsWay => None,
        Delivery::Delayed => Some(
            "It’s taking longer than usual to send your code. We’re still trying. You can wait, or try another way.",
        ),
        Delivery::Failed => {
            Some("We couldn’t send your code. Ask for a new one, try another way, or contact the clinic.")
        }
    }
}

/// The title of a journey's page (U2).
#[must_use]
pub fn page_title(view: &JourneyView) -> String {
    let failed = if view.problems.is_empty() { "" } else { "Error: " };
    format!("{failed}{} – {}", heading(&view.stage), view.tenant)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Every code once. The match below makes a new code a compile error until it is added here.
    pub(crate) fn every_code() -> Vec<ProblemCode> {
        let label = || "Given name".to_owned();
        let all = vec![
            ProblemCode::EmailMissing,
            ProblemCode::EmailInvalid,
            ProblemCode::PasswordMissing,
            ProblemCode::PasswordTooShort { min: 15 },
            ProblemCode::PasswordTooLong,
            ProblemCode::PasswordCommon,
            ProblemCode::PasswordPattern,
            ProblemCode::PasswordContext,
            ProblemCode::CodeMissing,
            ProblemCode::CodeLength,
            ProblemCode::CodeWrong { tries_left: 4 },
            ProblemCode::CodeExpired,
            ProblemCode::CodeUsed,
            ProblemCode::CodeLocked { seconds: 90 },
            ProblemCode::FactorLocked { seconds: 90 },
            ProblemCode::ResendTooSoon { seconds: 9 },
            ProblemCode::TooManySends { seconds: 90 },
            ProblemCode::WrongCredentials,
            ProblemCode::SignInLocked { seconds: 90 },
            ProblemCode::NetworkLocked { seconds: 90 },
            ProblemCode::PhoneMissing,
            ProblemCode::PhoneInvalid,
            ProblemCode::PhonePremiumRate,
            ProblemCode::PhoneUnserved,
            ProblemCode::MethodMissing,
            ProblemCode::MethodUnavailable,
            ProblemCode::AttributeMissing { label: label() },
            ProblemCode::AttributeTooLong { label: label() },
            ProblemCode::AttributeCharacters { label: label() },
            ProblemCode::AttributeNotInteger { label: label() },
            ProblemCode::AttributeNotAnOption { label: label() },
            ProblemCode::OutOfStep,
            ProblemCode::Busy,
            ProblemCode::EmailUnavailable,
            ProblemCode::PasswordChangedMeanwhile,
            ProblemCode::PasskeyWrong,
            ProblemCode::PasskeyMake,
            ProblemCode::PasskeyExpired,
            ProblemCode::PasskeyCopied,
            ProblemCode::RecoveryCodeForm,
            ProblemCode::RecoveryCodeUsed,
            ProblemCode::FactorDisabled,
        ];
        for code in &all {
            match code {
                ProblemCode::EmailMissing
                | ProblemCode::EmailInvalid
                | ProblemCode::PasswordMissing
                | ProblemCode::PasswordTooShort { .. }
                | ProblemCode::PasswordTooLong
                | ProblemCode::PasswordCommon
                | ProblemCode::PasswordPattern
                | ProblemCode::PasswordContext
                | ProblemCode::CodeMissing
                | ProblemCode::CodeLength
                | ProblemCode::CodeWrong { .. }
                | ProblemCode::CodeExpired
                | ProblemCode::CodeUsed
                | ProblemCode::CodeLocked { .. }
                | ProblemCode::FactorLocked { .. }
                | ProblemCode::ResendTooSoon { .. }
                | ProblemCode::TooManySends { .. }
                | ProblemCode::WrongCredentials
                | ProblemCode::SignInLocked { .. }
                | ProblemCode::NetworkLocked { .. }
                | ProblemCode::PhoneMissing
                | ProblemCode::PhoneInvalid
                | ProblemCode::PhonePremiumRate
                | ProblemCode::PhoneUnserved
                | ProblemCode::MethodMissing
                | ProblemCode::MethodUnavailable
                | ProblemCode::AttributeMissing { .. }
                | ProblemCode::AttributeTooLong { .. }
                | ProblemCode::AttributeCharacters { .. }
                | ProblemCode::AttributeNotInteger { .. }
                | ProblemCode::AttributeNotAnOption { .. }
                | ProblemCode::OutOfStep
                | ProblemCode::Busy
                | ProblemCode::EmailUnavailable
                | ProblemCode::PasswordChangedMeanwhile
                | ProblemCode::PasskeyWrong
                | ProblemCode::PasskeyMake
                | ProblemCode::PasskeyExpired
                | ProblemCode::PasskeyCopied
                | ProblemCode::RecoveryCodeForm
                | ProblemCode::RecoveryCodeUsed
                | ProblemCode::FactorDisabled => {}
            }
        }
        all
    }

    #[test]
    fn u14_every_problem_has_words_of_its_own() {
        let codes = every_code();
        let texts: std::collections::BTreeSet<_> = codes.iter().map(problem_text).collect();
        assert_eq!(texts.len(), codes.len());
        for text in &texts {
            assert!(text.ends_with('.'), "{text}");
            assert!(text.split_whitespace().count() <= 30, "too long to read at a glance: {text}");
        }
    }

    #[test]
    fn u14_three_tries_left_are_announced_and_four_are_not() {
        for (left, said) in [(3, "3 tries left"), (2, "2 tries left"), (1, "1 try left")] {
            assert!(problem_text(&ProblemCode::CodeWrong { tries_left: left }).contains(said));
        }
        assert!(!problem_text(&ProblemCode::CodeWrong { tries_left: 4 }).contains("left"));
        assert!(problem_text(&ProblemCode::CodeWrong { tries_left: 0 }).contains("last try"));
    }

    #[test]
    fn u14_times_are_said_in_minutes_and_seconds() {
        let said: Vec<_> = [1, 45, 60, 61, 270, 600, 601, 3600, 3660].map(duration).into();
        assert_eq!(
            said,
            [
                "1 second",
                "45 seconds",
                "1 minute",
                "1 minute 1 second",
                "4 minutes 30 seconds",
                "10 minutes",
                "11 minutes",
                "1 hour",
                "1 hour 1 minute"
            ]
        );
    }

    #[test]
    fn u10_a_failed_sign_in_never_says_which_part_was_wrong() {
        let text = problem_text(&ProblemCode::WrongCredentials);
        assert!(text.contains("email address or password"), "{text}");
        for telling in ["exist", "no account", "not found", "registered"] {
            assert!(!text.contains(telling), "{text}");
        }
    }

    #[test]
    fn labels_in_sentences_lose_only_a_sentence_capital() {
        assert_eq!(within("Given name"), "given name");
        assert_eq!(within("Country/Region"), "country/region");
        assert_eq!(within("NHS number"), "NHS number");
        assert_eq!(within(""), "");
    }
}
