//! Addresses: every URL form of `wire.md`, from a path to what it means and back.
//!
//! ```text
//! /{tenant}/{flow}/…        /tfp/{tenant}/{flow}/…        /{tenant}/…?p={flow}
//! ```
//! Case does not matter and empty segments (`//`) are skipped. Every URL we hand out derives from
//! one configured public origin, never from a `Host` header, and carries the flow's lower-case
//! name, because MSAL rewrites it case-sensitively.

pub use lanyard_domain::user_flow::IssuerMode;
use lanyard_domain::{
    id::Id,
    tenant::{Tenant, TenantDomain},
    user_flow::FlowName,
};
use url::Url;
use uuid::Uuid;

use crate::params::Params;

/// The origin that the world sees: scheme, host and port, without a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicOrigin(String);

/// The text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be scheme, host and port only, such as https://login.clinic.example")]
pub struct InvalidOrigin;

impl PublicOrigin {
    /// Checks `input`: `http` or `https`, a host, and nothing behind it but one `/`.
    ///
    /// # Errors
    /// [`InvalidOrigin`].
    pub fn parse(input: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(input.trim()).map_err(|_| InvalidOrigin)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        let origin = url.origin();
        if bare && anonymous && origin.is_tuple() && matches!(url.scheme(), "http" | "https") {
            Ok(Self(origin.ascii_serialization()))
        } else {
            Err(InvalidOrigin)
        }
    }

    /// The origin without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a URL names the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TenantRef {
    /// By its domain.
    Domain(TenantDomain),
    /// By its id.
    Guid(Id<Tenant>),
}

impl TenantRef {
    /// Reads a path segment.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Only the plain hyphenated form: the parser below would also take `urn:uuid:` and braces.
        if text.len() == 36
            && let Ok(guid) = Uuid::try_parse(text)
        {
            return Some(Self::Guid(Id::from_uuid(guid)));
        }
        // `parse` trims; a path segment with spaces around it is no tenant.
        TenantDomain::parse(text).ok().filter(|domain| domain.as_str().len() == text.len()).map(Self::Domain)
    }

    /// The segment as it stands in URLs, in lower case.
    #[must_use]
    pub fn segment(&self) -> String {
        match self {
            Self::Domain(domain) => domain.as_str().to_owned(),
            Self::Guid(id) => id.to_string(),
        }
    }
}

/// Which of the three forms a URL has. The metadata answers in the caller's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UrlForm {
    /// `/{tenant}/{flow}/…`
    Plain,
    /// `/tfp/{tenant}/{flow}/…`
    Tfp,
    /// `/{tenant}/…?p={flow}`
    Query,
}

/// An endpoint of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// OpenID Connect Discovery, 4.
    Discovery,
    /// RFC 6749, 3.1.
    Authorize,
    /// RFC 6749, 3.2.
    Token,
    /// OpenID Connect RP-Initiated Logout.
    Logout,
    /// The JWK set (RFC 7517, 5).
    Keys,
    /// OpenID Connect Core, 5.3.
    UserInfo,
    /// RFC 7009, 2.
    Revocation,
    /// RFC 7662, 2.
    Introspection,
    /// RFC 9126, 2.
    PushedRequest,
    /// RFC 8628, 3.1.
    DeviceAuthorization,
    /// The page where a person types a user code (RFC 8628, 3.3).
    Device,
    /// RFC 7591, 3, and what a client registered (RFC 7592, 2).
    Registration,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 12] = [
        Self::Discovery,
        Self::Authorize,
        Self::Token,
        Self::Logout,
        Self::Keys,
        Self::UserInfo,
        Self::Revocation,
        Self::Introspection,
        Self::PushedRequest,
        Self::DeviceAuthorization,
        Self::Device,
        Self::Registration,
    ];

    /// The part of the path behind the flow.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Discovery => "v2.0/.well-known/openid-configuration",
            Self::Authorize => "oauth2/v2.0/authorize",
            Self::Token => "oauth2/v2.0/token",
            Self::Logout => "oauth2/v2.0/logout",
            Self::Keys => "discovery/v2.0/keys",
            Self::UserInfo => "openid/v2.0/userinfo",
            Self::Revocation => "oauth2/v2.0/revoke",
            Self::Introspection => "oauth2/v2.0/introspect",
            Self::PushedRequest => "oauth2/v2.0/par",
            Self::DeviceAuthorization => "oauth2/v2.0/devicecode",
            Self::Device => "device",
            Self::Registration => "oauth2/v2.0/register",
        }
    }

    fn parse(segments: &[String]) -> Option<Self> {
        let path = segments.join("/");
        if path == ".well-known/openid-configuration" {
            return Some(Self::Discovery);
        }
        Self::ALL.into_iter().find(|endpoint| endpoint.path() == path)
    }
}

/// What a URL means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    /// The tenant, as the caller named it.
    pub tenant: TenantRef,
    /// The flow's key (its name in lower case).
    pub flow: String,
    /// Which form the caller used.
    pub form: UrlForm,
    /// The endpoint.
    pub endpoint: Endpoint,
}

impl Route {
    /// Reads the path (and for the third form the query, without `?`) of a request.
    ///
    /// `None` means 404: no tenant, no flow name, or no endpoint of ours.
    #[must_use]
    pub fn parse(path: &str, query: Option<&str>) -> Option<Self> {
        if path.len() > 400 {
            return None;
        }
        let segments: Vec<String> =
            path.split('/').filter(|segment| !segment.is_empty()).map(str::to_ascii_lowercase).collect();
        let (form, rest) = match segments.split_first() {
            Some((first, rest)) if first == "tfp" => (UrlForm::Tfp, rest),
            Some(_) => (UrlForm::Plain, segments.as_slice()),
            None => return None,
        };
        let (tenant, rest) = rest.split_first()?;
        let tenant = TenantRef::parse(tenant)?;
        if let Some((flow, rest)) = rest.split_first()
            && let Some(endpoint) = Endpoint::parse(rest)
            && let Some(flow) = flow_key(flow)
        {
            return Some(Self { tenant, flow, form, endpoint });
        }
        if form == UrlForm::Tfp {
            return None;
        }
        let endpoint = Endpoint::parse(rest)?;
        let params = Params::parse(query?.as_bytes()).ok()?;
        let flow = flow_key(params.get("p")?)?;
        Some(Self { tenant, flow, form: UrlForm::Query, endpoint })
    }

    /// The URL of `endpoint` of the same flow in the form the caller used.
    #[must_use]
    pub fn url(&self, origin: &PublicOrigin, endpoint: Endpoint) -> String {
        let (origin, tenant, flow, path) = (origin.as_str(), self.tenant.segment(), &self.flow, endpoint.path());
        match self.form {
            UrlForm::Plain => format!("{origin}/{tenant}/{flow}/{path}"),
            UrlForm::Tfp => format!("{origin}/tfp/{tenant}/{flow}/{path}"),
            UrlForm::Query => format!("{origin}/{tenant}/{path}?p={flow}"),
        }
    }
}

// A name with spaces around it is trimmed by `FlowName`, but is no path segment of ours.
fn flow_key(text: &str) -> Option<String> {
    FlowName::parse(text).ok().filter(|name| name.as_str().len() == text.len()).map(|name| name.key())
}

/// The issuer (`iss`) of a flow: always the tenant's GUID and the flow's lower-case name,
/// whatever form the caller used.
#[must_use]
pub fn issuer(origin: &PublicOrigin, tenant: Id<Tenant>, flow_key: &str, mode: IssuerMode) -> String {
    let origin = origin.as_str();
    match mode {
        IssuerMode::Flow => format!("{origin}/tfp/{tenant}/{flow_key}/v2.0/"),
        IssuerMode::Tenant => format!("{origin}/{tenant}/v2.0/"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn origin() -> PublicOrigin {
        PublicOrigin::parse("https://login.example:8443/").unwrap()
    }

    #[test]
    fn all_forms_in_any_case_lead_to_the_same_flow() {
        let (tenant, flow) = ("clinic.example", "b2c_1_susi");
        for (path, query, form) in [
            ("/clinic.example/b2c_1_susi/oauth2/v2.0/token", None, UrlForm::Plain),
            ("/Clinic.Example/B2C_1_SuSi/OAuth2/V2.0/Token", None, UrlForm::Plain),
            ("//clinic.example//b2c_1_susi/oauth2//v2.0/token/", None, UrlForm::Plain),
            ("/TFP/clinic.example/B2C_1_susi/oauth2/v2.0/token", None, UrlForm::Tfp),
            ("/clinic.example/oauth2/v2.0/token", Some("x=1&p=B2C_1_SUSI"), UrlForm::Query),
        ] {
            let route = Route::parse(path, query).expect(path);
            assert_eq!((route.tenant.segment().as_str(), route.flow.as_str()), (tenant, flow), "{path}");
            assert_eq!((route.form, route.endpoint), (form, Endpoint::Token), "{path}");
        }
        let by_guid = Route::parse(&format!("/{}/x/discovery/v2.0/keys", GUID.to_uppercase()), None).unwrap();
        assert_eq!(by_guid.tenant.segment(), GUID);
    }

    #[test]
    fn discovery_is_found_with_and_without_the_version() {
        for path in [
            "/clinic.example/f/v2.0/.well-known/openid-configuration",
            "/clinic.example/f/.well-known/openid-configuration",
            "/tfp/clinic.example/f/v2.0//.well-known/openid-configuration",
        ] {
            assert_eq!(Route::parse(path, None).expect(path).endpoint, Endpoint::Discovery);
        }
    }

    #[test]
    fn f39_odd_paths_are_nobodys() {
        for path in [
            "",
            "/",
            "/tfp",
            "/clinic.example",
            "/clinic.example/f",
            "/clinic.example/oauth2/v2.0/token",
            "/clinic/f/oauth2/v2.0/token",
            "/clinic.example/../f/oauth2/v2.0/token",
            "/clinic.example/f/..;/oauth2/v2.0/token",
            "/clinic.example/f/oauth2/v2.0/token/x",
            "/clinic.example/a%20b/oauth2/v2.0/token",
            "/tfp/clinic.example/oauth2/v2.0/token",
            "/ clinic.example/f/oauth2/v2.0/token",
            "/clinic.example/f /oauth2/v2.0/token",
        ] {
            assert_eq!(Route::parse(path, None), None, "{path}");
        }
        assert_eq!(Route::parse("/tfp/clinic.example/oauth2/v2.0/token", Some("p=f")), None);
        assert_eq!(Route::parse("/clinic.example/oauth2/v2.0/token", Some("p=f&p=g")), None, "two flows");
        assert_eq!(Route::parse(&format!("/clinic.example/{}/x", "f".repeat(500)), None), None);
    }

    #[test]
    fn the_issuers_own_address_is_its_discovery_document() {
        let issuer = issuer(&origin(), GUID.parse().unwrap(), "susi", IssuerMode::Flow);
        assert_eq!(issuer, format!("https://login.example:8443/tfp/{GUID}/susi/v2.0/"));
        let path = format!("{}.well-known/openid-configuration", issuer.strip_prefix(origin().as_str()).unwrap());
        let route = Route::parse(&path, None).unwrap();
        assert_eq!((route.endpoint, route.flow.as_str()), (Endpoint::Discovery, "susi"));
    }

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(PublicOrigin::parse("HTTPS://Login.Example:443").unwrap().as_str(), "https://login.example");
        for bad in
            ["", "login.example", "ftp://a.b", "https://a.b/c", "https://a.b/?q", "https://u@a.b", "https://a.b#f"]
        {
            assert!(PublicOrigin::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_url_we_hand_out_parses_back(
            tfp in prop_oneof![Just(UrlForm::Plain), Just(UrlForm::Tfp), Just(UrlForm::Query)],
            guid in any::<bool>(),
            flow in "[a-z0-9_-]{1,60}",
        ) {
            let tenant = TenantRef::parse(if guid { GUID } else { "clinic.example" }).unwrap();
            for endpoint in Endpoint::ALL {
                let route = Route { tenant: tenant.clone(), flow: flow.clone(), form: tfp, endpoint };
                let url = Url::parse(&route.url(&origin(), endpoint)).unwrap();
                prop_assert_eq!(Route::parse(url.path(), url.query()), Some(route));
            }
        }

        #[test]
        fn paths_never_panic(path in "[/a-z.%;\\\\ é0-9]{0,80}", query in proptest::option::of(".{0,40}")) {
            let _ = Route::parse(&path, query.as_deref());
            let _ = Route::parse(&format!("/clinic.example/{path}"), query.as_deref());
        }
    }
}
