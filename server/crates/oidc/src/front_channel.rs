//! The ID token of an authorization response (OpenID Connect Core, 3.2.2.10 and 3.3.2.11): signed
//! with the right that a completed journey gave, after its transaction.

use lanyard_domain::{
    account::Account, application::Application, clock::Timestamp, journey::FrontChannel, secret::Token,
    user_flow::UserFlow,
};

use crate::{
    claims::{self, Issuance},
    jose::{SignError, SigningKey, TokenType},
};

/// Whom the ID token is about, and whom it is for.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The flow's issuer.
    pub issuer: &'a str,
    /// The flow.
    pub flow: &'a UserFlow,
    /// The application.
    pub application: &'a Application,
    /// The person.
    pub account: &'a Account,
}

/// Uses `right` up for one signed ID token. A `code` in the same answer is bound to it by `c_hash`.
/// Signing takes about a millisecond: never do it inside a transaction.
///
/// # Errors
/// [`SignError`].
pub fn id_token(
    right: FrontChannel,
    to: &Recipient<'_>,
    code: Option<&Token>,
    key: &SigningKey,
    now: Timestamp,
) -> Result<String, SignError> {
    let grant = right.into_grant();
    let issuance = Issuance {
        issuer: to.issuer,
        flow: to.flow,
        application: to.application,
        account: to.account,
        grant: &grant,
        scope: &grant.scope,
        key: None,
        now,
    };
    let mut claims = claims::id_token(&issuance, None);
    if let Some(code) = code {
        claims.insert("c_hash".to_owned(), claims::half_hash(to.application.settings.signing, code.expose()).into());
    }
    key.sign(TokenType::Id, &claims)
}
