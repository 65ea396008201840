//! The audit log. Appended to only: triggers of the schema refuse every change.

use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture};
use lanyard_domain::{
    account::Account,
    audit::{Action, AuditEvent},
    clock::Timestamp,
    id::Id,
    tenant::Tenant,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{both, collect, hit};
use crate::{
    error::{Result, StorageError},
    postgres::{PostgresTx, apart::InOne},
    together::Shared,
};

/// An event that was judged by a version of its tenant's configuration.
#[derive(Debug, Clone)]
pub struct Note {
    /// What the log is told.
    pub event: AuditEvent,
    /// The version.
    pub configuration: i64,
}

/// Where the log goes on: with what is older than this event, or newer, whichever way it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCursor {
    /// When the last event shown happened.
    pub at: Timestamp,
    /// Its id.
    pub id: Id<AuditEvent>,
}

impl AuditCursor {
    /// Before everything that happened at `at`: read onwards, all of that comes.
    #[must_use]
    pub fn before(at: Timestamp) -> Self {
        Self { at, id: Id::from_uuid(Uuid::nil()) }
    }
}

/// What to read of the log, oldest first.
#[derive(Debug, Clone)]
pub struct AuditWanted {
    /// From what came after this on.
    pub after: AuditCursor,
    /// Of this action alone.
    pub action: Option<Action>,
    /// At most so many events.
    pub limit: u32,
}

/// Reads the audit log.
#[async_trait]
pub trait AuditReads {
    /// At most `limit` events of `tenant`, newest first.
    async fn list_audit(
        &mut self,
        tenant: Id<Tenant>,
        before: Option<&AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>>;
    /// Events of `tenant`, oldest first.
    async fn audit_after(&mut self, tenant: Id<Tenant>, wanted: &AuditWanted) -> Result<Vec<AuditEvent>>;
    /// Where an event of `tenant` stands in the log; `None` where the tenant has none of that id.
    async fn audit_cursor(&mut self, tenant: Id<Tenant>, id: Id<AuditEvent>) -> Result<Option<AuditCursor>>;
    /// At most `limit` events of what `account` did and of what others did to it, newest first, less what
    /// only servers care for.
    async fn history_of(
        &mut self,
        account: Id<Account>,
        before: Option<&AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>>;
    /// What changed `account` since `since`, by whomever, newest first: of each kind at most [`EACH_KIND`], so
    /// that many of one kind hide no other.
    async fn changes_of(&mut self, account: Id<Account>, since: Timestamp) -> Result<Vec<AuditEvent>>;
}

/// How many events of a kind [`AuditReads::changes_of`] gives for what people did, and for what others did.
pub const EACH_KIND: u32 = 20;

// The conditions are those of the index `audit_of_actor`, word for word.
macro_rules! what_they_did {
    () => {
        "SELECT * FROM audit WHERE actor = $1 AND (at, id) < ($2, $3) \
         AND actor IS NOT NULL \
         AND action NOT IN ('token_refreshed', 'code_issued', 'code_redeemed', 'id_token_issued', 'token_revoked', 'factor_challenged', 'email_code_sent', 'email_proved', 'journey_cancelled', 'flow_run', 'patient_viewed', 'patients_listed') \
         AND (outcome = 'failure' OR action NOT IN ('password_checked', 'factor_checked')) \
         ORDER BY at DESC, id DESC LIMIT $4"
    };
}

// The conditions are those of the index `audit_of_subject`, word for word. What people did to themselves
// stands under what they did.
macro_rules! what_others_did {
    () => {
        "SELECT * FROM audit WHERE target = $5 AND (at, id) < ($2, $3) \
         AND target IS NOT NULL \
         AND action NOT IN ('token_refreshed', 'code_issued', 'code_redeemed', 'id_token_issued', 'token_revoked', 'factor_challenged', 'email_code_sent', 'email_proved', 'journey_cancelled', 'flow_run') \
         AND (actor IS NULL OR actor <> $1) \
         ORDER BY at DESC, id DESC LIMIT $4"
    };
}

/// Both halves and the whole: a test looks at their plans.
pub(crate) const HISTORY: [&str; 3] = [
    what_they_did!(),
    what_others_did!(),
    concat!(
        "SELECT * FROM (",
        what_they_did!(),
        ") own UNION ALL SELECT * FROM (",
        what_others_did!(),
        ") others ORDER BY at DESC, id DESC LIMIT $4"
    ),
];

// The conditions are those of the indexes `audit_changes_by_actor` and `audit_changes_of_subject`, word for word.
macro_rules! changes {
    ($whose:literal) => {
        concat!(
            "SELECT * FROM (SELECT audit.*, ROW_NUMBER() OVER (PARTITION BY action ORDER BY at DESC, id DESC) AS nth \
             FROM audit WHERE ",
            $whose,
            " AND outcome = 'success' \
             AND action IN ('password_reset', 'factor_removed', 'reset_issued', 'browser_remembered', 'email_changed', 'profile_changed', 'deletion_requested', 'data_exported', 'consent_given', 'device_approved') \
             AND at >= $2) latest WHERE nth <= $4"
        )
    };
}

/// What people did and what others did to them, of each kind the latest: a test looks at the plan.
pub(crate) const CHANGES: &str = concat!(
    changes!("actor = $1 AND actor IS NOT NULL"),
    " UNION ALL ",
    changes!("target = $3 AND target IS NOT NULL AND (actor IS NULL OR actor <> $1)"),
    " ORDER BY at DESC, id DESC"
);

// A condition that may be missing is another statement: PostgreSQL would guess that few events fulfil it, and sort.
macro_rules! onwards {
    ($action:literal) => {
        concat!(
            "SELECT * FROM audit WHERE tenant_id = $1 AND (at, id) > ($2, $3)",
            $action,
            " ORDER BY at, id LIMIT $4"
        )
    };
}

/// A tenant's log onwards from a cursor, all of it and that of one action: a test looks at the plans.
pub(crate) const ONWARDS: [&str; 2] = [onwards!(""), onwards!(" AND action = $5")];

/// Writes the audit log.
#[async_trait]
pub trait AuditWrites {
    /// Appends an event.
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<()>;
    /// The same, while its tenant's configuration has the version `configuration`; else Conflict. See
    /// [`crate::Store::note`].
    async fn append_audit_while(&mut self, note: &Note) -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    id: Uuid,
    tenant_id: Uuid,
    at: i64,
    actor: Option<Uuid>,
    action: String,
    target: Option<String>,
    outcome: String,
    ip: Option<String>,
    request: Option<String>,
    detail: String,
}

// The domain names actions and outcomes by serde (`snake_case`).
pub(super) fn to_word<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(word) => Ok(word),
        _ => Err(StorageError::Inconsistent("not a word")),
    }
}

fn from_word<T: DeserializeOwned>(word: String) -> Result<T> {
    Ok(serde_json::from_value(serde_json::Value::String(word))?)
}

impl TryFrom<AuditRow> for AuditEvent {
    type Error = StorageError;
    fn try_from(row: AuditRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            at: Timestamp(row.at),
            actor: row.actor.map(Id::from_uuid),
            action: from_word(row.action)?,
            target: row.target,
            outcome: from_word(row.outcome)?,
            ip: row.ip,
            request: row.request,
            detail: serde_json::from_str(&row.detail)?,
        })
    }
}

both!(AuditReads {
    async fn list_audit(
        &mut self,
        tenant: Id<Tenant>,
        before: Option<&AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>> {
        let (at, id) = before.map_or((i64::MAX, Uuid::max()), |cursor| (cursor.at.0, cursor.id.uuid()));
        let rows = sqlx::query_as::<_, AuditRow>(
            "SELECT * FROM audit WHERE tenant_id = $1 AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT $4",
        );
        let rows = rows.bind(tenant.uuid()).bind(at).bind(id).bind(i64::from(limit));
        collect(rows.fetch_all(&mut *self.db).await?)
    }

    async fn audit_after(&mut self, tenant: Id<Tenant>, wanted: &AuditWanted) -> Result<Vec<AuditEvent>> {
        let AuditWanted { after, action, limit } = wanted;
        let [all, one] = ONWARDS;
        let rows = sqlx::query_as::<_, AuditRow>(if action.is_some() { one } else { all });
        let mut rows = rows.bind(tenant.uuid()).bind(after.at.0).bind(after.id.uuid()).bind(i64::from(*limit));
        if let Some(action) = action {
            rows = rows.bind(to_word(action)?);
        }
        collect(rows.fetch_all(&mut *self.db).await?)
    }

    async fn audit_cursor(&mut self, tenant: Id<Tenant>, id: Id<AuditEvent>) -> Result<Option<AuditCursor>> {
        let row = sqlx::query_as::<_, (i64,)>("SELECT at FROM audit WHERE id = $1 AND tenant_id = $2");
        let row = row.bind(id.uuid()).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?;
        Ok(row.map(|(at,)| AuditCursor { at: Timestamp(at), id }))
    }

    async fn history_of(
        &mut self,
        account: Id<Account>,
        before: Option<&AuditCursor>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>> {
        let (at, id) = before.map_or((i64::MAX, Uuid::max()), |cursor| (cursor.at.0, cursor.id.uuid()));
        let rows = sqlx::query_as::<_, AuditRow>(HISTORY[2]).bind(account.uuid()).bind(at).bind(id);
        collect(rows.bind(i64::from(limit)).bind(account.to_string()).fetch_all(&mut *self.db).await?)
    }

    async fn changes_of(&mut self, account: Id<Account>, since: Timestamp) -> Result<Vec<AuditEvent>> {
        let rows = sqlx::query_as::<_, AuditRow>(CHANGES).bind(account.uuid()).bind(since.0);
        let rows = rows.bind(account.to_string()).bind(i64::from(EACH_KIND));
        collect(rows.fetch_all(&mut *self.db).await?)
    }
});

// An event's columns, in their order.
macro_rules! event_columns {
    () => {
        "id, tenant_id, at, actor, action, target, outcome, ip, request, detail"
    };
}
pub(crate) use event_columns;

// What goes into them, whatever statement they are part of.
macro_rules! bind_event {
    ($change:expr, $event:expr) => {
        $change
            .bind($event.id.uuid())
            .bind($event.tenant.uuid())
            .bind($event.at.0)
            .bind($event.actor.map(Id::uuid))
            .bind(to_word(&$event.action)?)
            .bind(&$event.target)
            .bind(to_word(&$event.outcome)?)
            .bind(&$event.ip)
            .bind(&$event.request)
            .bind($event.detail.to_string())
    };
}

// The same of many, each column an array.
macro_rules! bind_events {
    ($query:expr, $events:expr) => {
        $query
            .bind($events.clone().map(|event| event.id.uuid()).collect::<Vec<_>>())
            .bind($events.clone().map(|event| event.tenant.uuid()).collect::<Vec<_>>())
            .bind($events.clone().map(|event| event.at.0).collect::<Vec<_>>())
            .bind($events.clone().map(|event| event.actor.map(Id::uuid)).collect::<Vec<_>>())
            .bind($events.clone().map(|event| to_word(&event.action)).collect::<Result<Vec<_>>>()?)
            .bind($events.clone().map(|event| event.target.clone()).collect::<Vec<_>>())
            .bind($events.clone().map(|event| to_word(&event.outcome)).collect::<Result<Vec<_>>>()?)
            .bind($events.clone().map(|event| event.ip.clone()).collect::<Vec<_>>())
            .bind($events.clone().map(|event| event.request.clone()).collect::<Vec<_>>())
            .bind($events.map(|event| event.detail.to_string()).collect::<Vec<_>>())
    };
}
pub(super) use {bind_event, bind_events};

both!(AuditWrites {
    async fn append_audit(&mut self, event: &AuditEvent) -> Result<()> {
        let insert = self.later(concat!(
            "INSERT INTO audit (",
            event_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        ));
        bind_event!(insert, event).one().await
    }

    async fn append_audit_while(&mut self, note: &Note) -> Result<()> {
        self.append_while(note).await
    }
});

impl crate::sqlite::SqliteTx<'_> {
    async fn append_while(&mut self, note: &Note) -> Result<()> {
        let Note { event, configuration } = note;
        let insert = self.later(concat!(
            "INSERT INTO audit (",
            event_columns!(),
            ") SELECT $1, n.id, $3, $4, $5, $6, $7, $8, $9, $10 FROM tenants n WHERE n.id = $2 AND n.configuration = $11"
        ));
        bind_event!(insert, event).bind(*configuration).one().await
    }
}

impl PostgresTx<'_> {
    async fn append_while(&mut self, note: &Note) -> Result<()> {
        hit(u64::from(self.note_all(std::slice::from_ref(note)).await?.contains(&true)))
    }

    // Whether each was noted down.
    async fn note_all(&mut self, all: &[Note]) -> Result<Vec<bool>> {
        let events = all.iter().map(|note| &note.event);
        let insert = bind_events!(sqlx::query_as::<_, (Uuid,)>(crate::postgres::dialect::NOTE_EVENTS), events);
        let insert = insert.bind(all.iter().map(|note| note.configuration).collect::<Vec<_>>());
        let noted = insert.fetch_all(&mut *self.db).await?;
        Ok(all.iter().map(|note| noted.iter().any(|(id,)| *id == note.event.id.uuid())).collect())
    }
}

/// Events that are noted down together.
pub(crate) enum Notes {}

impl Shared for Notes {
    type Asked = Note;
    type Answer = bool;
    const AT_ONCE: usize = 2;
}

impl InOne for Notes {
    const CHANGES: bool = true;

    fn ask<'t>(tx: &'t mut PostgresTx<'_>, all: &'t [Note]) -> BoxFuture<'t, Result<Vec<bool>>> {
        tx.note_all(all).boxed()
    }
}
