//! "Second step for this patient" as data: what one account must show at every sign-in, whatever the application asks.

use super::account::Visitor;

/// What can be asked of one account, weakest first: value, words on the form, and the end of "From now on …" in a mail.
pub const MINIMUMS: [(&str, &str, &str); 4] = [
    ("aal1", "As the sign-in page asks", "the sign-in page asks you for what it asks everybody."),
    ("aal2_legacy", "Always: any second step", "you are asked for a second step every time you sign in."),
    (
        "aal2_strict",
        "Always: a passkey, an authenticator app or a recovery code",
        "you are asked for a passkey or a code from an authenticator app every time you sign in.",
    ),
    ("phishing_resistant", "Always: a passkey", "you are asked for a passkey every time you sign in."),
];

/// Whether a form offers `value` where `present` stands: what only `passkeys` reach, where there are any, or as it stands.
#[must_use]
pub fn is_offered(value: &str, present: &str, passkeys: bool) -> bool {
    passkeys || value != "phishing_resistant" || value == present
}

/// The words on the form for a minimum.
#[must_use]
pub fn label(minimum: &str) -> &'static str {
    MINIMUMS.iter().find(|(value, _, _)| *value == minimum).map_or("", |(_, label, _)| label)
}

/// The end of "From now on …" for a minimum.
#[must_use]
pub fn rule(minimum: &str) -> &'static str {
    MINIMUMS.iter().find(|(value, _, _)| *value == minimum).map_or("", |(_, _, rule)| rule)
}

/// What the page says about what was just done, or not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinimumSaid {
    /// It is as was asked for.
    Saved,
    /// It takes a sign-in of the last ten minutes; nothing was done.
    SignInAgain,
    /// Somebody was quicker; the page shows how things stand.
    Changed,
}

/// `/clinic/{tenant}/patients/{id}/minimum`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinimumView {
    /// The frame.
    pub visitor: Visitor,
    /// The patient's id.
    pub patient: String,
    /// The patient's name; the address if none was given.
    pub name: String,
    /// The patient's address.
    pub email: String,
    /// What was just done.
    pub said: Option<MinimumSaid>,
    /// What stands now: one of [`MINIMUMS`].
    pub present: String,
    /// What can be done.
    pub state: MinimumState,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MinimumState {
    /// The member of staff signs in again first.
    SignInAgain,
    /// The form. Fields `minimum`, and `was` for what it was drawn from.
    Form {
        /// Whether passkeys can be asked for.
        passkeys: bool,
        /// What is wrong.
        problem: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    // A mail that ended "From now on" would say nothing.
    #[test]
    fn every_minimum_has_words_for_the_form_and_for_the_mail() {
        for value in ["aal1", "aal2_legacy", "aal2_strict", "phishing_resistant"] {
            assert!(!label(value).is_empty() && rule(value).ends_with('.'), "{value}");
        }
        assert_eq!((label("aal9"), rule("aal9")), ("", ""));
        let strongest = "phishing_resistant";
        assert!(is_offered(strongest, "aal1", true) && !is_offered(strongest, "aal1", false));
        assert!(
            is_offered(strongest, strongest, false) && is_offered("aal1", strongest, false),
            "as it stands, or less"
        );
    }
}
