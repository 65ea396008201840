//! What redeeming a code or a refresh token reads and changes, in as few statements as the databases
//! allow: a statement is a round trip, and those are what a refresh spends its time on beside the
//! signatures.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    audit::AuditEvent,
    clock::Timestamp,
    grant::{CLOCK_AHEAD, Grant, RefreshToken},
    id::Id,
    secret::TokenHash,
    tenant::Tenant,
};

use super::{
    AuditWrites as _, Gathering as _,
    account::AccountRow,
    audit::{bind_event, to_word},
    both,
    grant::GrantRow,
    optional, time, token_hash,
};
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

/// A refresh that was judged by what [`RedemptionReads::refresh_token_at_hand`] found.
#[derive(Debug)]
pub struct Exchange {
    /// The token that is used up.
    pub hash: TokenHash,
    /// What comes in its place, of the same grant.
    pub next: RefreshToken,
    /// Now.
    pub at: Timestamp,
    /// The version of the configuration by which it was judged.
    pub configuration: i64,
    /// What the log is told.
    pub event: AuditEvent,
}

/// Reads what a redemption wants.
#[async_trait]
pub trait RedemptionReads {
    /// The grant of this code if it is of `tenant` (failure 38), whatever became of it.
    async fn grant_at_hand(&mut self, tenant: Id<Tenant>, code: &TokenHash) -> Result<Option<GrantAtHand>>;
    /// A refresh token, used or not, with its grant, as they are at this moment: nothing is locked.
    async fn refresh_token_at_hand(&mut self, hash: &TokenHash) -> Result<Option<(RefreshToken, GrantAtHand)>>;
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
    /// The same with its audit event, in one statement where the database can, and only while the configuration is the
    /// one by which it was judged; else Conflict. See [`crate::Store::exchange`].
    async fn exchange_judged(&mut self, exchange: &Exchange) -> Result<()>;
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
    // As `minimum_columns` names them.
    own_minimum: Option<i64>,
    role_minimum: Option<i64>,
    configuration: i64,
}

impl TryFrom<AtHandRow> for GrantAtHand {
    type Error = StorageError;
    fn try_from(row: AtHandRow) -> Result<Self> {
        let grant = Grant::try_from(row.grant)?;
        let columns = (row.holder_kind, row.holder_email, row.holder_attributes, row.holder_created_at);
        let account = match columns {
            (Some(kind), Some(email), Some(attributes), Some(created_at)) => Some(AccountRow {
                id: grant.account.uuid(),
                tenant_id: grant.tenant.uuid(),
                kind,
                email,
                attributes,
                disabled_at: row.holder_disabled_at,
                created_at,
                last_sign_in_at: row.holder_last_sign_in_at.unwrap_or_default(),
                own_minimum: row.own_minimum.unwrap_or_default(),
                role_minimum: row.role_minimum,
            }),
            _ => None,
        };
        let account = optional(account)?;
        Ok(Self { grant, account, configuration: row.configuration })
    }
}

#[derive(sqlx::FromRow)]
struct RefreshRow {
    #[sqlx(flatten)]
    at_hand: AtHandRow,
    token_created_at: i64,
    token_expires_at: i64,
    token_used_at: Option<i64>,
    token_replaced_by: Option<Vec<u8>>,
}

impl RefreshRow {
    fn found(self, hash: &TokenHash) -> Result<(RefreshToken, GrantAtHand)> {
        let at_hand = GrantAtHand::try_from(self.at_hand)?;
        let token = RefreshToken {
            hash: *hash,
            grant: at_hand.grant.id,
            created_at: Timestamp(self.token_created_at),
            expires_at: Timestamp(self.token_expires_at),
            used_at: time(self.token_used_at),
            replaced_by: self.token_replaced_by.as_deref().map(token_hash).transpose()?,
        };
        Ok((token, at_hand))
    }
}

macro_rules! at_hand_columns {
    () => {
        concat!(
            "g.*, a.kind AS holder_kind, a.email AS holder_email, a.attributes AS holder_attributes, \
            a.disabled_at AS holder_disabled_at, a.created_at AS holder_created_at, \
            a.last_sign_in_at AS holder_last_sign_in_at, \
            (SELECT n.configuration FROM tenants n WHERE n.id = g.tenant_id) AS configuration, ",
            $crate::repository::minimum_columns!()
        )
    };
}
pub(crate) use at_hand_columns;

// The databases differ in how they lock.
macro_rules! select_refresh {
    ($lock:literal) => {
        concat!(
            "SELECT ",
            $crate::repository::at_hand_columns!(),
            ", t.created_at AS token_created_at, t.expires_at AS token_expires_at, \
                t.used_at AS token_used_at, t.replaced_by AS token_replaced_by \
             FROM grants g JOIN refresh_tokens t ON t.grant_id = g.id \
             LEFT JOIN accounts a ON a.id = g.account_id AND a.tenant_id = g.tenant_id \
             WHERE t.hash = $1",
            $lock
        )
    };
}
pub(crate) use select_refresh;

// `$1` is used up at `$2` (or `$3`, by a clock that is ahead) in exchange for `$4`.
macro_rules! use_token {
    () => {
        "UPDATE refresh_tokens SET used_at = $2, replaced_by = $4 \
         WHERE hash = $1 AND used_at IS NULL AND expires_at > $2 AND created_at <= $3 \
            AND EXISTS (SELECT 1 FROM grants g WHERE g.id = refresh_tokens.grant_id AND g.revoked_at IS NULL)"
    };
}
pub(crate) use use_token;

impl crate::sqlite::SqliteTx<'_> {
    const LOCK_REFRESH: &'static str = crate::sqlite::dialect::LOCK_REFRESH_TOKEN;

    async fn exchange(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()> {
        let taken = self.later(use_token!()).bind(hash.0.to_vec()).bind(at.0).bind(at.plus(CLOCK_AHEAD).0);
        taken.bind(next.hash.0.to_vec()).one().await?;
        self.store_next(hash, next).await
    }

    async fn exchange_as_judged(&mut self, exchange: &Exchange) -> Result<()> {
        let Exchange { hash, next, at, configuration, event } = exchange;
        self.gather();
        let taken = self.later(crate::sqlite::dialect::USE_JUDGED_TOKEN).bind(hash.0.to_vec()).bind(at.0);
        let taken = taken.bind(at.plus(CLOCK_AHEAD).0).bind(next.hash.0.to_vec()).bind(*configuration);
        taken.one().await?;
        self.store_next(hash, next).await?;
        self.append_audit(event).await?;
        self.scatter().await
    }

    async fn store_next(&mut self, hash: &TokenHash, next: &RefreshToken) -> Result<()> {
        let insert = self.later(
            "INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) \
             SELECT $1, grant_id, $2, $3 FROM refresh_tokens WHERE hash = $4 AND grant_id = $5",
        );
        let insert = insert.bind(next.hash.0.to_vec()).bind(next.created_at.0).bind(next.expires_at.0);
        insert.bind(hash.0.to_vec()).bind(next.grant.uuid()).one().await
    }
}

impl crate::postgres::PostgresTx<'_> {
    const LOCK_REFRESH: &'static str = crate::postgres::dialect::LOCK_REFRESH_TOKEN;

    async fn exchange(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()> {
        let exchange = self.later(crate::postgres::dialect::EXCHANGE_REFRESH_TOKEN);
        let exchange = exchange.bind(&hash.0[..]).bind(at.0).bind(at.plus(CLOCK_AHEAD).0).bind(&next.hash.0[..]);
        exchange.bind(next.created_at.0).bind(next.expires_at.0).bind(next.grant.uuid()).one().await
    }

    async fn exchange_as_judged(&mut self, exchange: &Exchange) -> Result<()> {
        let Exchange { hash, next, at, configuration, event } = exchange;
        let all = self.later(crate::postgres::dialect::EXCHANGE_JUDGED_TOKEN).bind(&hash.0[..]).bind(at.0);
        let all = all.bind(at.plus(CLOCK_AHEAD).0).bind(&next.hash.0[..]).bind(next.created_at.0);
        let all = all.bind(next.expires_at.0).bind(next.grant.uuid()).bind(*configuration);
        bind_event!(all, event).one().await
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

    async fn refresh_token_at_hand(&mut self, hash: &TokenHash) -> Result<Option<(RefreshToken, GrantAtHand)>> {
        let row = sqlx::query_as::<_, RefreshRow>(select_refresh!("")).bind(&hash.0[..]);
        row.fetch_optional(&mut *self.db).await?.map(|row| row.found(hash)).transpose()
    }
});

both!(RedemptionWrites {
    async fn lock_refresh_token(&mut self, hash: &TokenHash) -> Result<Option<(RefreshToken, GrantAtHand)>> {
        let row = sqlx::query_as::<_, RefreshRow>(Self::LOCK_REFRESH).bind(&hash.0[..]);
        row.fetch_optional(&mut *self.db).await?.map(|row| row.found(hash)).transpose()
    }

    async fn exchange_refresh_token(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()> {
        self.exchange(hash, next, at).await
    }

    async fn exchange_judged(&mut self, exchange: &Exchange) -> Result<()> {
        self.exchange_as_judged(exchange).await
    }
});
