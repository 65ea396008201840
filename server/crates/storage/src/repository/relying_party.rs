//! The relying parties of a session: the applications that it signed in to, which logout tells.
//! They go with the session.

use async_trait::async_trait;
use lanyard_domain::{application::Application, grant::Grant, id::Id, session::Session, user_flow::UserFlow};
use uuid::Uuid;

use super::both;
use crate::error::Result;

/// An application that a session signed in to, by a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelyingParty {
    /// The application.
    pub application: Id<Application>,
    /// The flow: its issuer is the one that the application knows.
    pub flow: Id<UserFlow>,
    /// The `sid` that its ID tokens say.
    pub sid: Id<Session>,
}

/// Reads relying parties.
#[async_trait]
pub trait RelyingPartyReads {
    /// The applications that `session` signed in to.
    async fn relying_parties(&mut self, session: Id<Session>) -> Result<Vec<RelyingParty>>;
}

/// Changes relying parties.
#[async_trait]
pub trait RelyingPartyWrites {
    /// Notes that `grant` goes to an application from a session; once is enough. Must stand in the
    /// transaction that creates the grant.
    async fn note_relying_party(&mut self, grant: &Grant) -> Result<()>;
    /// Moves the relying parties of `old` to `new`, which took its place: they keep their `sid`.
    async fn inherit_relying_parties(&mut self, old: Id<Session>, new: Id<Session>) -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct PartyRow {
    application_id: Uuid,
    flow_id: Uuid,
    sid: Uuid,
}

both!(RelyingPartyReads {
    async fn relying_parties(&mut self, session: Id<Session>) -> Result<Vec<RelyingParty>> {
        let rows = sqlx::query_as::<_, PartyRow>(
            "SELECT application_id, flow_id, sid FROM relying_parties WHERE session_id = $1 \
             ORDER BY application_id, flow_id, sid",
        );
        let rows = rows.bind(session.uuid()).fetch_all(&mut *self.db).await?;
        let party = |row: PartyRow| RelyingParty {
            application: Id::from_uuid(row.application_id),
            flow: Id::from_uuid(row.flow_id),
            sid: Id::from_uuid(row.sid),
        };
        Ok(rows.into_iter().map(party).collect())
    }
});

both!(RelyingPartyWrites {
    async fn note_relying_party(&mut self, grant: &Grant) -> Result<()> {
        let Some(session) = grant.session else { return Ok(()) };
        let insert = self.later(
            "INSERT INTO relying_parties (session_id, application_id, flow_id, sid) VALUES ($1, $2, $3, $1) \
             ON CONFLICT DO NOTHING",
        );
        insert.bind(session.uuid()).bind(grant.application.uuid()).bind(grant.flow.uuid()).any().await
    }

    async fn inherit_relying_parties(&mut self, old: Id<Session>, new: Id<Session>) -> Result<()> {
        let update = self.later("UPDATE relying_parties SET session_id = $2 WHERE session_id = $1");
        update.bind(old.uuid()).bind(new.uuid()).any().await
    }
});
