//! Redeeming a refresh token (RFC 6749, 6; RFC 9700, 4.14.2: rotation).
//!
//! Pure judgement over the loaded token and its grant (the family). That a token works once is
//! decided by the store, by compare-and-set on `used_at`; the loser is [`RefreshRefusal::Reused`].
//!
//! Answers get lost. Whoever sends a token that was just used again, within [`REFRESH_GRACE`], gets
//! another successor ([`Way::Again`]), but only while the first one was not used, and the first
//! one dies by it. So at any time at most one token of a family lives; and if two people hold the
//! same token, one of them comes with a dead one in the end, which ends the family (A29).

use lanyard_domain::{
    application::{Application, ApplicationKind},
    assurance::Demand,
    clock::{DAY, Timestamp},
    grant::{CLOCK_AHEAD, Grant, REFRESH_GRACE, REFRESH_LIFE_SINGLE_PAGE, RefreshToken},
    secret::{Token, TokenHash},
    user_flow::TokenSettings,
};

use super::{Redemption, unknown_grant};
use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
    scope,
};

/// What a refresh brings.
#[derive(Debug, Clone)]
pub struct RefreshRequest {
    /// The refresh token; look it up by its hash.
    pub token: Token,
    /// The scope, when less is wanted.
    pub scope: Option<String>,
}

impl RefreshRequest {
    pub(super) fn read(params: &Params) -> Result<Self, Refusal> {
        Ok(Self {
            token: super::token(params, "refresh_token", "The request has no refresh token.")?,
            scope: params.get("scope").map(str::to_owned),
        })
    }
}

/// Why a refresh token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefusal {
    /// Issued to another application (failure 30).
    #[error("the refresh token belongs to another application")]
    OtherApplication,
    /// Issued by another tenant.
    #[error("the refresh token belongs to another tenant")]
    OtherTenant,
    /// Issued by another flow.
    #[error("the refresh token belongs to another user flow")]
    OtherFlow,
    /// The family was revoked.
    #[error("the refresh token was revoked")]
    Revoked,
    /// It was used before: the family must die (A29).
    #[error("the refresh token was used before")]
    Reused,
    /// Too old.
    #[error("the refresh token has expired")]
    Expired,
    /// The account is gone or disabled (failure 37).
    #[error("the account is gone or disabled")]
    AccountGone,
    /// The flow now asks for more than this sign-in showed.
    #[error("the sign-in behind the token is no longer strong enough")]
    TooWeak,
    /// More scopes than were granted (failure 36).
    #[error("the scope goes beyond what was granted")]
    Scope(Refusal),
}

impl RefreshRefusal {
    /// Whether the caller must revoke the whole family.
    #[must_use]
    pub const fn revokes(self) -> bool {
        match self {
            Self::Reused => true,
            Self::OtherApplication
            | Self::OtherTenant
            | Self::OtherFlow
            | Self::Revoked
            | Self::Expired
            | Self::AccountGone
            | Self::TooWeak
            | Self::Scope(_) => false,
        }
    }
}

impl From<RefreshRefusal> for Refusal {
    fn from(refusal: RefreshRefusal) -> Self {
        let grant = |code, text| Self::new(OAuthError::InvalidGrant, code, text);
        match refusal {
            // To strangers, the token does not exist.
            RefreshRefusal::OtherApplication | RefreshRefusal::OtherTenant | RefreshRefusal::Expired => unknown_grant(),
            RefreshRefusal::OtherFlow => grant(Code::OtherEndpoint, "The token was issued by another user flow."),
            RefreshRefusal::Revoked | RefreshRefusal::Reused => {
                grant(Code::GrantRevoked, "The refresh token has been revoked.")
            }
            RefreshRefusal::AccountGone => {
                grant(Code::AccountGone, "The account of this token cannot sign in any more.")
            }
            RefreshRefusal::TooWeak => {
                grant(Code::GrantRevoked, "The user has to sign in again, with a second factor.")
            }
            RefreshRefusal::Scope(refusal) => refusal,
        }
    }
}

/// When a refresh token of `grant` that is issued at `now` expires: after the flow's days, and
/// never beyond the end of the family, however often it is renewed (A29; `wire.md`). What a
/// single-page application holds does not slide at all.
#[must_use]
pub fn expires_at(application: &Application, grant: &Grant, settings: &TokenSettings, now: Timestamp) -> Timestamp {
    let sliding = now.plus(settings.refresh_life());
    let after = |days: u32| grant.created_at.plus(i64::from(days) * DAY);
    match application.kind {
        ApplicationKind::SinglePage => grant.created_at.plus(REFRESH_LIFE_SINGLE_PAGE),
        ApplicationKind::Web | ApplicationKind::Native | ApplicationKind::WebApi => {
            settings.refresh_window_days.map_or(sliding, |days| sliding.min(after(days)))
        }
    }
}

/// How a refresh token may be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// For the first time.
    First,
    /// Again, because the answer was lost: this successor, which nobody used, must die by it.
    Again {
        /// Its hash.
        lost: TokenHash,
    },
}

/// A refresh that may go on, if the store agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The scope of the new tokens.
    pub scope: String,
    /// What the store must change.
    pub way: Way,
}

// Whether this is the first use, or a repeat whose answer may have been lost.
fn way(token: &RefreshToken, successor: Option<&RefreshToken>, now: Timestamp) -> Option<Way> {
    let Some(used_at) = token.used_at else { return Some(Way::First) };
    // Neither after the grace nor, by a clock that was set back, long before.
    let just_now = now < used_at.plus(REFRESH_GRACE) && now.plus(CLOCK_AHEAD) >= used_at;
    let lost = token.replaced_by.filter(|_| just_now)?;
    let unused = successor.is_some_and(|next| next.hash == lost && next.grant == token.grant && next.used_at.is_none());
    unused.then_some(Way::Again { lost })
}

/// Judges a refresh. `successor` is the token that this one was exchanged for, if it was used;
/// `demand` is what the flow and the application ask of a sign-in now: switching MFA on ends
/// weaker grants, and those of a grace period end with it. A first factor that is bound revokes what went
/// before, so that who holds such a grant has none. The account's own minimum stands beside all of that.
///
/// # Errors
/// [`RefreshRefusal`]; ask [`RefreshRefusal::revokes`].
pub fn check(
    token: &RefreshToken,
    successor: Option<&RefreshToken>,
    grant: &Grant,
    request: &RefreshRequest,
    demand: &Demand,
    by: &Redemption<'_>,
) -> Result<Accepted, RefreshRefusal> {
    if grant.tenant != by.tenant || by.application.tenant != by.tenant {
        return Err(RefreshRefusal::OtherTenant);
    }
    let same = token.grant == grant.id && token.hash.matches(&request.token.hash());
    if grant.application != by.application.id || !same {
        return Err(RefreshRefusal::OtherApplication);
    }
    if grant.flow != by.flow {
        return Err(RefreshRefusal::OtherFlow);
    }
    if grant.revoked_at.is_some() {
        return Err(RefreshRefusal::Revoked);
    }
    let way = way(token, successor, by.now).ok_or(RefreshRefusal::Reused)?;
    if by.now >= token.expires_at {
        return Err(RefreshRefusal::Expired);
    }
    if !by.account_stands() || by.account.is_some_and(|account| account.id != grant.account) {
        return Err(RefreshRefusal::AccountGone);
    }
    let demand = demand.clone().of_account(by.now, by.account.map(|account| account.created_at));
    if !demand.is_met(&grant.authentication, grant.authentication.level()) || !by.measures_up(grant) {
        return Err(RefreshRefusal::TooWeak);
    }
    let scope = scope::narrow(&grant.scope, request.scope.as_deref(), by.scopes()).map_err(RefreshRefusal::Scope)?;
    Ok(Accepted { scope, way })
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
