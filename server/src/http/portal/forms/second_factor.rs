//! What a flow asks of a second factor: the methods, and the minimum assurance.

use std::collections::BTreeSet;

use lanyard_app::{api::portal::FormState, components::ErrorItem};
use lanyard_domain::{
    assurance::{Assurance, Method},
    user_flow::MfaPolicy,
};

use super::Problems;
use crate::{
    http::form::Fields,
    service::portal::flows::{Factors, FlowEdit},
};

/// What to do where a second factor is demanded and no method is ticked.
pub(crate) const NO_METHOD: &str = "Choose at least one method.";

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

/// Reads `method-{m}` and `minimum`. A minimum that none of the methods reaches is refused: nobody could
/// sign in.
pub(super) fn factors(fields: &Fields, problems: &mut Problems) -> Option<Factors> {
    let methods = chosen_methods(fields);
    let minimum = Assurance::parse(fields.get("minimum")).ok_or_else(|| "Choose one.".to_owned());
    let minimum = problems.keep("minimum", minimum)?;
    let strongest = methods.iter().map(|method| method.assurance()).max();
    if strongest.is_some_and(|strongest| strongest < minimum) {
        problems.add("minimum", format!("None of the methods you ticked is good enough. {}", instead(minimum)));
        return None;
    }
    Some(Factors { methods, minimum })
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
    let form = form.with("minimum", mfa.minimum.as_str());
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
            let factors = Factors { methods: BTreeSet::from(Method::ALL), minimum };
            assert_eq!(read(&mfa), Ok(FlowEdit::Factors(factors)));
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
