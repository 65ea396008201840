//! Redeeming an authorization code (RFC 6749, 4.1.3; RFC 9700, 4.5 and 4.8).
//!
//! Pure judgement over the loaded grant. That a code works once is decided by the store, by
//! compare-and-set on `redeemed_at`; whoever loses that race is [`CodeRefusal::Reused`] too.

use lanyard_domain::{
    clock::Timestamp,
    grant::{CLOCK_AHEAD, Grant},
    secret::Token,
};

use super::{CodeVerifier, Redemption, pkce, unknown_grant};
use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
};

/// What a redemption brings.
#[derive(Debug, Clone)]
pub struct CodeRequest {
    /// The code; look the grant up by its hash.
    pub code: Token,
    /// The reply URL of the authorization request, repeated.
    pub redirect_uri: Option<String>,
    /// The PKCE verifier.
    pub verifier: Option<CodeVerifier>,
}

impl CodeRequest {
    pub(super) fn read(params: &Params) -> Result<Self, Refusal> {
        let verifier = match params.get("code_verifier") {
            Some(text) => Some(CodeVerifier::parse(text).ok_or(wrong_verifier("The code_verifier is malformed."))?),
            None => None,
        };
        Ok(Self {
            code: super::token(params, "code", "The request has no code.")?,
            redirect_uri: params.get("redirect_uri").map(str::to_owned),
            verifier,
        })
    }
}

/// Why a code is not redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// Issued to another application.
    #[error("the code belongs to another application")]
    OtherApplication,
    /// Issued by another tenant (failure 38).
    #[error("the code belongs to another tenant")]
    OtherTenant,
    /// Issued by another flow.
    #[error("the code belongs to another user flow")]
    OtherFlow,
    /// The grant was revoked.
    #[error("the code was revoked")]
    Revoked,
    /// It was redeemed before: somebody else has it, so the whole grant must die.
    #[error("the code was used before")]
    Reused,
    /// Too old.
    #[error("the code has expired")]
    Expired,
    /// The account is gone or disabled (failure 37).
    #[error("the account is gone or disabled")]
    AccountGone,
    /// The account must show more by now than this sign-in did.
    #[error("the sign-in behind the code is no longer strong enough")]
    TooWeak,
    /// Another reply URL than the code was sent to.
    #[error("the reply URL is another one")]
    ReplyUrl,
    /// PKCE failed.
    #[error(transparent)]
    Pkce(#[from] pkce::PkceProblem),
}

impl CodeRefusal {
    /// Whether the caller must revoke the grant and everything issued from it (RFC 6749, 4.1.2).
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
            | Self::ReplyUrl
            | Self::Pkce(_) => false,
        }
    }
}

impl From<CodeRefusal> for Refusal {
    fn from(refusal: CodeRefusal) -> Self {
        let grant = |code, text| Self::new(OAuthError::InvalidGrant, code, text);
        match refusal {
            // To strangers, the code does not exist.
            CodeRefusal::OtherApplication | CodeRefusal::OtherTenant | CodeRefusal::Expired => unknown_grant(),
            CodeRefusal::OtherFlow => grant(Code::OtherEndpoint, "The code was issued by another user flow."),
            CodeRefusal::Revoked => grant(Code::GrantRevoked, "The code has been revoked."),
            CodeRefusal::Reused => grant(Code::GrantExpired, "The code has been used already."),
            CodeRefusal::AccountGone => grant(Code::AccountGone, "The account of this code cannot sign in any more."),
            CodeRefusal::TooWeak => grant(Code::GrantRevoked, "The user has to sign in again, with a second factor."),
            CodeRefusal::ReplyUrl => grant(Code::ReplyUrl, "The reply URL is not the one that the code was sent to."),
            CodeRefusal::Pkce(_) => wrong_verifier("The code_verifier does not fit the authorization request."),
        }
    }
}

const fn wrong_verifier(text: &'static str) -> Refusal {
    Refusal::new(OAuthError::InvalidGrant, Code::Verifier, text)
}

/// Judges the redemption of the code of `grant`.
///
/// # Errors
/// [`CodeRefusal`]; ask [`CodeRefusal::revokes`].
pub fn check(grant: &Grant, request: &CodeRequest, by: &Redemption<'_>) -> Result<(), CodeRefusal> {
    if grant.tenant != by.tenant || by.application.tenant != by.tenant {
        return Err(CodeRefusal::OtherTenant);
    }
    if grant.application != by.application.id || !grant.code.matches(&request.code.hash()) {
        return Err(CodeRefusal::OtherApplication);
    }
    if grant.flow != by.flow {
        return Err(CodeRefusal::OtherFlow);
    }
    if grant.redeemed_at.is_some() {
        return Err(CodeRefusal::Reused);
    }
    if grant.revoked_at.is_some() {
        return Err(CodeRefusal::Revoked);
    }
    if !is_fresh(grant, by.now) {
        return Err(CodeRefusal::Expired);
    }
    if !by.account_stands() || by.account.is_some_and(|account| account.id != grant.account) {
        return Err(CodeRefusal::AccountGone);
    }
    if !by.measures_up(grant) {
        return Err(CodeRefusal::TooWeak);
    }
    // Always compared: our authorization endpoint never takes a request without a reply URL.
    if request.redirect_uri.as_deref() != Some(grant.redirect_uri.as_str()) {
        return Err(CodeRefusal::ReplyUrl);
    }
    pkce::check(grant.code_challenge.as_deref(), request.verifier.as_ref())?;
    Ok(())
}

fn is_fresh(grant: &Grant, now: Timestamp) -> bool {
    now < grant.code_expires_at && now.plus(CLOCK_AHEAD) >= grant.created_at
}
