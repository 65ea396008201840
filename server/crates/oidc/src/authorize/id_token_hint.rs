//! `id_token_hint` is bounded; its signature is checked when the keys are at hand
//! (OpenID Connect Core, 3.1.2.1; [`crate::jose::Verifier::id_token_hint`]).

use crate::{error::Refusal, jose, params::Params};

pub(super) fn within_bounds(params: &Params) -> Result<Option<String>, Refusal> {
    match params.get("id_token_hint") {
        Some(hint) if hint.len() > jose::MAX_TOKEN_LEN => {
            Err(Refusal::invalid_request("The id_token_hint is too long."))
        }
        hint => Ok(hint.map(str::to_owned)),
    }
}
