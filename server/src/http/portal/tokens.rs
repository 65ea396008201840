//! A token in plain words: header, and claims with their labels (U30).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_app::api::portal::{DecodedToken, TokenClaim};
use lanyard_domain::{claims::ClaimDefinition, clock::Timestamp};
use serde_json::{Map, Value};

use super::words;

// The claims of the protocol, in the order of the page; the selected ones come before them.
const PROTOCOL: [(&str, &str); 22] = [
    ("sub", "Person"),
    ("iss", "Issuer"),
    ("aud", "For the application"),
    ("azp", "Asked for by the application"),
    ("client_id", "Asked for by the application"),
    ("tfp", "User flow"),
    ("acr", "Assurance level reached"),
    ("amr", "Methods used"),
    ("auth_time", "Signed in at"),
    ("iat", "Issued at"),
    ("nbf", "Not valid before"),
    ("exp", "Valid until"),
    ("nonce", "Nonce of the request"),
    ("at_hash", "Hash of the access token"),
    ("c_hash", "Hash of the code"),
    ("sid", "Session"),
    ("tid", "Tenant ID"),
    ("scp", "Scopes"),
    ("scope", "Scopes"),
    ("jti", "Token ID"),
    ("ver", "Version"),
    ("typ", "Type"),
];

const TIMES: [&str; 4] = ["auth_time", "iat", "nbf", "exp"];

/// Decodes a token of ours. Its signature is not looked at: it was made a moment ago.
pub(super) fn decode(title: &str, raw: &str, catalogue: &[ClaimDefinition]) -> DecodedToken {
    let mut parts = raw.split('.').map(part);
    let (header, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut claims: Vec<TokenClaim> = body.iter().map(|(name, value)| claim(name, value, catalogue)).collect();
    claims.sort_by_key(|claim| order(&claim.name, catalogue));
    DecodedToken {
        title: title.to_owned(),
        raw: raw.to_owned(),
        header: serde_json::to_string_pretty(&Value::Object(header)).unwrap_or_default(),
        claims,
    }
}

fn part(text: &str) -> Map<String, Value> {
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn claim(name: &str, value: &Value, catalogue: &[ClaimDefinition]) -> TokenClaim {
    let selected = catalogue.iter().find(|claim| claim.name == name).map(|claim| claim.label.clone());
    let protocol = || PROTOCOL.iter().find(|(own, _)| *own == name).map(|(_, label)| (*label).to_owned());
    TokenClaim {
        label: selected.or_else(protocol).unwrap_or_else(|| name.to_owned()),
        name: name.to_owned(),
        value: shown(name, value),
    }
}

fn shown(name: &str, value: &Value) -> String {
    match value {
        Value::Number(seconds) if TIMES.contains(&name) => match seconds.as_i64() {
            Some(at) => format!("{} ({at})", words::moment(Timestamp(at.saturating_mul(1000)))),
            None => value.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        Value::Array(values) => values.iter().map(|value| shown("", value)).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

// What the flow selected first, then the protocol's own, then the rest.
fn order(name: &str, catalogue: &[ClaimDefinition]) -> usize {
    let selected = catalogue.iter().position(|claim| claim.name == name);
    let protocol = PROTOCOL.iter().position(|(own, _)| *own == name);
    selected.or_else(|| protocol.map(|at| 1000 + at)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use lanyard_domain::claims;

    use super::*;

    fn token(body: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.signature", encode(&serde_json::json!({"alg": "RS256", "kid": "k"})), encode(body))
    }

    #[test]
    fn u30_claims_are_shown_with_plain_labels_the_selected_ones_first() {
        let raw = token(&serde_json::json!({
            "exp": 1_795_330_338, "iss": "https://x", "emails": ["a@b.example"], "given_name": "Ada", "newUser": true, "odd": {"a": 1}
        }));
        let decoded = decode("ID token", &raw, &claims::catalogue(&[]));
        let lines: Vec<String> = decoded.claims.iter().map(|it| format!("{} = {}", it.label, it.value)).collect();
        assert_eq!(
            lines,
            [
                "Email address = a@b.example",
                "Given name = Ada",
                "User is new = Yes",
                "Issuer = https://x",
                "Valid until = 22 November 2026, 06:52 UTC (1795330338)",
                "odd = {\"a\":1}",
            ]
        );
        assert!(decoded.header.contains("RS256"));
    }

    #[test]
    fn what_is_no_token_is_shown_as_nothing() {
        assert!(decode("ID token", "x", &[]).claims.is_empty());
    }
}
