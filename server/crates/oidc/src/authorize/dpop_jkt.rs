//! `dpop_jkt`: the thumbprint of the key that the code is to be bound to (RFC 9449, 10).

use crate::{error::Refusal, params::Params};

pub(super) fn thumbprint(params: &Params) -> Result<Option<String>, Refusal> {
    match params.get("dpop_jkt") {
        Some(jkt) if !super::pkce::is_sha256(jkt) => {
            Err(Refusal::invalid_request("The dpop_jkt is not a SHA-256 thumbprint in base64url."))
        }
        jkt => Ok(jkt.map(str::to_owned)),
    }
}
