//! Request objects are refused, never ignored (OpenID Connect Core, 6 and 3.1.2.6).
//!
//! A `request_uri` of a pushed request never comes here: the request behind it does
//! ([`super::pushed`]). Within a pushed request it is refused as well (RFC 9126, 2.1).

use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
};

pub(super) fn refused(params: &Params) -> Result<(), Refusal> {
    for (name, error, text) in [
        ("request", OAuthError::RequestNotSupported, "Request objects are not supported."),
        ("request_uri", OAuthError::RequestUriNotSupported, "Request objects by reference are not supported."),
        ("registration", OAuthError::RegistrationNotSupported, "Registration within a request is not supported."),
    ] {
        if params.get(name).is_some() {
            return Err(Refusal::new(error, Code::Parameter, text));
        }
    }
    Ok(())
}
