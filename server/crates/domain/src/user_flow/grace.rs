//! The grace period of a flow: for some days after a second factor is demanded at all, people who were there
//! before may put off setting one up.

use serde::{Deserialize, Serialize};

use super::{Audience, Enforcement, FlowType, MfaPolicy, UserFlow};
use crate::{
    application::Minimum,
    clock::{DAY, Timestamp},
};

/// The most days of [`MfaPolicy::grace_days`].
pub const MAX_GRACE_DAYS: u32 = 90;

/// For whom, and until when, setting up a second factor can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grace {
    /// When a second factor was first demanded: accounts made from then on set one up at once.
    pub since: Timestamp,
    /// When it ends: from then on nothing waits.
    pub until: Timestamp,
}

impl Grace {
    /// Whether it is open at `now`. A clock that was set back to before it began opens nothing.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }

    /// Whether an account without a factor that was made at `created_at` may wait at `now`.
    #[must_use]
    pub fn covers(&self, now: Timestamp, created_at: Timestamp) -> bool {
        self.is_open(now) && created_at < self.since
    }

    /// What both let: who was there before either, until the first of them ends.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { since: self.since.min(other.since), until: self.until.min(other.until) }
    }
}

impl MfaPolicy {
    /// The grace period, if there is one. It is counted from the moment at which a second factor began to be
    /// demanded; where nobody knows that moment there is none.
    #[must_use]
    pub fn grace(&self) -> Option<Grace> {
        let since = self.since.filter(|_| self.enforcement != Enforcement::Off && self.grace_days > 0)?;
        let days = i64::from(self.grace_days.min(MAX_GRACE_DAYS));
        Some(Grace { since, until: since.plus(days * DAY) })
    }

    /// The policy that stands after `before` was changed to this one at `now`: the moment at which a second
    /// factor began to be demanded is noted where it was off, kept where it was not, and forgotten where it
    /// is off.
    #[must_use]
    pub fn noted(mut self, before: Enforcement, now: Timestamp) -> Self {
        self.since = match (before, self.enforcement) {
            (_, Enforcement::Off) => None,
            (Enforcement::Off, Enforcement::Conditional | Enforcement::AlwaysOn) => Some(now),
            (Enforcement::Conditional | Enforcement::AlwaysOn, Enforcement::Conditional | Enforcement::AlwaysOn) => {
                self.since
            }
        };
        self
    }
}

impl UserFlow {
    /// The grace period of a flow by which patients sign in.
    #[must_use]
    pub fn grace(&self) -> Option<Grace> {
        grace_of(self.audience, self.kind, &self.settings.mfa)
    }
}

fn grace_of(audience: Audience, kind: FlowType, mfa: &MfaPolicy) -> Option<Grace> {
    mfa.grace().filter(|_| audience == Audience::Patients && kind.signs_in())
}

impl Minimum {
    /// What an application that asks for this leaves of `own`, the grace period of one of its flows, given all
    /// linked flows. One that asks for a second factor gets one. One that asks for the strongest of its flows
    /// waits as long as all that demand a second factor do: or the edited address of another flow would be a
    /// way around the one that does not wait.
    #[must_use]
    pub fn grace_among<'a>(self, own: Option<Grace>, linked: impl IntoIterator<Item = &'a UserFlow>) -> Option<Grace> {
        match self {
            Self::Mfa => None,
            Self::None => own,
            Self::StrongestLinked => {
                let asks = |flow: &&UserFlow| flow.kind.signs_in() && flow.settings.mfa.enforcement != Enforcement::Off;
                linked.into_iter().filter(asks).try_fold(own?, |all, flow| Some(all.and(flow.grace()?)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        assurance::Method,
        user_flow::{SessionSettings, testing::sign_in_flow},
    };

    const SINCE: Timestamp = Timestamp(1_000 * DAY);

    fn policy(enforcement: Enforcement, days: u32) -> MfaPolicy {
        MfaPolicy { grace_days: days, since: Some(SINCE), ..MfaPolicy::new(enforcement, Method::ALL) }
    }

    fn flow(enforcement: Enforcement, days: u32) -> UserFlow {
        sign_in_flow(policy(enforcement, days), SessionSettings::default())
    }

    #[test]
    fn a_grace_is_for_who_was_there_before_and_ends_to_the_millisecond() {
        let grace = policy(Enforcement::AlwaysOn, 14).grace().unwrap();
        let (end, before) = (SINCE.plus(14 * DAY), SINCE.minus(1));
        for (now, created, waits) in [
            (SINCE, before, true),
            (end.minus(1), before, true),
            (end, before, false),
            (end.plus(DAY), before, false),
            (SINCE.minus(1), before, false),
            (SINCE, SINCE, false),
            (end.minus(1), SINCE.plus(DAY), false),
        ] {
            assert_eq!(grace.covers(now, created), waits, "{now:?} {created:?}");
        }
    }

    #[test]
    fn there_is_none_by_default_while_off_nor_without_its_beginning() {
        assert_eq!(MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL).grace(), None);
        assert_eq!(policy(Enforcement::AlwaysOn, 0).grace(), None);
        assert_eq!(policy(Enforcement::Off, 14).grace(), None);
        assert_eq!(MfaPolicy { since: None, ..policy(Enforcement::AlwaysOn, 14) }.grace(), None);
        let most = policy(Enforcement::Conditional, u32::MAX).grace().unwrap();
        assert_eq!(most.until, SINCE.plus(i64::from(MAX_GRACE_DAYS) * DAY));
    }

    #[test]
    fn the_beginning_is_noted_when_the_toggle_moves_and_by_nothing_else() {
        let now = SINCE.plus(5 * DAY);
        let (off, at_times, always) = (Enforcement::Off, Enforcement::Conditional, Enforcement::AlwaysOn);
        for (before, after, since) in [
            (off, always, Some(now)),
            (off, at_times, Some(now)),
            (at_times, always, Some(SINCE)),
            (always, at_times, Some(SINCE)),
            (always, always, Some(SINCE)),
            (always, off, None),
            (off, off, None),
        ] {
            assert_eq!(policy(after, 14).noted(before, now).since, since, "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_flow_for_anything_but_patients_signing_in_has_none() {
        assert!(flow(Enforcement::AlwaysOn, 14).grace().is_some());
        for kind in [FlowType::ProfileEditing, FlowType::PasswordReset] {
            assert_eq!(UserFlow { kind, ..flow(Enforcement::AlwaysOn, 14) }.grace(), None);
        }
        for audience in [Audience::Staff, Audience::Operators, Audience::SelfService] {
            assert_eq!(UserFlow { audience, ..flow(Enforcement::AlwaysOn, 14) }.grace(), None);
        }
    }

    #[test]
    fn an_application_waits_no_longer_than_the_strictest_of_its_flows() {
        let (long, short, none) =
            (flow(Enforcement::AlwaysOn, 14), flow(Enforcement::Conditional, 3), flow(Enforcement::AlwaysOn, 0));
        let off = flow(Enforcement::Off, 0);
        let own = long.grace();
        assert_eq!(Minimum::Mfa.grace_among(own, [&long]), None);
        assert_eq!(Minimum::None.grace_among(own, [&long, &none]), own);
        assert_eq!(Minimum::StrongestLinked.grace_among(own, [&long, &off]), own);
        assert_eq!(Minimum::StrongestLinked.grace_among(own, [&long, &short]), short.grace());
        assert_eq!(Minimum::StrongestLinked.grace_among(own, [&long, &none]), None, "an edited address");
        assert_eq!(Minimum::StrongestLinked.grace_among(None, [&long]), None);
    }
}
