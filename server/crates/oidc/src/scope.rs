//! Scopes: what an application may ask for, and what it is told it got.
//!
//! RFC 6749, 3.3 (form), OpenID Connect Core, 5.4 and 3.1.2.1 (a scope that is not understood is
//! ignored). A scope of a web API (it has a `:` or `/`) that is not registered is refused instead,
//! as B2C does: the application would get a token that its API cannot accept. MSAL looks tokens up
//! by the scopes in the answer, so they are repeated as asked and in that order.

use lanyard_domain::application::Application;

use crate::error::{Code, OAuthError, Refusal};

/// The scopes that everybody may ask for; discovery lists exactly these.
pub const SUPPORTED: [&str; 4] = [OPENID, PROFILE, EMAIL, OFFLINE_ACCESS];
/// Makes a request an OpenID Connect one.
pub const OPENID: &str = "openid";
/// The names of a person.
pub const PROFILE: &str = "profile";
/// The address of a person.
pub const EMAIL: &str = "email";
/// A refresh token.
pub const OFFLINE_ACCESS: &str = "offline_access";

// The longest scope parameter, in bytes.
const MAX_LEN: usize = 1_000;

/// Checks the `scope` of an authorization request and gives what is granted, as a scope string.
///
/// # Errors
/// `invalid_scope` when it is malformed, lacks `openid` or names an unknown web API;
/// `invalid_request` when it is missing.
pub fn grant(requested: Option<&str>, application: &Application) -> Result<String, Refusal> {
    let invalid = |text| Err(Refusal::new(OAuthError::InvalidScope, Code::Scope, text));
    let Some(requested) = requested else {
        return Err(Refusal::new(OAuthError::InvalidRequest, Code::NoScope, "The request has no scope."));
    };
    if requested.len() > MAX_LEN || !requested.bytes().all(is_scope_byte) {
        return invalid("The scope is too long or holds a character that is not allowed.");
    }
    let own = application.id.to_string();
    let mut granted: Vec<&str> = Vec::new();
    for scope in requested.split(' ').filter(|scope| !scope.is_empty()) {
        let known = SUPPORTED.contains(&scope) || scope == own;
        if !known && scope.contains([':', '/']) {
            return invalid("The scope names a web API that is not registered for this application.");
        }
        if known && !granted.contains(&scope) {
            granted.push(scope);
        }
    }
    if !granted.contains(&OPENID) {
        return invalid("The scope must hold openid.");
    }
    Ok(granted.join(" "))
}

/// The scope of a refreshed token: what was granted, or less (RFC 6749, 6; failure 36).
///
/// Words that would not have been granted in the first place are ignored here too, so that a
/// client may repeat its first request; a known scope that was not granted is refused.
///
/// # Errors
/// `invalid_scope`.
pub fn narrow(granted: &str, requested: Option<&str>, application: &Application) -> Result<String, Refusal> {
    let Some(requested) = requested else { return Ok(granted.to_owned()) };
    // A refresh without `openid` is allowed: RFC 6749 lets the client ask for less.
    let with_openid = format!("{OPENID} {requested}");
    let known = grant(Some(&with_openid), application)?;
    let wanted: Vec<&str> = known.split(' ').filter(|scope| *scope != OPENID || contains(requested, OPENID)).collect();
    match wanted.iter().all(|scope| contains(granted, scope)) {
        true if wanted.is_empty() => Ok(granted.to_owned()),
        true => Ok(wanted.join(" ")),
        false => Err(Refusal::new(OAuthError::InvalidScope, Code::Scope, "The scope goes beyond what was granted.")),
    }
}

/// Whether the scope string `scopes` holds `scope`.
#[must_use]
pub fn contains(scopes: &str, scope: &str) -> bool {
    scopes.split(' ').any(|s| s == scope)
}

// scope-token of RFC 6749, 3.3, and the space between.
const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, b' ' | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests {
    use lanyard_domain::application::ApplicationKind::Web;
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures;

    #[test]
    fn oidcc_scopes_are_repeated_as_asked_and_unknown_words_ignored() {
        let app = fixtures::application(Web);
        let own = format!("{} openid", app.id);
        for (asked, got) in [
            ("openid", "openid"),
            ("offline_access profile openid", "offline_access profile openid"),
            ("openid openid", "openid"),
            ("openid groups", "openid"),
            (own.as_str(), own.as_str()),
        ] {
            assert_eq!(grant(Some(asked), &app).as_deref(), Ok(got));
        }
        for bad in ["profile", "OPENID", "openid \u{7}", "openid é", "openid https://api.example/read", "openid \"x\""]
        {
            assert_eq!(grant(Some(bad), &app).unwrap_err().error, OAuthError::InvalidScope, "{bad}");
        }
        assert_eq!(grant(None, &app).unwrap_err().code, Code::NoScope);
        assert!(grant(Some(&"openid ".repeat(1_000)), &app).is_err());
    }

    #[test]
    fn f36_refresh_cannot_widen_the_scope() {
        let app = fixtures::application(Web);
        assert_eq!(narrow("openid email", None, &app).as_deref(), Ok("openid email"));
        assert_eq!(narrow("openid email", Some("openid"), &app).as_deref(), Ok("openid"));
        assert_eq!(narrow("openid email", Some("email"), &app).as_deref(), Ok("email"));
        assert!(narrow("openid email", Some("openid offline_access"), &app).is_err());
        assert!(narrow("openid email", Some("https://api.example/read"), &app).is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_asked_only_supported_scopes_are_granted(asked in ".{0,80}") {
            let app = fixtures::application(Web);
            if let Ok(granted) = grant(Some(&format!("openid {asked}")), &app) {
                prop_assert!(granted.split(' ').all(|s| SUPPORTED.contains(&s) || s == app.id.to_string()));
            }
        }
    }
}
