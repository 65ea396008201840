//! The four cookies (architecture.md): opaque, `__Host-`, HttpOnly, Secure, stored hashed.

use axum::http::{HeaderMap, HeaderValue, header};
use lanyard_domain::secret::Token;

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// Single sign-on: read by authorize and logout only. `SameSite=None`, because MSAL renews in
    /// a hidden frame (wire.md).
    Sso,
    /// The browser's journeys. `Lax`: they begin with a link from another site.
    Journey,
    /// Portal, clinic and account. `Strict`.
    Console,
    /// A browser in which somebody signed in with a second factor, kept for as long as that counts. No
    /// factor and no session: a flow may ask for a second factor where it is missing. `None`, as for
    /// [`Cookie::Sso`]: the same hidden frame asks.
    Known,
    /// A browser that somebody had remembered: read where a step of a journey comes in, which our own pages
    /// send. `Strict`.
    Browser,
}

impl Cookie {
    /// The cookie's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sso => "__Host-sso",
            Self::Journey => "__Host-journey",
            Self::Console => "__Host-console",
            Self::Known => "__Host-known",
            Self::Browser => "__Host-browser",
        }
    }

    const fn same_site(self) -> &'static str {
        match self {
            Self::Sso | Self::Known => "None",
            Self::Journey => "Lax",
            Self::Console | Self::Browser => "Strict",
        }
    }

    /// The token in the request, if there is exactly one well-formed cookie of this name.
    #[must_use]
    pub fn read(self, headers: &HeaderMap) -> Option<Token> {
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.name())
            .map(|(_, value)| value);
        match (found.next(), found.next()) {
            (Some(value), None) => Token::parse(value),
            _ => None,
        }
    }

    /// The header that sets it. A session cookie: it goes with the browser.
    #[must_use]
    pub fn set(self, token: &Token) -> HeaderValue {
        self.header(token.expose(), "")
    }

    /// The header that sets it and keeps it for `seconds`, even when the browser is closed.
    #[must_use]
    pub fn keep(self, token: &Token, seconds: i64) -> HeaderValue {
        self.header(token.expose(), &format!("; Max-Age={seconds}"))
    }

    /// The header that removes it.
    #[must_use]
    pub fn clear(self) -> HeaderValue {
        self.header("", "; Max-Age=0")
    }

    fn header(self, value: &str, more: &str) -> HeaderValue {
        let text = format!("{}={value}; Path=/; Secure; HttpOnly; SameSite={}{more}", self.name(), self.same_site());
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_domain::entropy::SeededEntropy;

    #[test]
    fn n25_cookies_are_host_only_secure_and_opaque() {
        let token = Token::generate(&mut SeededEntropy::new(1));
        for (cookie, site) in [
            (Cookie::Sso, "None"),
            (Cookie::Journey, "Lax"),
            (Cookie::Console, "Strict"),
            (Cookie::Known, "None"),
            (Cookie::Browser, "Strict"),
        ] {
            let header = cookie.set(&token);
            let text = header.to_str().unwrap();
            assert!(text.starts_with("__Host-"), "{text}");
            for part in ["Path=/", "Secure", "HttpOnly", &format!("SameSite={site}")] {
                assert!(text.split("; ").any(|p| p == part), "{text} lacks {part}");
            }
            assert!(!text.contains("Domain"), "{text}");
        }
    }

    #[test]
    fn f26_forged_or_doubled_cookies_are_refused() {
        let token = Token::generate(&mut SeededEntropy::new(1));
        let request = |line: String| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::try_from(line).unwrap());
            headers
        };
        let good = format!("a=b; __Host-sso={}", token.expose());
        assert_eq!(Cookie::Sso.read(&request(good.clone())), Some(token.clone()));
        assert_eq!(Cookie::Sso.read(&request(format!("{good}; __Host-sso=x"))), None);
        assert_eq!(Cookie::Sso.read(&request("__Host-sso=forged".into())), None);
        assert_eq!(Cookie::Console.read(&request(good)), None);
    }
}
