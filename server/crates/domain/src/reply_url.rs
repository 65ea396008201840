//! Reply URLs (redirect URIs): what may be registered, and when a request's URL matches.
//!
//! Matching is exact and case-sensitive (RFC 9700, 2.1; A28). The one exception is a native
//! application's loopback URL, which matches any port (RFC 8252, 7.3).

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::application::ApplicationKind;

/// A registered reply URL, kept byte for byte as the operator typed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplyUrl(String);

/// Why a reply URL cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyUrlProblem {
    /// Not an absolute URL, or longer than 256 characters.
    #[error("is not a complete web address")]
    Invalid,
    /// `http` for a host that is not loopback, or a scheme this kind of application may not use.
    #[error("must begin with https")]
    NotHttps,
    /// It has a `#…` part (RFC 6749, 3.1.2).
    #[error("must not have a # part")]
    Fragment,
    /// It has a `*`.
    #[error("must not have a wildcard")]
    Wildcard,
    /// Its host has other characters than letters, digits, dots and hyphens, and is no address either.
    #[error("must have a host of letters, digits, dots and hyphens")]
    Host,
    /// It carries a user name or password.
    #[error("must not carry a user name or password")]
    Credentials,
}

impl ReplyUrl {
    /// Checks `input` for an application of `kind`.
    ///
    /// # Errors
    /// [`ReplyUrlProblem`] gives the reason, which the portal shows.
    pub fn parse(input: &str, kind: ApplicationKind) -> Result<Self, ReplyUrlProblem> {
        let text = input.trim();
        if text.contains('*') {
            return Err(ReplyUrlProblem::Wildcard);
        }
        let printable = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if text.is_empty() || text.len() > 256 || !printable {
            return Err(ReplyUrlProblem::Invalid);
        }
        if text.contains('#') {
            return Err(ReplyUrlProblem::Fragment);
        }
        let url = Url::parse(text).map_err(|_| ReplyUrlProblem::Invalid)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ReplyUrlProblem::Credentials);
        }
        if matches!(url.scheme(), "https" | "http") && !has_plain_host(&url) {
            return Err(ReplyUrlProblem::Host);
        }
        match url.scheme() {
            "https" if url.has_host() => Ok(Self(text.to_owned())),
            "http" if is_loopback(&url) => Ok(Self(text.to_owned())),
            scheme if kind == ApplicationKind::Native && is_private_scheme(scheme) => Ok(Self(text.to_owned())),
            _ => Err(ReplyUrlProblem::NotHttps),
        }
    }

    /// The URL exactly as registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request's `redirect_uri` is this URL.
    #[must_use]
    pub fn matches(&self, requested: &str, kind: ApplicationKind) -> bool {
        if self.0 == requested {
            return true;
        }
        kind == ApplicationKind::Native && same_but_for_port(&self.0, requested)
    }

    /// Where it leads ([`place_of`]).
    #[must_use]
    pub fn place(&self) -> Option<String> {
        place_of(&self.0)
    }

    /// The origin, for CORS; `None` for private-use schemes.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok()?;
        let origin = url.origin();
        origin.is_tuple().then(|| origin.ascii_serialization())
    }
}

// A URL allows `,` and `;` in a host, which end a policy (CSP) that names it; no name of the DNS that a website has
// does. Other alphabets are punycode by now.
fn has_plain_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    }
}

/// Where a reply URL leads: its origin (on loopback without the port, which a native application chooses each time),
/// or its private-use scheme. Whoever answers there gets what is sent to it, whatever the path. `None` if `url`
/// is none.
#[must_use]
pub fn place_of(url: &str) -> Option<String> {
    let mut url = Url::parse(url).ok()?;
    if url.scheme() == "http" && is_loopback(&url) {
        url.set_port(None).ok()?;
    }
    let origin = url.origin();
    Some(if origin.is_tuple() { origin.ascii_serialization() } else { format!("{}:", url.scheme()) })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.octets() == [127, 0, 0, 1],
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

// A private-use scheme is the reverse of a domain or MSAL's own form (RFC 8252, 7.1): never
// one that a browser executes or reads from disk.
fn is_private_scheme(scheme: &str) -> bool {
    let dangerous = ["http", "https", "javascript", "data", "file", "blob", "vbscript", "about", "ws", "wss", "ftp"];
    !dangerous.contains(&scheme) && (scheme.contains('.') || scheme.starts_with("msal"))
}

// Compares text, not parsed URLs: parsing would forgive what an exact match must not.
fn same_but_for_port(registered: &str, requested: &str) -> bool {
    let (Some(a), Some(b)) = (split_loopback(registered), split_loopback(requested)) else {
        return false;
    };
    a.0 == b.0 && a.1 == b.1
}

fn split_loopback(text: &str) -> Option<(&str, &str)> {
    for host in ["http://localhost", "http://127.0.0.1", "http://[::1]"] {
        let Some(rest) = text.strip_prefix(host) else { continue };
        let after_port = match rest.strip_prefix(':') {
            Some(port_and_path) => {
                let digits = port_and_path.bytes().take_while(u8::is_ascii_digit).count();
                port_and_path[..digits].parse::<u16>().ok()?;
                &port_and_path[digits..]
            }
            None => rest,
        };
        let path_follows = after_port.is_empty() || after_port.starts_with(['/', '?']);
        return path_follows.then_some((host, after_port));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use ApplicationKind::{Native, SinglePage, Web};

    #[test]
    fn a28_reply_urls_need_https_or_loopback() {
        for good in ["https://app.example/cb", "http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]:8/cb"] {
            assert!(ReplyUrl::parse(good, Web).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://app.example/cb", ReplyUrlProblem::NotHttps),
            ("http://127.0.0.1.evil.example/", ReplyUrlProblem::NotHttps),
            ("http://localhost.evil.example/", ReplyUrlProblem::NotHttps),
            ("https://app.example/cb#x", ReplyUrlProblem::Fragment),
            ("https://*.app.example/cb", ReplyUrlProblem::Wildcard),
            ("https://u:p@app.example/cb", ReplyUrlProblem::Credentials),
            ("javascript:alert(1)", ReplyUrlProblem::NotHttps),
            ("/cb", ReplyUrlProblem::Invalid),
            ("https://app.example/\tcb", ReplyUrlProblem::Invalid),
            ("https://app.example\\@evil.example", ReplyUrlProblem::Invalid),
            ("com.example.app://auth", ReplyUrlProblem::NotHttps),
            ("https://x.y,default-src/cb", ReplyUrlProblem::Host),
            ("https://x.y;sandbox/cb", ReplyUrlProblem::Host),
            ("https://x.y'/cb", ReplyUrlProblem::Host),
            ("https://x.y%2cz/cb", ReplyUrlProblem::Host),
            ("https://x_y.example/cb", ReplyUrlProblem::Host),
        ] {
            assert_eq!(ReplyUrl::parse(bad, Web), Err(why), "{bad}");
        }
        for good in ["https://xn--bcher-kva.example/cb", "https://b%C3%BCcher.example/cb", "https://192.0.2.7/cb"] {
            assert!(ReplyUrl::parse(good, Web).is_ok(), "{good}");
        }
        assert!(ReplyUrl::parse("com.example.app://auth", Native).is_ok());
        assert!(ReplyUrl::parse("javascript:alert(1)", Native).is_err());
    }

    #[test]
    fn a28_redirect_uri_is_exact() {
        let url = ReplyUrl::parse("https://app.example/cb", Web).unwrap();
        assert!(url.matches("https://app.example/cb", Web));
        // Failures 39 to 42 among them: `..;/`, regex dot, `//host`, `/\t`.
        for bad in [
            "https://app.example/CB",
            "https://APP.example/cb",
            "https://app.example/cb/",
            "https://app.example/cb?x=1",
            "https://app.example/cb/..;/x",
            "https://appxexample/cb",
            "//app.example/cb",
            "https://app.example/\tcb",
            "https://app.example:443/cb",
            "https://app.example/./cb",
            "https://app.example/%63b",
            "",
        ] {
            assert!(!url.matches(bad, Web), "{bad}");
            assert!(!url.matches(bad, SinglePage), "{bad}");
        }
    }

    #[test]
    fn u29_a_place_is_who_gets_what_is_sent_there() {
        for (url, place) in [
            ("https://App.example/cb?x=1", Some("https://app.example")),
            ("https://app.example:8443/cb", Some("https://app.example:8443")),
            ("http://localhost:51234/cb", Some("http://localhost")),
            ("http://[::1]:7/cb", Some("http://[::1]")),
            ("com.example.app://auth", Some("com.example.app:")),
            ("", None),
            ("/cb", None),
        ] {
            assert_eq!(place_of(url).as_deref(), place, "{url}");
        }
    }

    #[test]
    fn only_a_native_loopback_matches_any_port() {
        let url = ReplyUrl::parse("http://localhost/cb", Native).unwrap();
        assert!(url.matches("http://localhost:51234/cb", Native));
        assert!(!url.matches("http://localhost:51234/cb", Web));
        assert!(!url.matches("http://localhost:51234/other", Native));
        assert!(!url.matches("http://localhost:99999/cb", Native));
        assert!(!url.matches("http://localhost:1@evil.example/cb", Native));
        assert!(!url.matches("http://127.0.0.1:51234/cb", Native));
        assert!(!url.matches("https://localhost:1/cb", Native));
    }
}
