//! What redeeming a code or a refresh token reads and changes, in as few statements as the databases
//! allow: a statement is a round trip, and those are what a refresh spends its time on beside the
//! signatures.

use async_trait::async_trait;
use lanyard_domain::{
    account::{Account, AccountKind},
    clock::Timestamp,
    grant::{CLOCK_AHEAD, Grant, RefreshToken},
    id::Id,
    secret::TokenHash,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{account::address, both, grant::GrantRow, optional, time, token_hash, word};
use crate::error::{Result, StorageError};

/// A grant, and what is asked about it whenever it is redeemed.
#[derive(Debug, PartialEq, Eq)]
pub struct GrantAtHand {
    /// The grant, whatever became of it.
    pub grant: Grant,
    /// Whose it is, unless the account is gone.
    pub account: Option<Account>,
    /// The version of its tenant's configuration; see [`super::TenantReads::configuration_version`].
    pub configuration: i64,
}

/// Reads what the redemption of a code wants.
#[async_trait]
pub trait RedemptionReads {
    /// The grant of this code if it is of `tenant` (failure 38), whatever became of it.
    async fn grant_at_hand(&mut self, tenant: Id<Tenant>, code: &TokenHash) -> Result<Option<GrantAtHand>>;
}

/// Reads and changes what a refresh wants.
#[async_trait]
pub trait RedemptionWrites {
    /// A refresh token, used or not, with its grant, both locked until the transaction ends: whoever
    /// refreshes or revokes the same family at the same moment comes before or after, never in
    /// between.
    async fn lock_refresh_token(&mut self, hash: &TokenHash) -> Result<Option<(RefreshToken, GrantAtHand)>>;
    /// Uses a token up in exchange for `next`, which is stored: once, within its life, while its
    /// grant stands; else Conflict (A29).
    async fn exchange_refresh_token(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct AtHandRow {
    #[sqlx(flatten)]
    grant: GrantRow,
    holder_kind: Option<String>,
    holder_email: Option<String>,
    holder_attributes: Option<String>,
    holder_disabled_at: Option<i64>,
    holder_created_at: Option<i64>,
    holder_last_sign_in_at: Option<i64>,
    configuration: i64,
}

impl TryFrom<AtHandRow> for GrantAtHand {
    type Error = StorageError;
    fn try_from(row: AtHandRow) -> Result<Self> {
        let grant = Grant::try_from(row.grant)?;
        let columns = (row.holder_kind, row.holder_email, row.holder_attributes, row.holder_created_at);
        let account = match columns {
            (Some(kind), Some(email), Some(attributes), Some(created_at)) => Some(Account {
                id: grant.account,
                tenant: grant.tenant,
                kind: word(AccountKind::parse(&kind))?,
                email: address(&email)?,
                attributes: serde_json::from_str(&attributes)?,
                disabled_at: time(row.holder_disabled_at),
                created_at: Timestamp(created_at),
                last_sign_in_at: time(row.holder_last_sign_in_at.filter(|at| *at != 0)),
            }),
            _ => None,
        };
        Ok(Self { grant, account, configuration: row.configuration })
    }
}

#[derive(sqlx::FromRow)]
struct RefreshRow {
    #[sqlx(flatten)]
    at_hand: AtHandRow,
    token_grant: Uuid,
    token_created_at: i64,
    token_expires_at: i64,
    token_used_at: Option<i64>,
    token_replaced_by: Option<Vec<u8>>,
}

macro_rules! at_hand_columns {
    () => {
        "g.*, a.kind AS holder_kind, a.email AS holder_email, a.attributes AS holder_attributes, \
            a.disabled_at AS holder_disabled_at, a.created_at AS holder_created_at, \
            a.last_sign_in_at AS holder_last_sign_in_at, \
            (SELECT n.configuration FROM tenants n WHERE n.id = g.tenant_id) AS configuration"
    };
}

macro_rules! select_refresh {
    ($lock:literal) => {
        concat!(
            "SELECT ",
            at_hand_columns!(),
            ", t.grant_id AS token_grant, t.created_at AS token_created_at, t.expires_at AS token_expires_at, \
                t.used_at AS token_used_at, t.replaced_by AS token_replaced_by \
             FROM grants g JOIN refresh_tokens t ON t.grant_id = g.id \
             LEFT JOIN accounts a ON a.id = g.account_id AND a.tenant_id = g.tenant_id \
             WHERE t.hash = $1",
            $lock
        )
    };
}

const USE_TOKEN: &str = "UPDATE refresh_tokens SET used_at = $2, replaced_by = $4 \
    WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 AND created_at <= $3 \
        AND EXISTS (SELECT 1 FROM grants g WHERE g.id = refresh_tokens.grant_id AND g.revoked_at IS NULL)";

impl crate::sqlite::SqliteTx<'_> {
    // The one writer has everything for itself.
    const LOCK_REFRESH: &'static str = select_refresh!("");

    async fn exchange(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()> {
        let taken = self.later(USE_TOKEN).bind(hash.0.to_vec()).bind(at.0).bind(at.plus(CLOCK_AHEAD).0);
        taken.bind(next.hash.0.to_vec()).one().await?;
        let insert =
            self.later("INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) VALUES ($1, $2, $3, $4)");
        let insert = insert.bind(next.hash.0.to_vec()).bind(next.grant.uuid());
        insert.bind(next.created_at.0).bind(next.expires_at.0).one().await
    }
}

impl crate::postgres::PostgresTx<'_> {
    // The grant before the token: who ends a family's other tokens holds the grant by then. A row that
    // had to be waited for is looked at again as it is now; the account and the configuration are those of the
    // moment when the statement began, and whoever changes them in a way that ends grants changes the grant.
    const LOCK_REFRESH: &'static str = select_refresh!(" FOR UPDATE OF g FOR UPDATE OF t");

    async fn exchange(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()> {
        let exchange = self.later(
            "WITH used AS (UPDATE refresh_tokens SET used_at = $2, replaced_by = $4 \
                WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 AND created_at <= $3 \
                    AND EXISTS (SELECT 1 FROM grants g WHERE g.id = refresh_tokens.grant_id AND g.revoked_at IS NULL) \
                RETURNING grant_id) \
             INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) \
                SELECT $4, grant_id, $5, $6 FROM used WHERE grant_id = $7",
        );
        let exchange = exchange.bind(&hash.0[..]).bind(at.0).bind(at.plus(CLOCK_AHEAD).0).bind(&next.hash.0[..]);
        exchange.bind(next.created_at.0).bind(next.expires_at.0).bind(next.grant.uuid()).one().await
    }
}

both!(RedemptionReads {
    async fn grant_at_hand(&mut self, tenant: Id<Tenant>, code: &TokenHash) -> Result<Option<GrantAtHand>> {
        let row = sqlx::query_as::<_, AtHandRow>(concat!(
            "SELECT ",
            at_hand_columns!(),
            " FROM grants g LEFT JOIN accounts a ON a.id = g.account_id AND a.tenant_id = g.tenant_id \
             WHERE g.code = $1 AND g.tenant_id = $2"
        ));
        optional(row.bind(&code.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }
});

both!(RedemptionWrites {
    async fn lock_refresh_token(&mut self, hash: &TokenHash) -> Result<Option<(RefreshToken, GrantAtHand)>> {
        let row = sqlx::query_as::<_, RefreshRow>(Self::LOCK_REFRESH).bind(&hash.0[..]);
        let Some(row) = row.fetch_optional(&mut *self.db).await? else { return Ok(None) };
        let token = RefreshToken {
            hash: *hash,
            grant: Id::from_uuid(row.token_grant),
            created_at: Timestamp(row.token_created_at),
            expires_at: Timestamp(row.token_expires_at),
            used_at: time(row.token_used_at),
            replaced_by: row.token_replaced_by.as_deref().map(token_hash).transpose()?,
        };
        Ok(Some((token, row.at_hand.try_into()?)))
    }

    async fn exchange_refresh_token(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()> {
        self.exchange(hash, next, at).await
    }
});
