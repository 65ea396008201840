//! `/claims`: the bundled "Patient portal". To the provider it is a client like any other; all it
//! is told is which flow to ask.

use axum::{extract::State, http::StatusCode, response::Response};
use lanyard_app::{
    islands::{ClaimLabel, ClaimsConfig},
    pages, paths, shell,
};
use lanyard_domain::{attribute, claims};

use super::{error::HttpError, page};
use crate::{service::patient_portal, state::App};

/// The page. It exists in the demo, or where an operator registered the patient portal.
pub async fn show(State(app): State<App>) -> Result<Response, HttpError> {
    let found = patient_portal::find(&app).await?.ok_or(HttpError::NotFound)?;
    // Only what the flow selects: the token holds protocol claims as well (`sub`, `oid`).
    let selected = &found.flow.settings.claims;
    let labels = claims::catalogue(&found.attributes)
        .into_iter()
        .filter(|claim| selected.contains(&claim.name))
        .map(|claim| ClaimLabel {
            country: claim.attribute.as_deref() == Some(attribute::COUNTRY),
            name: claim.name,
            label: claim.label,
        })
        .collect();
    let config = ClaimsConfig {
        authority: app.issuer(found.tenant.id, &found.flow.name.key()),
        client_id: found.application.to_string(),
        redirect_uri: format!("{}{}", app.origin, paths::CLAIMS),
        tenant: found.tenant.name.clone(),
        labels,
        account_url: paths::account(found.tenant.domain.as_str()),
    };
    let demo = app.config.demo;
    let head = page::Head::staff(shell::title("Patient portal", &found.tenant.name, false));
    Ok(page::render(&app, StatusCode::OK, head, move || pages::claims::claims_page(config.clone(), demo)).await)
}
