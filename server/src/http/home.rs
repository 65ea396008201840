//! `/`: the way into everything in demo mode, otherwise what this server is.

use axum::{extract::State, http::StatusCode, response::Response};
use lanyard_app::pages::home::{HOME_TITLE, home_page};
use lanyard_domain::tenant::{Tenant, TenantDomain};
use lanyard_storage::StorageError;

use super::{error::HttpError, page};
use crate::{demo, state::App};

/// The landing page.
///
/// # Errors
/// [`HttpError::Unavailable`] when the demo's clinic cannot be looked up.
pub async fn show(State(app): State<App>) -> Result<Response, HttpError> {
    let demo = if app.config.demo { clinic(&app).await? } else { None };
    let demo = demo.map(|tenant| (tenant.name, tenant.domain.as_str().to_owned()));
    let head = page::Head::plain(HOME_TITLE);
    Ok(page::render(&app, StatusCode::OK, head, move || home_page(demo.clone())).await)
}

// The demo's own clinic; none before it is seeded.
pub(super) async fn clinic(app: &App) -> Result<Option<Tenant>, HttpError> {
    let domain = TenantDomain::parse(demo::TENANT_DOMAIN).map_err(|_| HttpError::Internal("the demo domain".into()))?;
    let found = app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await })).await;
    found.map_err(|error: StorageError| error.into())
}
