//! Configuration: defaults, then a TOML file, then `LANYARD_…` variables, then flags.
//!
//! Unknown keys are refused. Secrets may come from files (`…_file`). Nothing needs to be set:
//! without any configuration the server runs on loopback with SQLite under `./data`.

mod check;
mod limits;
mod providers;
mod proxies;
mod secret;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
use lanyard_domain::clock::{DAY, MINUTE, Millis};
use lanyard_oidc::jose::RsaBits;
use serde::{Deserialize, Serialize};

use self::secret::{is_secret, one_line};
pub use self::{
    limits::Limits,
    providers::{Smtp, SmtpTls, Twilio},
    proxies::Proxies,
    secret::Secret,
};

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

    /// The file of the sealing key.
    #[must_use]
    pub fn master_key(&self) -> PathBuf {
        let name = if self.demo { "demo.key" } else { "master.key" };
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_with_the_known_ones() {
        let error = Config::load(None, &serde_json::json!({"lisen": "127.0.0.1:1"})).unwrap_err().to_string();
        assert!(error.contains("lisen") && error.contains("listen"), "{error}");
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
