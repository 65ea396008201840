//! `dpop_jkt`: the code is bound to a key (RFC 9449, 10).

use crate::{dpop, error::Refusal, params::Params};

pub(super) fn thumbprint(params: &Params) -> Result<Option<String>, Refusal> {
    match params.get("dpop_jkt") {
        None => Ok(None),
        Some(text) if dpop::is_thumbprint(text) => Ok(Some(text.to_owned())),
        Some(_) => Err(Refusal::invalid_request("The dpop_jkt is not a SHA-256 thumbprint in base64url.")),
    }
}
