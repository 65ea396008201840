//! What wrong passwords cost, and whom: the address from where they came (waits that grow, N9), the network whatever
//! addresses it tried, and the tenant wherever they came from. All of it is in the database, so it holds for every
//! server and outlives a restart.
//!
//! A network that used up its allowance waits, with passwords alone. A tenant that did is beset: nobody is shut out by
//! that, but each network has a tenth of its allowance until it is over, and its operators are told. A browser in which
//! an account signed in with a second factor is judged by its own tries alone ([`known::source`](super::known::source)).

use lanyard_app::paths;
use lanyard_domain::{
    account::Account,
    allowance::Allowance,
    audit::{Action, Outcome},
    clock::{DAY, Timestamp},
    delays::{Delays, GUESSES},
    email::EmailAddress,
    id::Id,
    role::Role,
    secret::{Token, TokenHash},
    tenant::Tenant,
};
use lanyard_messaging::{self as messaging, Occasion};
use lanyard_storage::{SignInKeys, StepFacts, StorageError, WriteTx};

use super::{JourneyError, effects::Hands};
use crate::{
    config::Limits,
    service::{audit, outbox, tenants},
    state::App,
};

/// The most operators who are told.
const TOLD: u32 = 20;
/// They are told again once no allowance of the tenant was used up for so long.
const QUIET: Delays = Delays::counting(DAY);

/// From where a password was typed.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A browser that is known for the account, by its secret: it stands for itself.
    Browser(Token),
    /// Any other one stands for its network.
    Network(String),
}

impl Source {
    fn name(&self) -> String {
        match self {
            Self::Browser(secret) => format!("browser {}", secret.expose()),
            Self::Network(network) => network.clone(),
        }
    }

    // The address with it is what the growing waits are of. An attacker elsewhere does not lock the owner out (failure
    // 18), and the form's fields cannot alter it (failure 15).
    fn address(&self, app: &App, tenant: Id<Tenant>, email: &EmailAddress) -> TokenHash {
        app.throttle_key(tenant, "sign-in", &[email.as_str(), &self.name()])
    }

    // A known browser is a network of its own, and its own tenant: as many statements as for any other, so that nobody
    // learns whose browser it is (D11).
    fn allowances(&self, app: &App, tenant: Id<Tenant>) -> [TokenHash; 2] {
        let name = self.name();
        let others = match self {
            Self::Browser(_) => &[name.as_str()][..],
            Self::Network(_) => &[],
        };
        [app.throttle_key(tenant, "passwords-network", &[&name]), app.throttle_key(tenant, "passwords-tenant", others)]
    }
}

// Wrong passwords from one network, in one tenant.
fn of_network(limits: &Limits) -> Allowance {
    Allowance::new(limits.wrong_passwords_per_address, limits.wrong_passwords_per_address_per_hour)
}

// Wrong passwords in one tenant.
fn of_tenant(limits: &Limits) -> Allowance {
    Allowance::new(limits.wrong_passwords_per_tenant_per_hour, limits.wrong_passwords_per_tenant_per_hour)
}

/// Under what a password for `email` from `source` counts, if it is wrong.
pub(super) fn keys(app: &App, tenant: Id<Tenant>, email: &EmailAddress, source: &Source) -> SignInKeys {
    SignInKeys { address: source.address(app, tenant, email), allowances: source.allowances(app, tenant) }
}

/// Until when passwords from the network are not judged, by what a step `found`.
pub(super) fn network_locked_until(limits: &Limits, found: &StepFacts, now: Timestamp) -> Option<Timestamp> {
    let [network, tenant] = found.restored_at;
    let beset = of_tenant(limits).used_up_until(tenant, now).is_some();
    let allowance = if beset { of_network(limits).tightened() } else { of_network(limits) };
    allowance.used_up_until(network, now)
}

/// Counts a wrong password for the address, the network and the tenant; tells the operators of a tenant that is beset
/// from now on.
///
/// # Errors
/// When the database does not take it.
pub(super) async fn count(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    email: &EmailAddress,
) -> Result<(), JourneyError> {
    let (app, tenant, now) = (hands.app, hands.scene.tenant.id, hands.now);
    let keys = keys(app, tenant, email, hands.source);
    tx.throttle_failed(tenant, &keys.address, now, GUESSES).await?;
    let [network, everybody] = keys.allowances;
    let limits = &app.config.limits;
    tx.use_allowance(tenant, &network, now, of_network(limits)).await?;
    // The tenant's last: it is one row for all its networks.
    let restored_at = tx.use_allowance(tenant, &everybody, now, of_tenant(limits)).await?;
    if matches!(hands.source, Source::Network(_)) && of_tenant(limits).was_the_last(restored_at, now) {
        beset(hands, tx).await?;
    }
    Ok(())
}

/// The right password, or another one by a reset: takes back the waits of `email` there. What the network and the tenant
/// used stays used: an attacker has an account of their own to sign in with.
///
/// # Errors
/// When the database does not take it.
pub(super) async fn succeeded(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    email: &EmailAddress,
) -> Result<(), StorageError> {
    let tenant = hands.scene.tenant.id;
    tx.clear_throttle(tenant, &hands.source.address(hands.app, tenant, email)).await
}

// In the log, and to the operators, once for as long as it goes on.
async fn beset(hands: &Hands<'_>, tx: &mut (dyn WriteTx + '_)) -> Result<(), JourneyError> {
    let (app, tenant, now) = (hands.app, hands.scene.tenant.id, hands.now);
    let told = app.throttle_key(tenant, "passwords-told", &[]);
    if tx.throttle_failed(tenant, &told, now, QUIET).await?.failures > 1 {
        return Ok(());
    }
    let many = app.config.limits.wrong_passwords_per_tenant_per_hour;
    let event = audit::Event::of(Action::GuessingDetected, Outcome::Failure);
    audit::append(app, tx, tenant, event.with(serde_json::json!({"wrong_passwords": many}))).await?;
    let path = paths::portal_tenant(hands.scene.tenant.domain.as_str());
    for operator in operators(tx, tenant).await? {
        let occasion = Occasion::GuessingDetected {
            to: operator.email.as_str(),
            tenant: hands.scene.tenant.name.as_str(),
            origin: &app.links,
            portal_path: &path,
            at_ms: now.0,
            many,
        };
        let message =
            messaging::render(occasion).map_err(|error| JourneyError::Internal(format!("message: {error}")))?;
        let letter = outbox::Letter { tenant, journey: None, message: &message, expires_at: now.plus(DAY) };
        outbox::enqueue(app, tx, hands.keys, letter).await?;
    }
    Ok(())
}

// Those of the tenant; where it has none, those of the instance.
async fn operators(tx: &mut (dyn WriteTx + '_), tenant: Id<Tenant>) -> Result<Vec<Account>, StorageError> {
    let Some(system) = tenants::system(tx).await?.map(|system| system.id) else { return Ok(Vec::new()) };
    let mut holders = tx.holders_of_role(system, Role::TenantOperator(tenant), TOLD).await?;
    if holders.is_empty() {
        holders = tx.holders_of_role(system, Role::InstanceOperator, TOLD).await?;
    }
    Ok(holders.into_iter().map(|(account, _)| account).filter(|account| account.disabled_at.is_none()).collect())
}
