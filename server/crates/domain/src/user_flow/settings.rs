//! How long a flow's tokens and sessions live, and how they look (`wire.md`, "Settings per flow").
//!
//! The defaults are B2C's. Read from JSON: what an older document lacks is the default.

use serde::{Deserialize, Serialize};

use super::RememberSettings;
use crate::clock::{DAY, MINUTE, Millis};

/// What the issuer of a flow looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuerMode {
    /// `{origin}/tfp/{tenantGuid}/{flow}/v2.0/`: unique per flow, and the address under which
    /// generic clients find the discovery document.
    #[default]
    Flow,
    /// `{origin}/{tenantGuid}/v2.0/`: B2C's default, for web APIs that pinned it.
    Tenant,
}

/// Which claim names the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowClaim {
    /// `tfp`, in the flow's own case. `acr` then tells the level that was reached.
    #[default]
    Tfp,
    /// `acr`, in lower case, as old B2C policies do.
    Acr,
}

/// Tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenSettings {
    /// How long access and ID tokens live, in minutes: 5 to 1440.
    pub minutes: u32,
    /// How long a refresh token lives, in days: 1 to 90.
    pub refresh_days: u32,
    /// How long refresh tokens can be renewed after the sign-in, in days: 1 to 365; `None`: no end.
    pub refresh_window_days: Option<u32>,
    /// The issuer's form.
    pub issuer: IssuerMode,
    /// The claim that names the flow.
    pub flow_claim: FlowClaim,
    /// `prompt=none` without a session answers `login_required` (OpenID Connect) rather than
    /// B2C's `interaction_required`.
    pub strict_errors: bool,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            minutes: 60,
            refresh_days: 14,
            refresh_window_days: Some(90),
            issuer: IssuerMode::Flow,
            flow_claim: FlowClaim::Tfp,
            strict_errors: false,
        }
    }
}

impl TokenSettings {
    /// The life of access and ID tokens.
    #[must_use]
    pub fn life(&self) -> Millis {
        i64::from(self.minutes) * MINUTE
    }

    /// The life of a refresh token.
    #[must_use]
    pub fn refresh_life(&self) -> Millis {
        i64::from(self.refresh_days) * DAY
    }
}

/// Between which sign-ins a session is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionScope {
    /// All applications and flows of the tenant.
    #[default]
    Tenant,
    /// Only sign-ins to the same application.
    Application,
    /// Only sign-ins by the same flow.
    Flow,
    /// Never: each request signs in anew.
    None,
}

/// Single sign-on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionSettings {
    /// How long a session lives, in minutes: 15 to 1440.
    pub minutes: u32,
    /// Each use renews its life; otherwise it ends so long after the sign-in, used or not.
    pub rolling: bool,
    /// Between which sign-ins it is shared.
    pub scope: SessionScope,
    /// For how many days "Keep me signed in" keeps it, 1 to 90; `None`: it is not offered.
    pub keep_days: Option<u32>,
    /// Signing out needs a valid `id_token_hint`.
    pub id_token_in_logout: bool,
    /// Remembered browsers.
    pub remember: RememberSettings,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            minutes: 1440,
            rolling: false,
            scope: SessionScope::Tenant,
            keep_days: None,
            id_token_in_logout: false,
            remember: RememberSettings::default(),
        }
    }
}

impl SessionSettings {
    /// The life of a session.
    #[must_use]
    pub fn life(&self) -> Millis {
        i64::from(self.minutes) * MINUTE
    }

    /// The life of a session of somebody who asked to stay signed in; `None`: it is not offered.
    #[must_use]
    pub fn kept_life(&self) -> Option<Millis> {
        self.keep_days.map(|days| i64::from(days) * DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_live_as_many_minutes_and_days_as_the_flow_says() {
        let settings = TokenSettings { minutes: 45, refresh_days: 3, ..TokenSettings::default() };
        assert_eq!((settings.life(), settings.refresh_life()), (45 * 60_000, 3 * 86_400_000));
    }
}
