//! Tenants, as operators see them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lanyard_domain::{
    audit::Action,
    id::Id,
    makes::PasskeyMakes,
    phone::PhoneCountries,
    role::Role,
    tenant::{Tenant, TenantDomain},
    user_flow::{Affected, Audience, MfaPolicy},
};
use lanyard_storage::{PATIENTS_TOTAL, PATIENTS_WITH_MFA, PATIENTS_WITH_MINIMUM, ReadTx};
use sha2::{Digest as _, Sha256};

use super::{
    By, PortalError, hold,
    listing::{self, BATCH, Page, Wanted},
    record,
};
use crate::{
    service::{
        journey::JourneyError,
        run,
        tenants::{self, Blueprint},
    },
    state::App,
};

/// A tenant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantDraft {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: TenantDomain,
    /// Its region.
    pub region: String,
}

/// Creates a tenant with its keys and built-in flows. The caller has made sure that the operator
/// may.
///
/// # Errors
/// [`PortalError::Taken`] if the domain is taken.
pub async fn create(app: &App, draft: TenantDraft, by: By) -> Result<Tenant, PortalError> {
    let own = app.clone();
    // Making the signing key takes some 100 ms of computing.
    let drawn =
        tokio::task::spawn_blocking(move || Blueprint::draw(&own, draft.name, draft.domain, draft.region)).await;
    let blueprint =
        drawn.map_err(|error| internal(&error.to_string()))?.map_err(|error| internal(&error.to_string()))?;
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let tenant = tenants::create(&own, tx, blueprint).await?;
                let detail = serde_json::json!({"name": tenant.name, "domain": tenant.domain, "region": tenant.region});
                record(&own, tx, tenant.id, &by, Action::TenantCreated, tenant.id.to_string(), detail).await?;
                Ok(tenant)
            })
        })
        .await
}

/// Sets the countries to which a tenant sends texts and calls (A14), if they are `present` now; `None`:
/// whatever they are. What is so already is no change.
///
/// # Errors
/// [`PortalError::Conflict`] if they are others by now.
pub async fn set_phone_countries(
    app: &App,
    tenant: Id<Tenant>,
    present: Option<PhoneCountries>,
    wanted: PhoneCountries,
    by: By,
) -> Result<PhoneCountries, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                hold(tx, tenant).await?;
                let now = tx.tenant_by_id(tenant).await?.ok_or(PortalError::NotFound)?.phone_countries;
                if now == wanted {
                    return Ok(wanted);
                }
                tx.set_phone_countries(tenant, present.as_ref().unwrap_or(&now), &wanted).await?;
                let detail = serde_json::json!({"phone_countries": wanted, "before": now});
                record(&own, tx, tenant, &by, Action::TenantChanged, tenant.to_string(), detail).await?;
                Ok(wanted)
            })
        })
        .await
}

/// Sets whether a reset by staff takes a second one. What is so already is no change.
///
/// # Errors
/// [`PortalError::Conflict`] if somebody changed it at the same moment.
pub async fn set_second_approver(app: &App, tenant: Id<Tenant>, wanted: bool, by: By) -> Result<(), PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                hold(tx, tenant).await?;
                let now = tx.tenant_by_id(tenant).await?.ok_or(PortalError::NotFound)?;
                if now.second_approver == wanted {
                    return Ok(());
                }
                tx.set_second_approver(tenant, wanted).await?;
                let detail = serde_json::json!({"second_approver": wanted});
                record(&own, tx, tenant, &by, Action::TenantChanged, tenant.to_string(), detail).await?;
                Ok(())
            })
        })
        .await
}

/// Sets of which makes new passkeys of a tenant's staff must be, if that is `present` now; `None`: whatever
/// it is. What is so already is no change.
///
/// # Errors
/// [`PortalError::Conflict`] if it is another by now.
pub async fn set_staff_passkeys(
    app: &App,
    tenant: Id<Tenant>,
    present: Option<PasskeyMakes>,
    wanted: PasskeyMakes,
    by: By,
) -> Result<PasskeyMakes, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                hold(tx, tenant).await?;
                let now = tx.tenant_by_id(tenant).await?.ok_or(PortalError::NotFound)?.staff_passkeys;
                if now == wanted {
                    return Ok(wanted);
                }
                tx.set_staff_passkeys(tenant, present.as_ref().unwrap_or(&now), &wanted).await?;
                // Who exchanges the root that signs for a make exchanges the make, whatever it is called (C1).
                let detail = serde_json::json!({
                    "staff_passkeys": wanted.makes, "before": now.makes,
                    "roots": fingerprints(&wanted.roots), "roots_before": fingerprints(&now.roots),
                });
                record(&own, tx, tenant, &by, Action::TenantChanged, tenant.to_string(), detail).await?;
                Ok(wanted)
            })
        })
        .await
}

// The SHA-256 fingerprints of certificates in PEM, as browsers and `openssl x509 -fingerprint -sha256` tell them, but
// for the colons; of text that is none, that of the text.
fn fingerprints(pem: &str) -> Vec<String> {
    let parts = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let of = |part: &str| {
        let text: String = part.split("-----END").next().unwrap_or_default().split_whitespace().collect();
        let bytes = STANDARD.decode(&text).unwrap_or_else(|_| text.into_bytes());
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    parts.map(of).collect()
}

fn internal(what: &str) -> PortalError {
    PortalError::Failed(JourneyError::Internal(format!("a new tenant: {what}")))
}

/// A page of the tenants that the holder of `roles` manages, by name, without `lanyard.system`.
///
/// # Errors
/// When the database does not answer.
pub async fn list(app: &App, roles: &[Role], wanted: Wanted) -> Result<Page<Tenant>, PortalError> {
    let batch = if roles.contains(&Role::InstanceOperator) {
        let cursor = wanted.cursor::<Tenant>();
        app.store.read(move |tx| Box::pin(async move { tx.list_tenants(cursor.as_ref(), BATCH).await })).await?
    } else {
        managed(app, roles).await?
    };
    let visible = |tenant: &Tenant| format!("{} {}", tenant.name, tenant.domain.as_str());
    let mut page = wanted.page(batch, visible, |tenant| (tenant.name.clone(), tenant.id));
    page.rows.retain(|tenant| !tenant.domain.is_system());
    Ok(page)
}

// A tenant operator manages a handful: all on one page.
async fn managed(app: &App, roles: &[Role]) -> Result<Vec<Tenant>, PortalError> {
    let ids: Vec<Id<Tenant>> = roles
        .iter()
        .filter_map(|role| match role {
            Role::TenantOperator(tenant) => Some(*tenant),
            Role::InstanceOperator | Role::ClinicStaff(_) => None,
        })
        .take(listing::SIZE)
        .collect();
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let mut tenants = Vec::with_capacity(ids.len());
                for id in ids {
                    tenants.extend(tx.tenant_by_id(id).await?);
                }
                tenants.sort_by_cached_key(|tenant| lanyard_domain::text::fold(&tenant.name));
                Ok::<_, PortalError>(tenants)
            })
        })
        .await
}

/// The figures of a tenant's first page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// Applications.
    pub applications: usize,
    /// User flows, the built-in ones left out.
    pub flows: usize,
    /// Patients.
    pub patients: u64,
    /// Patients with a second factor.
    pub patients_with_mfa: u64,
    /// Whether a flow and an application are linked.
    pub linked: bool,
    /// Whether a flow was ever run from the portal.
    pub run: bool,
}

/// The figures of `tenant`.
///
/// # Errors
/// When the database does not answer.
pub async fn figures(app: &App, tenant: Id<Tenant>) -> Result<Figures, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let applications = tx.list_applications(tenant, None, BATCH).await?.len();
                let flows = tx.list_flows(tenant, None, BATCH).await?;
                let own: Vec<_> = flows.iter().filter(|flow| flow.audience == Audience::Patients).collect();
                let mut linked = false;
                for flow in &own {
                    linked = linked || !tx.applications_of_flow(tenant, flow.id).await?.is_empty();
                }
                let (patients, patients_with_mfa) = coverage(tx, tenant).await?;
                let run = tx.counter_total(tenant, run::FLOW_RUNS).await? > 0;
                Ok::<_, PortalError>(Figures {
                    applications,
                    flows: own.len(),
                    patients,
                    patients_with_mfa,
                    linked,
                    run,
                })
            })
        })
        .await
}

// Patients of `tenant`, and how many of them have a second factor, from the counters.
async fn coverage(tx: &mut (dyn ReadTx + '_), tenant: Id<Tenant>) -> Result<(u64, u64), PortalError> {
    let all = tx.counter_total(tenant, PATIENTS_TOTAL).await?;
    let with_mfa = tx.counter_total(tenant, PATIENTS_WITH_MFA).await?;
    Ok((u64::try_from(all).unwrap_or(0), u64::try_from(with_mfa).unwrap_or(0)))
}

/// Whom `policy` would touch, if every patient of `tenant` signed in now: from the counters.
///
/// # Errors
/// When the database does not answer.
pub async fn dry_run(app: &App, tenant: Id<Tenant>, policy: MfaPolicy) -> Result<Affected, PortalError> {
    let now = app.clock.now();
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let patients = u64::try_from(tx.counter_total(tenant, PATIENTS_TOTAL).await?).unwrap_or(0);
                let raised = u64::try_from(tx.counter_total(tenant, PATIENTS_WITH_MINIMUM).await?).unwrap_or(0);
                Ok::<_, PortalError>(policy.affects(now, (patients, raised), tx.patients_by_factors(tenant).await?))
            })
        })
        .await
}
