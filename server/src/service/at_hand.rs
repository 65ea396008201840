//! Copies of what an operator configures, kept at hand.
//!
//! Every request reads it and it seldom changes, so a copy is kept with the version of the tenant's
//! configuration that it was read at. The database counts that version itself, whoever makes the
//! change, and each request reads the count (with whatever else it wants, in one statement): a
//! change acts at the next request, on every server.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, PoisonError, RwLock},
};

/// Copies of one kind that are kept: of all that is in use, on all but the largest installations.
const MOST: usize = 4096;

/// Copies of one kind, each with the version or moment that it was read at.
#[derive(Debug)]
pub struct AtHand<K, V, M = i64>(RwLock<HashMap<K, (M, Arc<V>)>>);

impl<K, V, M> Default for AtHand<K, V, M> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq, V> AtHand<K, V> {
    /// The copy of `key`, if it was read at `version`.
    pub fn at(&self, key: &K, version: i64) -> Option<Arc<V>> {
        self.good(key, |at| *at == version)
    }
}

impl<K: Hash + Eq, V, M> AtHand<K, V, M> {
    /// The copy of `key`, if the moment it was read at is `good`.
    pub fn good<Q: Hash + Eq + ?Sized>(&self, key: &Q, good: impl FnOnce(&M) -> bool) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(at, _)| good(at)).map(|(_, copy)| Arc::clone(copy))
    }

    /// Keeps `value`, which was read in one snapshot with `version`.
    pub fn keep(&self, key: K, version: M, value: V) -> Arc<V> {
        let copy = Arc::new(value);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Bounded: whatever is in use comes back with its next request.
        if known.len() >= MOST && !known.contains_key(&key) {
            known.clear();
        }
        known.insert(key, (version, Arc::clone(&copy)));
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_another_version_is_not_given_out() {
        let copies = AtHand::default();
        assert!(copies.at(&"flow", 1).is_none());
        copies.keep("flow", 1, "as it was");
        assert_eq!(copies.at(&"flow", 1).as_deref(), Some(&"as it was"));
        assert!(copies.at(&"flow", 2).is_none());
        copies.keep("flow", 2, "as it is");
        assert_eq!(copies.at(&"flow", 2).as_deref(), Some(&"as it is"));
        assert!(copies.at(&"flow", 1).is_none());
    }

    #[test]
    fn copies_are_bounded() {
        let copies = AtHand::default();
        for number in 0..3 * MOST {
            copies.keep(number, 1, ());
            assert!(copies.0.read().unwrap().len() <= MOST);
        }
    }
}
