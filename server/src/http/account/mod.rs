//! (being written)

use axum::Router;

use crate::state::App;

/// The routes of this console.
pub fn routes() -> Router<App> {
    Router::new()
}
