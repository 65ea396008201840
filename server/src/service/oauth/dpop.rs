//! Proofs of possession (RFC 9449): reads one, makes and reads nonces, and uses a proof up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_crypto::MacUse;
use lanyard_domain::{clock::Timestamp, grant::CLOCK_AHEAD};
use lanyard_oidc::dpop::{self, Expected, Proof};
use lanyard_storage::WriteTx;

use super::{ProtocolError, redeem::claimed};
use crate::state::App;

/// The call that a proof has to be about.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its `DPoP` headers; more than one is refused.
    pub proofs: Vec<String>,
    /// Its method.
    pub method: String,
    /// Its address on the public origin, in the form that was called, without query.
    pub url: String,
}

/// The proof of `call`, judged; `None` if it has none. Whoever acts on it must use it up, in the
/// same transaction ([`consume`]).
///
/// # Errors
/// [`ProtocolError::Refused`] with `invalid_dpop_proof` or `use_dpop_nonce`.
pub fn proof(app: &App, call: &Call, access_token: Option<&str>) -> Result<Option<Proof>, ProtocolError> {
    let text = match call.proofs.as_slice() {
        [] => return Ok(None),
        [one] => one,
        _ => return Err(ProtocolError::Refused(dpop::ProofProblem::Malformed.into())),
    };
    let now = app.clock.now();
    // Another server may have given it out, whose clock is ahead.
    let nonce = |text: &str| issued_at(app, text).filter(|at| *at <= now.plus(CLOCK_AHEAD));
    let expected = Expected { method: &call.method, url: &call.url, access_token, nonce: &nonce, now };
    match Proof::verify(text, &expected) {
        Ok(proof) => Ok(Some(proof)),
        Err(problem) => Err(ProtocolError::Refused(problem.into())),
    }
}

/// Uses `proof` up: of two requests with the same one, the database decides which is the first.
///
/// # Errors
/// `invalid_dpop_proof` when it was used before.
pub async fn consume(tx: &mut (dyn WriteTx + '_), proof: Option<&Proof>) -> Result<(), ProtocolError> {
    let Some(proof) = proof else { return Ok(()) };
    if claimed(tx.use_dpop_proof(&proof.once.hash, proof.once.expires_at).await)? {
        Ok(())
    } else {
        Err(ProtocolError::Refused(dpop::replayed()))
    }
}

// A nonce is the moment at which it was given out and a keyed hash of it: no process has to
// remember any, and nobody else can make one.
const TAG: usize = 16;

/// A nonce of this moment, for the `DPoP-Nonce` header.
#[must_use]
pub fn nonce(app: &App) -> String {
    let at = app.clock.now().0.to_be_bytes();
    let tag = app.master.mac_key(MacUse::DpopNonce).mac(&[&at]);
    URL_SAFE_NO_PAD.encode([&at[..], &tag[..TAG]].concat())
}

fn issued_at(app: &App, nonce: &str) -> Option<Timestamp> {
    let raw = URL_SAFE_NO_PAD.decode(nonce).ok()?;
    let (at, tag) = raw.split_first_chunk::<8>()?;
    let own = app.master.mac_key(MacUse::DpopNonce).mac(&[at]);
    let ours: bool = subtle::ConstantTimeEq::ct_eq(&own[..TAG], tag).into();
    ours.then(|| Timestamp(i64::from_be_bytes(*at)))
}
