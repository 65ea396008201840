//! The discovery document (OpenID Connect Discovery, 3; RFC 8414; RFC 9207, 3).
//!
//! Its lists are read off the very enums and constants that the rules use, so that it tells
//! exactly what is switched on.
//!
//! The document is one flow's, but some things are switched on by application. It lists what at
//! least one application that is linked to the flow may use: a client must find there what it
//! uses, and whoever asks for more than its own application may is refused at the endpoint. Only
//! what binds everybody, such as pushed requests, is told when *every* linked application asks
//! for it.

use lanyard_domain::{
    application::{Application, SigningAlgorithm},
    assurance::Level,
    grant::ResponseType,
};
use serde::Serialize;

use crate::{
    authorize::{Prompt, response_mode, response_type},
    claims, dpop,
    endpoints::{Endpoint, PublicOrigin, Route},
    scope, standard,
    token::{ClientAuthMethod, GrantType, assertion},
};

/// The document. Fields carry the names of the standard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub end_session_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: String,
    // RFC 8628, 4: only where an application of the flow has the grant switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    // RFC 7591: only where the tenant lets programs register.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<String>,
    pub pushed_authorization_request_endpoint: String,
    pub require_pushed_authorization_requests: bool,
    pub revocation_endpoint: String,
    pub introspection_endpoint: String,
    pub response_modes_supported: Vec<&'static str>,
    pub response_types_supported: Vec<&'static str>,
    pub grant_types_supported: Vec<&'static str>,
    pub scopes_supported: Vec<&'static str>,
    pub subject_types_supported: Vec<&'static str>,
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    pub dpop_signing_alg_values_supported: Vec<&'static str>,
    pub code_challenge_methods_supported: Vec<&'static str>,
    pub acr_values_supported: Vec<&'static str>,
    pub prompt_values_supported: Vec<&'static str>,
    pub claims_supported: Vec<String>,
    pub claims_parameter_supported: bool,
    pub request_parameter_supported: bool,
    // True by default in the standard, so it must be said.
    pub request_uri_parameter_supported: bool,
    pub authorization_response_iss_parameter_supported: bool,
    pub frontchannel_logout_supported: bool,
    pub frontchannel_logout_session_supported: bool,
    pub backchannel_logout_supported: bool,
    pub backchannel_logout_session_supported: bool,
}

impl Metadata {
    /// The document of the flow that `route` leads to; `flow_claims` are the claims it selects,
    /// `linked` the applications that it signs people in to; `registration` says whether programs may
    /// register further ones.
    #[must_use]
    pub fn new(
        origin: &PublicOrigin,
        route: &Route,
        issuer: String,
        flow_claims: &[String],
        linked: &[Application],
        registration: bool,
    ) -> Self {
        let some = |kind| linked.iter().any(|application| response_type::is_allowed(kind, &application.settings));
        let offered = |kind: &ResponseType| *kind == ResponseType::Code || some(*kind);
        let used = |grant| match grant {
            GrantType::AuthorizationCode | GrantType::RefreshToken => true,
            GrantType::ClientCredentials => linked.iter().any(|application| application.settings.client_credentials),
            GrantType::DeviceCode => linked.iter().any(|application| application.settings.device),
        };
        let url = |endpoint| route.url(origin, endpoint);
        let client_auth = ClientAuthMethod::ALL.map(ClientAuthMethod::as_str);
        let mut claims_supported: Vec<String> = claims::PROTOCOL.iter().map(|name| (*name).to_owned()).collect();
        claims_supported.extend(standard::supported(flow_claims).map(str::to_owned));
        for claim in flow_claims {
            if !claims_supported.contains(claim) {
                claims_supported.push(claim.clone());
            }
        }
        Self {
            issuer,
            authorization_endpoint: url(Endpoint::Authorize),
            token_endpoint: url(Endpoint::Token),
            end_session_endpoint: url(Endpoint::Logout),
            jwks_uri: url(Endpoint::Keys),
            userinfo_endpoint: url(Endpoint::UserInfo),
            revocation_endpoint: url(Endpoint::Revocation),
            introspection_endpoint: url(Endpoint::Introspection),
            device_authorization_endpoint: used(GrantType::DeviceCode).then(|| url(Endpoint::DeviceAuthorization)),
            registration_endpoint: registration.then(|| url(Endpoint::Registration)),
            pushed_authorization_request_endpoint: url(Endpoint::PushedRequest),
            require_pushed_authorization_requests: !linked.is_empty()
                && linked.iter().all(|application| application.settings.require_pushed_requests),
            response_modes_supported: response_mode::ALL.map(response_mode::as_str).to_vec(),
            response_types_supported: ResponseType::ALL
                .iter()
                .filter(|kind| offered(kind))
                .map(|kind| kind.as_str())
                .collect(),
            grant_types_supported: GrantType::ALL
                .into_iter()
                .filter(|grant| used(*grant))
                .map(GrantType::as_str)
                // What the standard calls an ID token from the authorization endpoint.
                .chain(some(ResponseType::IdToken).then_some("implicit"))
                .collect(),
            scopes_supported: scope::SUPPORTED.to_vec(),
            subject_types_supported: vec!["public"],
            id_token_signing_alg_values_supported: SigningAlgorithm::ALL.map(SigningAlgorithm::as_str).to_vec(),
            token_endpoint_auth_methods_supported: client_auth.to_vec(),
            token_endpoint_auth_signing_alg_values_supported: assertion::ALGORITHMS.to_vec(),
            revocation_endpoint_auth_methods_supported: client_auth.to_vec(),
            revocation_endpoint_auth_signing_alg_values_supported: assertion::ALGORITHMS.to_vec(),
            // Public clients may not ask about tokens.
            introspection_endpoint_auth_methods_supported: client_auth
                .into_iter()
                .filter(|method| *method != ClientAuthMethod::None.as_str())
                .collect(),
            introspection_endpoint_auth_signing_alg_values_supported: assertion::ALGORITHMS.to_vec(),
            dpop_signing_alg_values_supported: dpop::ALGORITHMS.to_vec(),
            code_challenge_methods_supported: vec!["S256"],
            acr_values_supported: [Level::Aal1, Level::Aal2].map(Level::as_str).to_vec(),
            prompt_values_supported: Prompt::ALL.map(Prompt::as_str).to_vec(),
            claims_supported,
            claims_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
            frontchannel_logout_supported: true,
            frontchannel_logout_session_supported: true,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::application::ApplicationKind::Web;

    use super::*;
    use crate::{
        endpoints::{self, IssuerMode},
        fixtures,
    };

    #[test]
    fn oidcc_discovery_keeps_the_callers_form_and_names_the_flow_in_lower_case() {
        let origin = fixtures::origin();
        let issuer = endpoints::issuer(&origin, fixtures::tenant_id(), "susi", IssuerMode::Flow);
        for (path, token) in [
            ("/Clinic.Example/SuSi/v2.0/.well-known/openid-configuration", "/clinic.example/susi/oauth2/v2.0/token"),
            ("/tfp/clinic.example/SUSI/.well-known/openid-configuration", "/tfp/clinic.example/susi/oauth2/v2.0/token"),
        ] {
            let route = Route::parse(path, None).unwrap();
            let document = Metadata::new(&origin, &route, issuer.clone(), &["city".into(), "sub".into()], &[], false);
            assert_eq!(document.token_endpoint, format!("{}{token}", origin.as_str()));
            assert_eq!(document.issuer, issuer);
            let json = serde_json::to_value(&document).unwrap();
            assert_eq!(json["code_challenge_methods_supported"], serde_json::json!(["S256"]));
            assert_eq!(json["request_uri_parameter_supported"], false);
            assert!(!json.to_string().contains("null"));
            assert!(document.claims_supported.contains(&"city".to_owned()));
            assert_eq!(document.claims_supported.iter().filter(|c| *c == "sub").count(), 1);
        }
    }

    #[test]
    fn oidcc_discovery_tells_what_at_least_one_linked_application_may_use() {
        let route = Route::parse("/clinic.example/susi/v2.0/.well-known/openid-configuration", None).unwrap();
        let of =
            |linked: &[Application]| Metadata::new(&fixtures::origin(), &route, fixtures::issuer(), &[], linked, false);
        let (plain, mut other) = (fixtures::application(Web), fixtures::application(Web));
        assert_eq!(of(&[]).response_types_supported, ["code"]);
        assert_eq!(of(std::slice::from_ref(&plain)).response_types_supported, ["code"]);
        assert!(!of(std::slice::from_ref(&plain)).grant_types_supported.contains(&"implicit"));
        other.settings.hybrid = true;
        assert_eq!(of(&[plain.clone(), other.clone()]).response_types_supported, ["code", "code id_token"]);
        other.settings.implicit_id_token = true;
        let all = of(&[plain.clone(), other.clone()]);
        assert_eq!(all.response_types_supported, ["code", "code id_token", "id_token"]);
        assert!(all.grant_types_supported.contains(&"implicit"));
        other.settings.require_pushed_requests = true;
        assert!(!of(&[plain.clone(), other.clone()]).require_pushed_authorization_requests, "not of everybody");
        assert!(of(&[other]).require_pushed_authorization_requests);
        assert!(!of(&[]).require_pushed_authorization_requests);
    }

    #[test]
    fn rfc8628_discovery_lists_grants_and_their_endpoint_only_where_they_are_switched_on() {
        let route = Route::parse("/clinic.example/susi/v2.0/.well-known/openid-configuration", None).unwrap();
        let of =
            |linked: &[Application]| Metadata::new(&fixtures::origin(), &route, fixtures::issuer(), &[], linked, false);
        let (plain, mut other) = (fixtures::application(Web), fixtures::application(Web));
        let off = of(std::slice::from_ref(&plain));
        assert_eq!(off.grant_types_supported, ["authorization_code", "refresh_token"]);
        assert!(serde_json::to_value(&off).unwrap().get("device_authorization_endpoint").is_none());
        other.settings.device = true;
        let on = of(&[plain, other.clone()]);
        assert!(on.device_authorization_endpoint.unwrap().ends_with("/clinic.example/susi/oauth2/v2.0/devicecode"));
        assert!(on.grant_types_supported.contains(&"urn:ietf:params:oauth:grant-type:device_code"));
        assert!(!on.grant_types_supported.contains(&"client_credentials"));
        other.settings.client_credentials = true;
        assert!(of(&[other]).grant_types_supported.contains(&"client_credentials"));
    }
}
