//! `response_mode` (OAuth 2.0 Multiple Response Types, 2.1 and 5; Form Post Response Mode).

use lanyard_domain::grant::{ResponseMode, ResponseType};

use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
};

/// Every mode; discovery lists these.
pub const ALL: [ResponseMode; 3] = [ResponseMode::Query, ResponseMode::Fragment, ResponseMode::FormPost];

/// The name on the wire.
#[must_use]
pub const fn as_str(mode: ResponseMode) -> &'static str {
    match mode {
        ResponseMode::Query => "query",
        ResponseMode::Fragment => "fragment",
        ResponseMode::FormPost => "form_post",
    }
}

// An ID token in a query would stand in logs and in `Referer`.
const fn default(has_id_token: bool) -> ResponseMode {
    if has_id_token { ResponseMode::Fragment } else { ResponseMode::Query }
}

fn asked(params: &Params) -> Option<Option<ResponseMode>> {
    let text = params.get("response_mode")?;
    Some(ALL.into_iter().find(|mode| as_str(*mode) == text))
}

pub(super) fn choose(params: &Params, kind: ResponseType) -> Result<ResponseMode, Refusal> {
    let refuse = |text| Err(Refusal::new(OAuthError::InvalidRequest, Code::ResponseMode, text));
    match asked(params) {
        None => Ok(default(kind.has_id_token())),
        Some(None) => refuse("The response mode is not supported."),
        Some(Some(ResponseMode::Query)) if kind.has_id_token() => refuse("An ID token cannot travel in the query."),
        Some(Some(mode)) => Ok(mode),
    }
}

/// How an error travels, whatever is wrong with the request: as asked if that can be done, else as
/// the answer that was asked for would by default.
pub(super) fn for_errors(params: &Params) -> ResponseMode {
    let words = params.get("response_type").unwrap_or_default();
    let default = default(words.split(' ').any(|word| word == "id_token" || word == "token"));
    match asked(params).flatten() {
        None | Some(ResponseMode::Query) => default,
        Some(mode) => mode,
    }
}
