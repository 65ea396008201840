//! The public keys that an application may register for `private_key_jwt` (RFC 7523, 2.2): one rule for
//! an operator's form and for dynamic registration.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// The most keys of one application.
pub const MAX_KEYS: usize = 20;

/// Why a JWK set is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysProblem {
    /// Not JSON, or no JWK set (RFC 7517, 5).
    #[error("This is not a JWK set. Paste JSON such as {{\"keys\": [ … ]}}.")]
    NotASet,
    /// None, or more than [`MAX_KEYS`].
    #[error("The JWK set must hold 1 to {MAX_KEYS} keys.")]
    Count,
    /// The key at this place, from 1, cannot be used.
    #[error("Key {0}: {1}")]
    Key(usize, KeyProblem),
}

/// Why a key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Whoever sends us a private key has lost it.
    #[error("this is a private key. Never give it away: make a new one, and paste its public part only.")]
    Private,
    /// Its `use` is another one.
    #[error("it is not for signatures.")]
    Use,
    /// An RSA key below 2048 or above 8192 bits (A38).
    #[error("an RSA key must have 2048 bits or more.")]
    Weak,
    /// A point that is not on the curve for sure.
    #[error("its point is not complete.")]
    Point,
    /// Of another type or curve.
    #[error("only RSA keys and EC keys on P-256 can be used.")]
    Type,
    /// Its `alg` is none that we take, or not of its type.
    #[error("its alg does not fit. RSA keys take RS256 or PS256, EC keys ES256; leave alg out if you are not sure.")]
    Algorithm,
    /// Its `kid` is no text, or a long one.
    #[error("its kid must be a text of 1 to 200 characters.")]
    Name,
    /// Its `x5t` or `x5t#S256` is no thumbprint.
    #[error("its x5t must be a SHA-1 and its x5t#S256 a SHA-256 of the certificate, in base64url without =.")]
    Thumbprint,
    /// Which of the two would be meant?
    #[error("another key has the same kid.")]
    Twice,
    /// The same for a thumbprint.
    #[error("another key has the same x5t or x5t#S256.")]
    SameThumbprint,
}

/// The longest `kid`, in bytes.
const MAX_KID: usize = 200;

// What only a private key has (RFC 7518, 6.2.2, 6.3.2 and 6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Whether `text`, JSON or not, may hold a private key: then it is not shown again to whoever typed it, nor kept.
#[must_use]
pub fn may_be_private(text: &str) -> bool {
    text.contains("PRIVATE KEY") || PRIVATE.iter().any(|part| text.contains(&format!("\"{part}\"")))
}

/// The JWK set `value` (or one key, as a set of one) as it is kept: without anything that we do not
/// know.
///
/// # Errors
/// [`KeysProblem`] for the first thing that is wrong.
pub fn registrable(value: Value) -> Result<String, KeysProblem> {
    let keys = match value {
        Value::Object(mut set) => match set.remove("keys") {
            Some(Value::Array(keys)) => keys,
            None if set.contains_key("kty") => vec![Value::Object(set)],
            Some(_) | None => return Err(KeysProblem::NotASet),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(KeysProblem::NotASet);
        }
    };
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(KeysProblem::Count);
    }
    let mut kept: Vec<Value> = Vec::with_capacity(keys.len());
    let mut names = BTreeSet::new();
    for (at, key) in keys.iter().enumerate() {
        let key = key.as_object().ok_or(KeysProblem::NotASet)?;
        let problem = |problem| KeysProblem::Key(at + 1, problem);
        check(key).map_err(problem)?;
        for (member, twice) in
            [("kid", KeyProblem::Twice), ("x5t", KeyProblem::SameThumbprint), ("x5t#S256", KeyProblem::SameThumbprint)]
        {
            let name = key.get(member).and_then(Value::as_str);
            if name.is_some_and(|name| !names.insert((member, name.to_owned()))) {
                return Err(problem(twice));
            }
        }
        let known = ["kty", "kid", "use", "alg", "n", "e", "crv", "x", "y", "x5t", "x5t#S256"];
        let own = key.iter().filter(|(name, _)| known.contains(&name.as_str()));
        kept.push(Value::Object(own.map(|(name, value)| (name.clone(), value.clone())).collect()));
    }
    let set: Map<String, Value> = [("keys".to_owned(), Value::Array(kept))].into_iter().collect();
    Ok(Value::Object(set).to_string())
}

fn check(key: &Map<String, Value>) -> Result<(), KeyProblem> {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    if PRIVATE.iter().any(|part| key.contains_key(*part)) {
        return Err(KeyProblem::Private);
    }
    if key.get("use").is_some_and(|usage| usage != "sig") {
        return Err(KeyProblem::Use);
    }
    // A member that is there is what it should be, or the key would be passed over at each sign-in of the application.
    let absent_or =
        |name: &str, right: &dyn Fn(&str) -> bool| key.get(name).is_none_or(|value| value.as_str().is_some_and(right));
    let thumbprint = |name: &str, length: usize| {
        absent_or(name, &|text| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == length))
    };
    if !absent_or("kid", &|kid| (1..=MAX_KID).contains(&kid.len())) {
        return Err(KeyProblem::Name);
    }
    if !(thumbprint("x5t", 20) && thumbprint("x5t#S256", 32)) {
        return Err(KeyProblem::Thumbprint);
    }
    check_material(key)?;
    let algorithms: &[&str] = if text("kty") == "RSA" { &["RS256", "PS256"] } else { &["ES256"] };
    if absent_or("alg", &|alg| algorithms.contains(&alg)) { Ok(()) } else { Err(KeyProblem::Algorithm) }
}

fn check_material(key: &Map<String, Value>) -> Result<(), KeyProblem> {
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)).unwrap_or_default();
    match text("kty") {
        "RSA" => {
            let n = bytes("n");
            let zeros = n.iter().take_while(|byte| **byte == 0).count();
            if !(256..=1024).contains(&(n.len() - zeros)) || bytes("e").is_empty() {
                return Err(KeyProblem::Weak);
            }
            Ok(())
        }
        "EC" if text("crv") == "P-256" => {
            if bytes("x").len() == 32 && bytes("y").len() == 32 {
                Ok(())
            } else {
                Err(KeyProblem::Point)
            }
        }
        _ => Err(KeyProblem::Type),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"1","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}"#;

    fn key() -> Value {
        serde_json::from_str(KEY).unwrap()
    }

    #[test]
    fn a41_what_is_no_public_key_that_verifies_is_refused_for_its_own_reason() {
        let with = |name: &str, value: Value| {
            let mut changed = key();
            changed[name] = value;
            registrable(changed).unwrap_err()
        };
        assert!(!may_be_private(KEY) && may_be_private("-----BEGIN PRIVATE KEY-----") && may_be_private(r#"{"d": "#));
        for part in PRIVATE {
            assert_eq!(with(part, json!("AQAB")), KeysProblem::Key(1, KeyProblem::Private), "{part}");
        }
        assert_eq!(with("use", json!("enc")), KeysProblem::Key(1, KeyProblem::Use));
        assert_eq!(with("x", json!("AA")), KeysProblem::Key(1, KeyProblem::Point));
        assert_eq!(with("crv", json!("P-384")), KeysProblem::Key(1, KeyProblem::Type));
        let rsa = |n: String| json!({"kty": "RSA", "e": "AQAB", "n": n});
        // 127 bytes; 258 bytes of zeros; 256 bytes of which the first is a zero.
        for weak in ["A".repeat(170), "A".repeat(344), format!("AP{}", "_".repeat(340))] {
            assert_eq!(registrable(rsa(weak)).unwrap_err(), KeysProblem::Key(1, KeyProblem::Weak));
        }
        assert!(registrable(rsa("_".repeat(342))).is_err(), "the last letter has bits that mean nothing");
        assert!(registrable(rsa(format!("{}w", "_".repeat(341)))).is_ok());
    }

    #[test]
    fn a41_names_algorithms_and_thumbprints_are_checked_when_a_key_is_registered() {
        let with = |name: &str, value: Value| {
            let mut changed = key();
            changed[name] = value;
            registrable(changed)
        };
        let refused = |problem| Err(KeysProblem::Key(1, problem));
        for kid in [json!(1), json!(null), json!(""), json!("k".repeat(MAX_KID + 1))] {
            assert_eq!(with("kid", kid), refused(KeyProblem::Name));
        }
        for alg in [json!("RS256"), json!("ES384"), json!("none"), json!("HS256"), json!(256)] {
            assert_eq!(with("alg", alg), refused(KeyProblem::Algorithm));
        }
        for usage in [json!(""), json!(["sig"])] {
            assert_eq!(with("use", usage), refused(KeyProblem::Use));
        }
        let (sha1, sha256) = (URL_SAFE_NO_PAD.encode([7; 20]), URL_SAFE_NO_PAD.encode([7; 32]));
        for (name, value) in [
            ("x5t", json!(sha256)),
            ("x5t", json!(format!("{sha1}="))),
            ("x5t", json!("07:07:07")),
            ("x5t", json!(7)),
            ("x5t#S256", json!(sha1)),
            ("x5t#S256", json!("+/+/")),
        ] {
            assert_eq!(with(name, value), refused(KeyProblem::Thumbprint), "{name}");
        }
        for (name, value) in [("alg", json!("ES256")), ("x5t", json!(sha1)), ("x5t#S256", json!(sha256))] {
            assert!(with(name, value).is_ok(), "{name}");
        }
        let rsa = |alg: &str| json!({"kty": "RSA", "e": "AQAB", "n": format!("{}w", "_".repeat(341)), "alg": alg});
        assert!(registrable(rsa("RS256")).is_ok() && registrable(rsa("PS256")).is_ok());
        assert_eq!(registrable(rsa("ES256")), refused(KeyProblem::Algorithm));
        for (name, value) in [("x5t", sha1), ("x5t#S256", sha256)] {
            let (mut one, mut two) = (key(), key());
            (one[name], two[name], two["kid"]) = (json!(value), json!(value), json!("2"));
            assert_eq!(
                registrable(json!({"keys": [one, two]})),
                Err(KeysProblem::Key(2, KeyProblem::SameThumbprint)),
                "{name}: which of the two would be meant?"
            );
        }
    }

    #[test]
    fn a41_sets_are_of_1_to_20_keys_each_kid_once_and_nothing_unknown_is_kept() {
        assert_eq!(registrable(json!({"keys": [key(), key()]})), Err(KeysProblem::Key(2, KeyProblem::Twice)));
        let mut unnamed = key();
        unnamed.as_object_mut().unwrap().remove("kid");
        let many = |count| registrable(json!({"keys": vec![unnamed.clone(); count]}));
        assert!(many(MAX_KEYS).is_ok());
        assert_eq!((many(0), many(MAX_KEYS + 1)), (Err(KeysProblem::Count), Err(KeysProblem::Count)));
        for bad in [json!(null), json!([1]), json!({"keys": 1}), json!({"keys": [1]}), json!({}), json!("x")] {
            assert_eq!(registrable(bad), Err(KeysProblem::NotASet));
        }
        let mut more = key();
        more["x5u"] = json!("https://evil.example");
        let kept: Value = serde_json::from_str(&registrable(more).unwrap()).unwrap();
        assert_eq!(kept, json!({"keys": [key()]}));
    }
}
