//! The proxies whose word about the client's address is taken (A45).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Networks of proxies: single addresses, and ranges such as `10.0.0.0/8`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// Whether `ip` is one of them.
    #[must_use]
    pub fn contains(&self, ip: &IpAddr) -> bool {
        self.0.iter().any(|network| network.0.contains(ip))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<IpAddr>> for Proxies {
    fn from(addresses: Vec<IpAddr>) -> Self {
        Self(addresses.into_iter().map(|ip| Network(IpNet::from(ip.to_canonical()))).collect())
    }
}

/// An address or a range of addresses, as CIDR writes it. A single address is shown without its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Network(IpNet);

/// A text is no network of proxies.
#[derive(Debug, thiserror::Error)]
enum NetworkError {
    #[error("{0} is neither an address nor a range such as 10.0.0.0/8")]
    Malformed(String),
    // Whoever is in it says what address they come from, and no limit holds them.
    #[error("{0} is too wide: whoever is in it is believed; /8 at least, /16 for IPv6, or within fc00::/7")]
    TooWide(String),
    #[error("{0} is an IPv4 range in IPv6: write it as IPv4")]
    Mapped(String),
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self(IpNet::from(ip.to_canonical())));
        }
        let Ok(range) = text.parse::<IpNet>() else { return Err(NetworkError::Malformed(text)) };
        let narrow = match range {
            IpNet::V4(range) => range.prefix_len() >= 8,
            // Clients' addresses are compared as IPv4 where they are.
            IpNet::V6(range) if range.network().to_ipv4_mapped().is_some() && range.prefix_len() >= 96 => {
                return Err(NetworkError::Mapped(text));
            }
            IpNet::V6(range) => range.prefix_len() >= 16 || (range.prefix_len() >= 7 && range.addr().is_unique_local()),
        };
        if narrow { Ok(Self(range.trunc())) } else { Err(NetworkError::TooWide(text)) }
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        let range = network.0;
        if range.prefix_len() == range.max_prefix_len() { range.addr().to_string() } else { range.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &[&str]) -> Result<Proxies, serde_json::Error> {
        serde_json::from_value(serde_json::json!(list))
    }

    #[test]
    fn a45_proxies_are_addresses_and_ranges_and_nothing_wider_than_a_network() {
        let proxies = read(&["192.0.2.1", "10.0.0.0/8", "fd00::/8", "2001:db8::7", "172.16.9.9/12"]).unwrap();
        for inside in ["192.0.2.1", "10.0.0.1", "10.255.255.255", "fd12::1", "2001:db8::7", "172.31.0.1"] {
            assert!(proxies.contains(&inside.parse().unwrap()), "{inside}");
        }
        for outside in ["192.0.2.2", "11.0.0.1", "9.255.255.255", "fc00::1", "2001:db8::8", "172.32.0.1", "::1"] {
            assert!(!proxies.contains(&outside.parse().unwrap()), "{outside}");
        }
        for bad in [
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/7",
            "2001::/15",
            "fc00::/6",
            "10.0.0.0/33",
            "10.0.0.0/",
            "proxy.example",
            "",
            "::ffff:10.0.0.0/104",
        ] {
            let error = read(&[bad]).unwrap_err().to_string();
            assert!(error.contains(bad), "{bad}: {error}");
        }
        let shown = serde_json::to_value(&proxies).unwrap();
        let words = serde_json::json!(["192.0.2.1", "10.0.0.0/8", "fd00::/8", "2001:db8::7", "172.16.0.0/12"]);
        assert_eq!(shown, words);
        assert!(read(&["::ffff:192.0.2.1"]).unwrap().contains(&"192.0.2.1".parse().unwrap()));
        assert!(Proxies::default().is_empty() && !Proxies::from(vec![[10, 0, 0, 1].into()]).is_empty());
    }
}
