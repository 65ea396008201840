//! `nonce` is bounded; it may be absent in the code flow, and is required where an ID token comes
//! back from here (OpenID Connect Core, 3.1.2.1, 3.2.2.1 and 3.3.2.11).

use lanyard_domain::grant::ResponseType;

use crate::{error::Refusal, params::Params};

const MAX_LEN: usize = 512;

pub(super) fn fitting(params: &Params, kind: ResponseType) -> Result<Option<String>, Refusal> {
    match params.get("nonce") {
        Some(nonce) if nonce.len() > MAX_LEN => Err(Refusal::invalid_request("The nonce is too long.")),
        None if kind.has_id_token() => Err(Refusal::invalid_request("A request for an ID token needs a nonce.")),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}
