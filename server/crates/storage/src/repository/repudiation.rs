//! Links "This wasn't me" in mails about changes: each works once (U24).

use async_trait::async_trait;
use lanyard_domain::{
    account::Account, assurance::Assurance, clock::Timestamp, email::EmailAddress, id::Id, secret::TokenHash,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{account::address, both, hit, minimum::of_column, optional};
use crate::error::{Result, StorageError};

/// A link that can be used, or was just used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repudiation {
    /// Whose it is.
    pub account: Id<Account>,
    /// The address that it was mailed to; `None` in links of old.
    pub address: Option<EmailAddress>,
    /// Whether using it brings that address back: it stands in the mail about the change of it.
    pub brings_back: bool,
    /// The account's own minimum before the change of it that the mail tells of; `None` where it tells of
    /// something else.
    pub minimum_before: Option<Assurance>,
    /// When it ends, or would have ended.
    pub ends_at: Timestamp,
}

/// Reads these links.
#[async_trait]
pub trait RepudiationReads {
    /// The link, if it is of `tenant` and can be used at `now`.
    async fn repudiation(
        &mut self,
        tenant: Id<Tenant>,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Repudiation>>;
    /// The own minimum of `account` before the oldest change of it of which a link tells that ends at `from` or later,
    /// used or not; `None` if there was no change.
    async fn minimum_before(&mut self, account: Id<Account>, from: Timestamp) -> Result<Option<Assurance>>;
}

/// Changes these links.
#[async_trait]
pub trait RepudiationWrites {
    /// Stores `link` of an account of `tenant`.
    async fn create_repudiation(&mut self, tenant: Id<Tenant>, token: &TokenHash, link: &Repudiation) -> Result<()>;
    /// Uses a link up; Conflict if `tenant` has no such link, it was used or is over.
    async fn use_repudiation(&mut self, tenant: Id<Tenant>, token: &TokenHash, at: Timestamp) -> Result<Repudiation>;
    /// Uses up every other link of the account that was mailed to the same address or later; how many. One
    /// that went to another address before stays: whoever has taken an account over must not be able to
    /// take its owner's links away by their own. One that brings an address back is used up by such a one
    /// alone: who uses the link of an older mail first still gets the address.
    async fn use_siblings(&mut self, used: &Repudiation, at: Timestamp) -> Result<u64>;
    /// Deletes at most `limit` links that ended before `before`; how many.
    async fn delete_old_repudiations(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

#[derive(sqlx::FromRow)]
struct RepudiationRow {
    account_id: Uuid,
    address: Option<String>,
    brings_back: i64,
    minimum_before: Option<i64>,
    expires_at: i64,
}

impl TryFrom<RepudiationRow> for Repudiation {
    type Error = StorageError;
    fn try_from(row: RepudiationRow) -> Result<Self> {
        Ok(Self {
            account: Id::from_uuid(row.account_id),
            address: row.address.as_deref().map(address).transpose()?,
            brings_back: row.brings_back == 1,
            minimum_before: row.minimum_before.map(of_column).transpose()?,
            ends_at: Timestamp(row.expires_at),
        })
    }
}

both!(RepudiationReads {
    async fn repudiation(
        &mut self,
        tenant: Id<Tenant>,
        token: &TokenHash,
        now: Timestamp,
    ) -> Result<Option<Repudiation>> {
        let row = sqlx::query_as::<_, RepudiationRow>(
            "SELECT account_id, address, brings_back, minimum_before, expires_at FROM repudiations \
             WHERE token = $1 AND tenant_id = $2 AND used_at IS NULL AND expires_at > $3",
        );
        optional(row.bind(&token.0[..]).bind(tenant.uuid()).bind(now.0).fetch_optional(&mut *self.db).await?)
    }

    async fn minimum_before(&mut self, account: Id<Account>, from: Timestamp) -> Result<Option<Assurance>> {
        // Tokens are random: of two changes within a millisecond the higher one counts, so that none gets below it.
        let row = sqlx::query_as::<_, (i64,)>(
            "SELECT minimum_before FROM repudiations \
             WHERE account_id = $1 AND expires_at >= $2 AND minimum_before IS NOT NULL \
             ORDER BY expires_at, minimum_before DESC LIMIT 1",
        );
        let row = row.bind(account.uuid()).bind(from.0).fetch_optional(&mut *self.db).await?;
        row.map(|(rank,)| of_column(rank)).transpose()
    }
});

both!(RepudiationWrites {
    async fn create_repudiation(
        &mut self,
        tenant: Id<Tenant>,
        token: &TokenHash,
        link: &Repudiation,
    ) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO repudiations (token, tenant_id, account_id, address, brings_back, minimum_before, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let insert = insert.bind(&token.0[..]).bind(tenant.uuid()).bind(link.account.uuid());
        let insert = insert.bind(link.address.as_ref().map(EmailAddress::as_str));
        let insert = insert.bind(i64::from(link.brings_back)).bind(link.minimum_before.map(|before| i64::from(before.rank())));
        let insert = insert.bind(link.ends_at.0);
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn use_repudiation(
        &mut self,
        tenant: Id<Tenant>,
        token: &TokenHash,
        at: Timestamp,
    ) -> Result<Repudiation> {
        let update = sqlx::query_as::<_, RepudiationRow>(
            "UPDATE repudiations SET used_at = $3 \
             WHERE token = $1 AND tenant_id = $2 AND used_at IS NULL AND expires_at > $3 \
             RETURNING account_id, address, brings_back, minimum_before, expires_at",
        );
        let update = update.bind(&token.0[..]).bind(tenant.uuid()).bind(at.0);
        update.fetch_optional(&mut *self.db).await?.ok_or(StorageError::Conflict)?.try_into()
    }

    async fn use_siblings(&mut self, used: &Repudiation, at: Timestamp) -> Result<u64> {
        let update = sqlx::query(
            "UPDATE repudiations SET used_at = $2 WHERE account_id = $1 AND used_at IS NULL \
             AND ($5 = 1 OR brings_back = 0) \
             AND (expires_at > $3 OR ($5 = 1 AND expires_at = $3) OR COALESCE(address, '') = $4)",
        );
        let update = update.bind(used.account.uuid()).bind(at.0).bind(used.ends_at.0);
        let update = update.bind(used.address.as_ref().map_or("", EmailAddress::as_str));
        let update = update.bind(i64::from(used.brings_back));
        Ok(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_old_repudiations(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM repudiations WHERE token IN \
             (SELECT token FROM repudiations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
