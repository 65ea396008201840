//! `response_type`: `code`, and where the application may, `code id_token` and `id_token`
//! (RFC 6749, 3.1.1; OAuth 2.0 Multiple Response Types, 3 and 5; A28: never `token`).

use lanyard_domain::{
    application::{Application, ApplicationSettings},
    grant::ResponseType,
};

use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
};

/// Whether an application with these settings may ask for `kind`; discovery asks the same.
#[must_use]
pub const fn is_allowed(kind: ResponseType, settings: &ApplicationSettings) -> bool {
    match kind {
        ResponseType::Code => true,
        ResponseType::CodeIdToken => settings.hybrid,
        ResponseType::IdToken => settings.implicit_id_token,
    }
}

pub(super) fn allowed(params: &Params, application: &Application) -> Result<ResponseType, Refusal> {
    let text = params.get("response_type").ok_or(Refusal::invalid_request("The request has no response type."))?;
    let asked = sorted(text);
    let kind = ResponseType::ALL.into_iter().find(|kind| sorted(kind.as_str()) == asked).ok_or(Refusal::new(
        OAuthError::UnsupportedResponseType,
        Code::ResponseType,
        "The response type is not supported; ask for code.",
    ))?;
    if is_allowed(kind, &application.settings) {
        Ok(kind)
    } else {
        Err(Refusal::new(
            OAuthError::UnauthorizedClient,
            Code::ImplicitOff,
            "This application may not be sent ID tokens by the authorization endpoint.",
        ))
    }
}

// The order of the words means nothing.
fn sorted(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words
}
