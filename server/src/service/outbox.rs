//! Puts finished messages into the outbox, sealed: a code in the database is worth nothing to
//! who reads the file.

use lanyard_crypto::{Purpose, TenantKeys};
use lanyard_domain::{clock::Timestamp, id::Id, journey::Journey, tenant::Tenant};
use lanyard_messaging::Message;
use lanyard_storage::{MessageKind, NewMessage, WriteTx};

use super::journey::JourneyError;
use crate::state::App;

/// A message and its errand.
pub struct Letter<'a> {
    /// Whose message.
    pub tenant: Id<Tenant>,
    /// The journey that waits for it, which is told how it fares.
    pub journey: Option<Id<Journey>>,
    /// The message.
    pub message: &'a Message,
    /// When it has lost its meaning.
    pub expires_at: Timestamp,
}

/// Puts `letter` into the outbox.
///
/// # Errors
/// When the database does not take it.
pub async fn enqueue(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    keys: &TenantKeys,
    letter: Letter<'_>,
) -> Result<(), JourneyError> {
    let now = app.clock.now();
    let mut entropy = app.entropy();
    let id = Id::new(now, entropy.as_mut());
    let plain = serde_json::to_vec(letter.message).map_err(|error| JourneyError::Internal(error.to_string()))?;
    let kind = match letter.message {
        Message::Email { .. } => MessageKind::Email,
        Message::Text { .. } => MessageKind::Text,
        Message::Call { .. } => MessageKind::Call,
    };
    let payload = keys.seal(Purpose::OutboxPayload, &id.to_string(), &plain, entropy.as_mut());
    let entry = NewMessage {
        id,
        tenant: letter.tenant,
        journey: letter.journey,
        kind,
        host: String::new(),
        payload,
        created_at: now,
        expires_at: letter.expires_at,
    };
    tx.enqueue_message(&entry).await?;
    Ok(())
}
