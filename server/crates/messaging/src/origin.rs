//! The public origin: the only root of links in messages (failure 43).
//!
//! It comes from the configuration, never from a request's `Host` or forwarded headers,
//! so that nobody can have a reset link mailed that leads to a host of their own.

use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

/// Why a text is no public origin, or a path no path on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OriginError {
    /// Not an absolute `http` or `https` URL with a host.
    #[error("the public origin must be a URL like https://login.example.com")]
    NotAnOrigin,
    /// Plain `http` is for loopback hosts alone.
    #[error("the public origin must begin with https (http only on this machine)")]
    NotSecure,
    /// An origin has no user, path, query or fragment.
    #[error("the public origin must be scheme, host and port alone")]
    MoreThanOrigin,
    /// The path would lead elsewhere, or has characters that no link has.
    #[error("a link must be a path on the public origin")]
    BadPath,
}

/// Scheme, host and port under which people reach this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicOrigin {
    url: Url,
    host: String,
}

impl PublicOrigin {
    /// Reads `https://host[:port]` (`http` for loopback hosts alone).
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(|_| OriginError::NotAnOrigin)?;
        let host = url.host_str().ok_or(OriginError::NotAnOrigin)?.to_owned();
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(OriginError::NotSecure),
            _ => return Err(OriginError::NotAnOrigin), // a string, not an enum of ours
        }
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err(OriginError::MoreThanOrigin);
        }
        Ok(Self { url, host })
    }

    /// The host alone, as the last line of a text message names it (U15).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The absolute URL of `path` (with its query, if it has one) on this origin.
    ///
    /// # Errors
    /// [`OriginError::BadPath`] unless the result stays on this origin.
    pub fn link(&self, path: &str) -> Result<String, OriginError> {
        let clean = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if !path.starts_with('/') || path.starts_with("//") || !clean {
            return Err(OriginError::BadPath);
        }
        let url = self.url.join(path).map_err(|_| OriginError::BadPath)?;
        if url.origin() != self.url.origin() {
            return Err(OriginError::BadPath);
        }
        Ok(url.into())
    }
}

/// Whether the URL's host can only be this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f43_links_stay_on_the_configured_origin() {
        let origin = PublicOrigin::parse("https://login.example.com").unwrap();
        assert_eq!(origin.link("/acme/invite?t=a%2Fb").unwrap(), "https://login.example.com/acme/invite?t=a%2Fb");
        for bad in [
            "",
            "acme",
            "//evil.example",
            "/\\evil.example",
            "/a b",
            "/a\r\nb",
            "https://evil.example/",
            "\t//evil.example",
            "/\t/evil.example",
        ] {
            assert_eq!(origin.link(bad), Err(OriginError::BadPath), "{bad:?}");
        }
    }

    #[test]
    fn origins_are_https_or_loopback_and_nothing_more() {
        assert!(PublicOrigin::parse("http://127.0.0.1:8080").is_ok());
        assert!(PublicOrigin::parse("http://[::1]:8080").is_ok());
        assert_eq!(PublicOrigin::parse("http://localhost:8080").unwrap().host(), "localhost");
        for (text, error) in [
            ("http://login.example.com", OriginError::NotSecure),
            ("http://localhost.evil.example", OriginError::NotSecure),
            ("https://login.example.com/app", OriginError::MoreThanOrigin),
            ("https://user@login.example.com", OriginError::MoreThanOrigin),
            ("ftp://login.example.com", OriginError::NotAnOrigin),
            ("login.example.com", OriginError::NotAnOrigin),
        ] {
            assert_eq!(PublicOrigin::parse(text), Err(error), "{text}");
        }
    }
}
