//! The reply URL is one of the registered ones, exactly (RFC 9700, 2.1; A28; RFC 8252, 7.3).

use lanyard_domain::application::Application;

use super::AuthorizeError;
use crate::{error::Code, params::Params};

// It is required even when only one is registered (OpenID Connect Core, 3.1.2.1).
pub(super) fn registered<'a>(params: &'a Params, application: &Application) -> Result<&'a str, AuthorizeError> {
    let page = |text| AuthorizeError::Page { code: Code::ReplyUrl, text };
    params.require_single(&["redirect_uri"]).map_err(|_| page("The request gives its reply URL more than once."))?;
    let requested = params.get("redirect_uri").ok_or_else(|| page("The request does not give a reply URL."))?;
    if application.accepts_reply_url(requested) {
        Ok(requested)
    } else {
        Err(page("The reply URL of the request is not registered for this application."))
    }
}
