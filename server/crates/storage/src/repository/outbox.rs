//! The outbox: messages that a committed transaction wants sent.
//!
//! Each kind is claimed by itself: a worker has room for each, and none waits behind another (D6).
//!
//! A worker leases what is due; the lease makes two workers, or two servers, never send the same
//! message at once, and gives a message back when its worker died. A worker whose lease ran out
//! can no longer report on the message.

use async_trait::async_trait;
use lanyard_domain::{clock::Timestamp, id::Id, journey::Journey, secret::Sealed, tenant::Tenant};
use uuid::Uuid;

use super::{both, hit, time};
use crate::error::{Result, StorageError};

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// A mail.
    Email,
    /// A text.
    Text,
    /// A phone call.
    Call,
    /// A notice to an application that somebody signed out (OpenID Connect Back-Channel Logout).
    Logout,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Email, Self::Text, Self::Call, Self::Logout];

    /// As it is stored, logged and audited.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Text => "text",
            Self::Call => "call",
            Self::Logout => "logout",
        }
    }
}

impl std::fmt::Display for MessageKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message to send.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its id.
    pub id: Id<NewMessage>,
    /// The tenant whose data key seals it.
    pub tenant: Id<Tenant>,
    /// The journey that waits for it, if any.
    pub journey: Option<Id<Journey>>,
    /// What it is.
    pub kind: MessageKind,
    /// The host that it goes to where an application chose it, lower case; empty for what providers send.
    pub host: String,
    /// Destination and words, sealed.
    pub payload: Sealed,
    /// When it was put in.
    pub created_at: Timestamp,
    /// When it loses its meaning: nothing is sent after that.
    pub expires_at: Timestamp,
}

/// A message that this worker alone may send until `lease`.
#[derive(Debug, Clone)]
pub struct ClaimedMessage {
    /// The message.
    pub message: NewMessage,
    /// The attempts begun, this one included.
    pub attempts: u32,
    /// The end of the lease; reports must name it.
    pub lease: Timestamp,
}

/// What a worker has room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Messages of this kind alone.
    pub kind: MessageKind,
    /// Hosts that have their share: messages to them stay where they are.
    pub busy: Vec<String>,
    /// At most so many.
    pub limit: u32,
}

impl Wanted {
    fn busy(&self) -> String {
        serde_json::Value::from(self.busy.as_slice()).to_string()
    }
}

/// How a message is getting on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatus {
    /// When it was put in.
    pub created_at: Timestamp,
    /// The attempts begun.
    pub attempts: u32,
    /// When it was handed over.
    pub delivered_at: Option<Timestamp>,
    /// When it was given up.
    pub failed_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

/// Reads the outbox.
#[async_trait]
pub trait OutboxReads {
    /// The newest message of a journey.
    async fn message_status(&mut self, journey: Id<Journey>) -> Result<Option<MessageStatus>>;
    /// When the next message that is wanted is due, if any waits.
    async fn next_message_due(&mut self, wanted: &Wanted) -> Result<Option<Timestamp>>;
}

/// Changes the outbox.
#[async_trait]
pub trait OutboxWrites {
    /// Puts a message in, due at once.
    async fn enqueue_message(&mut self, message: &NewMessage) -> Result<()>;
    /// Leases due messages that are wanted until `lease`, oldest first.
    async fn claim_messages(
        &mut self,
        wanted: &Wanted,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<ClaimedMessage>>;
    /// It was handed over; the payload is wiped. Conflict if the lease ran out.
    async fn message_delivered(&mut self, id: Id<NewMessage>, lease: Timestamp, at: Timestamp) -> Result<()>;
    /// It is to be tried again at `at`. Conflict if the lease ran out.
    async fn retry_message(&mut self, id: Id<NewMessage>, lease: Timestamp, at: Timestamp, error: &str) -> Result<()>;
    /// It is given up; the payload is wiped. Conflict if the lease ran out.
    async fn message_failed(&mut self, id: Id<NewMessage>, lease: Timestamp, at: Timestamp, error: &str) -> Result<()>;
    /// Deletes at most `limit` messages put in before `before` and done with or expired by then; how many.
    async fn delete_old_messages(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

/// The queries that the databases word differently.
trait Dialect {
    const DUE: &'static str;
    const CLAIM: &'static str;
}
impl Dialect for crate::sqlite::SqliteTx<'_> {
    const DUE: &'static str = crate::sqlite::dialect::NEXT_MESSAGE;
    const CLAIM: &'static str = crate::sqlite::dialect::CLAIM_MESSAGES;
}
impl Dialect for crate::postgres::PostgresTx<'_> {
    const DUE: &'static str = crate::postgres::dialect::NEXT_MESSAGE;
    const CLAIM: &'static str = crate::postgres::dialect::CLAIM_MESSAGES;
}

// What is still to be sent of a kind and of no busy host: the condition of the index `outbox_due`, word for word,
// and the hosts (`$1` the kind, `$2` the busy hosts as JSON) by what the database makes rows of JSON with.
macro_rules! waiting {
    ($hosts:literal) => {
        concat!(
            "FROM outbox WHERE kind = $1 AND delivered_at IS NULL AND failed_at IS NULL AND host NOT IN (SELECT ",
            $hosts,
            ")"
        )
    };
}
pub(crate) use waiting;

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    id: Uuid,
    tenant_id: Uuid,
    journey_id: Option<Uuid>,
    host: String,
    payload: Vec<u8>,
    created_at: i64,
    expires_at: i64,
    attempts: i64,
}

#[derive(sqlx::FromRow)]
struct StatusRow {
    created_at: i64,
    attempts: i64,
    delivered_at: Option<i64>,
    failed_at: Option<i64>,
    last_error: Option<String>,
}

impl TryFrom<StatusRow> for MessageStatus {
    type Error = StorageError;
    fn try_from(row: StatusRow) -> Result<Self> {
        Ok(Self {
            created_at: Timestamp(row.created_at),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            delivered_at: time(row.delivered_at),
            failed_at: time(row.failed_at),
            last_error: row.last_error,
        })
    }
}

fn claimed(row: ClaimedRow, kind: MessageKind, lease: Timestamp) -> ClaimedMessage {
    ClaimedMessage {
        message: NewMessage {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            journey: row.journey_id.map(Id::from_uuid),
            kind,
            host: row.host,
            payload: Sealed(row.payload),
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
        },
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        lease,
    }
}

both!(OutboxReads {
    async fn message_status(&mut self, journey: Id<Journey>) -> Result<Option<MessageStatus>> {
        let row = sqlx::query_as::<_, StatusRow>(
            "SELECT created_at, attempts, delivered_at, failed_at, last_error FROM outbox \
             WHERE journey_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
        );
        super::optional(row.bind(journey.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn next_message_due(&mut self, wanted: &Wanted) -> Result<Option<Timestamp>> {
        let row = sqlx::query_as::<_, (i64,)>(<Self as Dialect>::DUE);
        let row = row.bind(wanted.kind.as_str()).bind(wanted.busy());
        Ok(row.fetch_optional(&mut *self.db).await?.map(|row| Timestamp(row.0)))
    }
});

both!(OutboxWrites {
    async fn enqueue_message(&mut self, message: &NewMessage) -> Result<()> {
        let insert = self.later(
            "INSERT INTO outbox (id, tenant_id, journey_id, kind, host, payload, created_at, expires_at, attempts, \
                next_attempt_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $7)",
        );
        let insert = insert.bind(message.id.uuid()).bind(message.tenant.uuid()).bind(message.journey.map(Id::uuid));
        let insert = insert.bind(message.kind.as_str()).bind(&message.host);
        let insert = insert.bind(&message.payload.0[..]).bind(message.created_at.0);
        insert.bind(message.expires_at.0).one().await
    }

    async fn claim_messages(
        &mut self,
        wanted: &Wanted,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<ClaimedMessage>> {
        let claim = sqlx::query_as::<_, ClaimedRow>(<Self as Dialect>::CLAIM);
        let claim = claim.bind(wanted.kind.as_str()).bind(wanted.busy());
        let rows = claim.bind(now.0).bind(lease.0).bind(i64::from(wanted.limit)).fetch_all(&mut *self.db).await?;
        let mut messages: Vec<_> = rows.into_iter().map(|row| claimed(row, wanted.kind, lease)).collect();
        // RETURNING promises no order.
        messages.sort_by_key(|claimed| (claimed.message.created_at, claimed.message.id));
        Ok(messages)
    }

    async fn message_delivered(&mut self, id: Id<NewMessage>, lease: Timestamp, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE outbox SET delivered_at = $3, locked_until = NULL, last_error = NULL, payload = $4 \
             WHERE id = $1 AND locked_until = $2 AND delivered_at IS NULL AND failed_at IS NULL",
        );
        let update = update.bind(id.uuid()).bind(lease.0).bind(at.0).bind(&b""[..]);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn retry_message(&mut self, id: Id<NewMessage>, lease: Timestamp, at: Timestamp, error: &str) -> Result<()> {
        let update = sqlx::query(
            "UPDATE outbox SET next_attempt_at = $3, locked_until = NULL, last_error = $4 \
             WHERE id = $1 AND locked_until = $2 AND delivered_at IS NULL AND failed_at IS NULL",
        );
        let update = update.bind(id.uuid()).bind(lease.0).bind(at.0).bind(error);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn message_failed(&mut self, id: Id<NewMessage>, lease: Timestamp, at: Timestamp, error: &str) -> Result<()> {
        let update = sqlx::query(
            "UPDATE outbox SET failed_at = $3, locked_until = NULL, last_error = $4, payload = $5 \
             WHERE id = $1 AND locked_until = $2 AND delivered_at IS NULL AND failed_at IS NULL",
        );
        let update = update.bind(id.uuid()).bind(lease.0).bind(at.0).bind(error).bind(&b""[..]);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_old_messages(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE created_at < $1 \
                AND (delivered_at IS NOT NULL OR failed_at IS NOT NULL OR expires_at < $1) \
             ORDER BY created_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
