//! `response_type` is `code` (RFC 6749, 3.1.1; A28: no implicit grant).
//!
//! `code id_token` and `id_token`, by application, join here.

use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
};

pub(super) fn code_only(params: &Params) -> Result<(), Refusal> {
    match params.get("response_type") {
        Some("code") => Ok(()),
        Some(_) => Err(Refusal::new(
            OAuthError::UnsupportedResponseType,
            Code::ResponseType,
            "The response type is not supported; ask for code.",
        )),
        None => Err(Refusal::invalid_request("The request has no response type.")),
    }
}
