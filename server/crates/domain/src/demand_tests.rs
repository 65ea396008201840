//! What a sign-in must reach: joined, judged under conditions, and met by what was used. N22, N23.

use super::*;
use crate::{clock::DAY, entropy::SeededEntropy, id::Id, passkey::PasskeyKind};

const BROWSER: Conditions = Conditions { new_browser: true, new_network: false, new_country: false, strong_days: None };
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
                assert!(raised.level >= demand.level && raised.minimum >= demand.minimum.max(minimum), "{raised:?}");
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

#[test]
fn a_demand_for_one_factor_has_no_second_ones_terms_whatever_is_added_to_it() {
    let (one, two) = (Demand::single_factor(), Demand::mfa([Method::TextMessage]));
    assert_eq!((two.level, two.minimum), (Level::Aal2, Assurance::Aal2Legacy));
    assert_eq!(
        (two.floor(), two.methods.iter().collect::<Vec<_>>()),
        (Assurance::Aal2Legacy, vec![&Method::TextMessage])
    );
    assert_eq!(one.clone().with_minimum(Assurance::Aal2Strict), one);
    let strict = two.clone().with_minimum(Assurance::Aal2Strict);
    assert_eq!((strict.minimum, strict.methods.contains(&Method::TextMessage)), (Assurance::Aal2Strict, false));
    // A remembered browser stands in only where it is told to, for a second factor.
    for (demand, takes) in [(one.clone(), false), (two.clone(), true), (strict, false)] {
        assert!(!demand.takes_remembered());
        assert_eq!(demand.remembering(true).takes_remembered(), takes);
    }
    assert!(!Demand { conditions: Some(BROWSER), remembered: true, ..two.clone() }.takes_remembered());
    // Nor does a grace period last that was judged by other terms, or without a second factor to wait for.
    let judged = two.with_grace(Some(GRACE)).of_account(Timestamp(DAY), THERE_BEFORE);
    assert_eq!((judged.grace(), judged.waits_until()), (Some(GRACE), Some(GRACE.until)));
    assert_eq!(judged.clone().with_grace(Some(GRACE)).waits_until(), None);
    assert_eq!(judged.with_grace(None).grace(), None);
    assert_eq!(one.clone().with_grace(Some(GRACE)).grace(), None);
    assert_eq!(Demand { waits_until: Some(GRACE.until), ..one }.waits_until(), None);
}
