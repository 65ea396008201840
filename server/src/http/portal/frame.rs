//! What stands around every page of the portal, and how a page becomes an answer.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use lanyard_app::{
    api::portal::{Done, Frame, Section, TenantLink},
    shell,
};
use lanyard_domain::{role::Role, session::ConsoleKind, tenant::Tenant};
use leptos::prelude::AnyView;

use super::Place;
use crate::{
    http::{console::SignedIn, error::HttpError, page},
    service::{
        account,
        portal::{listing::Wanted, tenants},
    },
    state::{App, Channels},
};

/// Tenants in the switcher; the list has all of them.
const SWITCHER: usize = 12;

/// The frame of a page for `who`, in `tenant` or outside any.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn frame(
    app: &App,
    who: &SignedIn,
    tenant: Option<&Tenant>,
    section: Section,
) -> Result<Frame, HttpError> {
    let mut tenants = tenants::list(app, &who.roles, Wanted::default()).await?.rows;
    tenants.truncate(SWITCHER);
    Ok(Frame {
        csrf: who.csrf.clone(),
        account: who.name(),
        section,
        tenant: tenant.map(link),
        tenants: tenants.iter().map(link).collect(),
        can_create: who.roles.contains(&Role::InstanceOperator),
        warnings: warnings(app.channels),
        idle_seconds: account::idle_seconds(ConsoleKind::Portal),
        demo: app.config.demo,
        done: None,
    })
}

/// The frame of a page in the tenant of the path.
///
/// # Errors
/// As [`frame`].
pub(super) async fn in_tenant(app: &App, place: &Place, section: Section) -> Result<Frame, HttpError> {
    frame(app, &place.who, Some(&place.tenant), section).await
}

pub(super) fn link(tenant: &Tenant) -> TenantLink {
    TenantLink { name: tenant.name.clone(), domain: tenant.domain.as_str().to_owned() }
}

// What does not work until somebody configures it.
fn warnings(channels: Channels) -> Vec<String> {
    let mut lines = Vec::new();
    if !channels.email {
        lines.push("Email can’t be sent: no mail server is configured. Patients can’t sign up or reset a password until there is one.".to_owned());
    }
    match (channels.text, channels.call) {
        (true, true) => {}
        (false, false) => lines.push(
            "Text messages and phone calls can’t be sent: no provider is configured. Only authenticator apps and passkeys are offered.".to_owned(),
        ),
        (false, true) => lines.push("Text messages can’t be sent: no provider is configured.".to_owned()),
        (true, false) => lines.push("Phone calls can’t be made: no provider is configured.".to_owned()),
    }
    lines
}

/// Says that something was done, without a list of changes.
pub(super) fn done(title: &str) -> Option<Done> {
    Some(Done { title: title.to_owned(), changes: Vec::new() })
}

/// A page with its title (U2).
pub(super) struct Answer {
    status: StatusCode,
    title: String,
}

impl Answer {
    /// A page that shows something.
    pub(super) fn ok(step: &str, frame: &Frame) -> Self {
        Self { status: StatusCode::OK, title: title(step, frame, false) }
    }

    /// A form that was refused.
    pub(super) fn refused(step: &str, frame: &Frame) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, title: title(step, frame, true) }
    }

    /// A form whose thing was changed by somebody else.
    pub(super) fn conflict(step: &str, frame: &Frame) -> Self {
        Self { status: StatusCode::CONFLICT, title: title(step, frame, true) }
    }

    /// Something that is over.
    pub(super) fn gone(step: &str, frame: &Frame) -> Self {
        Self { status: StatusCode::GONE, title: title(step, frame, true) }
    }

    /// A form that shows itself anew, or for the first time.
    pub(super) fn of_form(step: &str, frame: &Frame, failed: bool) -> Self {
        if failed { Self::refused(step, frame) } else { Self::ok(step, frame) }
    }

    /// Draws the page.
    pub(super) async fn draw(self, app: &App, body: impl Fn() -> AnyView + Clone + Send + Sync + 'static) -> Response {
        page::render(app, self.status, page::Head::staff(self.title).ending_when_idle(), body).await
    }
}

fn title(step: &str, frame: &Frame, failed: bool) -> String {
    let name = frame.tenant.as_ref().map_or("Lanyard portal", |tenant| tenant.name.as_str());
    shell::title(step, name, failed)
}

/// On to `path`, which says what was `done`.
pub(super) fn on_to(path: &str, done: &str) -> Response {
    Redirect::to(&format!("{path}?done={done}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portal_warns_where_a_provider_is_missing() {
        assert!(warnings(Channels { email: true, text: true, call: true }).is_empty());
        assert_eq!(warnings(Channels::default()).len(), 2);
        let no_mail = warnings(Channels { email: false, text: true, call: true });
        assert!(no_mail.len() == 1 && no_mail[0].contains("mail server"), "{no_mail:?}");
        assert!(warnings(Channels { email: true, text: false, call: true })[0].starts_with("Text messages"));
    }
}
