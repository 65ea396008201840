//! What may be under way at once. Each kind of message has slots of its own, so that none waits behind another: not
//! a code behind the notices to applications that hang, not a text behind a mail server that does (D6).
//!
//! Notices go to addresses that applications chose: they have few slots, and a host has one of them at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lanyard_storage::{MessageKind, NewMessage, Wanted};

/// How many messages of a kind one server sends at once, over all its providers.
#[must_use]
pub const fn at_once(kind: MessageKind) -> u32 {
    match kind {
        MessageKind::Email | MessageKind::Text => 8,
        MessageKind::Call | MessageKind::Logout => 4,
    }
}

/// The slots of this server.
#[derive(Debug, Clone, Default)]
pub struct Slots(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    by_kind: BTreeMap<MessageKind, u32>,
    hosts: BTreeSet<String>,
}

/// A slot that is taken until this is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    kind: MessageKind,
    host: String,
}

impl Slots {
    /// What there is room for now, a kind each. Of the notices it is one, so that the host of the next one may be
    /// another.
    #[must_use]
    pub fn wanted(&self) -> Vec<Wanted> {
        let taken = self.taken();
        let wanted = MessageKind::ALL.map(|kind| {
            let free = at_once(kind).saturating_sub(taken.by_kind.get(&kind).copied().unwrap_or_default());
            match kind {
                MessageKind::Logout => Wanted { kind, busy: taken.hosts.iter().cloned().collect(), limit: free.min(1) },
                MessageKind::Email | MessageKind::Text | MessageKind::Call => {
                    Wanted { kind, busy: Vec::new(), limit: free }
                }
            }
        });
        wanted.into_iter().filter(|wanted| wanted.limit > 0).collect()
    }

    /// Takes a slot for `message`, which was wanted.
    #[must_use]
    pub fn take(&self, message: &NewMessage) -> Slot {
        let mut taken = self.taken();
        *taken.by_kind.entry(message.kind).or_default() += 1;
        if message.kind == MessageKind::Logout {
            taken.hosts.insert(message.host.clone());
        }
        Slot { slots: self.clone(), kind: message.kind, host: message.host.clone() }
    }

    // What a panic left is as good as ever: counts that a slot's drop puts right.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        if let Some(count) = taken.by_kind.get_mut(&self.kind) {
            *count = count.saturating_sub(1);
        }
        if self.kind == MessageKind::Logout {
            taken.hosts.remove(&self.host);
        }
    }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{clock::Timestamp, id::Id, secret::Sealed};
    use uuid::Uuid;

    use super::*;

    fn message(kind: MessageKind, host: &str) -> NewMessage {
        NewMessage {
            id: Id::from_uuid(Uuid::from_u128(1)),
            tenant: Id::from_uuid(Uuid::from_u128(2)),
            journey: None,
            kind,
            host: host.to_owned(),
            payload: Sealed(Vec::new()),
            created_at: Timestamp(0),
            expires_at: Timestamp(1),
        }
    }

    #[test]
    fn d6_no_kind_takes_the_slots_of_another_and_no_host_two() {
        let slots = Slots::default();
        let limits = || slots.wanted().into_iter().map(|own| (own.kind, own.limit)).collect::<Vec<_>>();
        let others = [(MessageKind::Email, 8), (MessageKind::Text, 8), (MessageKind::Call, 4)];
        assert_eq!(limits(), [&others[..], &[(MessageKind::Logout, 1)]].concat());
        let held: Vec<Slot> =
            ["a", "b", "c", "d"].map(|host| slots.take(&message(MessageKind::Logout, host))).into_iter().collect();
        assert_eq!(limits(), others, "no room for a fifth notice, and all of the others'");
        let mut held = held.into_iter();
        drop(held.next());
        let notices = slots.wanted().pop().unwrap();
        assert_eq!((notices.limit, notices.busy), (1, ["b", "c", "d"].map(str::to_owned).to_vec()));
        let mails: Vec<Slot> = (0..8).map(|_| slots.take(&message(MessageKind::Email, ""))).collect();
        assert!(slots.wanted().iter().all(|own| own.kind != MessageKind::Email));
        drop((held, mails));
        assert_eq!(limits(), [&others[..], &[(MessageKind::Logout, 1)]].concat());
    }
}
