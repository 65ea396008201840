//! What a journey needs to know of an account, its factors included, in one statement (D11).
//!
//! A step asks for the same columns in its own statement ([`super::step`]) and reads them as here.

use async_trait::async_trait;
use lanyard_domain::{
    account::{Account, AccountKind},
    clock::Timestamp,
    email::EmailAddress,
    id::Id,
    journey::AccountFacts,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{
    account::address,
    both,
    factor::FactorRow,
    minimum::{minimum_columns, minimum_of},
    time, word,
};
use crate::error::Result;

/// Reads what journeys need to know of accounts.
#[async_trait]
pub trait AccountFactsReads {
    /// What a journey needs to know of an account of `tenant`. One statement, found or not (D11).
    async fn account_facts(&mut self, tenant: Id<Tenant>, id: Id<Account>) -> Result<Option<AccountFacts>>;
    /// The same by address.
    async fn account_facts_by_email(
        &mut self,
        tenant: Id<Tenant>,
        email: &EmailAddress,
    ) -> Result<Option<AccountFacts>>;
}

// The account's columns repeat with each of its factors; without a factor there is one row.
#[derive(sqlx::FromRow)]
pub(super) struct FactsRow {
    account: Uuid,
    kind: String,
    email: String,
    disabled_at: Option<i64>,
    password_version: Option<i64>,
    password_failures: i64,
    delete_at: Option<i64>,
    passkey_declined_at: Option<i64>,
    recovery_offer_from: Option<i64>,
    created_at: i64,
    own_minimum: i64,
    role_minimum: Option<i64>,
    factor: Option<Uuid>,
    secret: Option<String>,
    name: Option<String>,
    bound_at: Option<i64>,
    last_used_at: Option<i64>,
    last_step: Option<i64>,
    failures: Option<i64>,
    locked_until: Option<i64>,
    backed_up: Option<i64>,
    copied_at: Option<i64>,
    used_codes: Option<i64>,
    issued_until: Option<i64>,
}

impl FactsRow {
    fn factor(&mut self) -> Option<FactorRow> {
        Some(FactorRow {
            id: self.factor?,
            account_id: self.account,
            secret: self.secret.take()?,
            name: self.name.take()?,
            created_at: self.bound_at?,
            last_used_at: self.last_used_at,
            last_step: self.last_step,
            failures: self.failures?,
            locked_until: self.locked_until,
            backed_up: self.backed_up,
            copied_at: self.copied_at,
            used_codes: self.used_codes,
            issued_until: self.issued_until,
        })
    }
}

pub(super) fn facts(mut rows: Vec<FactsRow>) -> Result<Option<AccountFacts>> {
    let factors = rows.iter_mut().filter_map(FactsRow::factor).map(TryInto::try_into).collect::<Result<_>>()?;
    let Some(row) = rows.into_iter().next() else { return Ok(None) };
    Ok(Some(AccountFacts {
        id: Id::from_uuid(row.account),
        kind: word(AccountKind::parse(&row.kind))?,
        email: address(&row.email)?,
        disabled: row.disabled_at.is_some(),
        password_version: row.password_version,
        password_failures: u32::try_from(row.password_failures).unwrap_or(u32::MAX),
        delete_at: time(row.delete_at),
        passkey_declined_at: time(row.passkey_declined_at),
        recovery_offer_from: time(row.recovery_offer_from),
        created_at: Timestamp(row.created_at),
        minimum: minimum_of(row.own_minimum, row.role_minimum)?,
        factors,
    }))
}

macro_rules! select_facts {
    ($condition:literal) => {
        concat!(
            "SELECT a.id AS account, a.kind, a.email, a.disabled_at, a.password_version, a.password_failures, a.delete_at, a.passkey_declined_at, a.recovery_offer_from, a.created_at, ",
            minimum_columns!(),
            ", f.id AS factor, f.secret, f.name, f.created_at AS bound_at, \
                f.last_used_at, f.last_step, f.failures, f.locked_until, f.backed_up, f.copied_at, f.used_codes, f.issued_until \
             FROM accounts a LEFT JOIN factors f ON f.account_id = a.id \
             WHERE a.tenant_id = $1 AND ",
            $condition,
            " ORDER BY f.id"
        )
    };
}

both!(AccountFactsReads {
    async fn account_facts(&mut self, tenant: Id<Tenant>, id: Id<Account>) -> Result<Option<AccountFacts>> {
        let rows = sqlx::query_as::<_, FactsRow>(select_facts!("a.id = $2"));
        facts(rows.bind(tenant.uuid()).bind(id.uuid()).fetch_all(&mut *self.db).await?)
    }

    async fn account_facts_by_email(
        &mut self,
        tenant: Id<Tenant>,
        email: &EmailAddress,
    ) -> Result<Option<AccountFacts>> {
        let rows = sqlx::query_as::<_, FactsRow>(select_facts!("a.email = $2"));
        facts(rows.bind(tenant.uuid()).bind(email.as_str()).fetch_all(&mut *self.db).await?)
    }
});
