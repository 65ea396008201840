//! The cookies (ARCHITECTURE.md): opaque, `__Host-`, HttpOnly, Secure, stored hashed.

use axum::http::{HeaderMap, HeaderValue, header};
use lanyard_domain::{id::Id, secret::Token, tenant::Tenant};

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
}

impl Cookie {
    /// The cookie's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sso => "__Host-sso",
            Self::Journey => "__Host-journey",
            Self::Console => "__Host-console",
        }
    }

    const fn same_site(self) -> &'static str {
        match self {
            Self::Sso => "None",
            Self::Journey => "Lax",
            Self::Console => "Strict",
        }
    }

    /// The token in the request, if there is exactly one well-formed cookie of this name.
    #[must_use]
    pub fn read(self, headers: &HeaderMap) -> Option<Token> {
        read(headers, self.name())
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
        line(self.name(), value, self.same_site(), more)
    }
}

/// The most tenants for which one browser keeps the cookie of a remembered browser: every request carries them all.
pub const MOST_REMEMBERED: usize = 5;

/// The cookie of a remembered browser, one for each tenant: who has the browser remembered at one leaves what the
/// others have. Read where a step of a journey comes in, which our own pages send. `Strict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserCookie(pub Id<Tenant>);

impl BrowserCookie {
    const PREFIX: &str = "__Host-browser-";

    /// The cookie's name: with the tenant's id, which anybody may know.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}{}", Self::PREFIX, self.0)
    }

    /// The token in the request, if there is exactly one well-formed cookie of this name.
    #[must_use]
    pub fn read(self, headers: &HeaderMap) -> Option<Token> {
        read(headers, &self.name())
    }

    /// The headers that set it and keep it for `seconds`, and take those of other tenants away that are too many:
    /// the first in the request, which browsers send in the order in which they came to be.
    pub fn keep(self, token: &Token, seconds: i64, request: &HeaderMap) -> impl Iterator<Item = HeaderValue> {
        let own = self.name();
        let well_formed =
            |name: &&str| name.strip_prefix(Self::PREFIX).is_some_and(|id| id.parse::<Id<Tenant>>().is_ok());
        let mut others: Vec<&str> =
            pairs(request).map(|(name, _)| name).filter(well_formed).filter(|name| *name != own).collect();
        others.dedup();
        let too_many = others.len().saturating_sub(MOST_REMEMBERED - 1);
        let gone: Vec<_> = others[..too_many].iter().map(|name| line(name, "", Self::SITE, "; Max-Age=0")).collect();
        let kept = line(&own, token.expose(), Self::SITE, &format!("; Max-Age={seconds}"));
        gone.into_iter().chain([kept])
    }

    const SITE: &str = "Strict";
}

/// The most accounts for which one browser is known.
pub const MOST_KNOWN: usize = 5;

/// The cookie of a browser in which people signed in with a second factor, kept for as long as that counts: a secret for
/// each of them, found by a mark that tells nobody whose it is. No factor and no session: a flow may ask for a second
/// factor where it is missing. `SameSite=None`, as for [`Cookie::Sso`]: the same hidden frame asks.
#[derive(Debug, Clone, Default)]
pub struct KnownCookie(Vec<(String, Token)>);

impl KnownCookie {
    /// Its name.
    pub const NAME: &str = "__Host-known";

    /// What came with a request: nothing, unless there is exactly one cookie of this name, well-formed from end to end.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let mut found = pairs(headers).filter(|(found, _)| *found == Self::NAME).map(|(_, value)| value);
        let (Some(value), None) = (found.next(), found.next()) else { return Self::default() };
        let entry = |text: &str| {
            let (mark, secret) = text.split_once('.')?;
            (1..=16).contains(&mark.len()).then_some((mark.to_owned(), Token::parse(secret)?))
        };
        let entries: Option<Vec<_>> = value.split('~').map(entry).collect();
        Self(entries.filter(|entries| entries.len() <= MOST_KNOWN).unwrap_or_default())
    }

    /// Whether anybody was here.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret of whoever has this mark.
    #[must_use]
    pub fn of(&self, mark: &str) -> Option<&Token> {
        self.0.iter().find(|(own, _)| own == mark).map(|(_, secret)| secret)
    }

    /// The cookie after a sign-in of whoever has this mark, with a new secret. Who was here longest ago goes where there
    /// are too many.
    #[must_use]
    pub fn with(&self, mark: &str, secret: &Token) -> Self {
        let others = self.0.iter().filter(|(own, _)| own != mark).cloned();
        let mut entries: Vec<_> = others.chain([(mark.to_owned(), secret.clone())]).collect();
        entries.drain(..entries.len().saturating_sub(MOST_KNOWN));
        Self(entries)
    }

    /// The header that keeps it for `seconds`.
    #[must_use]
    pub fn keep(&self, seconds: i64) -> HeaderValue {
        let entries: Vec<_> = self.0.iter().map(|(mark, secret)| format!("{mark}.{}", secret.expose())).collect();
        line(Self::NAME, &entries.join("~"), "None", &format!("; Max-Age={seconds}"))
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

fn read(headers: &HeaderMap, name: &str) -> Option<Token> {
    let mut found = pairs(headers).filter(|(found, _)| *found == name).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Token::parse(value),
        _ => None,
    }
}

fn line(name: &str, value: &str, same_site: &str, more: &str) -> HeaderValue {
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}{more}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_domain::entropy::SeededEntropy;

    fn tenant(number: u128) -> Id<Tenant> {
        Id::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn n22_a_browser_keeps_one_cookie_for_each_tenant_and_at_most_five() {
        let token = Token::generate(&mut SeededEntropy::new(1));
        let holds = |tenants: std::ops::Range<u128>| {
            let pair = |number| format!("{}={}", BrowserCookie(tenant(number)).name(), token.expose());
            let mut headers = HeaderMap::new();
            let line: Vec<_> = tenants.map(pair).chain(["__Host-browser-x=y".into(), "a=b".into()]).collect();
            headers.insert(header::COOKIE, HeaderValue::try_from(line.join("; ")).unwrap());
            headers
        };
        let own = BrowserCookie(tenant(3));
        assert_eq!(own.read(&holds(1..5)), Some(token.clone()));
        assert_eq!(own.read(&holds(4..9)), None, "another tenant's is another cookie");
        let gone = |request: &HeaderMap| {
            let set: Vec<_> = own.keep(&token, 60, request).map(|line| line.to_str().unwrap().to_owned()).collect();
            let (kept, gone) = set.split_last().unwrap();
            assert!(kept.starts_with(&own.name()) && kept.contains("Max-Age=60"), "{kept}");
            assert!(gone.iter().all(|line| line.contains("=; ") && line.contains("Max-Age=0")), "{gone:?}");
            gone.len()
        };
        assert_eq!([1..2, 1..6, 4..8, 4..9, 4..12].map(|range| gone(&holds(range))), [0, 0, 0, 1, 4]);
        let set = own.keep(&token, 60, &holds(4..9)).next().unwrap();
        assert!(set.to_str().unwrap().starts_with(&BrowserCookie(tenant(4)).name()), "the oldest");
    }

    #[test]
    fn n25_cookies_are_host_only_secure_and_opaque() {
        let token = Token::generate(&mut SeededEntropy::new(1));
        let known = KnownCookie::default().with("mark", &token).keep(60);
        let remembered = BrowserCookie(tenant(1)).keep(&token, 60, &HeaderMap::new()).next().unwrap();
        for (header, site) in [
            (Cookie::Sso.set(&token), "None"),
            (Cookie::Journey.set(&token), "Lax"),
            (Cookie::Console.set(&token), "Strict"),
            (known, "None"),
            (remembered, "Strict"),
        ] {
            let text = header.to_str().unwrap();
            assert!(text.starts_with("__Host-"), "{text}");
            for part in ["Path=/", "Secure", "HttpOnly", &format!("SameSite={site}")] {
                assert!(text.split("; ").any(|p| p == part), "{text} lacks {part}");
            }
            assert!(!text.contains("Domain"), "{text}");
        }
    }

    #[test]
    fn a17_a_known_browser_has_a_secret_for_each_of_five_people_and_a_new_one_each_time() {
        let mut entropy = SeededEntropy::new(7);
        let came = |cookie: &KnownCookie| {
            let set = cookie.keep(60).to_str().unwrap().to_owned();
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::try_from(set.split(';').next().unwrap()).unwrap());
            KnownCookie::read(&headers)
        };
        let (mut cookie, mut secrets) = (KnownCookie::default(), Vec::new());
        assert!(cookie.is_empty());
        for n in 0..6 {
            secrets.push(Token::generate(&mut entropy));
            cookie = came(&cookie.with(&format!("mark-{n}"), &secrets[n]));
            assert_eq!(cookie.of(&format!("mark-{n}")), Some(&secrets[n]));
        }
        assert!(!cookie.is_empty() && cookie.of("mark-0").is_none(), "who was here longest ago");
        assert!((1..6).all(|n| cookie.of(&format!("mark-{n}")) == Some(&secrets[n])));
        let again = Token::generate(&mut entropy);
        let cookie = came(&cookie.with("mark-3", &again));
        assert_eq!((cookie.of("mark-3"), cookie.of("mark-1")), (Some(&again), Some(&secrets[1])));
    }

    #[test]
    fn f26_a_known_cookie_that_was_tampered_with_is_none() {
        let secret = Token::generate(&mut SeededEntropy::new(1));
        let good = format!("__Host-known=mark.{}", secret.expose());
        let read = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::try_from(line).unwrap());
            KnownCookie::read(&headers)
        };
        assert_eq!(read(&good).of("mark"), Some(&secret));
        let six = [good.strip_prefix("__Host-known=").unwrap(); 6].join("~");
        for forged in [
            format!("{good}; __Host-known=x"),
            format!("{good}~"),
            format!("{good}~x.y"),
            format!("__Host-known={}", secret.expose()),
            format!("__Host-known=.{}", secret.expose()),
            format!("__Host-known={}.{}", "m".repeat(17), secret.expose()),
            format!("__Host-known={six}"),
            "__Host-known=".to_owned(),
        ] {
            assert!(read(&forged).is_empty(), "{forged}");
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
