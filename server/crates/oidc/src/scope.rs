//! Scopes: what an application may ask for, and what it is told it got.
//!
//! RFC 6749, 3.3 (form), OpenID Connect Core, 5.4 and 3.1.2.1 (a scope that is not understood is
//! ignored). A scope of a web API (it has a `:` or `/`) that is not registered is refused instead,
//! as B2C does: the application would get a token that its API cannot accept. MSAL looks tokens up
//! by the scopes in the answer, so they are repeated as asked and in that order.

use lanyard_domain::application::{Application, ApplicationKind};

use crate::error::{Code, OAuthError, Refusal};

/// The scopes that everybody may ask for; discovery lists exactly these.
pub const SUPPORTED: [&str; 5] = [OPENID, PROFILE, EMAIL, ADDRESS, OFFLINE_ACCESS];
/// Makes a request an OpenID Connect one.
pub const OPENID: &str = "openid";
/// The names of a person.
pub const PROFILE: &str = "profile";
/// The address of a person.
pub const EMAIL: &str = "email";
/// Where a person lives.
pub const ADDRESS: &str = "address";
/// A refresh token.
pub const OFFLINE_ACCESS: &str = "offline_access";
/// What the client credentials grant asks of a web API: all that the application may do there.
pub const DEFAULT: &str = ".default";

/// The claim of access tokens that lists scopes by their short names, separated by spaces.
pub const CLAIM: &str = "scp";

// The longest scope parameter, in bytes.
const MAX_LEN: usize = 1_000;

/// What an application may ask for: the scopes of OpenID Connect, itself, and the scopes of the
/// web APIs that it was given permission for.
#[derive(Debug, Clone, Copy)]
pub struct Scopes<'a> {
    application: &'a Application,
    apis: &'a [Application],
}

impl<'a> Scopes<'a> {
    /// The scopes of `application`; `apis` are the web APIs that its permissions name. Others, or
    /// what is no web API of the same tenant any more, are not looked at.
    #[must_use]
    pub const fn new(application: &'a Application, apis: &'a [Application]) -> Self {
        Self { application, apis }
    }

    // The web APIs that may be called, with the short names of what may be asked of each: what the
    // application was permitted and the web API still exposes.
    fn permitted(self) -> impl Iterator<Item = (&'a Application, &'a str, Vec<&'a str>)> {
        self.application.settings.permissions.iter().filter_map(move |permission| {
            let api = self.apis.iter().find(|api| api.id == permission.api)?;
            let usable = api.kind == ApplicationKind::WebApi && api.tenant == self.application.tenant;
            let uri = api.settings.app_id_uri.as_deref().filter(|_| usable)?;
            let exposed = |name: &&String| api.settings.scopes.iter().any(|scope| scope.name == **name);
            let names = permission.scopes.iter().filter(exposed).map(String::as_str).collect();
            Some((api, uri.trim_end_matches('/'), names))
        })
    }

    // The web API that `scope`, fully qualified, is of, and its short name there.
    fn resolve(self, scope: &str) -> Option<(&'a Application, &'a str)> {
        self.permitted().find_map(|(api, uri, names)| {
            let short = scope.strip_prefix(uri)?.strip_prefix('/')?;
            names.into_iter().find(|name| *name == short).map(|name| (api, name))
        })
    }

    fn is_plain(self, scope: &str) -> bool {
        SUPPORTED.contains(&scope) || scope == self.application.id.to_string()
    }

    /// The web API that a token with the scope string `granted` is for, and the short names of
    /// its scopes, separated by spaces; `None`: it is for the application itself.
    #[must_use]
    pub fn target(self, granted: &str) -> Option<(&'a Application, String)> {
        let all: Vec<_> = granted.split(' ').filter_map(|scope| self.resolve(scope)).collect();
        let api = all.first()?.0;
        let names: Vec<&str> = all.iter().filter(|(other, _)| other.id == api.id).map(|(_, name)| *name).collect();
        Some((api, names.join(" ")))
    }

    /// What of `granted` may still be given out: a permission that was withdrawn since, or a scope
    /// that the web API exposes no more, goes.
    #[must_use]
    pub fn still(self, granted: &str) -> String {
        let stands = |scope: &&str| self.is_plain(scope) || self.resolve(scope).is_some();
        granted.split(' ').filter(stands).collect::<Vec<_>>().join(" ")
    }

    /// What of `names`, short names of scopes at the web API of this id, may still be used.
    #[must_use]
    pub fn still_at(self, api: &str, names: &str) -> String {
        let of_api = self.permitted().filter(|(known, _, _)| known.id.to_string() == api);
        let allowed: Vec<&str> = of_api.flat_map(|(_, _, names)| names).collect();
        names.split(' ').filter(|name| allowed.contains(name)).collect::<Vec<_>>().join(" ")
    }

    /// The application itself.
    #[must_use]
    pub const fn application(self) -> &'a Application {
        self.application
    }

    /// The web API that a client credentials request asks for by `{app_id_uri}/.default`
    /// (`wire.md`), and the names of what the application may do there.
    ///
    /// # Errors
    /// `invalid_scope` unless exactly one web API, which the application may call, is named so.
    pub fn whole_api(self, requested: Option<&str>) -> Result<(&'a Application, Vec<&'a str>), Refusal> {
        let requested =
            requested.ok_or(Refusal::new(OAuthError::InvalidRequest, Code::NoScope, "The request has no scope."))?;
        let named = requested.strip_suffix(DEFAULT).and_then(|uri| uri.strip_suffix('/'));
        let found = named.and_then(|named| self.permitted().find(|(_, uri, _)| *uri == named));
        match found {
            Some((api, _, names)) if !names.is_empty() => Ok((api, names)),
            Some(_) | None => invalid(
                Code::Scope,
                "The scope must be the App ID URI of one web API that the application may call, with /.default.",
            ),
        }
    }
}

fn invalid<T>(code: Code, text: &'static str) -> Result<T, Refusal> {
    Err(Refusal::new(OAuthError::InvalidScope, code, text))
}

/// Checks the `scope` of an authorization request and gives what is granted, as a scope string.
/// One access token is for one web API, so a request names one at most (as in B2C).
///
/// # Errors
/// `invalid_scope` when it is malformed, lacks `openid`, names a web API that the application may
/// not call, or names two; `invalid_request` when it is missing.
pub fn grant(requested: Option<&str>, scopes: Scopes<'_>) -> Result<String, Refusal> {
    let Some(requested) = requested else {
        return Err(Refusal::new(OAuthError::InvalidRequest, Code::NoScope, "The request has no scope."));
    };
    if requested.len() > MAX_LEN || !requested.bytes().all(is_scope_byte) {
        return invalid(Code::Scope, "The scope is too long or holds a character that is not allowed.");
    }
    let mut granted: Vec<&str> = Vec::new();
    let mut api = None;
    for scope in requested.split(' ').filter(|scope| !scope.is_empty()) {
        let of_api = scopes.resolve(scope).map(|(api, _)| api.id);
        let known = of_api.is_some() || scopes.is_plain(scope);
        if !known && scope.contains([':', '/']) {
            return invalid(Code::Scope, "The scope names a web API that is not registered for this application.");
        }
        if of_api.is_some() && api.is_some() && api != of_api {
            return invalid(Code::TwoApis, "The scope names two web APIs; ask for one at a time.");
        }
        api = api.or(of_api);
        if known && !granted.contains(&scope) {
            granted.push(scope);
        }
    }
    if !granted.contains(&OPENID) {
        return invalid(Code::Scope, "The scope must hold openid.");
    }
    Ok(granted.join(" "))
}

/// The scope of a refreshed token: what was granted and still stands, or less (RFC 6749, 6;
/// failure 36).
///
/// Words that would not have been granted in the first place are ignored here too, so that a
/// client may repeat its first request; a known scope that was not granted is refused.
///
/// # Errors
/// `invalid_scope`.
pub fn narrow(granted: &str, requested: Option<&str>, scopes: Scopes<'_>) -> Result<String, Refusal> {
    let stands = scopes.still(granted);
    let Some(requested) = requested else { return Ok(stands) };
    // A refresh without `openid` is allowed: RFC 6749 lets the client ask for less.
    let with_openid = format!("{OPENID} {requested}");
    let known = grant(Some(&with_openid), scopes)?;
    let wanted: Vec<&str> = known.split(' ').filter(|scope| *scope != OPENID || contains(requested, OPENID)).collect();
    match wanted.iter().all(|scope| contains(&stands, scope)) {
        true if wanted.is_empty() => Ok(stands),
        true => Ok(wanted.join(" ")),
        false => invalid(Code::Scope, "The scope goes beyond what was granted."),
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
    use lanyard_domain::application::{
        ApiPermission, ApiScope,
        ApplicationKind::{Web, WebApi},
    };
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
            assert_eq!(grant(Some(asked), Scopes::new(&app, &[])).as_deref(), Ok(got));
        }
        for bad in ["profile", "OPENID", "openid \u{7}", "openid é", "openid https://api.example/read", "openid \"x\""]
        {
            assert_eq!(grant(Some(bad), Scopes::new(&app, &[])).unwrap_err().error, OAuthError::InvalidScope, "{bad}");
        }
        assert_eq!(grant(None, Scopes::new(&app, &[])).unwrap_err().code, Code::NoScope);
        assert!(grant(Some(&"openid ".repeat(1_000)), Scopes::new(&app, &[])).is_err());
    }

    #[test]
    fn f36_refresh_cannot_widen_the_scope() {
        let app = fixtures::application(Web);
        assert_eq!(narrow("openid email", None, Scopes::new(&app, &[])).as_deref(), Ok("openid email"));
        assert_eq!(narrow("openid email", Some("openid"), Scopes::new(&app, &[])).as_deref(), Ok("openid"));
        assert_eq!(narrow("openid email", Some("email"), Scopes::new(&app, &[])).as_deref(), Ok("email"));
        assert!(narrow("openid email", Some("openid offline_access"), Scopes::new(&app, &[])).is_err());
        assert!(narrow("openid email", Some("https://api.example/read"), Scopes::new(&app, &[])).is_err());
    }

    // A web API under `uri` with the scopes `read` and `write`.
    fn api(n: u128, uri: &str) -> Application {
        let mut api = fixtures::application(WebApi);
        api.id = lanyard_domain::id::Id::from_uuid(uuid::Uuid::from_u128(n));
        api.settings.app_id_uri = Some(uri.into());
        let scope = |name: &str| ApiScope { name: name.into(), description: String::new() };
        api.settings.scopes = vec![scope("read"), scope("write")];
        api
    }

    fn permitted(apis: &[Application], names: &[&str]) -> Application {
        let mut app = fixtures::application(Web);
        let scopes: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        app.settings.permissions =
            apis.iter().map(|api| ApiPermission { api: api.id, scopes: scopes.clone() }).collect();
        app
    }

    #[test]
    fn a_web_apis_scopes_are_asked_for_by_their_full_name() {
        let apis = [api(1, "https://contoso.example/api/"), api(2, "api://two")];
        let app = permitted(&apis, &["read", "gone"]);
        let scopes = Scopes::new(&app, &apis);
        let asked = "https://contoso.example/api/read openid offline_access";
        assert_eq!(grant(Some(asked), scopes).as_deref(), Ok(asked), "as asked, in that order");
        let (target, names) = scopes.target(asked).unwrap();
        assert_eq!((target.id, names.as_str()), (apis[0].id, "read"));
        assert!(scopes.target("openid").is_none());
        for bad in [
            "openid https://contoso.example/api/write", // exposed, not permitted
            "openid api://two/gone",                    // permitted, not exposed
            "openid api://two/.default",
            "openid api://two",
            "openid api://two/",
            "openid api://two//read",
            "openid https://contoso.example/api/read/",
            "openid https://contoso.example/API/read",
        ] {
            assert_eq!(grant(Some(bad), scopes).unwrap_err().error, OAuthError::InvalidScope, "{bad}");
        }
        let two = grant(Some("openid api://two/read https://contoso.example/api/read"), scopes).unwrap_err();
        assert_eq!(two.code, Code::TwoApis);
    }

    #[test]
    fn what_was_withdrawn_is_given_out_no_more() {
        let apis = [api(1, "api://one")];
        let (app, none) = (permitted(&apis, &["read"]), permitted(&[], &[]));
        let granted = "api://one/read openid";
        assert_eq!(narrow(granted, None, Scopes::new(&app, &apis)).as_deref(), Ok(granted));
        assert_eq!(narrow(granted, Some("api://one/read"), Scopes::new(&app, &apis)).as_deref(), Ok("api://one/read"));
        assert_eq!(narrow(granted, None, Scopes::new(&none, &apis)).as_deref(), Ok("openid"));
        assert!(narrow(granted, Some(granted), Scopes::new(&none, &apis)).is_err());
        assert!(narrow("openid", Some(granted), Scopes::new(&app, &apis)).is_err(), "f36");
        let mut foreign = apis.clone();
        foreign[0].tenant = lanyard_domain::id::Id::from_uuid(uuid::Uuid::from_u128(9));
        assert!(grant(Some(granted), Scopes::new(&app, &foreign)).is_err(), "a25: of another tenant");
        foreign = apis.clone();
        foreign[0].kind = Web;
        assert!(grant(Some(granted), Scopes::new(&app, &foreign)).is_err(), "no web API");
    }

    #[test]
    fn client_credentials_ask_for_one_whole_api() {
        let apis = [api(1, "api://one"), api(2, "api://two")];
        let app = permitted(&apis[..1], &["read", "write"]);
        let scopes = Scopes::new(&app, &apis);
        assert_eq!(
            scopes.whole_api(Some("api://one/.default")).map(|(api, n)| (api.id, n)),
            Ok((apis[0].id, vec!["read", "write"]))
        );
        for bad in
            ["api://two/.default", "api://one/read", ".default", "/.default", "api://one/.default openid", "openid"]
        {
            assert_eq!(scopes.whole_api(Some(bad)).unwrap_err().error, OAuthError::InvalidScope, "{bad}");
        }
        assert_eq!(scopes.whole_api(None).unwrap_err().code, Code::NoScope);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_only_supported_scopes_are_granted(asked in ".{0,80}") {
            let app = fixtures::application(Web);
            if let Ok(granted) = grant(Some(&format!("openid {asked}")), Scopes::new(&app, &[])) {
                prop_assert!(granted.split(' ').all(|s| SUPPORTED.contains(&s) || s == app.id.to_string()));
            }
        }
    }
}
