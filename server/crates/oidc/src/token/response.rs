//! The answer of the token endpoint, exactly as `wire.md` asks for it: MSAL misses each field that
//! is absent, and breaks on each that is `null`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{
    clock::{Millis, SECOND},
    grant::TOKEN_LIFE,
    secret::Token,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::{
    claims::{self, Issuance},
    dpop,
    jose::{SignError, SigningKey, TokenType},
};

/// The JSON of a good answer. Send it with `Cache-Control: no-store` (A46). Its `Debug` shows
/// no token.
#[derive(Clone, Serialize)]
#[allow(missing_docs)]
pub struct TokenResponse {
    pub access_token: String,
    pub id_token: String,
    pub token_type: &'static str,
    // Seconds since the epoch.
    pub not_before: i64,
    // Seconds.
    pub expires_in: i64,
    pub expires_on: i64,
    pub id_token_expires_in: i64,
    pub profile_info: String,
    pub scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token_expires_in: Option<i64>,
    pub client_info: String,
    pub resource: String,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// The refresh token of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Refresh<'a> {
    /// The token.
    pub token: &'a Token,
    /// How long it lives.
    pub life: Millis,
}

impl TokenResponse {
    /// Signs both tokens and builds the answer. `serial` is a random UUID. Signing takes about a
    /// millisecond: never do it inside a transaction.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn issue(
        issuance: &Issuance<'_>,
        key: &SigningKey,
        serial: Uuid,
        refresh: Option<Refresh<'_>>,
    ) -> Result<Self, SignError> {
        let access_token = key.sign(TokenType::Access, &claims::access_token(issuance, serial))?;
        let id_token = key.sign(TokenType::Id, &claims::id_token(issuance, Some(&access_token)))?;
        let now = issuance.now.as_seconds();
        let life = TOKEN_LIFE / SECOND;
        Ok(Self {
            access_token,
            id_token,
            token_type: if issuance.key.is_some() { dpop::SCHEME } else { "Bearer" },
            not_before: now,
            expires_in: life,
            expires_on: now + life,
            id_token_expires_in: life,
            profile_info: encode(&profile_info(issuance)),
            scope: issuance.scope.to_owned(),
            refresh_token: refresh.map(|refresh| refresh.token.expose().to_owned()),
            refresh_token_expires_in: refresh.map(|refresh| refresh.life / SECOND),
            client_info: encode(&client_info(issuance)),
            resource: issuance.application.id.to_string(),
        })
    }
}

// The key under which MSAL files the account; it must never change between two answers, and must
// differ between flows.
fn client_info(issuance: &Issuance<'_>) -> serde_json::Value {
    let flow = issuance.flow;
    json!({ "uid": format!("{}-{}", issuance.account.id, flow.name.key()), "utid": flow.tenant.to_string() })
}

fn profile_info(issuance: &Issuance<'_>) -> serde_json::Value {
    let mut info = serde_json::Map::new();
    info.insert("ver".into(), "1.0".into());
    info.insert("tid".into(), issuance.flow.tenant.to_string().into());
    info.insert("sub".into(), issuance.account.id.to_string().into());
    if let Some(name) = claims::selected(issuance).remove("name") {
        info.insert("name".into(), name);
    }
    info.into()
}

fn encode(value: &serde_json::Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
