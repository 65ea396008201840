//! `/livez`: the process runs. `/readyz`: it can serve, database included.

use axum::{extract::State, http::StatusCode};

use crate::state::App;

/// Always 200.
pub async fn livez() -> &'static str {
    "ok\n"
}

/// 200, or 503 while the database does not answer.
pub async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
