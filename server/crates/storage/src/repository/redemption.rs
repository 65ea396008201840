//! What redeeming a code or a refresh token reads and changes, in as few statements as the databases
//! allow: a statement is a round trip, and those are what a refresh spends its time on beside the
//! signatures.

use async_trait::async_trait;
use futures::{FutureExt as _, future::BoxFuture};
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
    Gathering as _,
    account::AccountRow,
    audit::{bind_event, bind_events, to_word},
    both,
    grant::GrantRow,
    optional, time, token_hash,
};
use crate::{
    error::{Result, StorageError},
    postgres::{PostgresTx, apart::InOne},
    together::Shared,
};

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

/// Exchanges that go to SQLite's thread in one message: each number of them is a text of its own, which is prepared and
/// kept.
const IN_ONE_MESSAGE: usize = 8;

/// A refresh that was judged by what [`RedemptionReads::refresh_token_at_hand`] found.
#[derive(Debug, Clone)]
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
    /// The same for many, each with its audit event and only while the configuration is the one by which it was judged:
    /// whether each was carried out. See [`crate::Store::exchange`].
    async fn exchange_judged(&mut self, all: &[Exchange]) -> Result<Vec<bool>>;
}

#[derive(Clone, sqlx::FromRow)]
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

#[derive(Clone, sqlx::FromRow)]
struct RefreshRow {
    #[sqlx(flatten)]
    at_hand: AtHandRow,
    token_hash: Vec<u8>,
    token_created_at: i64,
    token_expires_at: i64,
    token_used_at: Option<i64>,
    token_replaced_by: Option<Vec<u8>>,
}

impl TryFrom<RefreshRow> for (RefreshToken, GrantAtHand) {
    type Error = StorageError;
    fn try_from(row: RefreshRow) -> Result<Self> {
        let at_hand = GrantAtHand::try_from(row.at_hand)?;
        let token = RefreshToken {
            hash: token_hash(&row.token_hash)?,
            grant: at_hand.grant.id,
            created_at: Timestamp(row.token_created_at),
            expires_at: Timestamp(row.token_expires_at),
            used_at: time(row.token_used_at),
            replaced_by: row.token_replaced_by.as_deref().map(token_hash).transpose()?,
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

// The account is looked up by its id: the index of a tenant's addresses, which equal tenants would offer, has all of its
// people. The databases differ in how they lock, and in how many they ask for at a time.
macro_rules! select_refresh {
    ($which:literal) => {
        concat!(
            "SELECT ",
            $crate::repository::at_hand_columns!(),
            ", t.hash AS token_hash, t.created_at AS token_created_at, t.expires_at AS token_expires_at, \
                t.used_at AS token_used_at, t.replaced_by AS token_replaced_by \
             FROM grants g JOIN refresh_tokens t ON t.grant_id = g.id \
             LEFT JOIN accounts a ON a.id = g.account_id AND a.tenant_id IS NOT DISTINCT FROM g.tenant_id WHERE ",
            $which
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

    async fn exchange_all(&mut self, all: &[Exchange]) -> Result<Vec<bool>> {
        // What was held back before has row counts of its own.
        self.scatter().await?;
        let mut done = Vec::with_capacity(all.len());
        for some in all.chunks(IN_ONE_MESSAGE) {
            self.gather();
            for Exchange { hash, next, at, configuration, event } in some {
                let taken = self.later(crate::sqlite::dialect::USE_JUDGED_TOKEN).bind(hash.0.to_vec()).bind(at.0);
                let taken = taken.bind(at.plus(CLOCK_AHEAD).0).bind(next.hash.0.to_vec()).bind(*configuration);
                taken.bind(next.grant.uuid()).any().await?;
                let stored = self.later(crate::sqlite::dialect::STORE_JUDGED_TOKEN).bind(next.hash.0.to_vec());
                let stored = stored.bind(next.created_at.0).bind(next.expires_at.0).bind(hash.0.to_vec());
                stored.any().await?;
                let noted = self.later(crate::sqlite::dialect::NOTE_EXCHANGE);
                bind_event!(noted, event).bind(next.hash.0.to_vec()).any().await?;
            }
            for rows in self.db.scatter().await?.chunks(3) {
                done.push(match rows {
                    [1, 1, 1] => true,
                    [0, 0, 0] => false,
                    _ => return Err(StorageError::Inconsistent("an exchange that happened in part")),
                });
            }
        }
        Ok(done)
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

impl PostgresTx<'_> {
    const LOCK_REFRESH: &'static str = crate::postgres::dialect::LOCK_REFRESH_TOKEN;

    async fn exchange(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()> {
        let exchange = self.later(crate::postgres::dialect::EXCHANGE_REFRESH_TOKEN);
        let exchange = exchange.bind(&hash.0[..]).bind(at.0).bind(at.plus(CLOCK_AHEAD).0).bind(&next.hash.0[..]);
        exchange.bind(next.created_at.0).bind(next.expires_at.0).bind(next.grant.uuid()).one().await
    }

    // Whether each was carried out.
    async fn exchange_all(&mut self, all: &[Exchange]) -> Result<Vec<bool>> {
        let column = |of: fn(&Exchange) -> i64| all.iter().map(of).collect::<Vec<_>>();
        let hashes = |of: fn(&Exchange) -> &TokenHash| all.iter().map(|one| of(one).0.to_vec()).collect::<Vec<_>>();
        let events = all.iter().map(|one| &one.event);
        let asked = sqlx::query_as::<_, (Vec<u8>,)>(crate::postgres::dialect::EXCHANGE_JUDGED_TOKENS);
        let asked = bind_events!(asked, events)
            .bind(hashes(|one| &one.hash))
            .bind(column(|one| one.at.0))
            .bind(column(|one| one.at.plus(CLOCK_AHEAD).0))
            .bind(hashes(|one| &one.next.hash))
            .bind(column(|one| one.next.created_at.0))
            .bind(column(|one| one.next.expires_at.0))
            .bind(all.iter().map(|one| one.next.grant.uuid()).collect::<Vec<_>>())
            .bind(column(|one| one.configuration));
        let done = asked.fetch_all(&mut *self.db).await?;
        // Of one token in two exchanges one was taken: it is known by what came in its place.
        Ok(all.iter().map(|one| done.iter().any(|(next,)| *next == one.next.hash.0)).collect())
    }
}

/// [`Looks`]; a test looks at its plan.
pub(crate) const LOOK_UP: &str = select_refresh!("t.hash = ANY ($1)");

/// Refresh tokens that are looked up together.
pub(crate) enum Looks {}

impl Shared for Looks {
    type Asked = TokenHash;
    type Answer = Option<(RefreshToken, GrantAtHand)>;
    const AT_ONCE: usize = 2;
}

impl InOne for Looks {
    const CHANGES: bool = false;

    fn ask<'t>(tx: &'t mut PostgresTx<'_>, all: &'t [TokenHash]) -> BoxFuture<'t, Result<Vec<Self::Answer>>> {
        let look = async move {
            let rows = sqlx::query_as::<_, RefreshRow>(LOOK_UP);
            let rows = rows.bind(all.iter().map(|hash| hash.0.to_vec()).collect::<Vec<_>>());
            let rows = rows.fetch_all(&mut *tx.db).await?;
            // Two may ask for the same one.
            let found = |hash: &TokenHash| rows.iter().find(|row| row.token_hash == hash.0).cloned();
            all.iter().map(|hash| found(hash).map(TryInto::try_into).transpose()).collect()
        };
        look.boxed()
    }
}

/// Refreshes that are carried out together.
pub(crate) enum Exchanges {}

impl Shared for Exchanges {
    type Asked = Exchange;
    type Answer = bool;
    const AT_ONCE: usize = 2;
}

impl InOne for Exchanges {
    const CHANGES: bool = true;

    fn ask<'t>(tx: &'t mut PostgresTx<'_>, all: &'t [Exchange]) -> BoxFuture<'t, Result<Vec<bool>>> {
        tx.exchange_all(all).boxed()
    }
}

both!(RedemptionReads {
    async fn grant_at_hand(&mut self, tenant: Id<Tenant>, code: &TokenHash) -> Result<Option<GrantAtHand>> {
        let row = sqlx::query_as::<_, AtHandRow>(concat!(
            "SELECT ",
            at_hand_columns!(),
            " FROM grants g LEFT JOIN accounts a ON a.id = g.account_id AND a.tenant_id IS NOT DISTINCT FROM g.tenant_id \
             WHERE g.code = $1 AND g.tenant_id = $2"
        ));
        optional(row.bind(&code.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn refresh_token_at_hand(&mut self, hash: &TokenHash) -> Result<Option<(RefreshToken, GrantAtHand)>> {
        let row = sqlx::query_as::<_, RefreshRow>(select_refresh!("t.hash = $1")).bind(&hash.0[..]);
        optional(row.fetch_optional(&mut *self.db).await?)
    }
});

both!(RedemptionWrites {
    async fn lock_refresh_token(&mut self, hash: &TokenHash) -> Result<Option<(RefreshToken, GrantAtHand)>> {
        let row = sqlx::query_as::<_, RefreshRow>(Self::LOCK_REFRESH).bind(&hash.0[..]);
        optional(row.fetch_optional(&mut *self.db).await?)
    }

    async fn exchange_refresh_token(&mut self, hash: &TokenHash, next: &RefreshToken, at: Timestamp) -> Result<()> {
        self.exchange(hash, next, at).await
    }

    async fn exchange_judged(&mut self, all: &[Exchange]) -> Result<Vec<bool>> {
        self.exchange_all(all).await
    }
});
