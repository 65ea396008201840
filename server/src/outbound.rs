//! Requests to addresses that somebody else registered (f48: server-side request forgery).
//!
//! `https` alone (`http` for loopback, where loopback may be called at all), no redirect is
//! followed, no proxy is asked, and every address that a name leads to is looked at *when it is
//! connected to*, so that a name cannot change its mind in between. Of the answer nothing is used
//! but its status.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use lanyard_messaging::{DeliveryError, Reason};
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::{Host, Url};

/// How long a request may take, all told.
const TIME: Duration = Duration::from_secs(5);

/// Which addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The public Internet.
    Public,
    /// That, and this machine: the demo.
    PublicAndLoopback,
    /// Every address.
    Everywhere,
}

impl Reach {
    /// Whether `ip` may be called.
    #[must_use]
    pub fn admits(self, ip: IpAddr) -> bool {
        match self {
            Self::Everywhere => true,
            Self::PublicAndLoopback => ip.is_loopback() || is_public(ip),
            Self::Public => is_public(ip),
        }
    }
}

/// Calls foreign addresses.
#[derive(Debug, Clone)]
pub struct Outbound {
    reach: Reach,
    http: Client,
}

impl Outbound {
    /// A client that goes as far as `reach`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(reach: Reach) -> Result<Self, reqwest::Error> {
        // Several providers may be compiled in; ours is named once.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIME)
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Filter(reach)))
            .build()?;
        Ok(Self { reach, http })
    }

    /// Posts a form to `url`; any 2xx is a success (OpenID Connect Back-Channel Logout, 2.8).
    ///
    /// # Errors
    /// Permanent when the address must not be called or the other side refuses for good.
    pub async fn post_form(&self, url: &str, fields: &[(&str, &str)]) -> Result<(), DeliveryError> {
        let url = self.check(url).ok_or(DeliveryError::Permanent(Reason::BadMessage("address")))?;
        let answer = self.http.post(url).form(fields).send().await.map_err(|error| {
            DeliveryError::Transient(if error.is_timeout() { Reason::Timeout } else { Reason::Unreachable })
        })?;
        let status = answer.status();
        let reason = Reason::Http(status.as_u16());
        match status {
            _ if status.is_success() => Ok(()),
            _ if status.is_server_error() || status.as_u16() == 429 || status.as_u16() == 408 => {
                Err(DeliveryError::Transient(reason))
            }
            _ => Err(DeliveryError::Permanent(reason)),
        }
    }

    // A name is judged when it is resolved; an address in the URL itself never is, so here.
    fn check(&self, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let (address, local) = match url.host()? {
            Host::Ipv4(ip) => (Some(IpAddr::V4(ip)), ip.is_loopback()),
            Host::Ipv6(ip) => (Some(IpAddr::V6(ip)), ip.is_loopback()),
            Host::Domain(name) => (None, name == "localhost"),
        };
        let scheme_fits = match url.scheme() {
            "https" => true,
            "http" => local && self.reach != Reach::Public,
            _ => false, // text, not an enum of ours
        };
        let plain = url.username().is_empty() && url.password().is_none();
        let reachable = address.is_none_or(|ip| self.reach.admits(ip));
        (scheme_fits && plain && reachable).then_some(url)
    }
}

struct Filter(Reach);

impl Resolve for Filter {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let admitted: Vec<SocketAddr> = found.filter(|address| reach.admits(address.ip())).collect();
            if admitted.is_empty() {
                return Err("no address that may be called".into());
            }
            let addresses: Addrs = Box::new(admitted.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether `ip` is an address of the public Internet (IANA's registries of special addresses).
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = a == 192 && b == 0 && c == 0;
    let benchmark = a == 198 && (b == 18 || b == 19);
    let relay = a == 192 && b == 88 && c == 99;
    !(a == 0
        || a >= 224
        || shared
        || protocol
        || benchmark
        || relay
        || ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation())
}

// Only global unicast, 2000::/3, without those that carry a v4 address or are set aside.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    let [a, b, ..] = ip.segments();
    let six_to_four = a == 0x2002;
    let teredo_and_others = a == 0x2001 && b < 0x0200;
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    (a & 0xe000) == 0x2000 && !six_to_four && !teredo_and_others && !documentation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f48_only_public_addresses_are_public() {
        for good in ["1.1.1.1", "8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:4700::1", "2a00:1450::5", "::ffff:1.1.1.1"]
        {
            assert!(is_public(good.parse().unwrap()), "{good}");
        }
        for bad in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::127.0.0.1",
            "2001::1",
        ] {
            assert!(!is_public(bad.parse().unwrap()), "{bad}");
        }
    }

    #[test]
    fn f48_addresses_that_may_not_be_called() {
        let check = |reach, url: &str| Outbound::new(reach).unwrap().check(url).is_some();
        for bad in [
            "http://rp.example/logout",
            "ftp://rp.example/",
            "file:///etc/passwd",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://user:pw@rp.example/",
            "x",
            "http://localhost/",
            "https://[::ffff:10.0.0.1]/",
        ] {
            assert!(!check(Reach::Public, bad), "{bad}");
        }
        assert!(check(Reach::Public, "https://rp.example/logout?x=1"));
        assert!(
            check(Reach::PublicAndLoopback, "http://127.0.0.1:1/")
                && check(Reach::PublicAndLoopback, "http://localhost/")
        );
        assert!(!check(Reach::PublicAndLoopback, "https://10.0.0.1/") && check(Reach::Everywhere, "https://10.0.0.1/"));
        assert!(!check(Reach::Everywhere, "http://10.0.0.1/"), "in clear over a network");
    }

    #[tokio::test]
    async fn f48_a_name_that_leads_to_a_private_address_is_not_called() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let refused = Outbound::new(Reach::Public).unwrap().post_form(&url, &[]).await;
        assert_eq!(refused, Err(DeliveryError::Transient(Reason::Unreachable)));
        assert!(listener.accept().is_err(), "nobody connected");
    }
}
