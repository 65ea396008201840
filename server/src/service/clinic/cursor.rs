//! The cursor of the list as it goes out to browsers: a place in the list with a tag that only
//! this server can make. The tag covers the tenant and the query, so that a cursor of another
//! list, or one made up, is refused (failure 49).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_crypto::MacKey;
use lanyard_domain::{id::Id, tenant::Tenant};
use lanyard_storage::Position;

/// The longest cursor that is looked at: a place holds a name of at most 240 characters.
const MAX_LEN: usize = 4_096;
const TAG_LEN: usize = 32;

/// Which list a cursor belongs to.
#[derive(Debug, Clone)]
pub(super) struct List<'a> {
    /// The tenant.
    pub(super) tenant: Id<Tenant>,
    /// The query of its first page, as it stands in the address.
    pub(super) query: &'a str,
}

/// What goes before the parts of a tag: the use, and the form of the place.
const LABEL: &[u8] = b"patients 1";

impl List<'_> {
    /// The cursor for `place`; nothing if it has no JSON form, which none has.
    #[must_use]
    pub(super) fn write(&self, key: &MacKey, place: &Position) -> Option<String> {
        let place = serde_json::to_vec(place).ok()?;
        let mut bytes = key.mac(&[LABEL, self.tenant.uuid().as_bytes(), self.query.as_bytes(), &place]).to_vec();
        bytes.extend(place);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The place that a cursor stands for, if this list wrote it.
    #[must_use]
    pub(super) fn read(&self, key: &MacKey, cursor: &str) -> Option<Position> {
        if cursor.len() > MAX_LEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, place) = bytes.split_at_checked(TAG_LEN)?;
        key.verify(&[LABEL, self.tenant.uuid().as_bytes(), self.query.as_bytes(), place], tag).then_some(())?;
        serde_json::from_slice(place).ok()
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{clock::Timestamp, entropy::SeededEntropy};
    use lanyard_storage::{PatientCursor, PatientKey};

    use super::*;

    fn key() -> MacKey {
        MacKey::from_bytes([7; 32])
    }

    fn tenant(seed: u64) -> Id<Tenant> {
        Id::new(Timestamp(1), &mut SeededEntropy::new(seed))
    }

    fn place(key: PatientKey) -> Position {
        Position::After(PatientCursor { key, id: Id::new(Timestamp(2), &mut SeededEntropy::new(9)) })
    }

    #[test]
    fn o7_a_cursor_is_read_by_the_list_that_wrote_it() {
        let list = List { tenant: tenant(1), query: "?q=ma" };
        let longest = "ß".repeat(120) + "\u{1}" + &"\"".repeat(120);
        for key_of_line in [PatientKey::Number(i64::MIN), PatientKey::Text(longest), PatientKey::Text(String::new())] {
            let place = place(key_of_line);
            let cursor = list.write(&key(), &place).unwrap();
            assert_eq!(list.read(&key(), &cursor), Some(place));
            assert!(cursor.len() < MAX_LEN && cursor.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        }
    }

    #[test]
    fn f49_a_forged_cursor_is_refused() {
        let list = List { tenant: tenant(1), query: "" };
        let cursor = list.write(&key(), &place(PatientKey::Number(5))).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert_eq!(list.read(&key(), &URL_SAFE_NO_PAD.encode(forged)), None, "byte {at}");
        }
        let unsigned = URL_SAFE_NO_PAD.encode(&bytes[TAG_LEN..]);
        for nonsense in ["", "x", "%", &unsigned, &cursor[..40], &"A".repeat(100_000), "é"] {
            assert_eq!(list.read(&key(), nonsense), None, "{nonsense:.40}");
        }
    }

    #[test]
    fn f49_a_cursor_of_another_list_tenant_or_server_is_refused() {
        let list = List { tenant: tenant(1), query: "?sort=created" };
        let cursor = list.write(&key(), &place(PatientKey::Number(5))).unwrap();
        assert!(list.read(&key(), &cursor).is_some());
        assert_eq!(List { query: "", ..list.clone() }.read(&key(), &cursor), None, "a number among names");
        assert_eq!(List { tenant: tenant(2), ..list.clone() }.read(&key(), &cursor), None);
        assert_eq!(list.read(&MacKey::from_bytes([8; 32]), &cursor), None);
    }
}
