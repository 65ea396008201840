//! Configuration: defaults, then a TOML file, then `LANYARD_…` variables, then flags.
//!
//! Unknown keys are refused. Secrets may come from files (`…_file`). Nothing needs to be set:
//! without any configuration the server runs on loopback with SQLite under `./data`.

mod limits;
mod providers;
mod proxies;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use lanyard_domain::clock::{DAY, MINUTE, Millis};
use lanyard_oidc::jose::{RsaBits, rotation};
use serde::{Deserialize, Serialize};

pub use self::{
    limits::Limits,
    providers::{Smtp, SmtpTls, Twilio},
    proxies::Proxies,
};

/// Keys whose values are never printed, and are taken as they stand where they come from a variable.
const SECRET: [&str; 3] = ["password", "auth_token", "database_url"];

/// Variables that begin with `LANYARD_` and are no configuration of the server.
const FOREIGN: [&str; 4] = ["config", "site_dir", "log", "test_postgres_url"];

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The one origin that every address derives from; by default made from `listen`.
    pub public_origin: Option<String>,
    /// Where keys and the embedded database live.
    pub data_dir: PathBuf,
    /// `sqlite:…` or `postgres://…`; by default `lanyard.db` in `data_dir`.
    pub database_url: Option<Secret>,
    /// The sealing key; by default `master.key` in `data_dir`. PostgreSQL needs it set.
    pub master_key_file: Option<PathBuf>,
    /// TLS by the server itself.
    pub tls: Tls,
    /// Outgoing mail; none by default.
    pub smtp: Option<Smtp>,
    /// Texts and calls; none by default.
    pub twilio: Option<Twilio>,
    /// Another mail server, for what the first one does not take; none by default.
    pub second_smtp: Option<Smtp>,
    /// Another provider of texts and calls, for what the first one does not take; none by default.
    pub second_twilio: Option<Twilio>,
    /// Proxies whose `X-Forwarded-For` is believed (A45), addresses and ranges; none by default.
    pub trusted_proxies: Proxies,
    /// The header in which they say the country of the client, such as `CF-IPCountry`; none by default. Every one
    /// of them must set it and let none through that a client sent.
    pub country_header: Option<String>,
    /// Limits per network address and of the hashing queue.
    pub limits: Limits,
    /// Signing keys.
    pub keys: Keys,
    /// Requests to addresses that applications register.
    pub outbound: Outbound,
    /// Demo mode: loopback only, a database of its own, an inbox instead of providers.
    pub demo: bool,
}

/// Requests to addresses that applications register, such as those of back-channel logout (f48).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// Private, link-local and loopback addresses may be called as well: for relying parties that
    /// live beside this server. Off by default; the demo may always call loopback.
    pub allow_private_addresses: bool,
}

/// Signing keys of the tenants (D12).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// How long a key signs before the next one does, in days: 2 to 3650.
    pub rotation_days: u32,
    /// How long the next key is published before it signs, in minutes: 10 or more, and less than
    /// it signs. A day by default, for clients that keep key sets longer than they are told.
    pub publish_ahead_minutes: u32,
    /// The size of new RSA keys: 2048, as in B2C, or 3072 (A38).
    pub rsa_bits: RsaBits,
}

impl Default for Keys {
    fn default() -> Self {
        Self { rotation_days: 90, publish_ahead_minutes: 1440, rsa_bits: RsaBits::Bits2048 }
    }
}

impl Keys {
    /// How long a key signs.
    #[must_use]
    pub fn interval(&self) -> Millis {
        i64::from(self.rotation_days) * DAY
    }

    /// How long a key is published before it signs.
    #[must_use]
    pub fn lead(&self) -> Millis {
        i64::from(self.publish_ahead_minutes) * MINUTE
    }
}

/// TLS settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Serve https with a generated development certificate, or with the files below.
    pub enabled: bool,
    /// Certificate chain, PEM.
    pub certificate_file: Option<PathBuf>,
    /// Private key, PEM.
    pub key_file: Option<PathBuf>,
}

/// A secret in the configuration: shown as `"redacted"` wherever it is printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("redacted")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("redacted")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_origin: None,
            data_dir: PathBuf::from("data"),
            database_url: None,
            master_key_file: None,
            tls: Tls::default(),
            smtp: None,
            twilio: None,
            second_smtp: None,
            second_twilio: None,
            trusted_proxies: Proxies::default(),
            country_header: None,
            limits: Limits::default(),
            keys: Keys::default(),
            outbound: Outbound::default(),
            demo: false,
        }
    }
}

/// The configuration is unusable; the text says which key and why, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl Config {
    /// Reads every source. `file` must exist if it is given; `lanyard.toml` is read if it is there.
    ///
    /// # Errors
    /// An unknown key, a value of the wrong type, or a rule of [`Config::check`].
    pub fn load(file: Option<&Path>, flags: &serde_json::Value) -> Result<Self, ConfigError> {
        let mut sources = Figment::new();
        sources = match file {
            Some(path) if !path.is_file() => {
                return Err(ConfigError(format!("there is no configuration file {}", path.display())));
            }
            Some(path) => sources.merge(Toml::file_exact(path)),
            None if Path::new("lanyard.toml").is_file() => sources.merge(Toml::file_exact("lanyard.toml")),
            None => sources,
        };
        let variables = Env::prefixed("LANYARD_").ignore(&FOREIGN).split("__");
        // A password of digits is text, too, and so is one that looks like a list.
        let secrets: Vec<(String, String)> =
            variables.iter().map(|(key, value)| (key.into_string(), value)).filter(|(key, _)| is_secret(key)).collect();
        sources = sources.merge(variables);
        for (key, value) in secrets {
            sources = sources.merge(Serialized::default(&key, value));
        }
        let config: Self =
            sources.merge(Serialized::defaults(flags)).extract().map_err(|error| ConfigError(one_line(error)))?;
        config.with_secrets_from_files()?.check()
    }

    fn with_secrets_from_files(mut self) -> Result<Self, ConfigError> {
        for (smtp, key) in [(&mut self.smtp, "smtp.password"), (&mut self.second_smtp, "second_smtp.password")] {
            if let Some(smtp) = smtp {
                read_secret(&mut smtp.password, smtp.password_file.as_deref(), key)?;
            }
        }
        let phones = [(&mut self.twilio, "twilio.auth_token"), (&mut self.second_twilio, "second_twilio.auth_token")];
        for (twilio, key) in phones {
            if let Some(twilio) = twilio {
                read_secret(&mut twilio.auth_token, twilio.auth_token_file.as_deref(), key)?;
            }
        }
        Ok(self)
    }

    // What the types cannot say (S7): refuse to start rather than to run unsafely.
    fn check(self) -> Result<Self, ConfigError> {
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

    /// The public origin, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        match &self.public_origin {
            Some(origin) => origin.trim_end_matches('/').to_owned(),
            None => {
                let scheme = if self.tls.enabled { "https" } else { "http" };
                let host = if self.listen.ip().is_loopback() || self.listen.ip().is_unspecified() {
                    "localhost".to_owned()
                } else {
                    self.listen.ip().to_string()
                };
                format!("{scheme}://{host}:{}", self.listen.port())
            }
        }
    }

    /// Whether the database is PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.database_url.as_ref().is_some_and(|url| url.0.starts_with("postgres"))
    }

    /// The database to open: the demo's own, the configured one, or SQLite in `data_dir`.
    #[must_use]
    pub fn database(&self) -> String {
        match &self.database_url {
            Some(url) => url.0.clone(),
            None => {
                let name = if self.demo { "demo.db" } else { "lanyard.db" };
                format!("sqlite:{}", self.data_dir.join(name).display())
            }
        }
    }

    /// The file of the embedded database, if that is what is opened.
    #[must_use]
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        lanyard_storage::sqlite_file(&self.database())
    }

    /// What works with this configuration, but not as far as people would expect; a line each.
    #[must_use]
    pub fn remarks(&self) -> Vec<&'static str> {
        let mail = "no mail is set up ([smtp]): operators can sign in, patients cannot sign up";
        let texts = "no texts and calls are set up ([twilio]): authenticator apps are the only second step";
        let same_mail = "second_smtp is the same server as smtp: both will be down together";
        let same_texts = "second_twilio is the same account as twilio: both will be down together";
        let nowhere = "public_origin is not set: addresses begin with localhost, which no other machine can open";
        let bare = "public_origin is not set: addresses begin with an IP address, for which no passkey can be made";
        let (ip, unnamed) = (self.listen.ip(), self.public_origin.is_none());
        let countries = "no country_header is set: a user flow that asks in a new country asks at every sign-in, as no country is known";
        let remarks = [
            (unnamed && ip.is_unspecified(), nowhere),
            (unnamed && !ip.is_unspecified() && !ip.is_loopback(), bare),
            (self.smtp.is_none(), mail),
            (self.twilio.is_none(), texts),
            (both(&self.smtp, &self.second_smtp, Smtp::is_same_server), same_mail),
            (both(&self.twilio, &self.second_twilio, Twilio::is_same_account), same_texts),
            (self.country_header.is_none(), countries),
        ];
        remarks.into_iter().filter(|(missing, _)| *missing && !self.demo).map(|(_, text)| text).collect()
    }

    /// The file of the sealing key.
    #[must_use]
    pub fn master_key(&self) -> PathBuf {
        let name = if self.demo { "demo.key" } else { "master.key" };
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join(name))
    }
}

// Whether both are there and `same`.
fn both<T>(first: &Option<T>, second: &Option<T>, same: impl Fn(&T, &T) -> bool) -> bool {
    first.as_ref().zip(second.as_ref()).is_some_and(|(first, second)| same(first, second))
}

fn read_secret(value: &mut Option<Secret>, file: Option<&Path>, key: &str) -> Result<(), ConfigError> {
    let Some(path) = file else { return Ok(()) };
    if value.is_some() {
        return Err(ConfigError(format!("{key}: set it or {key}_file, not both")));
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("{key}_file: {}: {error}", path.display())))?;
    *value = Some(Secret(text.trim_end().to_owned()));
    Ok(())
}

fn is_loopback_host(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn is_secret(key: &str) -> bool {
    key.rsplit('.').next().is_some_and(|last| SECRET.contains(&last))
}

// What is wrong, in one line, and never what stands at a secret's place (C5): neither its value nor, in a file that
// cannot be read, the line that it stands in.
fn one_line(error: figment::Error) -> String {
    let lines = error.into_iter().map(|error| {
        let key = error.path.join(".");
        if is_secret(&key) {
            return format!("{key}: must be text in quotes");
        }
        let text = error.to_string();
        let quoted = |line: &&str| line.split_once('|').is_some_and(|(head, _)| head.trim().parse::<u32>().is_ok());
        let marks = |line: &&str| line.trim_start().starts_with('|');
        text.lines().filter(|line| !quoted(line) && !marks(line)).collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(flags: serde_json::Value) -> Result<Config, ConfigError> {
        Config::load(None, &flags)
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_known_ones() {
        let error = with(serde_json::json!({"lisen": "127.0.0.1:1"})).unwrap_err().to_string();
        assert!(error.contains("lisen") && error.contains("listen"), "{error}");
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
                "second_twilio": phone(sid), "trusted_proxies": ["192.0.2.1"], "country_header": "CF-IPCountry"}))
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
    fn c5_what_stands_at_a_secrets_place_is_in_no_error() {
        let twilio = "[twilio]\naccount_sid = \"AC1\"\nfrom_number = \"+15005550006\"\nauth_token = ";
        let smtp = "[smtp]\nhost = \"a\"\nfrom = \"a@b.example\"\npassword = ";
        for (text, key) in [
            ("database_url = 7340912", "database_url: "),
            (&format!("{twilio}7340912\n"), "twilio.auth_token: "),
            (&format!("{smtp}7340912.5\n"), "smtp.password: "),
            (&format!("{smtp}[7340912]\n"), "smtp.password: "),
            (&format!("{smtp}\"7340912\n"), "TOML"),
            (&format!("{smtp}7340912x\n"), "TOML"),
        ] {
            let found: Result<Config, _> = Figment::new().merge(Toml::string(text)).extract();
            let error = one_line(found.unwrap_err());
            assert!(error.contains(key) && !error.contains("7340912") && !error.contains('\n'), "{text}: {error}");
        }
        // What is no secret is shown, or nobody finds it.
        let found: Result<Config, _> = Figment::new().merge(Toml::string("listen = 7340912")).extract();
        assert!(one_line(found.unwrap_err()).contains("7340912"));
    }

    #[test]
    fn a45_a_country_header_is_the_name_of_one_and_somebody_is_believed() {
        let named = |name: &str, proxies: &[&str]| {
            with(serde_json::json!({"country_header": name, "trusted_proxies": proxies}))
                .map_err(|error| error.to_string())
        };
        let proxy = &["192.0.2.1"][..];
        for name in ["CF-IPCountry", "x-country-code"] {
            let config = named(name, proxy).unwrap();
            assert!(!config.remarks().iter().any(|remark| remark.contains("country")), "{:?}", config.remarks());
        }
        for name in ["", "CF IPCountry", "CF-IPCountry:"] {
            assert!(named(name, proxy).unwrap_err().contains("not the name of a header"), "{name}");
        }
        assert!(named("CF-IPCountry", &[]).unwrap_err().contains("trusted_proxies"));
        let without = with(serde_json::json!({})).unwrap().remarks();
        assert!(without.iter().any(|remark| remark.contains("country_header") && remark.contains("every sign-in")));
    }

    #[test]
    fn secrets_are_never_printed() {
        let config = with(serde_json::json!({"database_url": "sqlite:hidden-name"})).unwrap();
        assert!(!format!("{config:?}").contains("hidden-name"));
        assert!(!serde_json::to_string(&config).unwrap().contains("hidden-name"));
    }

    #[test]
    fn leptos_options_are_the_same_in_both_files_and_name_our_own_address() {
        let read = |name: &str| -> serde_json::Value {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
            Figment::new().merge(Toml::file_exact(path)).extract().unwrap()
        };
        let (options, cargo) = (read("Leptos.toml"), read("Cargo.toml"));
        let metadata = &cargo["workspace"]["metadata"]["leptos"][0];
        let options = options.as_object().unwrap();
        assert!(!options.is_empty());
        for (key, value) in options {
            assert_eq!(metadata[key.as_str()], *value, "{key}");
        }
        assert_eq!(options["site-addr"], Config::default().listen.to_string());
    }
}
