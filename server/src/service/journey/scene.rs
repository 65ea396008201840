//! What stands around a journey: its tenant, application, flow, catalogue and demand.

use std::{collections::BTreeSet, ops::Deref, sync::Arc};

use lanyard_domain::{
    application::Application,
    assurance::{Assurance, Demand, Method},
    grant::AuthorizationRequest,
    id::Id,
    journey::{Header, Target},
    password,
    tenant::Tenant,
    user_flow::{Audience, Enforcement, FlowType, UserFlow},
};
use lanyard_messaging::Channel;
use lanyard_oidc::{
    authorize::{repeat, repeat_for_anybody},
    endpoints::{Endpoint, Route, TenantRef, UrlForm},
    response::with_query,
};
use lanyard_storage::ReadTx;

use super::{JourneyError, Surroundings};
use crate::state::App;

/// More flows than a tenant will ever have.
const MAX_FLOWS: u32 = 1000;

/// A journey's surroundings, as they are at this request, and what follows from them for it.
#[derive(Debug, Clone)]
pub struct Scene {
    around: Arc<Surroundings>,
    /// The methods that can be set up, strongest first: demanded, and with a provider.
    pub methods: Vec<Method>,
    /// Whether this is the demo.
    pub demo: bool,
    /// The path of the tenant's account pages, which messages link to.
    pub account_path: String,
    /// Where a new attempt begins.
    pub start_again: Option<String>,
    /// The same for another browser: it is not told who was about to sign in.
    pub start_elsewhere: Option<String>,
}

impl Deref for Scene {
    type Target = Surroundings;

    fn deref(&self) -> &Surroundings {
        &self.around
    }
}

impl Scene {
    /// The scene of the journey with `header`.
    #[must_use]
    pub fn of(app: &App, around: Arc<Surroundings>, header: &Header) -> Self {
        let methods = header.offered(&around.demand.clone().stricter(&header.demand));
        Self {
            methods: usable(app, &methods),
            demo: app.config.demo,
            start_again: start_again(app, &around, header, &|request| repeat(request)),
            start_elsewhere: start_again(app, &around, header, &|request| repeat_for_anybody(request)),
            account_path: lanyard_app::paths::account(around.tenant.domain.as_str()),
            around,
        }
    }
}

/// What `flow` demands of a sign-in to `application`: its own policy, raised to the application's
/// minimum, so that no weaker flow gets past MFA.
///
/// # Errors
/// When the database does not answer.
pub async fn demand(
    tx: &mut (dyn ReadTx + '_),
    flow: &UserFlow,
    application: Option<&Application>,
) -> Result<Demand, JourneyError> {
    let own = flow.settings.mfa.demand().remembering(flow.remembers()).with_grace(flow.grace());
    let Some(application) = application else { return Ok(own) };
    let linked = tx.flows_of_application(application.tenant, application.id).await?;
    let minimum = minimum(application, &linked);
    if flow.settings.mfa.floor() >= minimum {
        let remembers = own.takes_remembered() && application.minimum.lets_remember(&linked);
        let grace = application.minimum.grace_among(own.grace(), &linked);
        return Ok(own.remembering(remembers).with_grace(grace));
    }
    // The methods that the application's own stronger flows allow; any, if none says.
    let allowed = linked.iter().filter(|flow| flow.settings.mfa.floor() >= minimum);
    let demand = Demand::mfa(allowed.flat_map(|flow| flow.settings.mfa.methods.iter().copied()));
    Ok(demand.with_minimum(minimum).with_minimum(flow.settings.mfa.minimum))
}

fn minimum(application: &Application, linked: &[UserFlow]) -> Assurance {
    application.minimum.assurance(linked.iter().map(|flow| flow.settings.mfa.floor()))
}

/// Whether `flow` signs people in below what `application` asks for, be it with a password alone or with
/// a second factor that is not good enough. Such a request is refused:
/// nobody gets past MFA by editing the flow's name in the address. Password reset and profile
/// editing are not refused but demand what the application demands.
///
/// # Errors
/// When the database does not answer.
pub async fn is_too_weak(
    tx: &mut (dyn ReadTx + '_),
    flow: &UserFlow,
    application: &Application,
) -> Result<bool, JourneyError> {
    let linked = tx.flows_of_application(application.tenant, application.id).await?;
    Ok(match flow.kind {
        FlowType::SignUpSignIn | FlowType::SignIn => flow.settings.mfa.floor() < minimum(application, &linked),
        FlowType::ProfileEditing | FlowType::PasswordReset => false,
    })
}

// Decision 3: 8 while every patient flow of the tenant always asks for a second factor, of every browser,
// else 15. Staff and operators always have one.
pub(super) async fn min_password_length(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    audience: Audience,
) -> Result<usize, JourneyError> {
    // Where browsers are remembered, or setting up can wait, the password is the only factor of many a
    // sign-in. This is kept at hand, so that it does not ask whether a grace period is over.
    let always_on = |flow: &UserFlow| {
        flow.settings.mfa.enforcement == Enforcement::AlwaysOn && !flow.remembers() && flow.grace().is_none()
    };
    let guarded = match audience {
        Audience::Staff | Audience::Operators => true,
        Audience::Patients | Audience::SelfService => {
            let flows = tx.list_flows(tenant, None, MAX_FLOWS).await?;
            let mut patients = flows.iter().filter(|flow| flow.audience == Audience::Patients).peekable();
            patients.peek().is_some() && patients.all(always_on)
        }
    };
    Ok(if guarded { password::MIN_WITH_MFA } else { password::MIN_SINGLE_FACTOR })
}

// A method without a provider is not offered, unless nothing else is left: then the page says
// that the message cannot be sent.
fn usable(app: &App, methods: &BTreeSet<Method>) -> Vec<Method> {
    let can = |method: &Method| match method {
        Method::Passkey => app.passkeys.is_some(),
        Method::AuthenticatorApp => true,
        Method::TextMessage => app.channels.can(Channel::Text),
        Method::PhoneCall => app.channels.can(Channel::Call),
        // Made at the account page.
        Method::RecoveryCode => false,
    };
    let allowed: Vec<Method> = Method::ALL.into_iter().filter(|method| methods.contains(method)).collect();
    let working: Vec<Method> = allowed.iter().copied().filter(can).collect();
    if working.is_empty() { allowed } else { working }
}

// A new attempt repeats the request as it was; a console starts at its own page.
fn start_again(
    app: &App,
    around: &Surroundings,
    header: &Header,
    repeat: &dyn Fn(&AuthorizationRequest) -> Vec<(&'static str, String)>,
) -> Option<String> {
    let (tenant, flow, application) = (&around.tenant, &around.flow, around.application.as_ref());
    match &header.target {
        // No browser may carry its requests: it is pushed for it when the link is followed.
        Target::Application(_) if application.is_some_and(|found| found.settings.require_pushed_requests) => {
            Some(lanyard_app::paths::journey_again(&header.id.to_string()))
        }
        Target::Application(request) => {
            let route = Route {
                tenant: TenantRef::Domain(tenant.domain.clone()),
                flow: flow.name.key(),
                form: UrlForm::Plain,
                endpoint: Endpoint::Authorize,
            };
            let url = route.url(&app.public_origin, Endpoint::Authorize);
            // A path on our own origin: links in pages and mails derive from it.
            Some(with_query(url.strip_prefix(&app.origin).unwrap_or(&url), &repeat(request)))
        }
        Target::Device { .. } => Some(lanyard_app::paths::device(tenant.domain.as_str(), &flow.name.key())),
        Target::Run { .. } => Some(lanyard_app::paths::portal_tenant(tenant.domain.as_str())),
        Target::Console { return_to } => Some(return_to.clone()),
    }
}
