//! Revocation (RFC 7009): a client gives a token back.

use lanyard_domain::{application::Application, grant::Grant, id::Id, secret::Token, tenant::Tenant};

use crate::{
    error::{Code, OAuthError, Refusal},
    jose::MAX_TOKEN_LEN,
    params::Params,
};

/// The parameters that are read besides those of client authentication.
pub const KNOWN: [&str; 2] = ["token", "token_type_hint"];

/// The token of a revocation or introspection request, told apart by its form: a hint is only a
/// hint (RFC 7009, 2.1), and our tokens need none.
#[derive(Debug, Clone)]
pub enum Presented {
    /// A refresh token, or what looks like one.
    Refresh(Token),
    /// Anything else; an access token of ours is a JWT.
    Access(String),
}

impl Presented {
    /// Reads the form.
    ///
    /// # Errors
    /// `invalid_request` when there is no token, or two.
    pub fn read(params: &Params) -> Result<Self, Refusal> {
        params.require_single(&KNOWN)?;
        let text = params.get("token").ok_or(Refusal::invalid_request("The request has no token."))?;
        match Token::parse(text) {
            Some(token) => Ok(Self::Refresh(token)),
            // Longer ones are not ours; the verifier says so without looking at them.
            None => Ok(Self::Access(text.chars().take(MAX_TOKEN_LEN + 1).collect())),
        }
    }
}

/// Whether `application` may revoke what came of `grant`: only its own (RFC 7009, 2.1). At which
/// flow of the tenant it asks does not matter.
///
/// # Errors
/// `invalid_grant` for the token of another client, which stays as it is.
pub fn may_revoke(application: &Application, tenant: Id<Tenant>, grant: &Grant) -> Result<(), Refusal> {
    if grant.application == application.id && grant.tenant == tenant { Ok(()) } else { Err(others()) }
}

/// The refusal of another client's token.
#[must_use]
pub const fn others() -> Refusal {
    Refusal::new(OAuthError::InvalidGrant, Code::Permission, "The token was not issued to this application.")
}

/// The refusal of a token that stands for itself: the one of a client credentials grant, which is
/// kept nowhere and ends by its time.
#[must_use]
pub const fn unsupported() -> Refusal {
    Refusal::new(
        OAuthError::UnsupportedTokenType,
        Code::Parameter,
        "Tokens of the client credentials grant cannot be revoked; they expire.",
    )
}
