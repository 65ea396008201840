//! `max_age`: how long ago the person may have signed in (OpenID Connect Core, 3.1.2.1).

use lanyard_domain::clock::{SECOND, Timestamp};

use crate::{error::Refusal, params::Params};

/// A `max_age`, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxAge(pub u32);

impl MaxAge {
    /// Whether a sign-in at `auth_time` is too old. `max_age=0` always asks for a new one, and so
    /// does a sign-in in the future (a clock set back revives nothing).
    #[must_use]
    pub fn is_exceeded(self, auth_time: Timestamp, now: Timestamp) -> bool {
        let age = now.since(auth_time);
        self.0 == 0 || age < 0 || age > i64::from(self.0) * SECOND
    }
}

pub(super) fn seconds(params: &Params) -> Result<Option<MaxAge>, Refusal> {
    let Some(text) = params.get("max_age") else { return Ok(None) };
    // `parse` would take a `+`.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if digits => Ok(Some(MaxAge(seconds))),
        Ok(_) | Err(_) => Err(Refusal::invalid_request("The max_age is not a whole number of seconds.")),
    }
}
