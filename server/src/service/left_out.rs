//! What the log was not told of (C1): failures that anybody can cause any number of times are told once a
//! minute for each kind and network, and so often an hour for each kind. The rest is counted here, in
//! memory, and one event an hour for each tenant says how many of which kind there were, and from where,
//! so that a flood neither fills the log nor hides in it what else came.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lanyard_domain::{
    audit::{Action, Outcome},
    clock::{HOUR, Timestamp},
    id::Id,
    tenant::Tenant,
};
use lanyard_storage::StorageError;
use serde_json::{Value, json};

use super::audit::{self, Event};
use crate::state::App;

/// The most kinds that are counted apart for a tenant; the rest is one number.
const MAX_KINDS: usize = 50;
/// The most networks that are counted apart for a kind; the rest is one number.
const MAX_NETWORKS: usize = 10;

/// Counts by tenant, since the last that was told.
#[derive(Debug, Default)]
pub struct LeftOut(Mutex<HashMap<Id<Tenant>, Tally>>);

/// What a failure is of: its event's action, target and reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind {
    /// What was tried.
    pub action: Action,
    /// On what.
    pub target: Option<String>,
    /// Why it was refused, where there are several reasons.
    pub why: Option<String>,
}

#[derive(Debug, Default)]
struct Count {
    networks: BTreeMap<String, u64>,
    elsewhere: u64,
}

#[derive(Debug)]
struct Tally {
    since: Timestamp,
    kinds: HashMap<Kind, Count>,
    others: u64,
}

impl Count {
    fn add(&mut self, network: String, times: u64) {
        if self.networks.len() < MAX_NETWORKS || self.networks.contains_key(&network) {
            let count = self.networks.entry(network).or_default();
            *count = count.saturating_add(times);
        } else {
            self.elsewhere = self.elsewhere.saturating_add(times);
        }
    }

    fn in_all(&self) -> u64 {
        self.networks.values().fold(self.elsewhere, |sum, count| sum.saturating_add(*count))
    }
}

impl Tally {
    fn new(since: Timestamp) -> Self {
        Self { since, kinds: HashMap::new(), others: 0 }
    }

    fn of(&mut self, kind: Kind) -> Option<&mut Count> {
        let room = self.kinds.len() < MAX_KINDS || self.kinds.contains_key(&kind);
        room.then(|| self.kinds.entry(kind).or_default())
    }

    // What was counted in the meantime, on top.
    fn merge(&mut self, later: Self) {
        self.others = self.others.saturating_add(later.others);
        for (kind, count) in later.kinds {
            match self.of(kind) {
                Some(own) => {
                    own.elsewhere = own.elsewhere.saturating_add(count.elsewhere);
                    count.networks.into_iter().for_each(|(network, times)| own.add(network, times));
                }
                None => self.others = self.others.saturating_add(count.in_all()),
            }
        }
    }

    // The kinds with the most first.
    fn detail(&self) -> Value {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(kind, count)| (u64::MAX - count.in_all(), kind.target.clone(), kind.why.clone()));
        let kinds: Vec<Value> = kinds
            .into_iter()
            .map(|(kind, count)| {
                json!({
                    "action": kind.action, "target": kind.target, "why": kind.why, "left_out": count.in_all(),
                    "networks": count.networks, "elsewhere": count.elsewhere,
                })
            })
            .collect();
        json!({"since": self.since, "kinds": kinds, "others": self.others})
    }
}

impl LeftOut {
    // Counts are whole at every moment: a panic elsewhere spoils none.
    fn lock(&self) -> MutexGuard<'_, HashMap<Id<Tenant>, Tally>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a failure of `kind` from `network` that the log is not told of.
    pub fn count(&self, tenant: Id<Tenant>, kind: Kind, network: String, now: Timestamp) {
        let mut all = self.lock();
        let tally = all.entry(tenant).or_insert_with(|| Tally::new(now));
        match tally.of(kind) {
            Some(count) => count.add(network, 1),
            None => tally.others = tally.others.saturating_add(1),
        }
    }

    // Takes out what was counted for an hour or longer by `now`.
    fn take_due(&self, now: Timestamp) -> Vec<(Id<Tenant>, Tally)> {
        let mut all = self.lock();
        let (due, rest): (HashMap<_, _>, HashMap<_, _>) =
            mem::take(&mut *all).into_iter().partition(|(_, tally)| now.since(tally.since) >= HOUR);
        *all = rest;
        due.into_iter().collect()
    }

    // What could not be told goes back.
    fn put_back(&self, tenant: Id<Tenant>, tally: Tally) {
        let mut all = self.lock();
        let later = all.remove(&tenant);
        let own = all.entry(tenant).or_insert(tally);
        if let Some(later) = later {
            own.merge(later);
        }
    }
}

/// Tells the log what was left out of it for an hour or longer by `now`, one event a tenant; gives how
/// many events.
///
/// # Errors
/// When the database does not take one; it is told the next time.
pub async fn tell_due(app: &App, now: Timestamp) -> Result<usize, StorageError> {
    let mut failed = None;
    let mut told = 0;
    for (tenant, tally) in app.left_out.take_due(now) {
        let own = app.clone();
        let event = Event::of(Action::FailuresLeftOut, Outcome::Failure).with(tally.detail());
        let written =
            app.store.write(move |tx| Box::pin(async move { audit::append(&own, tx, tenant, event).await })).await;
        match written {
            Ok(()) => told += 1,
            Err(error) => {
                app.left_out.put_back(tenant, tally);
                failed = Some(error);
            }
        }
    }
    failed.map_or(Ok(told), Err)
}

/// The same when the server ends: whatever was counted, however lately.
///
/// # Errors
/// As [`tell_due`].
pub async fn tell_all(app: &App) -> Result<usize, StorageError> {
    tell_due(app, Timestamp(i64::MAX)).await
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn tenant() -> Id<Tenant> {
        Id::from_uuid(Uuid::from_u128(1))
    }

    fn kind(target: usize) -> Kind {
        Kind { action: Action::ProofRefused, target: Some(target.to_string()), why: None }
    }

    fn only(counted: &LeftOut) -> Tally {
        let mut due = counted.take_due(NOW.plus(HOUR));
        assert_eq!(due.len(), 1);
        due.remove(0).1
    }

    #[test]
    fn c1_kinds_and_networks_are_bounded_and_nothing_is_lost_in_the_count() {
        let counted = LeftOut::default();
        for target in 0..MAX_KINDS + 3 {
            for network in 0..MAX_NETWORKS + 2 {
                counted.count(tenant(), kind(target), format!("203.0.113.{network}"), NOW);
            }
        }
        let tally = only(&counted);
        assert_eq!(tally.kinds.len(), MAX_KINDS);
        assert_eq!(usize::try_from(tally.others), Ok(3 * (MAX_NETWORKS + 2)));
        for count in tally.kinds.values() {
            assert_eq!((count.networks.len(), count.elsewhere), (MAX_NETWORKS, 2));
        }
    }

    #[test]
    fn c1_it_is_due_an_hour_after_the_first_and_then_gone() {
        let counted = LeftOut::default();
        counted.count(tenant(), kind(1), "here".into(), NOW);
        counted.count(tenant(), kind(1), "here".into(), NOW.plus(HOUR - 1));
        assert!(counted.take_due(NOW.plus(HOUR - 1)).is_empty());
        assert_eq!(only(&counted).kinds[&kind(1)].in_all(), 2);
        assert!(counted.take_due(NOW.plus(2 * HOUR)).is_empty());
    }

    #[test]
    fn c1_what_could_not_be_told_is_told_with_what_came_since() {
        let counted = LeftOut::default();
        counted.count(tenant(), kind(1), "here".into(), NOW);
        let taken = only(&counted);
        counted.count(tenant(), kind(1), "there".into(), NOW.plus(HOUR));
        counted.count(tenant(), kind(2), "there".into(), NOW.plus(HOUR));
        counted.put_back(tenant(), taken);
        let tally = only(&counted);
        assert_eq!((tally.since, tally.kinds[&kind(1)].in_all(), tally.kinds[&kind(2)].in_all()), (NOW, 2, 1));
    }
}
