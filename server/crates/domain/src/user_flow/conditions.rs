//! When a conditional flow asks for a second factor: triggers, each a predicate over facts that are handed
//! in.
//!
//! What a browser, a network or a country is known for is a sign-in with a second factor, never one with a password
//! alone: whoever has the password cannot make their own browser known by way of a weaker flow. Being known
//! is no factor, and the token claims nothing of it (N22).

use serde::{Deserialize, Serialize};

use crate::clock::{DAY, Millis, Timestamp};

/// How long a browser, a network or a country stays known after the last sign-in with a second factor.
pub const KNOWN_LIFE: Millis = 90 * DAY;
/// The most days that [`Conditions::strong_days`] can be.
pub const MAX_STRONG_DAYS: u32 = 90;

/// The triggers of a conditional flow; one that fires is enough. What a request asks for by `acr_values`
/// needs no trigger: it is demanded in any flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// The account never signed in with a second factor in this browser.
    pub new_browser: bool,
    /// The account never signed in with a second factor from this network (a /24, or a /48 of IPv6).
    pub new_network: bool,
    /// The account never signed in with a second factor from this country, or nobody knows which one it is.
    pub new_country: bool,
    /// The last sign-in with a second factor is so many days ago, or more: 1 to [`MAX_STRONG_DAYS`].
    pub strong_days: Option<u32>,
}

/// What is known of an account where it signs in now, by sign-ins with a second factor within
/// [`KNOWN_LIFE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signals {
    /// There was one in this browser.
    pub browser_known: bool,
    /// There was one from this network.
    pub network_known: bool,
    /// There was one from this country; `false` where the country is not known.
    pub country_known: bool,
    /// When the last one was, wherever.
    pub last_strong_at: Option<Timestamp>,
}

impl Conditions {
    /// Whether nothing is chosen: such a flow would never ask, and is never saved.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        !self.new_browser && !self.new_network && !self.new_country && self.strong_days.is_none()
    }

    /// Whether days are all that is asked for: then who has stolen a password is let in anywhere, as long as its
    /// owner used a second factor lately. Such a flow is never saved.
    #[must_use]
    pub const fn trusts_every_browser(&self) -> bool {
        self.strong_days.is_some() && !self.new_browser
    }

    /// Whether a country is all that tells one place from another: then a stolen password opens in any browser of
    /// that country. A network alone is enough, as a thief is seldom in it; a country is where most of them are
    /// or seem to be. Such a flow is never saved.
    #[must_use]
    pub const fn trusts_a_whole_country(&self) -> bool {
        self.new_country && !self.new_browser && !self.new_network
    }

    /// What either of both asks for.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let days = [self.strong_days, other.strong_days].into_iter().flatten().min();
        Self {
            new_browser: self.new_browser || other.new_browser,
            new_network: self.new_network || other.new_network,
            new_country: self.new_country || other.new_country,
            strong_days: days,
        }
    }

    /// Whether a second factor is asked for at `now`. Where facts are missing it is, and where there is no
    /// trigger at all: this never fails open.
    #[must_use]
    pub fn fires(&self, now: Timestamp, signals: Option<&Signals>) -> bool {
        let Some(signals) = signals else { return true };
        self.is_empty()
            || (self.new_browser && !signals.browser_known)
            || (self.new_network && !signals.network_known)
            || (self.new_country && !signals.country_known)
            || self.strong_days.is_some_and(|days| is_long_ago(now, signals.last_strong_at, days))
    }
}

// A sign-in of the future is none: a clock that was set back makes nothing recent.
fn is_long_ago(now: Timestamp, last: Option<Timestamp>, days: u32) -> bool {
    last.is_none_or(|last| now < last || now.since(last) >= i64::from(days) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000 * DAY);

    fn every_three() -> impl Iterator<Item = [bool; 3]> {
        (0..8_u8).map(|bits| [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0])
    }

    fn every() -> Vec<Conditions> {
        let days = [None, Some(1), Some(30)];
        let with = |[new_browser, new_network, new_country]: [bool; 3]| {
            days.map(|strong_days| Conditions { new_browser, new_network, new_country, strong_days })
        };
        every_three().flat_map(with).collect()
    }

    fn situations() -> Vec<Signals> {
        let last = [None, Some(NOW), Some(NOW.minus(2 * DAY)), Some(NOW.minus(60 * DAY)), Some(NOW.plus(1))];
        let with = |[browser_known, network_known, country_known]: [bool; 3]| {
            last.map(|last_strong_at| Signals { browser_known, network_known, country_known, last_strong_at })
        };
        every_three().flat_map(with).collect()
    }

    #[test]
    fn a_browser_is_known_for_ninety_days() {
        assert_eq!(KNOWN_LIFE, 90 * 86_400_000);
    }

    #[test]
    fn missing_facts_ask_and_so_does_a_flow_without_a_trigger() {
        for conditions in every() {
            assert!(conditions.fires(NOW, None), "{conditions:?}");
        }
        for signals in situations() {
            assert!(Conditions::default().fires(NOW, Some(&signals)), "{signals:?}");
        }
    }

    #[test]
    fn each_trigger_fires_by_its_own_fact_alone() {
        let last_strong_at = Some(NOW.minus(DAY - 1));
        let calm = Signals { browser_known: true, network_known: true, country_known: true, last_strong_at };
        let all = Conditions { new_browser: true, new_network: true, new_country: true, strong_days: Some(1) };
        assert!(!all.fires(NOW, Some(&calm)));
        assert!(all.fires(NOW, Some(&Signals { browser_known: false, ..calm })));
        assert!(all.fires(NOW, Some(&Signals { network_known: false, ..calm })));
        assert!(all.fires(NOW, Some(&Signals { country_known: false, ..calm })));
        for last_strong_at in [None, Some(NOW.minus(DAY)), Some(NOW.plus(1))] {
            assert!(all.fires(NOW, Some(&Signals { last_strong_at, ..calm })), "{last_strong_at:?}");
        }
        let browser = Conditions { new_browser: true, ..Conditions::default() };
        assert!(!browser.fires(NOW, Some(&Signals { browser_known: true, ..Signals::default() })));
    }

    #[test]
    fn a_flow_asks_exactly_where_one_of_its_triggers_has_no_fact_for_it() {
        for it in every().into_iter().filter(|it| !it.is_empty()) {
            for at in situations() {
                let missing = [
                    it.new_browser && !at.browser_known,
                    it.new_network && !at.network_known,
                    it.new_country && !at.country_known,
                    it.strong_days.is_some_and(|days| {
                        let since = NOW.minus(i64::from(days) * DAY);
                        at.last_strong_at.is_none_or(|last| last <= since || last > NOW)
                    }),
                ];
                assert_eq!(it.fires(NOW, Some(&at)), missing.contains(&true), "{it:?} {at:?}");
            }
        }
    }

    // Neither days nor a country tell a thief's browser from the owner's.
    #[test]
    fn days_or_a_country_alone_would_trust_browsers_that_nobody_saw() {
        for it in every() {
            assert_eq!(it.trusts_every_browser(), it.strong_days.is_some() && !it.new_browser, "{it:?}");
            let told_apart = it.new_browser || it.new_network;
            assert_eq!(it.trusts_a_whole_country(), it.new_country && !told_apart, "{it:?}");
        }
    }

    #[test]
    fn conditions_of_before_ask_in_no_new_country() {
        let stored = r#"{"new_browser":true,"new_network":true,"strong_days":30}"#;
        let read: Conditions = serde_json::from_str(stored).unwrap();
        assert_eq!(
            read,
            Conditions { new_browser: true, new_network: true, new_country: false, strong_days: Some(30) }
        );
    }

    #[test]
    fn both_together_ask_wherever_one_of_them_does() {
        for a in every().into_iter().filter(|it| !it.is_empty()) {
            for b in every().into_iter().filter(|it| !it.is_empty()) {
                for signals in situations() {
                    let either = a.fires(NOW, Some(&signals)) || b.fires(NOW, Some(&signals));
                    assert_eq!(a.or(b).fires(NOW, Some(&signals)), either, "{a:?} {b:?} {signals:?}");
                }
            }
        }
    }
}
