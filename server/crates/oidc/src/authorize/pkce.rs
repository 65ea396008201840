//! PKCE: S256 only, and required for public clients (RFC 7636, 4.3 and 4.4.1; RFC 9700, 2.1.1; A30).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{application::Application, grant::ResponseType};

use crate::{error::Refusal, params::Params};

// Without a code there is nothing to protect.
pub(super) fn challenge(
    params: &Params,
    application: &Application,
    kind: ResponseType,
) -> Result<Option<String>, Refusal> {
    let refuse = |text| Err(Refusal::invalid_request(text));
    match (params.get("code_challenge"), params.get("code_challenge_method")) {
        (None, None) if application.kind.is_public() && kind.has_code() => {
            refuse("This application must send a code_challenge (PKCE with S256).")
        }
        (None, None) => Ok(None),
        (None, Some(_)) => refuse("A code_challenge_method needs a code_challenge."),
        (Some(challenge), Some("S256")) if is_sha256(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some("S256")) => refuse("The code_challenge is not a SHA-256 hash in base64url."),
        // Without a method the standard means `plain`.
        (Some(_), Some(_) | None) => refuse("The code_challenge_method must be S256."),
    }
}

pub(super) fn is_sha256(text: &str) -> bool {
    // One byte more than expected, so that a longer text is an error and not cut.
    let mut hash = [0u8; 33];
    text.len() == 43 && matches!(URL_SAFE_NO_PAD.decode_slice(text, &mut hash), Ok(32))
}
