//! What the types of the configuration cannot say: what is refused, and what is remarked on.
//!
//! Whoever starts a server is told at once, and in one line, which key it is.

use lanyard_oidc::jose::rotation;

use super::{Config, ConfigError, Smtp, Twilio};

impl Config {
    // What the types cannot say (S7): refuse to start rather than to run unsafely.
    pub(super) fn check(self) -> Result<Self, ConfigError> {
        let refuse = |text: String| Err(ConfigError(text));
        let origin = self.origin();
        let Ok(url) = url::Url::parse(&origin) else {
            return refuse(format!("public_origin: {origin} is not an address such as https://id.example.org"));
        };
        if url.origin().ascii_serialization() != origin {
            return refuse(format!("public_origin: {origin} must be scheme, host and port alone, without a path"));
        }
        let loopback = is_loopback_host(&url);
        if url.scheme() != "https" && !loopback {
            return refuse(format!("public_origin: {origin} must begin with https (http is for loopback only)"));
        }
        if self.demo && (!self.listen.ip().is_loopback() || !loopback) {
            return refuse("demo: the demo listens on loopback only (listen, public_origin)".into());
        }
        if self.demo && (self.smtp.is_some() || self.twilio.is_some() || self.database_url.is_some()) {
            return refuse(
                "demo: the demo has its own database and inbox; remove smtp, twilio and database_url".into(),
            );
        }
        let pairs = [
            ("smtp", self.smtp.is_some(), self.second_smtp.is_some()),
            ("twilio", self.twilio.is_some(), self.second_twilio.is_some()),
        ];
        if let Some((name, ..)) = pairs.into_iter().find(|(_, first, second)| *second && !*first) {
            return refuse(format!("second_{name}: there is no first one; call the section {name}"));
        }
        if self.is_postgres() && self.master_key_file.is_none() {
            return refuse("master_key_file: must be set with PostgreSQL (every process needs the same key)".into());
        }
        if let Some(name) = &self.country_header {
            if axum::http::HeaderName::try_from(name).is_err() {
                return refuse(format!("country_header: {name:?} is not the name of a header, such as CF-IPCountry"));
            }
            if self.trusted_proxies.is_empty() {
                return refuse(
                    "country_header: nobody is believed; name the proxy that sends it in trusted_proxies".into(),
                );
            }
        }
        if self.tls.certificate_file.is_some() != self.tls.key_file.is_some() {
            return refuse("tls: certificate_file and key_file go together".into());
        }
        // Plain http where somebody thinks of https is what nobody notices.
        if self.tls.certificate_file.is_some() && !self.tls.enabled {
            return refuse("tls: there are files, but enabled is not true; set it, or remove the files".into());
        }
        self.check_providers()?;
        if !self.limits.are_positive() {
            return refuse("limits: values must be 1 or more".into());
        }
        if !self.limits.are_countable() {
            return refuse("limits: wrong passwords per hour must be 3600000 or fewer".into());
        }
        if !(2..=3650).contains(&self.keys.rotation_days) {
            return refuse("keys: rotation_days must be 2 to 3650".into());
        }
        if self.keys.lead() < rotation::MIN_LEAD || self.keys.lead() >= self.keys.interval() {
            return refuse("keys: publish_ahead_minutes must be 10 or more, and less than rotation_days".into());
        }
        Ok(self)
    }

    // What would be found out by the first message that is not sent.
    fn check_providers(&self) -> Result<(), ConfigError> {
        for (name, smtp) in [("smtp", &self.smtp), ("second_smtp", &self.second_smtp)] {
            if let Some(problem) = smtp.as_ref().and_then(Smtp::problem) {
                return Err(ConfigError(format!("{name}: {problem}")));
            }
        }
        for (name, twilio) in [("twilio", &self.twilio), ("second_twilio", &self.second_twilio)] {
            if twilio.as_ref().is_some_and(|twilio| !twilio.has_token()) {
                return Err(ConfigError(format!("{name}: auth_token or auth_token_file is missing")));
            }
        }
        Ok(())
    }

    /// What works with this configuration, but not as far as people would expect; a line each.
    #[must_use]
    pub fn remarks(&self) -> Vec<&'static str> {
        let mail = "no mail is set up ([smtp]): operators can sign in, patients cannot sign up";
        let texts =
            "no texts and calls are set up ([twilio]): authenticator apps and passkeys are the only second steps";
        let same_mail = "second_smtp is the same server as smtp: both will be down together";
        let same_texts = "second_twilio is the same account as twilio: both will be down together";
        let nowhere = "public_origin is not set: addresses begin with localhost, which no other machine can open";
        let bare = "public_origin is not set: addresses begin with an IP address, for which no passkey can be made";
        let (ip, unnamed) = (self.listen.ip(), self.public_origin.is_none());
        let remarks = [
            (unnamed && ip.is_unspecified(), nowhere),
            (unnamed && !ip.is_unspecified() && !ip.is_loopback(), bare),
            (self.smtp.is_none(), mail),
            (self.twilio.is_none(), texts),
            (both(&self.smtp, &self.second_smtp, Smtp::is_same_server), same_mail),
            (both(&self.twilio, &self.second_twilio, Twilio::is_same_account), same_texts),
        ];
        remarks.into_iter().filter(|(missing, _)| *missing && !self.demo).map(|(_, text)| text).collect()
    }
}

// Whether both are there and `same`.
fn both<T>(first: &Option<T>, second: &Option<T>, same: impl Fn(&T, &T) -> bool) -> bool {
    first.as_ref().zip(second.as_ref()).is_some_and(|(first, second)| same(first, second))
}

fn is_loopback_host(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(flags: serde_json::Value) -> Result<Config, ConfigError> {
        Config::load(None, &flags)
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        assert!(with(serde_json::json!({"public_origin": "http://id.example.org"})).is_err());
        assert!(with(serde_json::json!({"public_origin": "https://id.example.org/"})).is_ok());
        assert!(with(serde_json::json!({"public_origin": "https://id.example.org/x"})).is_err());
        assert!(with(serde_json::json!({"public_origin": "http://localhost:9"})).is_ok());
    }

    #[test]
    fn the_demo_stays_on_loopback_and_takes_no_foreign_database() {
        assert!(with(serde_json::json!({"demo": true})).is_ok());
        assert!(with(serde_json::json!({"demo": true, "listen": "0.0.0.0:80"})).is_err());
        assert!(with(serde_json::json!({"demo": true, "database_url": "sqlite:x.db"})).is_err());
        assert!(with(serde_json::json!({"demo": true, "public_origin": "https://id.example.org"})).is_err());
    }

    #[test]
    fn no_limit_is_nothing_at_all() {
        for name in ["per_address_burst", "wrong_passwords_per_address", "database_connections", "hashing_queue"] {
            let of = |value: u32| with(serde_json::json!({"limits": {name: value}}));
            assert!(of(1).is_ok(), "{name}");
            assert!(of(0).unwrap_err().to_string().contains("1 or more"), "{name}");
        }
    }

    #[test]
    fn postgresql_needs_an_explicit_key_file() {
        assert!(with(serde_json::json!({"database_url": "postgres://x/y"})).is_err());
        assert!(with(serde_json::json!({"database_url": "postgres://x/y", "master_key_file": "k"})).is_ok());
    }

    #[test]
    fn d12_a_key_is_known_to_clients_before_it_signs() {
        let keys = |rotation: u32, ahead: u32, bits: u32| {
            let keys = serde_json::json!({"rotation_days": rotation, "publish_ahead_minutes": ahead, "rsa_bits": bits});
            with(serde_json::json!({ "keys": keys }))
        };
        assert_eq!(u16::from(keys(90, 10, 3072).unwrap().keys.rsa_bits), 3072);
        for (rotation, ahead, bits) in [(90, 9, 2048), (90, 0, 2048), (2, 2880, 2048), (1, 10, 2048), (90, 10, 1024)] {
            assert!(keys(rotation, ahead, bits).is_err(), "{rotation} {ahead} {bits}");
        }
    }

    #[test]
    fn d6_a_second_provider_stands_behind_a_first_one_and_its_secret_is_read_too() {
        let phone =
            |sid: &str| serde_json::json!({"account_sid": sid, "auth_token": "hidden", "from_number": "+15005550006"});
        let mail = |host: &str| serde_json::json!({"host": host, "from": "no-reply@clinic.example"});
        for alone in [serde_json::json!({"second_twilio": phone("AC2")}), serde_json::json!({"second_smtp": mail("b")})]
        {
            let error = with(alone).unwrap_err().to_string();
            assert!(error.contains("there is no first one"), "{error}");
        }
        let four = |sid: &str, host: &str| {
            with(serde_json::json!({"smtp": mail("a"), "second_smtp": mail(host), "twilio": phone("AC1"),
                "second_twilio": phone(sid)}))
            .unwrap()
        };
        assert!(four("AC2", "b").remarks().is_empty());
        assert_eq!(four("AC1", "a").remarks().len(), 2, "each is behind itself");
        assert!(!format!("{:?}", four("AC2", "b")).contains("hidden"));
        let mut file = phone("AC2");
        file["auth_token"] = serde_json::Value::Null;
        file["auth_token_file"] = "/nowhere/token".into();
        let error = with(serde_json::json!({"twilio": phone("AC1"), "second_twilio": file})).unwrap_err().to_string();
        assert!(error.contains("second_twilio"), "{error}");
    }

    #[test]
    fn s7_what_would_run_and_not_work_is_refused() {
        let twilio = serde_json::json!({"account_sid": "AC1", "from_number": "+15005550006"});
        let mail = |more: serde_json::Value| {
            let mut mail = serde_json::json!({"host": "mail.example", "from": "no-reply@clinic.example"});
            mail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            mail
        };
        let ok = mail(serde_json::json!({}));
        let second = |twilio: &serde_json::Value| {
            let mut first = twilio.clone();
            first["auth_token"] = "hidden".into();
            serde_json::json!({"twilio": first, "second_twilio": twilio})
        };
        let mut empty = twilio.clone();
        empty["auth_token"] = "".into();
        for (flags, words) in [
            (serde_json::json!({"tls": {"certificate_file": "a", "key_file": "b"}}), "tls: there are files"),
            (serde_json::json!({"twilio": twilio}), "twilio: auth_token"),
            (serde_json::json!({"twilio": empty}), "twilio: auth_token"),
            (second(&twilio), "second_twilio: auth_token"),
            (
                serde_json::json!({"smtp": mail(serde_json::json!({"username": "lanyard"}))}),
                "smtp: there is a username",
            ),
            (serde_json::json!({"smtp": mail(serde_json::json!({"password": "hidden"}))}), "smtp: there is a password"),
            (
                serde_json::json!({"smtp": ok, "second_smtp": mail(serde_json::json!({"username": "lanyard"}))}),
                "second_smtp: there is a username",
            ),
            (
                serde_json::json!({"smtp": mail(serde_json::json!({"tls": "none", "ca_file": "ca.pem"}))}),
                "smtp: ca_file",
            ),
        ] {
            let error = with(flags).unwrap_err().to_string();
            assert!(error.starts_with(words) && !error.contains("hidden"), "{words}: {error}");
        }
    }

    #[test]
    fn an_address_that_nobody_elsewhere_can_open_is_remarked() {
        let remarks = |flags: serde_json::Value| with(flags).unwrap().remarks().join("\n");
        assert!(remarks(serde_json::json!({"listen": "0.0.0.0:8080"})).contains("localhost"));
        let bare = serde_json::json!({"listen": "192.0.2.7:8080", "tls": {"enabled": true}});
        assert!(remarks(bare).contains("IP address"));
        for named in [
            serde_json::json!({}),
            serde_json::json!({"listen": "0.0.0.0:8080", "public_origin": "https://id.clinic.example"}),
        ] {
            assert!(!remarks(named).contains("public_origin"));
        }
    }

    #[test]
    fn a45_a_country_header_is_the_name_of_one_and_somebody_is_believed() {
        let named = |name: &str, proxies: &[&str]| {
            with(serde_json::json!({"country_header": name, "trusted_proxies": proxies}))
                .map_err(|error| error.to_string())
        };
        let proxy = &["192.0.2.1"][..];
        for name in ["CF-IPCountry", "x-country-code"] {
            assert_eq!(named(name, proxy).unwrap().country_header.as_deref(), Some(name));
        }
        for name in ["", "CF IPCountry", "CF-IPCountry:"] {
            assert!(named(name, proxy).unwrap_err().contains("not the name of a header"), "{name}");
        }
        assert!(named("CF-IPCountry", &[]).unwrap_err().contains("trusted_proxies"));
    }
}
