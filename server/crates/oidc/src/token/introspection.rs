//! Introspection (RFC 7662): what a token is worth, for whom it is meant.

use lanyard_domain::{
    account::Account,
    application::{Application, ApplicationKind},
    clock::Timestamp,
    grant::{Grant, RefreshToken},
    id::Id,
    tenant::Tenant,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    dpop,
    error::{Code, OAuthError, Refusal},
    jose::AccessTokenId,
    scope::{self, Scopes},
};

// What of an access token is told. Claims about the person are for userinfo.
const TOLD: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "client_id",
    "exp",
    "iat",
    "nbf",
    "jti",
    "auth_time",
    "acr",
    "amr",
    "tfp",
    "roles",
    "cnf",
];

/// Whether this application may ask: one that can prove who it is (RFC 7662, 2.1 and 4: else
/// anybody could try tokens out).
///
/// # Errors
/// `unauthorized_client` for public clients.
pub const fn may_ask(application: &Application) -> Result<(), Refusal> {
    match application.kind {
        ApplicationKind::Web | ApplicationKind::WebApi => Ok(()),
        ApplicationKind::SinglePage | ApplicationKind::Native => Err(Refusal::new(
            OAuthError::UnauthorizedClient,
            Code::Permission,
            "A public client may not ask about tokens.",
        )),
    }
}

/// The answer about every token that is not good, or not the asker's business.
#[must_use]
pub fn inactive() -> Map<String, Value> {
    [("active".to_owned(), Value::Bool(false))].into_iter().collect()
}

/// What a verified access token came from, as its `jti` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A person's grant.
    Grant(Id<Grant>),
    /// The client credentials of this application.
    Client(Id<Application>),
}

impl Origin {
    /// Reads the claims of a verified access token.
    #[must_use]
    pub fn of(claims: &Map<String, Value>) -> Option<Self> {
        let jti = text(claims, "jti")?;
        if let Some(id) = AccessTokenId::parse(jti) {
            return Some(Self::Grant(id.grant));
        }
        // Only the client itself is the subject of its own token.
        let client = text(claims, "client_id").filter(|client| Some(*client) == text(claims, "sub"))?;
        Uuid::try_parse(client).ok().map(|id| Self::Client(Id::from_uuid(id)))
    }
}

/// Whether a token with these verified claims is the business of `application`: it is its
/// audience, or the client that got it.
#[must_use]
pub fn concerns(application: &Application, claims: &Map<String, Value>) -> bool {
    let own = application.id.to_string();
    ["aud", "azp"].into_iter().any(|name| text(claims, name) == Some(own.as_str()))
}

/// The answer about an access token of a person's grant, while that stands. `scopes` is what its
/// client may ask for now: of a web API's scopes those that were withdrawn are not told, and a token
/// that has none left is worth nothing (C4).
#[must_use]
pub fn of_grant(
    claims: &Map<String, Value>,
    scopes: Scopes<'_>,
    grant: &Grant,
    account: Option<&Account>,
) -> Map<String, Value> {
    let client = scopes.application();
    if grant.application != client.id || !stands(grant, client.tenant, account) {
        return inactive();
    }
    let mut answer = told(claims);
    if text(claims, "aud") != Some(client.id.to_string().as_str()) {
        let api = text(claims, "aud").unwrap_or_default();
        let left = scopes.still_at(api, text(claims, scope::CLAIM).unwrap_or_default());
        if left.is_empty() {
            return inactive();
        }
        answer.insert("scope".into(), left.into());
    }
    answer
}

/// The answer about an access token of the client credentials of the application of `scopes`: of
/// what it may do at the web API, what it still may.
#[must_use]
pub fn of_client(claims: &Map<String, Value>, scopes: Scopes<'_>) -> Map<String, Value> {
    let roles = claims.get("roles").and_then(Value::as_array);
    let names: Vec<&str> = roles.into_iter().flatten().filter_map(Value::as_str).collect();
    let left = scopes.still_at(text(claims, "aud").unwrap_or_default(), &names.join(" "));
    if left.is_empty() {
        return inactive();
    }
    let mut answer = told(claims);
    answer.insert("roles".into(), left.split(' ').collect::<Vec<_>>().into());
    answer
}

/// The answer about a refresh token, to the client of `scopes`, which holds it.
#[must_use]
pub fn of_refresh_token(
    scopes: Scopes<'_>,
    token: &RefreshToken,
    grant: &Grant,
    account: Option<&Account>,
    now: Timestamp,
) -> Map<String, Value> {
    let application = scopes.application();
    let own = grant.application == application.id && token.grant == grant.id;
    let good = token.used_at.is_none() && now < token.expires_at;
    if !own || !good || !stands(grant, application.tenant, account) {
        return inactive();
    }
    let client = application.id.to_string();
    let pairs: [(&str, Value); 6] = [
        ("active", true.into()),
        ("client_id", client.into()),
        ("sub", grant.account.to_string().into()),
        ("scope", scopes.still(&grant.scope).into()),
        ("iat", token.created_at.as_seconds().into()),
        ("exp", token.expires_at.as_seconds().into()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn stands(grant: &Grant, tenant: Id<Tenant>, account: Option<&Account>) -> bool {
    let lives = |account: &Account| {
        account.id == grant.account && account.disabled_at.is_none() && grant.authentication.reaches(account.minimum)
    };
    grant.tenant == tenant && grant.revoked_at.is_none() && account.is_some_and(lives)
}

fn told(claims: &Map<String, Value>) -> Map<String, Value> {
    let copied = TOLD.iter().filter_map(|name| Some(((*name).to_owned(), claims.get(*name)?.clone())));
    let mut answer: Map<String, Value> = copied.collect();
    answer.insert("active".into(), true.into());
    let kind = if claims.contains_key("cnf") { dpop::SCHEME } else { "Bearer" };
    answer.insert("token_type".into(), kind.into());
    if let Some(scope) = text(claims, scope::CLAIM) {
        answer.insert("scope".into(), scope.into());
    }
    answer
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}
