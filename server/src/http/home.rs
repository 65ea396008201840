//! `/`: the way into everything in demo mode, otherwise what this server is.

use axum::{extract::State, http::StatusCode, response::Response};
use lanyard_app::pages::home::{HOME_TITLE, home_page};
use lanyard_domain::tenant::Tenant;
use lanyard_storage::StorageError;

use super::{error::HttpError, page};
use crate::state::App;

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

// The demo's own clinic is its oldest tenant but the operators'; a demo has few.
async fn clinic(app: &App) -> Result<Option<Tenant>, StorageError> {
    let tenants = app.store.read(|tx| Box::pin(async move { tx.list_tenants(None, 200).await })).await?;
    Ok(tenants.into_iter().filter(|tenant| !tenant.domain.is_system()).min_by_key(|tenant| tenant.created_at))
}
