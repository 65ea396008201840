//! An OpenID Connect client in the browser: public client, authorization code with PKCE S256
//! (RFC 7636), everything else found by discovery. Tokens stay in memory; what must outlive the
//! redirect (state, nonce, verifier) is in session storage and removed at use.
//!
//! The ID token comes straight from the token endpoint over the page's own connection, where the
//! connection vouches for it (OpenID Connect Core 3.1.3.7 item 6); its claims are checked all the
//! same.

use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::claims_viewer::{ClaimsConfig, Received, Showing, ShownClaim};
use crate::{browser, fetch};

/// The key in session storage.
const KEPT: &str = "lanyard.claims";
/// The `state` of a sign-out, so that the page knows on return.
const SIGNED_OUT: &str = "signed-out";
/// How far clocks may differ, in seconds.
const SKEW: f64 = 120.0;

type Config = StoredValue<ClaimsConfig>;

/// The part of the discovery document that is used.
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    end_session_endpoint: Option<String>,
}

/// What outlives the redirect.
struct Kept {
    state: String,
    nonce: String,
    verifier: String,
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// A text of a JSON object.
fn text(of: &Value, name: &str) -> Option<String> {
    of.get(name)?.as_str().map(str::to_owned)
}

/// Why it did not work: plain words and a technical name.
struct Failure(&'static str, String);

impl Failure {
    fn unreachable() -> Self {
        Self("We couldn’t reach the sign-in service. Check your connection, then try again.", "network".into())
    }

    /// What came back is not what was asked for.
    fn untrusted(what: &str) -> Self {
        Self("The answer didn’t belong to this page, so we didn’t use it. Try again.", what.into())
    }
}

impl From<fetch::FetchError> for Failure {
    fn from(_: fetch::FetchError) -> Self {
        Self::unreachable()
    }
}

/// Looks at the page's address: goes on with a sign-in that comes back, or does nothing.
pub(super) fn resume(config: Config, showing: RwSignal<Showing>) {
    let search = window().location().search().unwrap_or_default();
    let Ok(query) = web_sys::UrlSearchParams::new_with_str(&search) else { return };
    let (code, error, state) = (query.get("code"), query.get("error"), query.get("state"));
    if code.is_none() && error.is_none() {
        if state.as_deref() == Some(SIGNED_OUT) {
            clean_address();
            showing.set(Showing::JustSignedOut);
        }
        return;
    }
    let issuer = query.get("iss");
    clean_address();
    showing.set(Showing::Working("Signing you in…"));
    spawn_local(async move {
        let result = answer(config, (code, error), state.as_deref(), issuer.as_deref()).await;
        settle(showing, result.map(|received| Showing::SignedIn(Box::new(received))));
    });
}

/// An answer is one to a sign-in of this tab, by its `state`, before anything in it is looked at: a link that a
/// stranger made puts no words on the page.
async fn answer(
    config: Config,
    (code, error): (Option<String>, Option<String>),
    state: Option<&str>,
    issuer: Option<&str>,
) -> Result<Received, Failure> {
    let kept = take_kept(state)?;
    match (error, code) {
        (Some(error), _) => Err(refusal(&error)),
        (None, Some(code)) => finish(config, &code, kept, issuer).await,
        (None, None) => Err(Failure::untrusted("no code")),
    }
}

/// Begins a sign-in: discovery, then away to the authorization endpoint.
pub(super) fn sign_in(config: Config, showing: RwSignal<Showing>) {
    showing.set(Showing::Working("Taking you to sign in…"));
    spawn_local(async move {
        match begin(config).await {
            Ok(address) => {
                let _ = window().location().assign(&address);
            }
            Err(failure) => settle(showing, Err(failure)),
        }
    });
}

/// Forgets the tokens and ends the session at the provider.
pub(super) fn sign_out(config: Config, showing: RwSignal<Showing>, received: &Received) {
    let Some(endpoint) = received.end_session.clone() else {
        showing.set(Showing::JustSignedOut);
        return;
    };
    let back = config.with_value(|config| config.redirect_uri.clone());
    let query =
        encoded(&[("id_token_hint", &received.id_token), ("post_logout_redirect_uri", &back), ("state", SIGNED_OUT)]);
    showing.set(Showing::Working("Signing you out…"));
    let _ = window().location().assign(&with_query(&endpoint, &query));
}

fn settle(showing: RwSignal<Showing>, result: Result<Showing, Failure>) {
    showing.set(match result {
        Ok(next) => next,
        Err(Failure(why, code)) => Showing::Failed(why, code),
    });
    set_timeout(|| browser::focus(&["step-title"]), std::time::Duration::ZERO);
}

/// An error that came with the redirect, in plain words (RFC 6749 section 4.1.2.1).
fn refusal(error: &str) -> Failure {
    let why = match error {
        "access_denied" => "You stopped before you had signed in. You can try again.",
        "temporarily_unavailable" => "The sign-in service is busy. Wait a minute, then try again.",
        "login_required" | "interaction_required" => "You need to sign in again.",
        _ => "The sign-in service couldn’t sign you in. Try again. If it keeps happening, contact the clinic.",
    };
    Failure(why, error.chars().take(80).collect())
}

async fn begin(config: Config) -> Result<String, Failure> {
    let found = discover(config).await?;
    let kept = Kept { state: random()?, nonce: random()?, verifier: random()? };
    let challenge = challenge(&kept.verifier).await.ok_or_else(|| Failure::untrusted("no SHA-256"))?;
    let query = config.with_value(|config| {
        encoded(&[
            ("response_type", "code"),
            ("client_id", &config.client_id),
            ("redirect_uri", &config.redirect_uri),
            ("scope", "openid profile email"),
            ("state", &kept.state),
            ("nonce", &kept.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
    });
    let storage = storage().ok_or_else(no_storage)?;
    storage.set_item(KEPT, &[kept.state, kept.nonce, kept.verifier].join(" ")).map_err(|_| no_storage())?;
    Ok(with_query(&found.authorization_endpoint, &query))
}

fn no_storage() -> Failure {
    Failure("Your browser blocks storage for this page. Allow it, then try again.", "sessionStorage".into())
}

async fn finish(config: Config, code: &str, kept: Kept, issuer: Option<&str>) -> Result<Received, Failure> {
    let found = discover(config).await?;
    // RFC 9207: an answer of another server is not redeemed here.
    if issuer.is_some_and(|issuer| issuer != found.issuer) {
        return Err(Failure::untrusted("iss"));
    }
    let form = config.with_value(|config| {
        encoded(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &config.redirect_uri),
            ("client_id", &config.client_id),
            ("code_verifier", &kept.verifier),
        ])
    });
    let answer = fetch::post_form(&found.token_endpoint, form, json).await?;
    if let Some(error) = text(&answer, "error") {
        return Err(refusal(&error));
    }
    let id_token = text(&answer, "id_token").ok_or_else(|| Failure::untrusted("no ID token"))?;
    let claims = payload(&id_token).ok_or_else(|| Failure::untrusted("ID token"))?;
    let client_id = config.with_value(|config| config.client_id.clone());
    check(&claims, &found.issuer, &client_id, &kept.nonce)?;
    Ok(received(claims, found, id_token))
}

/// The discovery document, whose issuer must be the one it was asked from (OpenID Connect
/// Discovery 4.3).
async fn discover(config: Config) -> Result<Discovery, Failure> {
    let authority = config.with_value(|config| config.authority.clone());
    let document = fetch::get(&format!("{authority}.well-known/openid-configuration"), json).await?;
    let need = |name: &str| text(&document, name).ok_or_else(|| Failure::untrusted("discovery"));
    let found = Discovery {
        issuer: need("issuer")?,
        authorization_endpoint: need("authorization_endpoint")?,
        token_endpoint: need("token_endpoint")?,
        end_session_endpoint: text(&document, "end_session_endpoint"),
    };
    if found.issuer.trim_end_matches('/') != authority.trim_end_matches('/') {
        return Err(Failure::untrusted("issuer"));
    }
    Ok(found)
}

/// OpenID Connect Core 3.1.3.7: issuer, audience, nonce, time.
fn check(claims: &Value, issuer: &str, client_id: &str, nonce: &str) -> Result<(), Failure> {
    let own = |name: &str| claims.get(name).and_then(Value::as_str);
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => one == client_id,
        // More than one audience would need `azp`, which this client does not ask for.
        Some(Value::Array(several)) => several.len() == 1 && several[0] == client_id,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    };
    let now = js_sys::Date::now() / 1000.0;
    let fresh = claims.get("exp").and_then(Value::as_f64).is_some_and(|end| now < end + SKEW);
    for (name, right) in [
        ("ID token: iss", own("iss") == Some(issuer)),
        ("ID token: aud", audience),
        ("ID token: nonce", own("nonce") == Some(nonce)),
        ("ID token: exp", fresh),
    ] {
        if !right {
            return Err(Failure::untrusted(name));
        }
    }
    Ok(())
}

fn received(claims: Value, found: Discovery, id_token: String) -> Received {
    let signed_in_at = claims.get("auth_time").or_else(|| claims.get("iat")).and_then(Value::as_f64).map(written);
    let claims = match claims {
        Value::Object(claims) => {
            claims.into_iter().map(|(name, value)| ShownClaim { name, value: plain(&value) }).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Vec::new(),
    };
    Received { claims, signed_in_at, issuer: found.issuer, id_token, end_session: found.end_session_endpoint }
}

/// A time as people write it in the page's language and their country, in their own time zone.
fn written(seconds: f64) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(seconds * 1000.0));
    let style = js_sys::Object::new();
    for (name, value) in [("dateStyle", "long"), ("timeStyle", "short")] {
        // Setting a property of an object of our own cannot fail.
        let _ = js_sys::Reflect::set(&style, &name.into(), &value.into());
    }
    String::from(date.to_locale_string(&browser::written(), &style))
}

/// A claim's value as people read it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// The claims inside a signed token (RFC 7519 section 3).
fn payload(token: &str) -> Option<Value> {
    let middle = token.split('.').nth(1)?;
    let standard = middle.replace('-', "+").replace('_', "/");
    let binary = window().atob(&standard).ok()?;
    // `atob` gives one character a byte.
    let bytes = binary.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect::<Option<Vec<u8>>>()?;
    json(std::str::from_utf8(&bytes).ok()?)
}

/// 256 random bits as base64url.
fn random() -> Result<String, Failure> {
    let mut bytes = [0_u8; 32];
    let crypto = window().crypto().map_err(|_| Failure::untrusted("no randomness"))?;
    crypto.get_random_values_with_u8_array(&mut bytes).map_err(|_| Failure::untrusted("no randomness"))?;
    Ok(base64url(&bytes))
}

/// The S256 challenge of a verifier (RFC 7636 section 4.2).
async fn challenge(verifier: &str) -> Option<String> {
    let subtle = window().crypto().ok()?.subtle();
    let promise = subtle.digest_with_str_and_u8_array("SHA-256", verifier.as_bytes()).ok()?;
    let buffer = JsFuture::from(promise).await.ok()?;
    Some(base64url(&js_sys::Uint8Array::new(&buffer).to_vec()))
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * at) & 63) as usize]));
        }
    }
    out
}

fn storage() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}

/// What was kept for the redirect, if `state` is its own; read once. An answer with another one leaves the sign-in that
/// is under way alone.
fn take_kept(state: Option<&str>) -> Result<Kept, Failure> {
    let missing = || Failure::untrusted("no sign-in was begun in this tab");
    let storage = storage().ok_or_else(missing)?;
    let text = storage.get_item(KEPT).ok().flatten().ok_or_else(missing)?;
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        [own, ..] if state != Some(*own) => Err(Failure::untrusted("state")),
        [state, nonce, verifier] => {
            let _ = storage.remove_item(KEPT);
            Ok(Kept { state: (*state).to_owned(), nonce: (*nonce).to_owned(), verifier: (*verifier).to_owned() })
        }
        _ => Err(missing()),
    }
}

/// Takes code and state out of the address bar and out of history.
fn clean_address() {
    let path = window().location().pathname().unwrap_or_default();
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&path));
    }
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| String::from(js_sys::encode_uri_component(text));
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

fn with_query(endpoint: &str, query: &str) -> String {
    let joint = if endpoint.contains('?') { '&' } else { '?' };
    format!("{endpoint}{joint}{query}")
}
