//! Single sign-on sessions and console sessions.
//!
//! A session is made from a journey's [`crate::journey::Completion`] and in no other way.

use serde::{Deserialize, Serialize};

use crate::{
    account::Account,
    application::Application,
    assurance::{Authentication, Level},
    clock::{DAY, HOUR, MINUTE, Millis, Timestamp},
    id::Id,
    secret::TokenHash,
    tenant::Tenant,
    user_flow::{SessionScope, UserFlow},
};

/// A session that each use renews ends so long after the sign-in at the latest, used or not: NIST
/// SP 800-63B-4, 2.1.3 wants everybody to sign in anew once in 30 days, even where one factor is
/// enough. Without such an end a stolen cookie that is used often would live for ever.
pub const ROLLING_CAP: Millis = 30 * DAY;
/// How often the use of a session is noted at most: idle time is counted from the last note.
pub const NOTED_EVERY: Millis = MINUTE;
/// The longest life of a console session (N21).
pub const CONSOLE_LIFE: Millis = 12 * HOUR;

/// How long ago the sign-in may be for what protects an account, and for all of its data (A20).
pub const FRESH: Millis = 10 * MINUTE;

/// Which console a session opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleKind {
    /// `/portal`, for operators.
    Portal,
    /// `/clinic/{tenant}`, for staff.
    Clinic,
    /// `/account/{tenant}`, for everybody about themselves.
    Account,
}

impl ConsoleKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Portal, Self::Clinic, Self::Account];

    /// The name used in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::Clinic => "clinic",
            Self::Account => "account",
        }
    }

    /// How long its session may stand idle. An hour at most (N21); the clinic's pages stand open on desks
    /// that others pass by (45 CFR 164.312(a)(2)(iii), C8).
    #[must_use]
    pub const fn idle(self) -> Millis {
        match self {
            Self::Clinic => 15 * MINUTE,
            Self::Portal | Self::Account => HOUR,
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The terms of a session: who may share it, and how it is renewed. A console's are the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionTerms {
    /// Between which sign-ins the flow that made it shares it.
    pub scope: SessionScope,
    /// The application that it was made for.
    pub application: Option<Id<Application>>,
    /// The flow that made it.
    pub flow: Option<Id<UserFlow>>,
    /// Each use renews its life by so much, up to [`ROLLING_CAP`]; `None`: its end stands.
    pub rolling: Option<Millis>,
    /// The person asked to stay signed in: the cookie outlives the browser.
    pub kept: bool,
}

impl SessionTerms {
    /// Whether a sign-in to `application` by `flow`, which shares sessions within `scope`, may
    /// use a session of these terms. Both flows have a say: the one that made it and the one that
    /// would use it.
    #[must_use]
    pub fn admit(&self, scope: SessionScope, application: Id<Application>, flow: Id<UserFlow>) -> bool {
        [self.scope, scope].into_iter().all(|scope| match scope {
            SessionScope::Tenant => true,
            SessionScope::Application => self.application == Some(application),
            SessionScope::Flow => self.flow == Some(flow),
            SessionScope::None => false,
        })
    }
}

/// A session, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Stable id: the `sid` of logout (it is no secret).
    pub id: Id<Session>,
    /// The tenant of the account.
    pub tenant: Id<Tenant>,
    /// Whose it is.
    pub account: Id<Account>,
    /// The hash of the cookie that carries it.
    pub token: TokenHash,
    /// `None`: single sign-on to applications. Else the console that it opens.
    pub console: Option<ConsoleKind>,
    /// Who may share it, and how it is renewed.
    pub terms: SessionTerms,
    /// What happened when it was made.
    pub authentication: Authentication,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

impl Session {
    /// Whether it may still be used at `now`.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        let idle_ok = match self.console {
            Some(console) => now.since(self.last_seen_at) < console.idle(),
            None => true,
        };
        self.ended_at.is_none() && now < self.expires_at && now >= self.created_at && idle_ok
    }

    /// When it ends if it is used at `now`: never earlier than it would have without.
    #[must_use]
    pub fn renewed(&self, now: Timestamp) -> Timestamp {
        let renewed = self.terms.rolling.map(|life| now.plus(life).min(self.created_at.plus(ROLLING_CAP)));
        renewed.map_or(self.expires_at, |at| at.max(self.expires_at))
    }

    /// The level it counts for at `now` (N21, decision 4).
    #[must_use]
    pub fn level(&self, now: Timestamp) -> Level {
        self.authentication.level_at(now, self.last_seen_at)
    }

    /// Its sign-in, for what it still counts at `now`. What a remembered browser stood in for fades like the
    /// factor itself.
    #[must_use]
    pub fn authentication_at(&self, now: Timestamp) -> Authentication {
        let carried = self.authentication.clone().carried_over(self.level(now));
        let stale = self.authentication.is_stale(now, self.last_seen_at);
        if stale { carried.without_remembered() } else { carried }
    }

    /// Whether its last factor was proved at most [`FRESH`] ago (A20). A clock that was set back
    /// makes nothing fresh.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        let at = self.authentication.at();
        at <= now && now.since(at) <= FRESH
    }

    /// Whether it may change the factors of its account at `now`: at the account's own level (N19),
    /// by a fresh sign-in (A20).
    #[must_use]
    pub fn may_change_factors(&self, now: Timestamp) -> bool {
        self.level(now) == Level::Aal2 && self.is_fresh(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{assurance::Method, entropy::SeededEntropy};

    const BEGUN: Timestamp = Timestamp(DAY);

    fn id<T>(seed: u64) -> Id<T> {
        Id::new(BEGUN, &mut SeededEntropy::new(seed))
    }

    fn session(console: Option<ConsoleKind>) -> Session {
        let authentication =
            Authentication::begin(id(1), BEGUN).with_password().with_second(Method::AuthenticatorApp, BEGUN);
        Session {
            id: id(2),
            tenant: id(3),
            account: id(1),
            token: TokenHash([7; 32]),
            console,
            terms: SessionTerms::default(),
            authentication,
            created_at: BEGUN,
            last_seen_at: BEGUN,
            expires_at: BEGUN.plus(CONSOLE_LIFE),
            ended_at: None,
        }
    }

    #[test]
    fn n21_c8_a_console_ends_when_idle_at_its_end_and_when_it_is_ended() {
        for (console, idle) in
            [(ConsoleKind::Clinic, 900_000), (ConsoleKind::Portal, 3_600_000), (ConsoleKind::Account, 3_600_000)]
        {
            let own = session(Some(console));
            let live = |age| own.is_live(BEGUN.plus(age));
            assert_eq!([0, idle - 1, idle, idle + 1].map(live), [true, true, false, false], "{console:?}");
            assert!(!live(-1), "a clock set back revives nothing");
            assert_eq!(ConsoleKind::parse(console.as_str()), Some(console));
        }
        assert_eq!(ConsoleKind::ALL.map(ConsoleKind::as_str), ["portal", "clinic", "account"]);
        assert_eq!(ConsoleKind::parse("elsewhere"), None);
        let last = BEGUN.plus(12 * 3_600_000 - 1);
        let used = Session { last_seen_at: last, ..session(Some(ConsoleKind::Portal)) };
        assert!(used.is_live(last) && !used.is_live(last.plus(1)), "twelve hours at most");
        // Single sign-on knows no idleness of its own.
        let shared = session(None);
        assert!(shared.is_live(last) && !shared.is_live(last.plus(1)));
        let ended = Session { ended_at: Some(BEGUN), ..session(None) };
        assert!(!ended.is_live(BEGUN));
        assert!(!session(None).is_live(BEGUN.minus(1)));
    }

    #[test]
    fn a18_use_renews_a_rolling_session_up_to_thirty_days_and_never_shortens_it() {
        let fixed = session(None);
        assert_eq!(fixed.renewed(BEGUN.plus(HOUR)), fixed.expires_at);
        let terms = SessionTerms { rolling: Some(DAY), ..SessionTerms::default() };
        let rolling = Session { terms, ..session(None) };
        assert_eq!(rolling.renewed(BEGUN.plus(HOUR)), BEGUN.plus(DAY + HOUR));
        assert_eq!(rolling.renewed(BEGUN.plus(29 * DAY + HOUR)), BEGUN.plus(2_592_000_000));
        let terms = SessionTerms { rolling: Some(HOUR), ..SessionTerms::default() };
        let short = Session { terms, ..session(None) };
        assert_eq!(short.renewed(BEGUN), short.expires_at);
    }

    #[test]
    fn a20_n19_factors_change_within_ten_minutes_of_a_sign_in_at_the_accounts_level() {
        let both = session(Some(ConsoleKind::Account));
        for (age, fresh) in [(-1, false), (0, true), (600_000, true), (600_001, false)] {
            let now = BEGUN.plus(age);
            assert_eq!((both.is_fresh(now), both.may_change_factors(now)), (fresh, fresh), "{age}");
        }
        assert_eq!((both.level(BEGUN), both.level(BEGUN.plus(HOUR))), (Level::Aal2, Level::Aal1));
        let authentication = Authentication::begin(id(1), BEGUN).with_password();
        let one = Session { authentication, ..both };
        assert!(one.is_fresh(BEGUN) && !one.may_change_factors(BEGUN), "one factor alone");
    }

    #[test]
    fn sso_both_flows_have_a_say_in_who_shares_a_session() {
        let (application, flow, other, elsewhere) = (id(4), id(5), id(6), id(7));
        let terms =
            |scope| SessionTerms { scope, application: Some(application), flow: Some(flow), ..SessionTerms::default() };
        for (scope, [same, other_application, other_flow]) in [
            (SessionScope::Tenant, [true, true, true]),
            (SessionScope::Application, [true, false, true]),
            (SessionScope::Flow, [true, true, false]),
            (SessionScope::None, [false, false, false]),
        ] {
            // Whichever of the two is the narrower.
            for (own, theirs) in [(scope, SessionScope::Tenant), (SessionScope::Tenant, scope)] {
                let terms = terms(own);
                assert_eq!(terms.admit(theirs, application, flow), same, "{own:?} {theirs:?}");
                assert_eq!(terms.admit(theirs, other, flow), other_application, "{own:?} {theirs:?}");
                assert_eq!(terms.admit(theirs, application, elsewhere), other_flow, "{own:?} {theirs:?}");
            }
        }
    }
}
