//! `response_mode` (OAuth 2.0 Multiple Response Types, 2.1; Form Post Response Mode).

use lanyard_domain::grant::ResponseMode;

use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
};

/// The mode for `response_type=code` when none is asked for.
pub const DEFAULT: ResponseMode = ResponseMode::Query;

/// The name on the wire.
#[must_use]
pub const fn as_str(mode: ResponseMode) -> &'static str {
    match mode {
        ResponseMode::Query => "query",
        ResponseMode::Fragment => "fragment",
        ResponseMode::FormPost => "form_post",
    }
}

pub(super) fn choose(params: &Params) -> Result<ResponseMode, Refusal> {
    let Some(asked) = params.get("response_mode") else { return Ok(DEFAULT) };
    [ResponseMode::Query, ResponseMode::Fragment, ResponseMode::FormPost]
        .into_iter()
        .find(|mode| as_str(*mode) == asked)
        .ok_or(Refusal::new(OAuthError::InvalidRequest, Code::ResponseMode, "The response mode is not supported."))
}
