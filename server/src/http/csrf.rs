//! Cross-site request forgery: `Sec-Fetch-Site`, then `Origin`, plus a token bound to the cookie.
//!
//! The router applies [`same_origin`] to every state-changing route but those of
//! [`EXEMPT`], which act on protocol credentials alone (N25).

use axum::http::{HeaderMap, Method, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use lanyard_domain::secret::Token;
use lanyard_oidc::endpoints::Endpoint;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The endpoints that take no cookie as authority: a code, a secret or a bearer token decides.
/// `authorize` by POST only starts a journey. A test pins this list against the router.
pub const EXEMPT: [Endpoint; 9] = [
    Endpoint::Authorize,
    Endpoint::Token,
    Endpoint::UserInfo,
    Endpoint::Logout,
    Endpoint::Revocation,
    Endpoint::Introspection,
    Endpoint::PushedRequest,
    Endpoint::DeviceAuthorization,
    Endpoint::Registration,
];

/// The exempt endpoints that a program calls rather than a person's browser.
pub const CALLED_BY_PROGRAMS: [Endpoint; 6] = [
    Endpoint::Token,
    Endpoint::UserInfo,
    Endpoint::Revocation,
    Endpoint::Introspection,
    Endpoint::PushedRequest,
    Endpoint::DeviceAuthorization,
];

/// Whether a state-changing request comes from one of our own pages.
#[must_use]
pub fn same_origin(method: &Method, headers: &HeaderMap, own_origin: &str) -> bool {
    if method.is_safe() {
        return true;
    }
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin") => return true,
        // `none` is the person's own doing (a reload from the address bar), but no form post.
        Some(_) => return false,
        None => {}
    }
    // An older browser: `Origin` must be ours. Without either header it is no browser at all, and
    // then the token alone decides.
    text(header::ORIGIN).is_none_or(|origin| origin == own_origin)
}

/// The token that goes into forms: it can only be made by who holds the cookie's secret.
#[must_use]
pub fn token(cookie: &Token, scope: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(tag(cookie, scope))
}

/// Whether `given` is the token for this cookie and scope, in constant time.
#[must_use]
pub fn matches(cookie: &Token, scope: &str, given: &str) -> bool {
    are_equal(&token(cookie, scope), given)
}

/// Whether `given` is the token `own`, in constant time.
#[must_use]
pub fn are_equal(own: &str, given: &str) -> bool {
    own.as_bytes().ct_eq(given.as_bytes()).into()
}

fn tag(cookie: &Token, scope: &str) -> Vec<u8> {
    // HMAC takes a key of any length, so this cannot fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(cookie.expose().as_bytes()) else { return Vec::new() };
    mac.update(b"lanyard csrf\0");
    mac.update(scope.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use lanyard_domain::entropy::SeededEntropy;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap()))
            .collect()
    }

    #[test]
    fn n25_cross_site_posts_are_refused() {
        let own = "https://id.example";
        let post = |pairs: &[(&'static str, &str)]| same_origin(&Method::POST, &headers(pairs), own);
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        assert!(!post(&[("sec-fetch-site", "same-site")]));
        assert!(!post(&[("sec-fetch-site", "cross-site"), ("origin", own)]));
        assert!(post(&[("origin", own)]));
        assert!(!post(&[("origin", "https://evil.example")]));
        assert!(!post(&[("origin", "null")]));
        assert!(same_origin(&Method::GET, &headers(&[("sec-fetch-site", "cross-site")]), own));
    }

    #[test]
    fn n25_a_token_fits_its_own_cookie_and_scope_only() {
        let (one, two) = (Token::generate(&mut SeededEntropy::new(1)), Token::generate(&mut SeededEntropy::new(2)));
        let good = token(&one, "journey 1");
        assert!(matches(&one, "journey 1", &good));
        assert!(!matches(&two, "journey 1", &good));
        assert!(!matches(&one, "journey 2", &good));
        assert!(!matches(&one, "journey 1", ""));
    }
}
