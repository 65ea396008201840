//! `nonce` is bounded; in the code flow it may be absent (OpenID Connect Core, 3.1.2.1).

use crate::{error::Refusal, params::Params};

const MAX_LEN: usize = 512;

pub(super) fn within_bounds(params: &Params) -> Result<Option<String>, Refusal> {
    match params.get("nonce") {
        Some(nonce) if nonce.len() > MAX_LEN => Err(Refusal::invalid_request("The nonce is too long.")),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}
