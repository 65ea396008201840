//! Makes of authenticators that a tenant wants its staff's passkeys to be of.
//!
//! What an authenticator says of its make (the AAGUID) anybody can say. It counts where a certificate of the
//! maker's signs for it (WebAuthn, 6.5: attestation), so that makes without roots are no policy. Patients
//! are never asked: an attestation tells which batch a device is of.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::AccountKind;

/// Makes that one tenant may name.
pub const MAX_MAKES: usize = 20;
/// Bytes that the roots may have, as PEM.
pub const MAX_ROOTS: usize = 12_000;
/// Characters of a make's name.
const MAX_NAME: usize = 60;

/// One make.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Make {
    /// The AAGUID: the same for all devices of the make.
    pub aaguid: Uuid,
    /// What operators call it.
    pub name: String,
}

impl Make {
    /// Reads `AAGUID name`; without a name it is called by its AAGUID. `None` if it has no AAGUID, or the
    /// one of all zeros, which stands for no make.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (aaguid, name) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let aaguid = Uuid::try_parse(aaguid).ok().filter(|aaguid| !aaguid.is_nil())?;
        let name = if name.trim().is_empty() { aaguid.to_string() } else { name.to_owned() };
        Some(Self { aaguid, name: crate::text::clean(&name, MAX_NAME).ok()? })
    }
}

/// What staff's and operators' new passkeys must be; by default nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasskeyMakes {
    /// The makers' root certificates, PEM.
    pub roots: String,
    /// The makes. None: every passkey will do, and nobody is asked for its make.
    pub makes: Vec<Make>,
}

impl PasskeyMakes {
    /// Whether anything is asked.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        !self.makes.is_empty()
    }

    /// What an account of `kind` is asked for, if anything.
    #[must_use]
    pub fn asked_of(&self, kind: AccountKind) -> Option<&Self> {
        match kind {
            AccountKind::Staff | AccountKind::Operator => Some(self).filter(|makes| makes.is_set()),
            AccountKind::Patient => None,
        }
    }

    /// The form that is stored and compared: empty, or JSON.
    #[must_use]
    pub fn stored(&self) -> String {
        // Text and ids can always be written.
        if self.is_set() { serde_json::to_string(self).unwrap_or_default() } else { String::new() }
    }

    /// Reads what is stored; `None` if it is neither.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        if text.is_empty() { Some(Self::default()) } else { serde_json::from_str(text).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AAGUID: &str = "2fc0579f-8113-47ea-b116-bb5a8db9202a";

    #[test]
    fn a_make_is_an_aaguid_and_a_name() {
        let make = Make::parse(&format!(" {AAGUID}  Key 5 NFC ")).unwrap();
        assert_eq!((make.aaguid.to_string().as_str(), make.name.as_str()), (AAGUID, "Key 5 NFC"));
        assert_eq!(Make::parse(AAGUID).unwrap().name, AAGUID);
        for bad in ["", "Key", "00000000-0000-0000-0000-000000000000 Any", "2fc0579f Key"] {
            assert_eq!(Make::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn patients_are_never_asked_for_the_make_and_what_is_stored_comes_back() {
        let none = PasskeyMakes::default();
        let some = PasskeyMakes { roots: "PEM".into(), makes: vec![Make::parse(AAGUID).unwrap()] };
        for kind in AccountKind::ALL {
            assert_eq!(none.asked_of(kind), None);
            assert_eq!(some.asked_of(kind).is_some(), kind != AccountKind::Patient, "{kind:?}");
        }
        for makes in [none, some] {
            assert_eq!(PasskeyMakes::from_stored(&makes.stored()), Some(makes));
        }
        assert_eq!(PasskeyMakes::from_stored("{}"), None, "nothing is guessed");
    }
}
