//! Redeeming a refresh token (RFC 6749, 6; RFC 9700, 4.14.2: rotation).
//!
//! Pure judgement over the loaded token and its grant (the family). That a token works once is
//! decided by the store, by compare-and-set on `used_at`; the loser is [`RefreshRefusal::Reused`].
//! The grace window for lost answers joins here.

use lanyard_domain::{
    application::{Application, ApplicationKind},
    assurance::Demand,
    clock::{DAY, Millis, Timestamp},
    grant::{Grant, REFRESH_LIFE, REFRESH_LIFE_SINGLE_PAGE, RefreshToken},
    secret::Token,
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

/// How long a new refresh token of `application` lives (`wire.md`).
#[must_use]
pub const fn life(application: &Application) -> Millis {
    match application.kind {
        ApplicationKind::SinglePage => REFRESH_LIFE_SINGLE_PAGE,
        ApplicationKind::Web | ApplicationKind::Native | ApplicationKind::WebApi => REFRESH_LIFE,
    }
}

/// How long a family of refresh tokens lives from its sign-in, however often it is renewed (A29;
/// `wire.md`: 90 days; that of a single-page application does not slide at all).
#[must_use]
pub const fn family_life(application: &Application) -> Millis {
    match application.kind {
        ApplicationKind::SinglePage => REFRESH_LIFE_SINGLE_PAGE,
        ApplicationKind::Web | ApplicationKind::Native | ApplicationKind::WebApi => 90 * DAY,
    }
}

/// When a refresh token of `grant` that is issued at `now` expires.
#[must_use]
pub fn expires_at(application: &Application, grant: &Grant, now: Timestamp) -> Timestamp {
    now.plus(life(application)).min(grant.created_at.plus(family_life(application)))
}

/// Judges a refresh and gives the scope of the new tokens. `demand` is what the flow and the
/// application ask of a sign-in now: switching MFA on ends weaker grants.
///
/// # Errors
/// [`RefreshRefusal`]; ask [`RefreshRefusal::revokes`].
pub fn check(
    token: &RefreshToken,
    grant: &Grant,
    request: &RefreshRequest,
    demand: &Demand,
    by: &Redemption<'_>,
) -> Result<String, RefreshRefusal> {
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
    if token.used_at.is_some() {
        return Err(RefreshRefusal::Reused);
    }
    if by.now >= token.expires_at {
        return Err(RefreshRefusal::Expired);
    }
    if !by.account_stands() || by.account.is_some_and(|account| account.id != grant.account) {
        return Err(RefreshRefusal::AccountGone);
    }
    if !demand.is_met(&grant.authentication, grant.authentication.level()) {
        return Err(RefreshRefusal::TooWeak);
    }
    scope::narrow(&grant.scope, request.scope.as_deref(), by.application).map_err(RefreshRefusal::Scope)
}
