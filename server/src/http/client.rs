//! Who asks: the network address, its country where a proxy tells it, and the request's id.
//!
//! `X-Forwarded-For` counts only when the peer is a configured proxy (A45); it never
//! authenticates anybody (failure 44) and no other header or field changes the address that
//! limits are kept for (failures 15 and 16). The country is a trusted proxy's word, too, and nobody else's.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Once,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};
use lanyard_app::countries::COUNTRIES;

use crate::config::{Config, Proxies};

/// Where a request came from.
#[derive(Debug, Clone)]
pub struct Client {
    /// The address of the client itself.
    pub ip: IpAddr,
    /// The country that a trusted proxy says this address is in, as an ISO 3166-1 alpha-2 code; `None` where none
    /// says so, or says no country.
    pub country: Option<&'static str>,
    /// The browser and system as its user may know them, in closed words: nothing that was sent is
    /// repeated. `None` where they are unknown.
    pub browser: Option<String>,
    /// The request's id, as in the log, on error pages and in the audit log.
    pub request: String,
}

/// The id of a request, put there by [`super::security`].
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl Client {
    /// The client of a request, seen through the proxies that `config` trusts.
    #[must_use]
    pub fn of(headers: &HeaderMap, extensions: &Extensions, config: &Config) -> Self {
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip().to_canonical());
        let request = extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let agent = headers.get("user-agent").and_then(|value| value.to_str().ok());
        let trusted = &config.trusted_proxies;
        if !trusted.contains(&peer) && headers.contains_key("x-forwarded-for") {
            warn_of_unknown_proxy(peer);
        }
        let country = config.country_header.as_deref().filter(|_| trusted.contains(&peer));
        Self {
            ip: through_proxies(peer, headers, trusted),
            country: country.and_then(|name| country_of(headers, name)),
            browser: agent.and_then(browser_of),
            request,
        }
    }

    /// The network that limits are kept for: the address, or the /64 of IPv6.
    #[must_use]
    pub fn network(&self) -> String {
        network_of(self.ip)
    }

    /// The network that a person moves in: a /24, or a /48 of IPv6. Providers hand out other addresses of
    /// it from day to day.
    #[must_use]
    pub fn wide_network(&self) -> String {
        match self.ip {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(ip) => {
                let [a, b, c, ..] = ip.segments();
                format!("{a:x}:{b:x}:{c:x}::/48")
            }
        }
    }
}

// What is named first stands in the headers of those named later, too.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 6] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
];

// "Firefox on Linux", out of a `User-Agent`.
fn browser_of(agent: &str) -> Option<String> {
    let named = |words: [(&'static str, &'static str); 6]| words.into_iter().find(|(sign, _)| agent.contains(*sign));
    match (named(BROWSERS), named(SYSTEMS)) {
        (Some((_, browser)), Some((_, system))) => Some(format!("{browser} on {system}")),
        (Some((_, one)), None) | (None, Some((_, one))) => Some(one.to_owned()),
        (None, None) => None,
    }
}

/// The network of an address: itself, or the /64 of IPv6 (one subscriber has all of it).
#[must_use]
pub fn network_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

// From the right: each hop that is trusted vouches for the one before it.
fn through_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &Proxies) -> IpAddr {
    let mut ip = peer;
    // Byte by byte: what a client put in must not hide what the proxy added to the same line.
    let lines = headers.get_all("x-forwarded-for").iter().map(|value| value.as_bytes());
    let hops: Vec<&[u8]> = lines.flat_map(|line| line.split(|byte| *byte == b',')).collect();
    for hop in hops.iter().rev() {
        if !trusted.contains(&ip) {
            break;
        }
        match std::str::from_utf8(hop).ok().and_then(|hop| address_of(hop.trim())) {
            Some(before) => ip = before.to_canonical(),
            None => break,
        }
    }
    ip
}

// Some proxies add the port: `1.2.3.4:5678`, `[2001:db8::1]:5678`, and some brackets alone.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = || hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop).parse().ok();
    hop.parse::<SocketAddr>().map(|with_port| with_port.ip()).ok().or_else(bare)
}

// Once: anybody can send the header.
fn warn_of_unknown_proxy(peer: IpAddr) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            %peer,
            "a request names other addresses that it came through, but its sender is not in trusted_proxies: if it is a \
             proxy, all its visitors count as one"
        );
    });
}

// Said once, and a country: `XX`, `T1` and the like are none, and neither is one of two.
fn country_of(headers: &HeaderMap, name: &str) -> Option<&'static str> {
    let mut all = headers.get_all(name).iter();
    let said = all.next().filter(|_| all.next().is_none())?.to_str().ok()?;
    COUNTRIES.iter().map(|(code, _)| *code).find(|code| code.eq_ignore_ascii_case(said))
}

impl FromRequestParts<crate::state::App> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &crate::state::App) -> Result<Self, Self::Rejection> {
        Ok(Self::of(&parts.headers, &parts.extensions, &app.config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seen(peer: &str, forwarded: impl AsRef<[u8]>, trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_bytes(forwarded.as_ref()).unwrap());
        let trusted: Proxies = serde_json::from_value(serde_json::json!(trusted)).unwrap();
        through_proxies(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a45_forwarded_headers_count_only_from_configured_proxies() {
        assert_eq!(seen("9.9.9.9", "1.2.3.4", &[]), "9.9.9.9");
        assert_eq!(seen("10.0.0.1", "1.2.3.4", &["10.0.0.1"]), "1.2.3.4");
        assert_eq!(
            seen("10.0.0.1", "6.6.6.6, 1.2.3.4", &["10.0.0.1"]),
            "1.2.3.4",
            "the left part is the client's own word"
        );
        assert_eq!(seen("10.0.0.1", "1.2.3.4, 10.0.0.2", &["10.0.0.1", "10.0.0.2"]), "1.2.3.4");
        for with_port in ["1.2.3.4:5678", "[::ffff:1.2.3.4]:5678", "[::ffff:1.2.3.4]"] {
            assert_eq!(seen("10.0.0.1", format!("6.6.6.6:1, {with_port}"), &["10.0.0.1"]), "1.2.3.4", "{with_port}");
        }
        assert_eq!(seen("10.0.0.1", "[2001:db8::1]:443", &["10.0.0.1"]), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", "nonsense", &["10.0.0.1"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", "1.2.3.4, 10.9.0.2", &["10.0.0.0/8"]), "1.2.3.4", "a range of proxies");
    }

    #[test]
    fn a45_c1_bytes_that_a_client_sends_do_not_hide_what_the_proxy_adds() {
        for sent in [&b"\xff, 1.2.3.4"[..], b"\xc3\x28,6.6.6.6\xff,1.2.3.4", b"1.2.3.4\xff , 1.2.3.4"] {
            assert_eq!(seen("10.0.0.1", sent, &["10.0.0.1"]), "1.2.3.4", "{sent:?}");
        }
        assert_eq!(seen("10.0.0.1", b"1.2.3.4\xff", &["10.0.0.1"]), "10.0.0.1", "and what is no address is none");
    }

    #[test]
    fn a45_a_country_is_known_where_a_trusted_proxy_names_one_once() {
        let seen = |peer: [u8; 4], said: &[&str], header: Option<&str>| {
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo(SocketAddr::from((peer, 1))));
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append("cf-ipcountry", HeaderValue::try_from(*value).unwrap());
            }
            let config = Config {
                trusted_proxies: vec![IpAddr::from([10, 0, 0, 1])].into(),
                country_header: header.map(str::to_owned),
                ..Config::default()
            };
            Client::of(&headers, &extensions, &config).country
        };
        let (proxy, name) = ([10, 0, 0, 1], Some("CF-IPCountry"));
        assert_eq!(seen(proxy, &["CA"], name), Some("CA"));
        assert_eq!(seen(proxy, &["ca"], name), Some("CA"));
        assert_eq!(seen([10, 0, 0, 2], &["CA"], name), None, "the word of anybody");
        assert_eq!(seen(proxy, &["CA"], None), None);
        assert_eq!(seen(proxy, &["CA"], Some("X-Country-Code")), None);
        for none in ["", "XX", "T1", "EU", "ZZ", "CAN", "C", "C A", "CA, US", "Canada", "\u{e7}a"] {
            assert_eq!(seen(proxy, &[none], name), None, "{none}");
        }
        for two in [["CA", "CA"], ["CA", "US"], ["", "CA"]] {
            assert_eq!(seen(proxy, &two, name), None, "{two:?}");
        }
    }

    #[test]
    fn a_wide_network_is_a_24_or_a_48() {
        let of = |ip: &str| {
            Client { ip: ip.parse().unwrap(), country: None, browser: None, request: String::new() }.wide_network()
        };
        assert_eq!(of("203.0.113.7"), of("203.0.113.250"));
        assert_ne!(of("203.0.113.7"), of("203.0.114.7"));
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:ffff::9"));
        assert_ne!(of("2001:db8:1::3"), of("2001:db8:2::3"));
    }

    #[test]
    fn u24_a_browser_is_named_in_words_of_ours() {
        let words = |agent: &str| browser_of(agent).unwrap_or_default();
        assert_eq!(words("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox on Linux");
        let chrome =
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
        assert_eq!(words(chrome), "Chrome on Android");
        assert_eq!(words(&format!("{chrome} Edg/140.0")), "Edge on Android");
        assert_eq!(words("(iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"), "Safari on iPhone");
        assert_eq!(words("curl/8 <b>call 0900 now</b>"), "");
    }

    #[test]
    fn one_ipv6_subscriber_is_one_network() {
        assert_eq!(
            network_of("2001:db8:1:2:3::4".parse().unwrap()),
            network_of("2001:db8:1:2:ffff::1".parse().unwrap())
        );
        assert_ne!(network_of("2001:db8:1:2::1".parse().unwrap()), network_of("2001:db8:1:3::1".parse().unwrap()));
    }
}
