//! `state` is bounded, and otherwise any text (RFC 6749, 4.1.1).

use crate::{error::Refusal, params::Params};

// MSAL packs the page to return to into it; it comes back in a URL.
const MAX_LEN: usize = 8_192;

pub(super) fn within_bounds(params: &Params) -> Result<Option<String>, Refusal> {
    match params.get("state") {
        Some(state) if state.len() > MAX_LEN => Err(Refusal::invalid_request("The state is too long.")),
        state => Ok(state.map(str::to_owned)),
    }
}
