//! What a request about a journey reads, in one statement each: a statement is a round trip, and
//! those are what a sign-in spends its time on beside the hash.

use async_trait::async_trait;
use lanyard_domain::{
    account::Account,
    clock::Timestamp,
    email::EmailAddress,
    id::Id,
    journey::{AccountFacts, Journey, Whose},
    password::StoredPassword,
    secret::TokenHash,
};
use uuid::Uuid;

use super::{
    StoredJourney,
    account_facts::{FactsRow, facts},
    both,
    journey::JourneyRow,
    minimum::minimum_columns,
    time,
};
use crate::error::Result;

/// A journey, and what tells whether what is known of its surroundings still holds.
#[derive(Debug)]
pub struct JourneyAtHand {
    /// The journey.
    pub stored: StoredJourney,
    /// The version of its tenant's configuration; see [`super::TenantReads::configuration_version`].
    pub configuration: i64,
    /// The account of the address that was asked for, in the journey's tenant, whether it has a password or not.
    pub account: Option<Id<Account>>,
    /// Its password, if it has one.
    pub password: Option<StoredPassword>,
}

/// What [`StepReads::step_facts`] is to look for.
#[derive(Debug)]
pub struct StepWants<'a> {
    /// The journey.
    pub journey: Id<Journey>,
    /// Whose account.
    pub whose: &'a Whose,
    /// Under what wrong passwords count, where it is a sign-in.
    pub sign_in: Option<&'a SignInKeys>,
}

/// Under what a wrong password counts.
#[derive(Debug, Clone)]
pub struct SignInKeys {
    /// The throttle of the address, from where it was typed.
    pub address: TokenHash,
    /// Allowances: of the network, of the wider one around it, of the network while the tenant is beset, of the tenant.
    pub allowances: [TokenHash; 4],
}

/// What the database says before a step.
#[derive(Debug)]
pub struct StepFacts {
    /// The journey's version now.
    pub version: i64,
    /// The account, if there is one.
    pub account: Option<AccountFacts>,
    /// Until when the throttle of the address is locked.
    pub locked_until: Option<Timestamp>,
    /// When the allowances of the keys are wholly restored, in their order.
    pub restored_at: [Option<Timestamp>; 4],
}

/// Reads what steps of journeys want. Each is one statement, whatever is found (D11).
#[async_trait]
pub trait StepReads {
    /// The journey of this id, and the password of who has the address `email` in its tenant.
    async fn journey_at_hand(&mut self, id: Id<Journey>, email: Option<&EmailAddress>)
    -> Result<Option<JourneyAtHand>>;
    /// The facts of a step; `None` if there is no such journey.
    async fn step_facts(&mut self, wants: StepWants<'_>) -> Result<Option<StepFacts>>;
}

#[derive(sqlx::FromRow)]
struct AtHandRow {
    #[sqlx(flatten)]
    journey: JourneyRow,
    configuration: i64,
    account: Option<Uuid>,
    phc: Option<String>,
    password_version: Option<i64>,
}

// As many rows as the account has factors, one at least.
#[derive(sqlx::FromRow)]
struct StepRow {
    journey_version: i64,
    throttled_until: Option<i64>,
    network_restored_at: Option<i64>,
    wider_restored_at: Option<i64>,
    beset_restored_at: Option<i64>,
    tenant_restored_at: Option<i64>,
    found: Option<Uuid>,
}

macro_rules! select_step {
    ($account:literal) => {
        concat!(
            "SELECT j.version AS journey_version, h.locked_until AS throttled_until, \
                n.restored_at AS network_restored_at, w.restored_at AS wider_restored_at, \
                b.restored_at AS beset_restored_at, u.restored_at AS tenant_restored_at, a.id AS found, \
                a.id AS account, a.kind, a.email, a.disabled_at, a.password_version, a.password_failures, a.delete_at, a.passkey_declined_at, a.recovery_offer_from, a.created_at, ",
            minimum_columns!(),
            ", f.id AS factor, f.secret, f.name, f.created_at AS bound_at, \
                f.last_used_at, f.last_step, f.failures, f.locked_until, f.backed_up, f.copied_at, f.used_codes, f.issued_until \
             FROM journeys j \
             LEFT JOIN throttles h ON h.key_hash = $2 AND h.tenant_id = j.tenant_id \
             LEFT JOIN allowances n ON n.key_hash = $4 AND n.tenant_id = j.tenant_id \
             LEFT JOIN allowances w ON w.key_hash = $5 AND w.tenant_id = j.tenant_id \
             LEFT JOIN allowances b ON b.key_hash = $6 AND b.tenant_id = j.tenant_id \
             LEFT JOIN allowances u ON u.key_hash = $7 AND u.tenant_id = j.tenant_id \
             LEFT JOIN accounts a ON a.tenant_id = j.tenant_id AND ",
            $account,
            " LEFT JOIN factors f ON f.account_id = a.id WHERE j.id = $1 ORDER BY f.id"
        )
    };
}

both!(StepReads {
    async fn journey_at_hand(
        &mut self,
        id: Id<Journey>,
        email: Option<&EmailAddress>,
    ) -> Result<Option<JourneyAtHand>> {
        let row = sqlx::query_as::<_, AtHandRow>(
            "SELECT j.state, j.version, j.feedback, j.ended_at, t.configuration, \
                a.id AS account, a.phc, a.password_version \
             FROM journeys j JOIN tenants t ON t.id = j.tenant_id \
             LEFT JOIN accounts a ON a.tenant_id = j.tenant_id AND a.email = $2 WHERE j.id = $1",
        );
        let row = row.bind(id.uuid()).bind(email.map(EmailAddress::as_str)).fetch_optional(&mut *self.db).await?;
        let Some(row) = row else { return Ok(None) };
        let password = row.phc.zip(row.password_version).map(|(phc, version)| StoredPassword { phc, version });
        Ok(Some(JourneyAtHand {
            stored: row.journey.try_into()?,
            configuration: row.configuration,
            account: row.account.map(Id::from_uuid),
            password,
        }))
    }

    async fn step_facts(&mut self, wants: StepWants<'_>) -> Result<Option<StepFacts>> {
        let (by_id, by_email) = (select_step!("a.id = $3"), select_step!("a.email = $3"));
        let throttle = wants.sign_in.map(|keys| &keys.address.0[..]);
        let allowances = [0, 1, 2, 3].map(|n| wants.sign_in.map(|keys| &keys.allowances[n].0[..]));
        let query = match wants.whose {
            Whose::Address(email) => sqlx::query(by_email).bind(wants.journey.uuid()).bind(throttle).bind(email.as_str()),
            Whose::Account(account) => sqlx::query(by_id).bind(wants.journey.uuid()).bind(throttle).bind(account.uuid()),
            Whose::Nobody => sqlx::query(by_id).bind(wants.journey.uuid()).bind(throttle).bind(None::<Uuid>),
        };
        let query = allowances.into_iter().fold(query, sqlx::query::Query::bind);
        let rows = query.fetch_all(&mut *self.db).await?;
        let steps = rows.iter().map(sqlx::FromRow::from_row).collect::<Result<Vec<StepRow>, sqlx::Error>>()?;
        let Some(first) = steps.first() else { return Ok(None) };
        let account = match first.found {
            Some(_) => {
                let found = rows.iter().map(sqlx::FromRow::from_row).collect::<Result<Vec<FactsRow>, sqlx::Error>>()?;
                facts(found)?
            }
            None => None,
        };
        Ok(Some(StepFacts {
            version: first.journey_version,
            account,
            locked_until: time(first.throttled_until),
            restored_at: [
                first.network_restored_at,
                first.wider_restored_at,
                first.beset_restored_at,
                first.tenant_restored_at,
            ]
            .map(time),
        }))
    }
});
