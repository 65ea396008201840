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
mod tests {
    use super::*;
    use crate::{clock::DAY, entropy::SeededEntropy, id::Id, passkey::PasskeyKind};

    const BROWSER: Conditions =
        Conditions { new_browser: true, new_network: false, new_country: false, strong_days: None };
    const WEEKLY: Conditions =
        Conditions { new_browser: false, new_network: false, new_country: false, strong_days: Some(7) };

    fn someone() -> Authentication {
        let at = Timestamp(DAY);
        Authentication::begin(Id::new(at, &mut SeededEntropy::new(1)), at)
    }

    #[test]
    fn the_stricter_demand_wins_whichever_came_first() {
        let off = Demand::single_factor();
        let on = Demand::mfa([Method::TextMessage]);
        assert_eq!(off.clone().stricter(&on), on);
        assert_eq!(on.clone().stricter(&off), on);
        let app = Demand::mfa([Method::AuthenticatorApp]);
        assert_eq!(app.clone().stricter(&on), app, "the present methods hold");
        assert_eq!(off.at_least(Assurance::Aal2Legacy).methods.len(), Method::ALL.len());
    }

    #[test]
    fn a_demand_under_conditions_stands_until_it_is_judged() {
        let demand = Demand::mfa([Method::AuthenticatorApp]).under(BROWSER);
        let alone = someone().with_password();
        assert!(!demand.is_met(&alone, alone.level()), "not judged yet");
        let at = Timestamp(DAY);
        let known = Signals { browser_known: true, ..Signals::default() };
        for (signals, asked) in [(None, true), (Some(&Signals::default()), true), (Some(&known), false)] {
            let judged = demand.clone().judged(at, signals);
            assert_eq!(judged.is_met(&alone, alone.level()), !asked, "{signals:?}");
            assert_eq!(judged.conditions, None);
        }
        assert_eq!(demand.floor(), Assurance::Aal1);
        assert_eq!(demand.clone().of_what_stands(), Demand::single_factor());
        // Judged by the same conditions, by others, and by none.
        assert_eq!(demand.clone().after(&demand), Demand::single_factor());
        assert_eq!(demand.clone().stricter(&demand).after(&demand), Demand::single_factor());
        for earlier in [Demand::single_factor(), Demand::mfa([]), Demand::mfa([]).under(WEEKLY)] {
            assert!(!demand.clone().stricter(&earlier).after(&earlier).is_met(&alone, alone.level()), "{earlier:?}");
        }
    }

    #[test]
    fn either_of_two_demands_under_conditions_asks_and_one_without_asks_always() {
        let (a, b) = (Demand::mfa([]).under(BROWSER), Demand::mfa([]).under(WEEKLY));
        assert_eq!(a.clone().stricter(&b).conditions, Some(BROWSER.or(WEEKLY)));
        for (now, earlier) in [(a.clone(), Demand::mfa([])), (Demand::mfa([]), a.clone())] {
            assert_eq!(now.stricter(&earlier).conditions, None);
        }
        assert_eq!(a.clone().stricter(&Demand::single_factor()), a);
        assert_eq!(Demand::single_factor().stricter(&a), a);
        assert_eq!(a.at_least(Assurance::Aal2Legacy).conditions, None, "acr_values ask always");
        assert_eq!(Demand::single_factor().under(BROWSER), Demand::single_factor());
    }

    #[test]
    fn n23_a_minimum_is_judged_by_what_was_used() {
        let at = Timestamp(DAY);
        let with = |method| someone().with_password().with_second(method, at);
        let key = someone().with_passkey(PasskeyKind::Synced, at);
        let meets = |minimum, what: &Authentication| Demand::mfa([]).with_minimum(minimum).is_met(what, what.level());
        for (minimum, text, app) in [
            (Assurance::Aal1, true, true),
            (Assurance::Aal2Legacy, true, true),
            (Assurance::Aal2Strict, false, true),
            (Assurance::PhishingResistant, false, false),
        ] {
            assert_eq!(meets(minimum, &with(Method::TextMessage)), text, "{minimum:?}");
            assert_eq!(meets(minimum, &with(Method::PhoneCall)), text, "{minimum:?}");
            assert_eq!(meets(minimum, &with(Method::AuthenticatorApp)), app, "{minimum:?}");
            assert!(meets(minimum, &key), "{minimum:?}");
            assert!(!meets(minimum, &someone().with_password()), "{minimum:?}");
            assert_eq!(Assurance::parse(minimum.as_str()), Some(minimum));
        }
    }

    #[test]
    fn n22_a_remembered_browser_stands_in_for_any_second_factor_and_for_nothing_that_asks_for_more() {
        let browser = Id::new(Timestamp(DAY), &mut SeededEntropy::new(2));
        let known = someone().with_password_of(true).with_remembered(browser);
        let lax = Demand::mfa(Method::ALL).remembering(true);
        assert!(lax.takes_remembered() && lax.is_met(&known, known.level()));
        let stricter = |demand: &Demand| !demand.takes_remembered() && !demand.is_met(&known, known.level());
        for minimum in [Assurance::Aal2Strict, Assurance::PhishingResistant] {
            assert!(stricter(&lax.clone().with_minimum(minimum)), "{minimum:?}");
            assert!(stricter(&Demand::mfa([]).with_minimum(minimum).remembering(true)), "{minimum:?}");
            assert!(stricter(&lax.clone().stricter(&Demand::mfa([]).with_minimum(minimum))), "{minimum:?}");
        }
        for minimum in Assurance::ALL.into_iter().filter(|minimum| *minimum > Assurance::Aal1) {
            assert!(stricter(&lax.clone().at_least(minimum)), "acr_values: {minimum:?}");
            assert!(stricter(&Demand::single_factor().remembering(true).at_least(minimum)), "{minimum:?}");
        }
        assert!(lax.clone().at_least(Assurance::Aal1).takes_remembered());
        // Whatever fires, and in whatever order it is put together.
        let under = [
            lax.clone().under(BROWSER),
            Demand::mfa([]).under(WEEKLY).remembering(true),
            lax.clone().under(BROWSER).stricter(&lax),
            lax.clone().stricter(&lax.clone().under(BROWSER)),
        ];
        for demand in under {
            assert!(stricter(&demand), "{demand:?}");
            assert!(stricter(&demand.clone().judged(Timestamp(DAY), None)), "{demand:?}");
            assert!(stricter(&demand.judged(Timestamp(DAY), Some(&Signals::default()))));
        }
        assert!(lax.clone().judged(Timestamp(DAY), None).takes_remembered(), "there is nothing to judge");
        assert!(lax.clone().after(&lax).takes_remembered());
    }

    const GRACE: Grace = Grace { since: Timestamp(DAY), until: Timestamp(15 * DAY) };
    const THERE_BEFORE: Option<Timestamp> = Some(Timestamp(0));

    #[test]
    fn a_grace_is_for_who_put_it_off_without_a_factor_until_its_end() {
        let demand = Demand::mfa([]).with_grace(Some(GRACE));
        let waiting = someone().with_password_of(true).with_postponed();
        let met = |demand: &Demand, who: &Authentication| demand.is_met(who, who.level());
        assert!(!met(&demand, &waiting), "not judged yet");
        for (now, bare_since, waits) in [
            (Timestamp(DAY), THERE_BEFORE, true),
            (Timestamp(15 * DAY - 1), THERE_BEFORE, true),
            (Timestamp(15 * DAY), THERE_BEFORE, false),
            (Timestamp(DAY), None, false),
            (Timestamp(2 * DAY), Some(Timestamp(DAY)), false),
        ] {
            let judged = demand.clone().of_account(now, bare_since);
            assert_eq!(met(&judged, &waiting), waits, "{now:?} {bare_since:?}");
            assert_eq!(judged.waits_until(), waits.then_some(GRACE.until));
            assert!(!met(&judged, &someone().with_password()), "it is chosen, and not taken for granted");
            assert!(!met(&judged, &someone().with_email().with_postponed()), "never without the password");
            assert!(!met(&judged, &someone().with_password().with_postponed()), "n1: nor by a short one");
            let again = judged.clone().of_account(Timestamp(15 * DAY), bare_since);
            assert!(!met(&again, &waiting), "what was judged before does not last");
        }
        assert_eq!((waiting.level(), waiting.amr()), (Level::Aal1, vec!["pwd"]));
        let shown = waiting.with_second(Method::TextMessage, Timestamp(DAY));
        assert!(!shown.has_postponed() && shown.level() == Level::Aal2);
        assert_eq!(Demand::single_factor().with_grace(Some(GRACE)), Demand::single_factor());
    }

    #[test]
    fn a_grace_ends_with_the_stricter_demand_whichever_came_first() {
        let waits = |demand: Demand| demand.of_account(Timestamp(2 * DAY), THERE_BEFORE).waits_until();
        let lax = Demand::mfa([]).with_grace(Some(GRACE));
        let shorter = Grace { until: Timestamp(9 * DAY), ..GRACE };
        let short = Demand::mfa([]).with_grace(Some(shorter));
        assert_eq!(waits(lax.clone()), Some(GRACE.until));
        for both in [lax.clone().stricter(&short), short.clone().stricter(&lax)] {
            assert_eq!(waits(both), Some(shorter.until));
        }
        let earlier = Grace { since: Timestamp(0), ..GRACE };
        let older = lax.clone().stricter(&Demand::mfa([]).with_grace(Some(earlier)));
        assert_eq!(waits(older), None, "made after the earlier of the two began");
        for none in [lax.clone().stricter(&Demand::mfa([])), Demand::mfa([]).stricter(&lax)] {
            assert_eq!(waits(none), None);
        }
        for one in [lax.clone().stricter(&Demand::single_factor()), Demand::single_factor().stricter(&lax)] {
            assert_eq!(waits(one), Some(GRACE.until), "nothing was demanded before");
        }
        for minimum in Assurance::ALL.into_iter().filter(|minimum| *minimum > Assurance::Aal1) {
            let raised = [lax.clone().at_least(minimum), Demand::single_factor().at_least(minimum)];
            assert!(raised.into_iter().all(|raised| waits(raised).is_none()), "acr_values: {minimum:?}");
        }
        assert_eq!(lax.floor(), Assurance::Aal1, "a password is enough for some");
        // Where conditions fire who may wait may still; where none fires there is nothing to wait for.
        let at_times = lax.clone().under(BROWSER);
        let known = Signals { browser_known: true, ..Signals::default() };
        assert_eq!(waits(at_times.clone().judged(Timestamp(DAY), None)), Some(GRACE.until));
        assert_eq!(waits(at_times.judged(Timestamp(DAY), Some(&known))), None);
        assert_eq!(waits(lax.clone().after(&lax).of_what_stands()), Some(GRACE.until));
        let stored = serde_json::to_string(&lax.clone().of_account(Timestamp(DAY), THERE_BEFORE)).unwrap();
        assert_eq!(serde_json::from_str::<Demand>(&stored).unwrap(), lax, "the judgement is never stored");
    }

    #[test]
    fn n22_n23_an_accounts_minimum_stands_against_conditions_grace_and_remembered_browsers() {
        let now = Timestamp(2 * DAY);
        let browser = Id::new(Timestamp(DAY), &mut SeededEntropy::new(2));
        let known = Signals { browser_known: true, ..Signals::default() };
        let lax = Demand::mfa(Method::ALL);
        let each = [
            Demand::single_factor(),
            lax.clone().under(BROWSER).judged(now, Some(&known)),
            lax.clone().under(BROWSER),
            lax.clone().remembering(true),
            lax.clone().with_grace(Some(GRACE)).of_account(now, THERE_BEFORE),
        ];
        let weak = [
            someone().with_password(),
            someone().with_password().with_remembered(browser),
            someone().with_password().with_postponed(),
        ];
        for minimum in Assurance::ALL.into_iter().filter(|minimum| *minimum > Assurance::Aal1) {
            for demand in &each {
                let raised = demand.clone().raised_for(minimum, &BTreeSet::from([Method::TextMessage]));
                assert!(weak.iter().all(|who| !raised.is_met(who, who.level()) && !who.reaches(minimum)), "{raised:?}");
                assert!(raised.waits_until().is_none() && !raised.takes_remembered() && raised.conditions.is_none());
            }
        }
        for demand in each {
            assert_eq!(demand.clone().raised_for(Assurance::Aal1, &BTreeSet::new()), demand, "as the flow says");
        }
        let own = BTreeSet::from([Method::AuthenticatorApp]);
        let raised = Demand::single_factor().raised_for(Assurance::Aal2Legacy, &own);
        assert_eq!(raised.methods, own, "the flow's own methods, where it asks by itself for none");
    }

    #[test]
    fn an_accounts_minimum_only_ever_raises_and_what_meets_it_reaches_it() {
        let at = Timestamp(DAY);
        let with = |method| someone().with_password().with_second(method, at);
        let mut shown: Vec<_> = Method::ALL.into_iter().chain([Method::RecoveryCode]).map(with).collect();
        shown.extend([someone().with_password(), someone().with_passkey(PasskeyKind::Synced, at)]);
        let demands = Assurance::ALL.into_iter().flat_map(|minimum| {
            [&[][..], &[Method::TextMessage], &[Method::AuthenticatorApp], &[Method::Passkey]]
                .map(|methods| Demand::mfa(methods.iter().copied()).with_minimum(minimum))
        });
        for demand in demands.chain([Demand::single_factor()]) {
            for minimum in Assurance::ALL {
                for methods in [BTreeSet::new(), BTreeSet::from([Method::PhoneCall])] {
                    let raised = demand.clone().raised_for(minimum, &methods);
                    assert!(
                        raised.level >= demand.level && raised.minimum >= demand.minimum.max(minimum),
                        "{raised:?}"
                    );
                    assert_eq!(raised.clone().raised_for(minimum, &methods), raised, "twice is once");
                    for who in &shown {
                        let met = raised.is_met(who, who.level());
                        assert!(!met || who.reaches(minimum), "{raised:?} {who:?}");
                        // What was good enough before and reaches the minimum is good enough, but where the flow's
                        // own methods do not reach it.
                        let before = demand.is_met(who, who.level()) && who.reaches(minimum);
                        assert!(!before || demand.level == Level::Aal1 || met, "{raised:?} {who:?}");
                    }
                }
            }
        }
        for (rank, minimum) in (0_i64..).zip(Assurance::ALL) {
            assert_eq!((i64::from(minimum.rank()), Assurance::of_rank(rank)), (rank, Some(minimum)));
        }
        assert!(Assurance::of_rank(4).is_none() && Assurance::of_rank(-1).is_none());
    }

    #[test]
    fn a_minimum_never_falls_whatever_it_is_joined_with() {
        let demands: Vec<Demand> = Assurance::ALL
            .into_iter()
            .flat_map(|minimum| {
                [&[][..], &[Method::TextMessage], &[Method::AuthenticatorApp, Method::PhoneCall], &[Method::Passkey]]
                    .map(|methods| Demand::mfa(methods.iter().copied()).with_minimum(minimum))
            })
            .chain([Demand::single_factor()])
            .flat_map(|demand| [demand.clone().under(BROWSER), demand.clone().under(WEEKLY), demand])
            .collect();
        for now in &demands {
            for earlier in &demands {
                let both = now.clone().stricter(earlier);
                assert_eq!(both.level, now.level.max(earlier.level));
                assert_eq!(both.minimum, now.minimum.max(earlier.minimum), "{now:?} {earlier:?}");
                assert!(both.level == Level::Aal1 || !both.methods.is_empty());
                assert!(both.methods.iter().all(|method| method.assurance() >= both.minimum), "{both:?}");
                for minimum in Assurance::ALL {
                    let raised = now.clone().at_least(minimum);
                    assert!(raised.minimum >= minimum && raised.minimum >= now.minimum, "{raised:?}");
                    assert!(minimum == Assurance::Aal1 || raised.floor() >= minimum, "{raised:?}");
                }
            }
        }
    }
}
