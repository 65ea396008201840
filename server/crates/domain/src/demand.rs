//! What a sign-in must reach: flow, application, request and both versions of the flow joined in one value,
//! which only ever rises.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    assurance::{Assurance, Authentication, Level, Method},
    clock::Timestamp,
    user_flow::{Conditions, Grace, Signals},
};

/// What a sign-in must reach: the flow's policy, the application's minimum, and both versions of
/// the flow taken together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Demand {
    /// The level to reach.
    pub level: Level,
    /// The second methods that count: each reaches the minimum. A recovery code stands in for them as far as
    /// it reaches (decision 2). Without effect at AAL1.
    pub methods: BTreeSet<Method>,
    /// How good the second method must be. Without effect at AAL1.
    #[serde(default)]
    pub minimum: Assurance,
    /// The second factor is demanded only where one of these fires. Until that is judged
    /// ([`Demand::judged`]) it is demanded. Without effect at AAL1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// Whether a remembered browser may stand in for the second factor ([`Demand::takes_remembered`]).
    #[serde(default)]
    remembered: bool,
    /// Until when, and for whom, setting up a second factor can wait. Nobody waits until that is judged
    /// ([`Demand::of_account`]). Without effect at AAL1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grace: Option<Grace>,
    /// The account may wait until then. Judged at each step and never stored.
    #[serde(skip)]
    waits_until: Option<Timestamp>,
}

impl Demand {
    /// One factor is enough.
    #[must_use]
    pub const fn single_factor() -> Self {
        Self {
            level: Level::Aal1,
            methods: BTreeSet::new(),
            minimum: Assurance::Aal1,
            conditions: None,
            remembered: false,
            grace: None,
            waits_until: None,
        }
    }

    /// A second factor out of `methods`; an empty set means any method.
    #[must_use]
    pub fn mfa(methods: impl IntoIterator<Item = Method>) -> Self {
        let mut methods: BTreeSet<Method> =
            methods.into_iter().filter(|method| *method != Method::RecoveryCode).collect();
        if methods.is_empty() {
            methods.extend(Method::ALL);
        }
        Self { level: Level::Aal2, methods, minimum: Assurance::Aal2Legacy, ..Self::single_factor() }
    }

    /// With nothing weaker than `minimum`, where a second factor is demanded at all. Where none of the
    /// methods is left, those of every flow that reach it: a contradiction never makes it easier.
    #[must_use]
    pub fn with_minimum(mut self, minimum: Assurance) -> Self {
        if self.level < Level::Aal2 {
            return self;
        }
        self.minimum = self.minimum.max(minimum);
        self.methods.retain(|method| method.assurance() >= self.minimum);
        if self.methods.is_empty() {
            self.methods.extend(Method::ALL.into_iter().filter(|method| method.assurance() >= self.minimum));
        }
        self
    }

    /// Only where one of `conditions` fires; no remembered browser stands in then.
    #[must_use]
    pub fn under(self, conditions: Conditions) -> Self {
        Self { conditions: (self.level > Level::Aal1).then_some(conditions), ..self.remembering(false) }
    }

    /// The same demand, and whether a remembered browser may stand in for the second factor. Never for one
    /// that is demanded under conditions: where they fire, whatever is known of the browser, it is asked for.
    #[must_use]
    pub fn remembering(self, remembered: bool) -> Self {
        let remembered = remembered && self.conditions.is_none();
        Self { remembered, ..self }
    }

    /// Whether it asks for a second factor and a remembered browser may stand in for it: where nothing better
    /// is demanded than any second factor, and always.
    #[must_use]
    pub fn takes_remembered(&self) -> bool {
        self.remembered
            && self.level > Level::Aal1
            && self.minimum <= Assurance::Aal2Legacy
            && self.conditions.is_none()
    }

    /// The same demand, and who may put off setting up a second factor, if anybody.
    #[must_use]
    pub fn with_grace(self, grace: Option<Grace>) -> Self {
        Self { grace: grace.filter(|_| self.level > Level::Aal1), waits_until: None, ..self }
    }

    /// The grace period that it leaves room for.
    #[must_use]
    pub const fn grace(&self) -> Option<Grace> {
        self.grace
    }

    /// What is demanded of one account at `now`; `bare_since` is when it was made, if it has no factor, not
    /// even one that opens nothing any more. Where that is not known nobody waits.
    #[must_use]
    pub fn of_account(self, now: Timestamp, bare_since: Option<Timestamp>) -> Self {
        let covers = |grace: &Grace| bare_since.is_some_and(|created_at| grace.covers(now, created_at));
        Self { waits_until: self.grace.filter(covers).map(|grace| grace.until), ..self }
    }

    /// Until when the account that it was judged for may put off setting up a second factor; `None`: it may
    /// not.
    #[must_use]
    pub fn waits_until(&self) -> Option<Timestamp> {
        self.waits_until.filter(|_| self.level > Level::Aal1)
    }

    /// What is demanded at `now` of somebody of whom `signals` are known: the second factor if one of the
    /// conditions fires, or if facts are missing; else one factor.
    #[must_use]
    pub fn judged(self, now: Timestamp, signals: Option<&Signals>) -> Self {
        match self.conditions {
            Some(conditions) if !conditions.fires(now, signals) => Self::single_factor(),
            Some(_) => Self { conditions: None, ..self.remembering(false) },
            None => self,
        }
    }

    /// What is left of it for something that was judged when it began, such as a grant: conditions are
    /// those of a sign-in.
    #[must_use]
    pub fn of_what_stands(self) -> Self {
        if self.conditions.is_some() { Self::single_factor() } else { self }
    }

    /// What is left of it for a sign-in that was judged by `earlier`: the same conditions are not judged
    /// again, and further ones were not judged at all, so that all of it is demanded.
    #[must_use]
    pub fn after(self, earlier: &Self) -> Self {
        if self.conditions == earlier.conditions { self.of_what_stands() } else { self }
    }

    /// What every sign-in comes to at least.
    #[must_use]
    pub fn floor(&self) -> Assurance {
        if self.level == Level::Aal1 || self.conditions.is_some() || self.grace.is_some() {
            Assurance::Aal1
        } else {
            self.minimum
        }
    }

    /// The stricter of two demands; `self` is the one that stands now.
    ///
    /// Where both ask for a second factor, the present list of methods holds, and the higher minimum; a
    /// remembered browser counts if it does in both. Where both ask under conditions, either's fire; who may
    /// wait may by both.
    #[must_use]
    pub fn stricter(self, earlier: &Self) -> Self {
        match (self.level, earlier.level) {
            (Level::Aal1, Level::Aal2) => earlier.clone(),
            (Level::Aal1, Level::Aal1) | (Level::Aal2, Level::Aal1) => self,
            (Level::Aal2, Level::Aal2) => {
                let conditions = self.conditions.zip(earlier.conditions).map(|(now, then)| now.or(then));
                let remembered = self.takes_remembered() && earlier.takes_remembered();
                let grace = self.grace.zip(earlier.grace).map(|(now, then)| now.and(then));
                Self { conditions, remembered, ..self.with_minimum(earlier.minimum) }.with_grace(grace)
            }
        }
    }

    /// Raised to `minimum`: an application that asks for a second factor gets one from any flow, and no
    /// remembered browser in its place, and nobody waits.
    #[must_use]
    pub fn at_least(self, minimum: Assurance) -> Self {
        let raised = match self.level {
            _ if minimum == Assurance::Aal1 => return self,
            Level::Aal1 => Self::mfa(self.methods),
            Level::Aal2 => Self { conditions: None, ..self.remembering(false).with_grace(None) },
        };
        raised.with_minimum(minimum)
    }

    /// Raised to what one account must show, whatever the flow says ([`crate::journey::AccountFacts::minimum`]): to be
    /// asked after all else was judged, so that no condition, grace period or remembered browser stands against
    /// it. `methods` are the flow's own, for where nothing else asks for a second factor.
    #[must_use]
    pub fn raised_for(self, minimum: Assurance, methods: &BTreeSet<Method>) -> Self {
        match self.level {
            _ if minimum == Assurance::Aal1 => self,
            Level::Aal1 => Self::mfa(methods.iter().copied()).with_minimum(minimum),
            Level::Aal2 => self.at_least(minimum),
        }
    }

    /// Whether `method` counts where a second factor is demanded.
    #[must_use]
    pub fn accepts(&self, method: Method) -> bool {
        let listed = self.methods.contains(&method) || method == Method::RecoveryCode;
        listed && method.assurance() >= self.minimum
    }

    /// Whether `authentication`, with the level it counts for now, is enough: the factors themselves, or a
    /// remembered browser where it may stand in for them, or a password of who may still put it off and did. What
    /// stands in for a factor does so beside a password that is long enough to be the only one (N1).
    #[must_use]
    pub fn is_met(&self, authentication: &Authentication, level: Level) -> bool {
        match self.level {
            Level::Aal1 => true,
            Level::Aal2 => {
                let recognised = self.takes_remembered() && authentication.remembered().is_some();
                let waits = self.waits_until().is_some() && authentication.has_postponed();
                (authentication.has_long_password() && (recognised || waits))
                    || (level >= Level::Aal2 && authentication.second().iter().any(|used| self.accepts(*used)))
            }
        }
    }
}

#[cfg(test)]
#[path = "demand_tests.rs"]
mod tests;
