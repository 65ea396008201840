//! The client is registered in this tenant and linked to this flow (RFC 6749, 2.2, 4.1.2.1).

use lanyard_domain::{application::Application, id::Id};
use uuid::Uuid;

use super::{AuthorizeError, Input};
use crate::{error::Code, params::Params};

/// The `client_id` of a request, for loading the application.
///
/// # Errors
/// [`AuthorizeError::Page`] when it is missing, repeated or no id.
pub fn client_id(params: &Params) -> Result<Id<Application>, AuthorizeError> {
    let page = |code, text| AuthorizeError::Page { code, text };
    params
        .require_single(&["client_id"])
        .map_err(|_| page(Code::NoClientId, "The request names its application more than once."))?;
    let text =
        params.get("client_id").ok_or_else(|| page(Code::NoClientId, "The request does not name its application."))?;
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == 36 => Ok(Id::from_uuid(id)),
        Ok(_) | Err(_) => Err(unknown()),
    }
}

// One answer for every way in which the client may be unknown, so that nobody can probe.
pub(super) fn known<'a>(input: &Input<'a>) -> Result<&'a Application, AuthorizeError> {
    let id = client_id(input.params)?;
    let fits = |application: &&Application| application.id == id && application.tenant == input.tenant && input.linked;
    input.application.filter(fits).ok_or_else(unknown)
}

const fn unknown() -> AuthorizeError {
    AuthorizeError::Page { code: Code::UnknownClient, text: "This application is not registered here." }
}
