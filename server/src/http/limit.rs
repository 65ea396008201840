//! The first limit: state-changing requests per network, and journeys begun, in memory, before any
//! work is done.
//!
//! The limits that matter for security (wrong passwords, wrong codes, sends) are counted in the
//! database; this one only keeps a single network from taking all the server's time.

use std::{net::IpAddr, num::NonZeroU32};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::{client::network_of, error::HttpError};
use crate::config::Limits;

/// So many failures of one kind are told in an hour, whatever networks they come from.
pub const TOLD_PER_HOUR: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);

/// The limiter.
pub struct Limiter {
    changes: DefaultKeyedRateLimiter<String>,
    calls: DefaultKeyedRateLimiter<String>,
    beginnings: DefaultKeyedRateLimiter<String>,
    silent: DefaultKeyedRateLimiter<String>,
    failures: DefaultKeyedRateLimiter<String>,
    failures_in_all: DefaultKeyedRateLimiter<String>,
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Limiter({} networks)", self.changes.len().max(self.beginnings.len()).max(self.calls.len()))
    }
}

impl Limiter {
    /// A limiter with these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let quota = |rate, burst| {
            let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
            Quota::per_second(at_least_one(rate)).allow_burst(at_least_one(burst))
        };
        let people = quota(limits.per_address_per_second, limits.per_address_burst);
        let silent = quota(limits.silent_per_address_per_second, limits.silent_per_address_burst);
        let programs = quota(limits.calls_per_address_per_second, limits.calls_per_address_burst);
        Self {
            changes: RateLimiter::keyed(people),
            calls: RateLimiter::keyed(programs),
            beginnings: RateLimiter::keyed(people),
            silent: RateLimiter::keyed(silent),
            failures: RateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN)),
            failures_in_all: RateLimiter::keyed(Quota::per_hour(TOLD_PER_HOUR)),
        }
    }

    /// Whether one more request from `ip` is taken.
    #[must_use]
    pub fn admits(&self, ip: IpAddr) -> bool {
        self.changes.check_key(&network_of(ip)).is_ok()
    }

    /// Whether one more request from `ip` to an endpoint that programs call is taken. The server of
    /// an application speaks for all its patients from one address; a guess there costs a hash of
    /// random bytes at most, no password's.
    #[must_use]
    pub fn admits_call(&self, ip: IpAddr) -> bool {
        self.calls.check_key(&network_of(ip)).is_ok()
    }

    /// Whether one more journey from `ip` is begun. A plain GET of anybody stores a row; whoever
    /// goes on posts at least twice, so for people this is never the tighter limit.
    #[must_use]
    pub fn admits_beginning(&self, ip: IpAddr) -> bool {
        self.beginnings.check_key(&network_of(ip)).is_ok()
    }

    /// The same for a handler.
    ///
    /// # Errors
    /// [`HttpError::TooManyRequests`] if it is not.
    pub fn beginning(&self, ip: IpAddr) -> Result<(), HttpError> {
        if self.admits_beginning(ip) { Ok(()) } else { Err(HttpError::TooManyRequests { retry_after: 30 }) }
    }

    /// Whether one more authorization request from `ip` may be answered from a live session, without
    /// a person: each stores a grant and an audit event, and any page can have a browser make them.
    #[must_use]
    pub fn admits_silent(&self, ip: IpAddr) -> bool {
        self.silent.check_key(&network_of(ip)).is_ok()
    }

    /// Whether a failure of the kind `what` (of one client, for one reason) from `ip` is the first in a
    /// minute, and among the first [`TOLD_PER_HOUR`]: what anybody can cause any number of times, from
    /// any number of networks, neither fills the log nor keeps another kind out of it.
    #[must_use]
    pub fn tells_failure(&self, what: &str, ip: IpAddr) -> bool {
        self.failures.check_key(&format!("{what} {}", network_of(ip))).is_ok()
            && self.failures_in_all.check_key(&what.to_owned()).is_ok()
    }

    /// Forgets networks that have been quiet; called now and then.
    pub fn tidy(&self) {
        for limiter in
            [&self.changes, &self.calls, &self.beginnings, &self.silent, &self.failures, &self.failures_in_all]
        {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}
