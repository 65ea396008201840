//! The second-factor policy of a flow: whether one is asked for, which methods, and how good they must
//! be.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Conditions;
use crate::{
    assurance::{Assurance, Demand, Method},
    clock::Timestamp,
};

/// When a second factor is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// Never.
    Off,
    /// Where one of the policy's conditions fires; else a password is enough.
    Conditional,
    /// At every sign-in.
    AlwaysOn,
}

/// The second-factor policy of a flow. Methods, minimum and conditions are kept while they do not act.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MfaPolicy {
    /// Whether it is asked for.
    pub enforcement: Enforcement,
    /// The methods a person may choose from; not empty unless off.
    pub methods: BTreeSet<Method>,
    /// How good the second factor must be, wherever one is asked for; one of the methods reaches it.
    #[serde(default)]
    pub minimum: Assurance,
    /// When it is asked for; not empty where that is conditional.
    #[serde(default)]
    pub conditions: Conditions,
    /// For how many days people who were there before may put off setting one up, 0 to
    /// [`super::MAX_GRACE_DAYS`]; 0: not at all.
    #[serde(default)]
    pub grace_days: u32,
    /// When it began to be asked for: the days of grace are counted from then. `None` while it is off, and
    /// where nobody noted it: then there is no grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl MfaPolicy {
    /// A policy without a minimum of its own.
    #[must_use]
    pub fn new(enforcement: Enforcement, methods: impl IntoIterator<Item = Method>) -> Self {
        let (minimum, conditions) = (Assurance::Aal1, Conditions::default());
        Self { enforcement, methods: methods.into_iter().collect(), minimum, conditions, grace_days: 0, since: None }
    }

    /// What this policy demands of a sign-in.
    #[must_use]
    pub fn demand(&self) -> Demand {
        match self.enforcement {
            Enforcement::Off => Demand::single_factor(),
            Enforcement::Conditional => self.second_factor().under(self.conditions),
            Enforcement::AlwaysOn => self.second_factor(),
        }
    }

    /// What it demands where a second factor is asked for, whoever asks.
    #[must_use]
    pub fn second_factor(&self) -> Demand {
        Demand::mfa(self.methods.iter().copied()).with_minimum(self.minimum)
    }

    /// What every sign-in comes to at least.
    #[must_use]
    pub fn floor(&self) -> Assurance {
        match self.enforcement {
            Enforcement::Off | Enforcement::Conditional => Assurance::Aal1,
            Enforcement::AlwaysOn => self.minimum.max(Assurance::Aal2Legacy),
        }
    }

    /// Whether one of the methods, if there are any, reaches the minimum.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|method| method.assurance() >= self.minimum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimum_acts_wherever_a_second_factor_is_asked_for() {
        let strict =
            |enforcement| MfaPolicy { minimum: Assurance::Aal2Strict, ..MfaPolicy::new(enforcement, Method::ALL) };
        let strong = BTreeSet::from([Method::Passkey, Method::AuthenticatorApp]);
        assert_eq!(strict(Enforcement::AlwaysOn).demand().methods, strong);
        assert_eq!(strict(Enforcement::AlwaysOn).floor(), Assurance::Aal2Strict);
        assert_eq!(strict(Enforcement::Off).demand(), Demand::single_factor());
        assert_eq!(strict(Enforcement::Off).floor(), Assurance::Aal1);
        assert_eq!(strict(Enforcement::Off).second_factor().methods, strong, "an application may ask");
        assert_eq!(MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL).floor(), Assurance::Aal2Legacy);
    }

    #[test]
    fn a_minimum_that_no_method_reaches_is_known_and_never_met_by_less() {
        for minimum in Assurance::ALL {
            for method in Method::ALL {
                let policy = MfaPolicy { minimum, ..MfaPolicy::new(Enforcement::AlwaysOn, [method]) };
                assert_eq!(policy.is_reachable(), method.assurance() >= minimum, "{method:?} {minimum:?}");
                assert!(policy.demand().methods.iter().all(|method| method.assurance() >= minimum));
            }
        }
    }

    #[test]
    fn a_conditional_policy_demands_under_its_conditions_and_promises_nothing() {
        let conditions = Conditions { new_network: true, ..Conditions::default() };
        let policy = MfaPolicy { conditions, ..MfaPolicy::new(Enforcement::Conditional, [Method::Passkey]) };
        assert_eq!(policy.demand(), Demand::mfa([Method::Passkey]).under(conditions));
        assert_eq!(policy.floor(), Assurance::Aal1, "a password is enough at times");
        assert_eq!(policy.second_factor().conditions, None, "an application that asks gets one");
        let always = MfaPolicy { enforcement: Enforcement::AlwaysOn, ..policy };
        assert_eq!(always.demand().conditions, None);
    }

    #[test]
    fn a_policy_of_before_has_no_minimum() {
        let policy: MfaPolicy =
            serde_json::from_str(r#"{"enforcement":"always_on","methods":["text_message"]}"#).unwrap();
        assert_eq!(policy, MfaPolicy::new(Enforcement::AlwaysOn, [Method::TextMessage]));
    }
}
