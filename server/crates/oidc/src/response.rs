//! The authorization response: how a code or an error travels back to the application.
//!
//! RFC 6749, 4.1.2; OAuth 2.0 Multiple Response Types, 2.1; Form Post Response Mode; RFC 9207
//! (`iss` in every response, errors included). `state` comes back byte for byte.

use lanyard_domain::{
    clock::Timestamp,
    grant::{AuthorizationRequest, ResponseMode},
    secret::Token,
};
use uuid::Uuid;

use crate::{error::Refusal, params::percent_encode};

/// Where and how a response goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// The checked reply URL.
    pub redirect_uri: String,
    /// How the parameters travel.
    pub response_mode: ResponseMode,
    /// What the application gave along.
    pub state: Option<String>,
}

impl From<&AuthorizationRequest> for Back {
    fn from(request: &AuthorizationRequest) -> Self {
        Self {
            redirect_uri: request.redirect_uri.clone(),
            response_mode: request.response_mode,
            state: request.state.clone(),
        }
    }
}

/// A finished response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationResponse {
    /// Send the browser to this URL (never with 307: RFC 9700, 4.12).
    Redirect(String),
    /// Show a form that posts these fields to `action`. The page must escape them.
    FormPost {
        /// The reply URL.
        action: String,
        /// Names and values, in order.
        fields: Vec<(&'static str, String)>,
    },
}

impl Back {
    /// The answer with whatever the response type asks for: a code, an ID token, or both.
    #[must_use]
    pub fn with(&self, issuer: &str, code: Option<&Token>, id_token: Option<String>) -> AuthorizationResponse {
        let code = code.map(|code| ("code", code.expose().to_owned()));
        let id_token = id_token.map(|token| ("id_token", token));
        self.deliver(code.into_iter().chain(id_token).collect(), issuer)
    }

    /// The answer with an error.
    #[must_use]
    pub fn with_error(
        &self,
        issuer: &str,
        refusal: &Refusal,
        correlation: Uuid,
        now: Timestamp,
    ) -> AuthorizationResponse {
        let description = refusal.description(correlation, now);
        self.deliver(vec![("error", refusal.error.as_str().to_owned()), ("error_description", description)], issuer)
    }

    fn deliver(&self, mut fields: Vec<(&'static str, String)>, issuer: &str) -> AuthorizationResponse {
        if let Some(state) = &self.state {
            fields.push(("state", state.clone()));
        }
        fields.push(("iss", issuer.to_owned()));
        let url = &self.redirect_uri;
        match self.response_mode {
            ResponseMode::Query => AuthorizationResponse::Redirect(with_query(url, &fields)),
            // A registered reply URL has no fragment of its own.
            ResponseMode::Fragment => AuthorizationResponse::Redirect(format!("{url}#{}", encode(&fields))),
            ResponseMode::FormPost => AuthorizationResponse::FormPost { action: url.clone(), fields },
        }
    }
}

/// `url` with `fields` added to its query; what stands there already stays (RFC 6749, 3.1.2).
#[must_use]
pub fn with_query(url: &str, fields: &[(&'static str, String)]) -> String {
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{joint}{}", encode(fields))
}

fn encode(fields: &[(&'static str, String)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", percent_encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use lanyard_domain::entropy::SeededEntropy;
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    const ISSUER: &str = "https://login.example/tfp/t/f/v2.0/";

    fn back(redirect_uri: &str, response_mode: ResponseMode, state: Option<&str>) -> Back {
        Back { redirect_uri: redirect_uri.into(), response_mode, state: state.map(Into::into) }
    }

    fn code() -> Token {
        Token::generate(&mut SeededEntropy::new(3))
    }

    fn url_of(response: &AuthorizationResponse) -> Url {
        match response {
            AuthorizationResponse::Redirect(url) => Url::parse(url).unwrap(),
            AuthorizationResponse::FormPost { .. } => panic!("a form"),
        }
    }

    #[test]
    fn a_query_in_the_reply_url_stays() {
        for (reply, start) in [
            ("https://a.example/cb", "https://a.example/cb?code="),
            ("https://a.example/cb?x=1", "https://a.example/cb?x=1&code="),
            ("https://a.example/cb?", "https://a.example/cb?code="),
            ("http://localhost:51234", "http://localhost:51234?code="),
            ("com.example.app://auth", "com.example.app://auth?code="),
        ] {
            match back(reply, ResponseMode::Query, None).with(ISSUER, Some(&code()), None) {
                AuthorizationResponse::Redirect(url) => assert!(url.starts_with(start), "{url}"),
                AuthorizationResponse::FormPost { .. } => panic!("a form"),
            }
        }
    }

    #[test]
    fn rfc9207_every_response_names_the_issuer_once() {
        for mode in [ResponseMode::Query, ResponseMode::Fragment, ResponseMode::FormPost] {
            let back = back("https://a.example/cb", mode, Some("s"));
            let error = back.with_error(ISSUER, &Refusal::cancelled(), Uuid::nil(), Timestamp(0));
            for response in [back.with(ISSUER, Some(&code()), None), error] {
                let issuers = match &response {
                    AuthorizationResponse::FormPost { action, fields } => {
                        assert_eq!(action, "https://a.example/cb", "oidcc formpost: nothing in the query");
                        fields.iter().filter(|(n, v)| *n == "iss" && v == ISSUER).count()
                    }
                    AuthorizationResponse::Redirect(_) => {
                        let url = url_of(&response);
                        let text = url.fragment().or(url.query()).unwrap().to_owned();
                        url::form_urlencoded::parse(text.as_bytes()).filter(|(n, v)| n == "iss" && v == ISSUER).count()
                    }
                };
                assert_eq!(issuers, 1, "{mode:?}");
            }
        }
    }

    #[test]
    fn an_error_carries_b2cs_description() {
        let response = back("https://a.example/cb", ResponseMode::Query, Some("a|b=")).with_error(
            ISSUER,
            &Refusal::forgotten_password(),
            Uuid::nil(),
            Timestamp(0),
        );
        let pairs: Vec<_> = url_of(&response).query_pairs().into_owned().collect();
        assert_eq!(pairs[0], ("error".into(), "access_denied".into()));
        assert!(pairs[1].1.starts_with("AADB2C90118: ") && pairs[1].1.contains("\r\nCorrelation ID: "));
        assert_eq!(pairs[2], ("state".into(), "a|b=".into()));
    }

    proptest! {
        #[test]
        fn state_comes_back_byte_for_byte(state in "[^\0]{1,80}", fragment in any::<bool>()) {
            let mode = if fragment { ResponseMode::Fragment } else { ResponseMode::Query };
            let response = back("https://a.example/cb?x=1", mode, Some(&state)).with(ISSUER, Some(&code()), None);
            let url = url_of(&response);
            prop_assert_eq!(url.origin().ascii_serialization(), "https://a.example");
            let text = if fragment { url.fragment() } else { url.query() }.unwrap().to_owned();
            let got = url::form_urlencoded::parse(text.as_bytes()).find(|(n, _)| n == "state").unwrap().1.into_owned();
            prop_assert_eq!(got, state);
        }
    }
}
