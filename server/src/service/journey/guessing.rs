//! What wrong passwords cost, and whom: the address from where they came (waits that grow, N9), the network whatever
//! addresses it tried, and the tenant wherever they came from. All of it is in the database, so it holds for every
//! server and outlives a restart.
//!
//! A network that used up its allowance waits, with passwords alone. A tenant that did is beset: until it is over each
//! network has a tenth of its allowance for what comes from then on, and its operators are told. A browser in which an
//! account signed in with a second factor is judged by its own tries alone ([`known::source`](super::known::source)).

use lanyard_app::paths;
use lanyard_domain::{
    account::Account,
    allowance::Allowance,
    audit::{Action, Outcome},
    clock::{DAY, Millis, Timestamp},
    delays::GUESSES,
    email::EmailAddress,
    id::Id,
    role::Role,
    secret::Token,
    tenant::Tenant,
    user_flow::Audience,
};
use lanyard_messaging::{self as messaging, Occasion};
use lanyard_storage::{SignInKeys, StepFacts, StorageError, WriteTx};

use super::{JourneyError, Scene, effects::Hands, turns::Turn};
use crate::{
    config::Limits,
    http::client::Client,
    service::{audit, outbox, tenants},
    state::App,
};

/// The most operators who are told.
const TOLD: u32 = 20;
/// While it goes on they are told once in so long.
const AGAIN: Millis = DAY;

/// From where a password was typed.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A browser that is known for the account, by its secret: it stands for itself.
    Browser(Token),
    /// Any other one stands for its network, and the wider one around that.
    Network(String, String),
    /// A proxy of ours that did not say for whom it asks: that is no network of anybody's.
    Proxy(String),
}

impl Source {
    /// Where a request of `client` comes from, whatever is known of its browser.
    pub(super) fn elsewhere(app: &App, client: &Client) -> Self {
        match app.config.trusted_proxies.contains(&client.ip) {
            true => Self::Proxy(client.network()),
            false => Self::Network(client.network(), client.wide_network()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Browser(secret) => format!("browser {}", secret.expose()),
            Self::Network(network, _) | Self::Proxy(network) => network.clone(),
        }
    }
}

/// Under what a password for `email` from `source` counts, if it is wrong. Patients, staff and operators count apart:
/// who guesses at the one does not keep the others out. The account pages are no second place to guess at the same
/// people: what is typed there counts as typed at their own.
pub(super) fn keys(app: &App, scene: &Scene, email: &EmailAddress, source: &Source) -> SignInKeys {
    let (tenant, audience, name) = (scene.tenant.id, audience(scene).as_str(), source.name());
    // An attacker elsewhere does not lock the owner out (failure 18), and no field of the form alters it (failure 15).
    let address = app.throttle_key(tenant, "sign-in", &[email.as_str(), &name]);
    let key = |what, of: &str| app.throttle_key(tenant, what, &[audience, of]);
    // A known browser is a network of its own: as many statements as for any other, so that nobody
    // learns whose browser it is (D11).
    let [network, wider] = match source {
        Source::Browser(_) => [name.as_str(); 2],
        Source::Network(network, wider) => [network.as_str(), wider.as_str()],
        Source::Proxy(_) => [email.as_str(); 2],
    };
    let allowances = [
        key("passwords-network", network),
        key("passwords-wider-network", wider),
        key("passwords-network-beset", network),
        key("passwords-tenant", ""),
    ];
    SignInKeys { address, allowances }
}

fn audience(scene: &Scene) -> Audience {
    match scene.flow.audience {
        Audience::SelfService if scene.tenant.domain.is_system() => Audience::Operators,
        // Also staff's: by the kind of the account it would tell whether there is one.
        Audience::SelfService => Audience::Patients,
        own => own,
    }
}

/// The number by which all who sign in as `email` wait for each other, whether anybody has that address or not.
pub(super) fn number_of(app: &App, tenant: Id<Tenant>, email: &EmailAddress) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = app.throttle_key(tenant, "sign-in-order", &[email.as_str()]).0;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The turn of `email` among those that are judged here, held without a connection; SQLite judges everything in turn.
///
/// # Errors
/// [`JourneyError::Busy`] if too many are before it.
pub(super) async fn turn(app: &App, tenant: Id<Tenant>, email: &EmailAddress) -> Result<Option<Turn>, JourneyError> {
    match app.store.is_postgres() {
        true => app.turns.take(number_of(app, tenant, email)).await.map(Some),
        false => Ok(None),
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

/// Until when passwords from the network are not judged, by what a step `found`, and whether the tenant is beset.
pub(super) fn judged(limits: &Limits, found: &StepFacts, now: Timestamp) -> (Option<Timestamp>, bool) {
    let [network, wider, since_beset, tenant] = found.restored_at;
    let (own, beset) = (of_network(limits), of_tenant(limits).used_up_until(tenant, now).is_some());
    let until = [own.used_up_until(network, now), own.widened().used_up_until(wider, now)].into_iter().max().flatten();
    match beset {
        // By what came since, and not by what somebody mistyped before.
        true => (until.max(own.tightened().used_up_until(since_beset, now)), true),
        false => (until, false),
    }
}

/// Counts a wrong password for the address and the networks.
///
/// # Errors
/// When the database does not take it.
pub(super) async fn count(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    email: &EmailAddress,
) -> Result<(), StorageError> {
    let (tenant, now) = (hands.scene.tenant.id, hands.now);
    let SignInKeys { address, allowances: [network, wider, since_beset, _] } =
        keys(hands.app, hands.scene, email, hands.source);
    tx.throttle_failed(tenant, &address, now, GUESSES).await?;
    let own = of_network(&hands.app.config.limits);
    tx.use_allowance(tenant, &network, now, own).await?;
    tx.use_allowance(tenant, &wider, now, own.widened()).await?;
    if hands.beset {
        tx.use_allowance(tenant, &since_beset, now, own.tightened()).await?;
    }
    Ok(())
}

/// Counts it for the tenant; tells the operators of one that is beset. The last of all that a step does: it is one row
/// for the whole tenant, for which nobody is to wait longer than for a commit.
///
/// # Errors
/// When the database does not take it.
pub(super) async fn count_for_tenant(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    email: &EmailAddress,
) -> Result<(), JourneyError> {
    let (tenant, now, allowance) = (hands.scene.tenant.id, hands.now, of_tenant(&hands.app.config.limits));
    let [.., all] = keys(hands.app, hands.scene, email, hands.source).allowances;
    let restored_at = tx.use_allowance(tenant, &all, now, allowance).await?;
    let is_beset = allowance.used_up_until(Some(restored_at), now).is_some();
    if is_beset && tx.tell_of_allowance(tenant, &all, now, now.minus(AGAIN)).await? {
        tell(hands, tx).await?;
    }
    Ok(())
}

/// The right password, or another one by a reset: takes back the waits of `email` there. What the networks and the
/// tenant used stays used: an attacker has an account of their own to sign in with.
///
/// # Errors
/// When the database does not take it.
pub(super) async fn succeeded(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    email: &EmailAddress,
) -> Result<(), StorageError> {
    let address = keys(hands.app, hands.scene, email, hands.source).address;
    tx.clear_throttle(hands.scene.tenant.id, &address).await
}

// The log, and the operators.
async fn tell(hands: &Hands<'_>, tx: &mut (dyn WriteTx + '_)) -> Result<(), JourneyError> {
    let (app, tenant, now) = (hands.app, hands.scene.tenant.id, hands.now);
    let many = app.config.limits.wrong_passwords_per_tenant_per_hour;
    let audience = audience(hands.scene).as_str();
    let event = audit::Event::of(Action::GuessingDetected, Outcome::Failure);
    let detail = serde_json::json!({"wrong_passwords": many, "audience": audience});
    audit::append(app, tx, tenant, event.with(detail)).await?;
    let domain = &hands.scene.tenant.domain;
    let path = if domain.is_system() { paths::PORTAL.to_owned() } else { paths::portal_tenant(domain.as_str()) };
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

// Those of the tenant who may sign in; where it has none, those of the instance.
async fn operators(tx: &mut (dyn WriteTx + '_), tenant: Id<Tenant>) -> Result<Vec<Account>, StorageError> {
    let Some(system) = tenants::system(tx).await?.map(|system| system.id) else { return Ok(Vec::new()) };
    for role in [Role::TenantOperator(tenant), Role::InstanceOperator] {
        let holders = tx.holders_of_role(system, role, TOLD).await?;
        let able: Vec<_> =
            holders.into_iter().map(|(account, _)| account).filter(|own| own.disabled_at.is_none()).collect();
        if !able.is_empty() {
            return Ok(able);
        }
    }
    Ok(Vec::new())
}
