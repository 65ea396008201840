//! Budgets of texts and calls (A14): they cost money, and whoever has them sent to numbers of their
//! own gets a share of it. One budget for each network and hour, one for each tenant and day; what
//! is used is counted in rows of `throttles`, by windows of the clock.

use lanyard_domain::{
    assurance::{Demand, Level},
    clock::{DAY, HOUR, Millis, Timestamp},
    delays::Delays,
    id::Id,
    journey::{Event, Journey},
    secret::TokenHash,
    tenant::Tenant,
    user_flow::{Audience, FlowType},
};
use lanyard_storage::{StorageError, WriteTx};

use crate::state::App;

struct Budget {
    key: TokenHash,
    limit: u32,
    window: Millis,
}

fn budgets(app: &App, tenant: Id<Tenant>, network: &str, now: Timestamp) -> [Budget; 2] {
    let limits = &app.config.limits;
    let (hour, day) = (now.0.div_euclid(HOUR).to_string(), now.0.div_euclid(DAY).to_string());
    [
        Budget {
            key: app.throttle_key(tenant, "texts-network", &[network, &hour]),
            limit: limits.texts_per_address_per_hour,
            window: HOUR,
        },
        Budget {
            key: app.throttle_key(tenant, "texts-tenant", &[&day]),
            limit: limits.texts_per_tenant_per_day,
            window: DAY,
        },
    ]
}

/// Whether a step for `event` can send a text or call at all, judged by the flow alone: what it
/// reads must not tell whether there is an account (D11).
pub(super) fn may_text(journey: &Journey, event: &Event, demand: &Demand) -> bool {
    let header = &journey.header;
    let second = demand.level > Level::Aal1
        || header.demand.level > Level::Aal1
        || header.flow.audience == Audience::SelfService
        || matches!(header.flow.kind, FlowType::ProfileEditing);
    match event {
        Event::SignIn { .. } | Event::SubmitPasskey(_) => second,
        Event::SubmitCode { .. }
        | Event::CreatePasskey(_)
        | Event::SubmitDetails(_)
        | Event::SubmitNewPassword { .. }
        | Event::SubmitProfile { .. }
        | Event::Agree
        | Event::NotNow
        | Event::Resend
        | Event::ChooseMethod { .. }
        | Event::Remembering(_)
        | Event::EnterPhone { .. } => true,
        Event::RenewPasskey
        | Event::GoSignUp
        | Event::GoSignIn
        | Event::GoForgotPassword
        | Event::LeaveForReset
        | Event::RequestCode { .. }
        | Event::SubmitAppCode { .. }
        | Event::SubmitRecoveryCode { .. }
        | Event::Back
        | Event::KeepRecoveryCodes { .. }
        | Event::Cancel => false,
    }
}

/// Until when no text or call goes out, if a budget is used up.
///
/// # Errors
/// When the database does not answer.
pub(in crate::service) async fn barred_until(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    network: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>, StorageError> {
    let mut barred = None;
    for budget in budgets(app, tenant, network, now) {
        let used = tx.throttle(tenant, &budget.key).await?.map_or(0, |throttle| throttle.failures);
        if used >= budget.limit {
            let end = Timestamp((now.0.div_euclid(budget.window) + 1) * budget.window);
            barred = barred.max(Some(end));
        }
    }
    Ok(barred)
}

/// Counts a text or call.
///
/// # Errors
/// When the database does not answer.
pub(in crate::service) async fn spend(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    network: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    for budget in budgets(app, tenant, network, now) {
        tx.throttle_failed(tenant, &budget.key, now, Delays::counting(budget.window)).await?;
    }
    Ok(())
}
