//! "Start again" for an application that pushes its requests (RFC 9126): the request of a journey
//! that is over is pushed once more on the application's behalf, for it passed every rule when it
//! began and passes them again when it is used.

use lanyard_domain::{journey::Target, secret::Token};
use lanyard_oidc::authorize::{repeat, repeat_for_anybody};

use super::{
    JourneyError,
    show::{self, Loaded},
};
use crate::{
    service::oauth::{self, Place},
    state::App,
};

/// The address, on our own origin, at which the request of journey `id` begins anew. A browser that
/// is not the journey's own learns nothing of whom it is about.
///
/// # Errors
/// [`JourneyError::NotFound`] if there is no such journey, or it leads to no application.
pub async fn again(app: &App, id: &str, browser: Option<&Token>) -> Result<String, JourneyError> {
    let Some(Loaded { row, scene, .. }) = show::load(app, id, None).await? else { return Err(JourneyError::NotFound) };
    let Target::Application(request) = &row.journey.header.target else { return Err(JourneyError::NotFound) };
    let own = browser.is_some_and(|browser| row.journey.header.browser.matches(&browser.hash()));
    let fields = if own { repeat(request) } else { repeat_for_anybody(request) };
    let issuer = app.issuer(&scene.flow);
    let place = Place::of(scene.tenant.clone(), scene.flow.clone(), issuer);
    oauth::pushed_address(app, &place, request.application, &fields).await
}
