//! The portal over HTTP: thin handlers around `service::portal`, plain forms throughout
//! (POST, 303, GET; a form that is refused comes back with 422 and everything that was typed).
//!
//! [`forms`] reads forms into drafts, [`frame`] makes what stands around every page.

pub(crate) mod applications;
mod attributes;
mod flows;
pub(crate) mod forms;
mod frame;
mod initial_tokens;
pub(crate) mod mfa;
mod posts;
mod run;
mod secrets;
mod settings;
mod tenants;
mod tokens;
mod words;

use axum::{
    Router,
    extract::FromRequestParts,
    http::request::Parts,
    routing::{get, post},
};
use lanyard_app::api::portal::Listing;
use lanyard_domain::tenant::Tenant;
use serde::Deserialize;

use self::posts::{Operators, Staff};
use super::{
    client::Client,
    console::{Shut, SignedIn, TenantOperator},
    error::HttpError,
};
use crate::{
    service::portal::{
        By, PortalError,
        listing::{Page, Wanted},
    },
    state::App,
};

/// The routes of the portal. Every handler takes an `Operator` or a [`Place`], one of a form a
/// `ConsoleForm` of these: its token is checked by then.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/portal", get(tenants::list))
        .route("/portal/new", get(tenants::new).post(tenants::create))
        .route("/portal/{tenant}", get(tenants::overview))
        .route("/portal/{tenant}/settings", get(settings::show))
        .route("/portal/{tenant}/cool-down", post(settings::cool_down::set))
        .route("/portal/{tenant}/resets", post(settings::resets::set))
        .route("/portal/{tenant}/minimums", post(settings::minimums::set))
        .route("/portal/{tenant}/texts", post(settings::texts::set))
        .route("/portal/{tenant}/passkeys", post(settings::staff_passkeys::set))
        .route("/portal/{tenant}/registration", post(settings::registration::switch))
        .route("/portal/{tenant}/registration/tokens", get(initial_tokens::show).post(initial_tokens::create))
        .route("/portal/{tenant}/registration/tokens/{id}/revoke", post(initial_tokens::revoke))
        .route("/portal/{tenant}/applications", get(applications::list))
        .route("/portal/{tenant}/applications/new", get(applications::new).post(applications::register))
        .route("/portal/{tenant}/applications/{id}", get(applications::show).post(applications::change))
        .route("/portal/{tenant}/applications/{id}/registration", post(initial_tokens::revoke_client))
        .route("/portal/{tenant}/applications/{id}/secret", post(secrets::create))
        .route("/portal/{tenant}/applications/{id}/secret/{secret}", get(secrets::ask).post(secrets::remove))
        .route("/portal/{tenant}/flows", get(flows::list))
        .route("/portal/{tenant}/flows/new", get(flows::new).post(flows::create))
        .route("/portal/{tenant}/flows/{flow}", get(flows::show).post(flows::change))
        .route("/portal/{tenant}/flows/{flow}/applications", post(flows::set_applications))
        .route("/portal/{tenant}/flows/{flow}/mfa", get(mfa::ask).post(mfa::switch))
        .route("/portal/{tenant}/flows/{flow}/run", get(run::choose).post(run::start))
        .route("/portal/{tenant}/run/result", get(run::result))
        .route("/portal/{tenant}/attributes", get(attributes::show).post(attributes::define))
        .route("/portal/{tenant}/staff", get(posts::show::<Staff>).post(posts::invite::<Staff>))
        .route("/portal/{tenant}/staff/{id}/revoke", get(posts::ask::<Staff>).post(posts::revoke::<Staff>))
        .route("/portal/{tenant}/staff/{id}/withdraw", post(posts::withdraw::<Staff>))
        .route("/portal/{tenant}/operators", get(posts::show::<Operators>).post(posts::invite::<Operators>))
        .route("/portal/{tenant}/operators/{id}/revoke", get(posts::ask::<Operators>).post(posts::revoke::<Operators>))
        .route("/portal/{tenant}/operators/{id}/withdraw", post(posts::withdraw::<Operators>))
}

/// An operator in a tenant that they manage; `lanyard.system` is no such tenant: what is in it is
/// built in, and nobody signs patients in there.
#[derive(Debug, Clone)]
pub struct Place {
    /// Who.
    pub who: SignedIn,
    /// The tenant.
    pub tenant: Tenant,
}

impl FromRequestParts<App> for Place {
    type Rejection = Shut;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Shut> {
        let TenantOperator { who, tenant } = TenantOperator::from_request_parts(parts, app).await?;
        if tenant.domain.is_system() { Err(HttpError::NotFound.into()) } else { Ok(Self { who, tenant }) }
    }
}

impl AsRef<SignedIn> for Place {
    fn as_ref(&self) -> &SignedIn {
        &self.who
    }
}

impl Place {
    fn domain(&self) -> &str {
        self.tenant.domain.as_str()
    }

    fn by(&self, client: Client) -> By {
        By { operator: Some(self.who.account.id), client }
    }
}

/// What the address of a page may say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Asked {
    // A search.
    q: String,
    // The cursor that a list goes on after.
    after: String,
    // What was just done, as a word.
    done: String,
    // Where the switch for MFA shall go.
    to: String,
    // The application of a run.
    application: String,
    // The code of a run.
    code: String,
}

impl Asked {
    // A search is a few words: what is longer finds nothing anyway.
    fn wanted(&self) -> Wanted {
        Wanted { query: self.q.trim().chars().take(80).collect(), after: self.after.clone() }
    }

    // A page of a list as it is shown, `row` by row.
    fn listing<T, R>(&self, page: Page<T>, row: impl Fn(&T) -> R) -> Listing<R> {
        Listing {
            rows: page.rows.iter().map(row).collect(),
            query: self.q.clone(),
            first: self.after.is_empty(),
            next: page.next,
        }
    }
}

impl From<PortalError> for HttpError {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::NotFound => Self::NotFound,
            PortalError::Taken => Self::BadRequest("That name is taken. Go back and choose another one."),
            PortalError::Conflict => Self::BadRequest("Somebody changed this in the meantime. Load the page again."),
            PortalError::NotAllowed => Self::BadRequest("This can’t be changed here."),
            PortalError::NoMethod => Self::BadRequest("Go back and choose at least one method."),
            PortalError::NoCondition => Self::BadRequest("Go back and choose at least one condition."),
            PortalError::EveryBrowser => {
                Self::BadRequest("Go back and let a new browser be asked, too: a stolen password would do in any.")
            }
            PortalError::Unreachable => {
                Self::BadRequest("Go back and choose a method that is good enough, or a lower minimum.")
            }
            PortalError::Strict => Self::BadRequest(
                "This flow remembers browsers, and these methods or this minimum are too strict for that. Untick “remembered browsers” in its settings first, or choose others.",
            ),
            PortalError::Unchanged => Self::BadRequest("Nothing was changed."),
            PortalError::NotConfirmed => Self::BadRequest("Go back and type what the page asks for."),
            PortalError::TooMany => Self::BadRequest("There are as many of these as there can be."),
            PortalError::Failed(error) => error.into(),
        }
    }
}
