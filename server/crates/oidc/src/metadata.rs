//! The discovery document (OpenID Connect Discovery, 3; RFC 8414; RFC 9207, 3).
//!
//! Its lists are read off the very enums and constants that the rules use, so that it tells
//! exactly what is switched on.

use lanyard_domain::{assurance::Level, grant::ResponseMode};
use serde::Serialize;

use crate::{
    authorize::{Prompt, response_mode},
    claims, dpop,
    endpoints::{Endpoint, PublicOrigin, Route},
    jose, scope,
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
    pub device_authorization_endpoint: String,
    pub response_modes_supported: Vec<&'static str>,
    pub response_types_supported: Vec<&'static str>,
    pub grant_types_supported: Vec<&'static str>,
    pub scopes_supported: Vec<&'static str>,
    pub subject_types_supported: Vec<&'static str>,
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
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
}

impl Metadata {
    /// The document of the flow that `route` leads to; `flow_claims` are the claims it selects.
    #[must_use]
    pub fn new(origin: &PublicOrigin, route: &Route, issuer: String, flow_claims: &[String]) -> Self {
        let url = |endpoint| route.url(origin, endpoint);
        let client_auth = ClientAuthMethod::ALL.map(ClientAuthMethod::as_str);
        let mut claims_supported: Vec<String> = claims::PROTOCOL.iter().map(|name| (*name).to_owned()).collect();
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
            device_authorization_endpoint: url(Endpoint::DeviceAuthorization),
            response_modes_supported: [ResponseMode::Query, ResponseMode::Fragment, ResponseMode::FormPost]
                .map(response_mode::as_str)
                .to_vec(),
            response_types_supported: vec!["code"],
            grant_types_supported: GrantType::ALL.map(GrantType::as_str).to_vec(),
            scopes_supported: scope::SUPPORTED.to_vec(),
            subject_types_supported: vec!["public"],
            id_token_signing_alg_values_supported: vec![jose::ALGORITHM],
            token_endpoint_auth_methods_supported: client_auth.to_vec(),
            token_endpoint_auth_signing_alg_values_supported: assertion::ALGORITHMS.to_vec(),
            dpop_signing_alg_values_supported: dpop::ALGORITHMS.to_vec(),
            code_challenge_methods_supported: vec!["S256"],
            acr_values_supported: [Level::Aal1, Level::Aal2].map(Level::as_str).to_vec(),
            prompt_values_supported: Prompt::ALL.map(Prompt::as_str).to_vec(),
            claims_supported,
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
        }
    }
}

#[cfg(test)]
mod tests {
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
            let document = Metadata::new(&origin, &route, issuer.clone(), &["city".into(), "sub".into()]);
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
}
