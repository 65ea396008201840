//! THE route table: every path, its methods, who may, and the handler. Who may is a type that the
//! handler takes (`Operator`, `TenantOperator`, `Staff`, `Oneself`); a route without one is open to
//! everybody, and a test pins which those are.
//!
//! The OpenID provider's endpoints come in many spellings (any case, double slashes, three
//! prefixes), so they are the fallback: fixed paths win over `/{tenant}/{flow}/…`.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    http::{
        account, assets, claims, clinic, console, form::MAX_BODY, health, home, inbox, journey, oauth, portal, security,
    },
    state::App,
};

/// The server's routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/pkg/{file}", get(assets::serve))
        .route("/favicon.svg", get(assets::serve))
        .route("/claims", get(claims::show))
        .route("/dev/inbox", get(inbox::show))
        .route("/dev/inbox.json", get(inbox::list))
        .route("/invitation/{tenant}/{token}", get(journey::pages::invitation))
        .route("/journey/{id}", get(journey::pages::show))
        .route("/journey/{id}/return", get(journey::pages::go_back))
        .route("/journey/{id}/again", get(journey::pages::again))
        .route("/journey/{id}/deletion", get(journey::pages::farewell))
        .route("/journey/{id}/{event}", post(journey::pages::act))
        .route("/api/journeys/{id}", get(journey::api::show))
        .route("/api/journeys/{id}/{event}", post(journey::api::act))
        .route("/sign-out", post(console::sign_out))
        .merge(portal::routes())
        .merge(clinic::routes())
        .merge(account::routes())
        .fallback(oauth::serve)
        .method_not_allowed_fallback(security::method_not_allowed)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(CatchPanicLayer::custom(security::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), security::guard))
        .with_state(app)
}
