//! What a flow asks of a second factor: the methods, and the minimum assurance.

use std::collections::BTreeSet;

use lanyard_app::{api::portal::FormState, components::ErrorItem};
use lanyard_domain::{
    assurance::{Assurance, Method},
    user_flow::{Conditions, MAX_GRACE_DAYS, MAX_STRONG_DAYS, MfaPolicy},
};

use super::{Problems, flow_lives};
use crate::{
    http::form::Fields,
    service::portal::flows::{Factors, FlowEdit},
};

/// What to do where a second factor is demanded and no method is ticked.
pub(crate) const NO_METHOD: &str = "Choose at least one method.";

/// What to do where a second factor is demanded under conditions and none is ticked.
pub(super) const NO_CONDITION: &str = "Choose at least one condition, or ask always or never.";
/// What to do where days are chosen without a new browser.
pub(super) const BROWSER_TOO: &str = "Choose this too: the days alone would let a stolen password in from any browser.";
/// The days that stand in the form before anybody chose.
const USUAL_DAYS: u32 = 30;

/// A second factor that is asked for under conditions.
///
/// # Errors
/// What is wrong, field by field.
pub(crate) fn conditional_edit(fields: &Fields) -> Result<FlowEdit, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let conditions = conditions(fields, &mut problems);
    if conditions.is_some_and(|conditions| conditions.is_empty()) {
        problems.add("conditions", NO_CONDITION);
    }
    if conditions.is_some_and(|conditions| conditions.trusts_every_browser()) {
        problems.add("when_new_browser", BROWSER_TOO);
    }
    let factors = factors(fields, &mut problems);
    problems.or(conditions.zip(factors).map(|(conditions, factors)| FlowEdit::AskWhen(conditions, factors)))
}

/// Reads `when_new_browser`, `when_new_network` and `when_days`.
pub(super) fn conditions(fields: &Fields, problems: &mut Problems) -> Option<Conditions> {
    let text = fields.get("when_days").trim();
    let days = match text.parse() {
        _ if text.is_empty() => Ok(None),
        Ok(days) if (1..=MAX_STRONG_DAYS).contains(&days) => Ok(Some(days)),
        Ok(_) | Err(_) => Err(format!("Enter a whole number from 1 to {MAX_STRONG_DAYS} (days), or leave it empty.")),
    };
    Some(Conditions {
        new_browser: fields.ticked("when_new_browser"),
        new_network: fields.ticked("when_new_network"),
        strong_days: problems.keep("when_days", days)?,
    })
}

/// The fields of conditions, added to `form`; where none is chosen yet, those that are usual.
pub(crate) fn condition_values(mut form: FormState, conditions: Conditions) -> FormState {
    let usual = Conditions { new_browser: true, new_network: false, strong_days: Some(USUAL_DAYS) };
    let conditions = if conditions.is_empty() { usual } else { conditions };
    for (name, on) in [("when_new_browser", conditions.new_browser), ("when_new_network", conditions.new_network)] {
        if on {
            form = form.with(name, "true");
        }
    }
    form.with("when_days", conditions.strong_days.map(|days| days.to_string()).unwrap_or_default())
}

/// The second factor alone: of the built-in flow `staff`, and where it is switched on.
///
/// # Errors
/// What is wrong, field by field.
pub(crate) fn factors_edit(
    fields: &Fields,
    edit: impl FnOnce(Factors) -> FlowEdit,
) -> Result<FlowEdit, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let factors = factors(fields, &mut problems);
    problems.or(factors.map(edit))
}

/// Reads `method-{m}`, `minimum` and `grace_days`, which is 0 where it is not there. A minimum that none of the methods reaches is refused: nobody could
/// sign in.
pub(super) fn factors(fields: &Fields, problems: &mut Problems) -> Option<Factors> {
    let methods = chosen_methods(fields);
    let minimum = Assurance::parse(fields.get("minimum")).ok_or_else(|| "Choose one.".to_owned());
    let minimum = problems.keep("minimum", minimum);
    let grace_days = match fields.get("grace_days").trim() {
        "" => Some(0),
        _ => flow_lives::number(fields, "grace_days", (0..=MAX_GRACE_DAYS, "days"), problems),
    };
    let (minimum, grace_days) = minimum.zip(grace_days)?;
    let strongest = methods.iter().map(|method| method.assurance()).max();
    if strongest.is_some_and(|strongest| strongest < minimum) {
        problems.add("minimum", format!("None of the methods you ticked is good enough. {}", instead(minimum)));
        return None;
    }
    Some(Factors { methods, minimum, grace_days })
}

const fn instead(minimum: Assurance) -> &'static str {
    match minimum {
        Assurance::Aal1 | Assurance::Aal2Legacy => "Tick a method.",
        Assurance::Aal2Strict => "Tick “Passkey” or “Authenticator app”, or choose a lower minimum.",
        Assurance::PhishingResistant => "Tick “Passkey”, or choose a lower minimum.",
    }
}

fn chosen_methods(fields: &Fields) -> BTreeSet<Method> {
    Method::ALL.into_iter().filter(|method| fields.ticked(&format!("method-{}", method.as_str()))).collect()
}

/// The fields of a policy, added to `form`.
pub(crate) fn factor_values(form: FormState, mfa: &MfaPolicy) -> FormState {
    let form = form.with("minimum", mfa.minimum.as_str()).with("grace_days", mfa.grace_days.to_string());
    mfa.methods.iter().fold(form, |form, method| form.with(format!("method-{}", method.as_str()), "true"))
}

#[cfg(test)]
mod tests {
    use lanyard_domain::user_flow::Enforcement;

    use super::*;

    fn read(mfa: &MfaPolicy) -> Result<FlowEdit, Vec<ErrorItem>> {
        factors_edit(&Fields(factor_values(FormState::default(), mfa).values), FlowEdit::Factors)
    }

    #[test]
    fn a_policy_goes_through_the_form_and_back() {
        for minimum in Assurance::ALL {
            let mfa = MfaPolicy { minimum, ..MfaPolicy::new(Enforcement::Off, Method::ALL) };
            let factors = Factors { methods: BTreeSet::from(Method::ALL), minimum, grace_days: 0 };
            assert_eq!(read(&mfa), Ok(FlowEdit::Factors(factors)));
        }
    }

    #[test]
    fn conditions_go_through_the_form_and_back_and_one_is_needed() {
        let mfa = MfaPolicy::new(Enforcement::Conditional, [Method::AuthenticatorApp]);
        let form = || factor_values(FormState::default(), &mfa);
        for conditions in [
            Conditions { new_browser: true, ..Conditions::default() },
            Conditions { new_network: true, ..Conditions::default() },
            Conditions { new_browser: true, new_network: true, strong_days: Some(MAX_STRONG_DAYS) },
            Conditions { new_browser: true, strong_days: Some(1), ..Conditions::default() },
        ] {
            let read = conditional_edit(&Fields(condition_values(form(), conditions).values));
            let factors = Factors { methods: mfa.methods.clone(), minimum: mfa.minimum, grace_days: 0 };
            assert_eq!(read, Ok(FlowEdit::AskWhen(conditions, factors)));
        }
        assert_eq!(conditional_edit(&Fields(form().values)).unwrap_err()[0].field, "conditions");
        for conditions in [
            Conditions { strong_days: Some(1), ..Conditions::default() },
            Conditions { new_network: true, strong_days: Some(1), ..Conditions::default() },
        ] {
            let problems = conditional_edit(&Fields(condition_values(form(), conditions).values)).unwrap_err();
            assert!(problems.len() == 1 && problems[0].field == "when_new_browser", "{conditions:?}: {problems:?}");
        }
        for wrong in ["0", "91", "-1", "1.5", "x"] {
            let problems =
                conditional_edit(&Fields(form().with("when_new_browser", "true").with("when_days", wrong).values))
                    .unwrap_err();
            assert!(problems.len() == 1 && problems[0].field == "when_days", "{wrong}: {problems:?}");
        }
    }

    #[test]
    fn days_of_grace_go_through_the_form_and_back_within_bounds_and_are_none_where_the_form_has_none() {
        for grace_days in [0, 1, MAX_GRACE_DAYS] {
            let mfa = MfaPolicy { grace_days, ..MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL) };
            let factors = Factors { methods: BTreeSet::from(Method::ALL), minimum: Assurance::Aal1, grace_days };
            assert_eq!(read(&mfa), Ok(FlowEdit::Factors(factors)));
        }
        for (sent, days) in [("minimum=aal1&method-passkey=true", 0), ("minimum=aal1&grace_days=", 0)] {
            let read = factors_edit(&Fields::parse(sent.as_bytes()).unwrap(), FlowEdit::Factors);
            assert!(matches!(read, Ok(FlowEdit::Factors(factors)) if factors.grace_days == days), "{sent}");
        }
        for wrong in ["91", "-1", "1.5", "x", "4294967296"] {
            let sent = format!("minimum=aal1&grace_days={wrong}");
            let problems = factors_edit(&Fields::parse(sent.as_bytes()).unwrap(), FlowEdit::Factors).unwrap_err();
            assert!(problems.len() == 1 && problems[0].field == "grace_days", "{wrong}: {problems:?}");
        }
    }

    #[test]
    fn a_minimum_out_of_reach_is_said_at_its_field_with_what_to_do() {
        for (minimum, methods, says) in [
            (Assurance::Aal2Strict, &[Method::TextMessage, Method::PhoneCall][..], "Authenticator app"),
            (Assurance::PhishingResistant, &[Method::AuthenticatorApp], "Tick “Passkey”"),
        ] {
            let mfa = MfaPolicy { minimum, ..MfaPolicy::new(Enforcement::Off, methods.iter().copied()) };
            let problems = read(&mfa).unwrap_err();
            assert!(problems.len() == 1 && problems[0].field == "minimum", "{problems:?}");
            assert!(problems[0].text.contains(says), "{problems:?}");
        }
        let unknown = factors_edit(&Fields::parse(b"minimum=aal9&method-passkey=true").unwrap(), FlowEdit::Factors);
        assert_eq!(unknown.unwrap_err()[0].field, "minimum");
    }
}
