//! Secrets of the configuration: where they may come from, and that nothing prints them.
//!
//! A value may stand in a file of its own (`…_file`); neither what is shown of a configuration nor an error
//! about it says what stands at a secret's place (C5).

use std::path::Path;

use figment::error::Kind;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError};

/// Keys whose values are never printed, and are taken as they stand where they come from a variable.
const SECRET: [&str; 3] = ["password", "auth_token", "database_url"];

// Sections with a secret in them: what stands in their place is a whole URL, perhaps, with a password in it.
const WITH_SECRETS: [&str; 4] = ["smtp", "second_smtp", "twilio", "second_twilio"];

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

impl Config {
    pub(super) fn with_secrets_from_files(mut self) -> Result<Self, ConfigError> {
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

pub(super) fn is_secret(key: &str) -> bool {
    key.rsplit('.').next().is_some_and(|last| SECRET.contains(&last))
}

// What is wrong, in one line, and never what stands at a secret's place (C5): neither its value nor, in a file that
// cannot be read, the line that it stands in.
pub(super) fn one_line(error: figment::Error) -> String {
    let lines = error.into_iter().map(|error| {
        let key = error.path.join(".");
        if is_secret(&key) {
            return format!("{key}: must be text in quotes");
        }
        if WITH_SECRETS.contains(&key.as_str()) && matches!(error.kind, Kind::InvalidType(..) | Kind::InvalidValue(..))
        {
            return format!("{key}: must be a section of keys");
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
    use figment::{
        Figment,
        providers::{Format as _, Toml},
    };

    use super::*;

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
            ("smtp = \"smtp://user:7340912@mail.example\"\n", "smtp: must be a section"),
            ("second_twilio = 7340912\n", "second_twilio: must be a section"),
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
    fn secrets_are_never_printed() {
        let config = Config::load(None, &serde_json::json!({"database_url": "sqlite:hidden-name"})).unwrap();
        assert!(!format!("{config:?}").contains("hidden-name"));
        assert!(!serde_json::to_string(&config).unwrap().contains("hidden-name"));
    }
}
