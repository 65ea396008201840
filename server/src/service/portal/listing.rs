//! Lists ordered by name: a page at a time, with a search within them. The cursor stands in the
//! address (`{id}:{folded name}`).

use lanyard_domain::{id::Id, text};
use lanyard_storage::NameCursor;

/// Rows of a page.
pub const SIZE: usize = 50;
/// Rows read for a page: a search looks through no more of them at once.
pub const BATCH: u32 = 1000;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The cursor to go on after, if there may be more.
    pub next: Option<String>,
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A part of the name; empty for all.
    pub query: String,
    /// The cursor to go on after; empty for the begin.
    pub after: String,
}

impl Wanted {
    /// The cursor for the database; a broken one begins at the begin.
    #[must_use]
    pub fn cursor<T>(&self) -> Option<NameCursor<T>> {
        let (id, key) = self.after.split_once(':')?;
        Some(NameCursor { key: key.to_owned(), id: id.parse::<Id<T>>().ok()? })
    }

    /// The page out of a batch of [`BATCH`] rows read from the cursor on. `words` is what is
    /// searched in, `name` and `id` make the cursor.
    pub fn page<T, I>(
        &self,
        batch: Vec<T>,
        words: impl Fn(&T) -> String,
        place: impl Fn(&T) -> (String, Id<I>),
    ) -> Page<T> {
        let query = text::fold(&self.query);
        let cursor = |row: &T| {
            let (name, id) = place(row);
            let at = NameCursor::after(&name, id);
            format!("{}:{}", at.id, at.key)
        };
        let more_to_read = u32::try_from(batch.len()).is_ok_and(|read| read >= BATCH);
        let end = batch.last().filter(|_| more_to_read).map(&cursor);
        let mut rows: Vec<T> = batch.into_iter().filter(|row| text::fold(&words(row)).contains(&query)).collect();
        if rows.len() <= SIZE {
            return Page { rows, next: end };
        }
        rows.truncate(SIZE);
        let next = rows.last().map(&cursor);
        Page { rows, next }
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::tenant::Tenant;
    use uuid::Uuid;

    use super::*;

    fn batch(names: usize) -> Vec<(String, Id<Tenant>)> {
        (0..names).map(|at| (format!("Clinic {at:04}"), Id::from_uuid(Uuid::from_u128(at as u128)))).collect()
    }

    fn page(wanted: &Wanted, names: usize) -> Page<(String, Id<Tenant>)> {
        wanted.page(batch(names), |row| row.0.clone(), Clone::clone)
    }

    #[test]
    fn o7_a_page_ends_with_a_cursor_while_there_is_more() {
        let all = Wanted::default();
        assert_eq!(page(&all, SIZE).next, None);
        let first = page(&all, SIZE + 1);
        assert_eq!(first.rows.len(), SIZE);
        let next = Wanted { after: first.next.unwrap(), ..Wanted::default() };
        let cursor = next.cursor::<Tenant>().unwrap();
        assert_eq!((cursor.key.as_str(), cursor.id), ("clinic 0049", first.rows[SIZE - 1].1));
    }

    #[test]
    fn o7_a_search_looks_in_names_whatever_their_case_and_goes_on_behind_a_full_batch() {
        let found = page(&Wanted { query: "CLINIC 0007".into(), after: String::new() }, 60);
        assert_eq!(found.rows.len(), 1);
        assert_eq!(found.next, None);
        let none = page(&Wanted { query: "zzz".into(), after: String::new() }, BATCH as usize);
        assert!(none.rows.is_empty() && none.next.is_some(), "what lies behind was not looked at");
    }

    #[test]
    fn a_broken_cursor_begins_at_the_begin() {
        for after in ["", "x", "x:y", ":"] {
            assert_eq!(Wanted { query: String::new(), after: after.into() }.cursor::<Tenant>(), None, "{after}");
        }
    }
}
