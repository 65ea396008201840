//! Where journeys begin: an authorization request, a console, a device, an operator's run, an
//! invitation.

use lanyard_domain::{
    account::Account,
    application::Application,
    assurance::{Assurance, Demand, Level},
    grant::AuthorizationRequest,
    id::Id,
    journey::{Facts, FlowSnapshot, Header, JOURNEY_LIFE, Journey, Stage, Target},
    secret::{Token, TokenHash},
    session::Session,
    tenant::{Tenant, TenantDomain},
    user_flow::{Audience, UserFlow},
};
use lanyard_oidc::error::Silent;
use lanyard_storage::{ReadTx, WriteTx};

use super::{
    JourneyError,
    answer::{self, Reply, Way},
    browser_secret, facts,
    known::{self, Whence},
    remember, scene,
};
use crate::{http::client::Client, service::account::lock, state::App};

/// A journey that waits for its first event.
#[derive(Debug)]
pub struct Begun {
    /// Its id.
    pub id: String,
    /// The browser's secret, for the cookie.
    pub browser: Token,
}

/// Begins a journey for an application, for whom no live session was enough ([`single_sign_on`]).
///
/// # Errors
/// When the database does not answer.
pub async fn begin_for(
    app: &App,
    tenant: Tenant,
    flow: UserFlow,
    application: Application,
    request: AuthorizationRequest,
    (sso, browser, whence): (Option<Token>, Option<Token>, Whence),
) -> Result<Begun, JourneyError> {
    let browser = browser_secret(app, browser);
    let (own, secret) = (app.clone(), browser.hash());
    let id = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                hold_owner(&own, tx, tenant.id, sso.as_ref()).await?;
                let demand = scene::demand(tx, &flow, Some(&application)).await?;
                let header = header(&own, &tenant, &flow, demand.clone(), Target::Application(request), secret);
                let around = Around { flow: &flow, application: &application };
                let (journey, _) = with_session(&own, tx, header, demand, around, (sso.as_ref(), &whence)).await?;
                tx.create_journey(&journey, None).await?;
                Ok::<_, JourneyError>(journey.header.id)
            })
        })
        .await?;
    Ok(Begun { id: id.to_string(), browser })
}

// A reset or a sign-out at the same moment comes before the journey or after it: a session that it ended must not begin
// one together with the password's version from after it, by which the journey would live on.
async fn hold_owner(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: Id<Tenant>,
    sso: Option<&Token>,
) -> Result<(), JourneyError> {
    let Some(token) = sso.filter(|_| app.store.is_postgres()) else { return Ok(()) };
    if let Some(session) = tx.session_by_token(tenant, &token.hash()).await? {
        lock(app, tx, session.account).await?;
    }
    Ok(())
}

/// What a live session alone comes to.
#[derive(Debug)]
pub enum SignOn {
    /// It was enough.
    Answered(Reply),
    /// A person has to act.
    Person(Silent),
}

/// Answers an authorization request from a live session alone, if that is enough: of the cookie `sso`, and of the account
/// that it was found to be of. Nothing is stored but what is issued and its audit event.
///
/// # Errors
/// When the database does not answer.
pub async fn single_sign_on(
    app: &App,
    (tenant, flow, application): (&Tenant, &UserFlow, &Application),
    request: &AuthorizationRequest,
    sso: Option<(&Token, Id<Account>)>,
    (client, whence): (&Client, &Whence),
) -> Result<SignOn, JourneyError> {
    let Some((sso, holder)) = sso.filter(|_| !request.fresh_login) else {
        return Ok(SignOn::Person(Silent::NoSession));
    };
    let sso = sso.clone();
    let way = Way { tenant: tenant.id, flow, application, request };
    let (own, tenant, flow) = (app.clone(), tenant.clone(), flow.clone());
    let (application, request, client, whence) = (application.clone(), request.clone(), client.clone(), whence.clone());
    let issued = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                // A reset or a sign-out at the same moment comes before the code or after it: then it revokes it.
                lock(&own, tx, holder).await?;
                let demand = scene::demand(tx, &flow, Some(&application)).await?;
                // The browser plays no part: nothing is left to come back to.
                let header =
                    header(&own, &tenant, &flow, demand.clone(), Target::Application(request.clone()), sso.hash());
                let around = Around { flow: &flow, application: &application };
                let (journey, session) = with_session(&own, tx, header, demand, around, (Some(&sso), &whence)).await?;
                if matches!(journey.stage(), Stage::Consent { .. }) {
                    return Ok(Err(Silent::Consent));
                }
                let Ok((header, completion)) = journey.complete() else { return Ok(Err(Silent::NoSession)) };
                if let Some(session) = session {
                    tx.touch_session(session.id, now, session.renewed(now)).await?;
                }
                let settled = completion.settle(&header, now, own.entropy().as_mut());
                let issued = answer::issue(&own, tx, settled.back, &header, &request, &client).await?;
                Ok::<_, JourneyError>(issued.map_err(|_| Silent::OtherPerson))
            })
        })
        .await?;
    match issued {
        Ok(issued) => Ok(SignOn::Answered(answer::deliver(app, way, issued).await?)),
        Err(reason) => Ok(SignOn::Person(reason)),
    }
}

/// Begins a journey to the console of `audience` in `tenant`.
///
/// # Errors
/// [`JourneyError::NotFound`] if the tenant has no such built-in flow.
pub async fn begin_console(
    app: &App,
    tenant: Tenant,
    audience: Audience,
    return_to: String,
    browser: Option<Token>,
) -> Result<Begun, JourneyError> {
    let browser = browser_secret(app, browser);
    let (own, secret) = (app.clone(), browser.hash());
    let id = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let flow = built_in(tx, &tenant, audience).await?;
                of_nobody(&own, tx, (&tenant, &flow, None), Target::Console { return_to }, secret).await
            })
        })
        .await?;
    Ok(Begun { id: id.to_string(), browser })
}

/// Begins the journey of a person who wants to sign a device in (RFC 8628). No session counts:
/// they sign in for it.
///
/// # Errors
/// When the database does not answer.
pub async fn begin_device(
    app: &App,
    (tenant, flow): (Tenant, UserFlow),
    application: Application,
    request: AuthorizationRequest,
    device: TokenHash,
    browser: Option<Token>,
) -> Result<Begun, JourneyError> {
    let browser = browser_secret(app, browser);
    let (own, secret) = (app.clone(), browser.hash());
    let id = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let target = Target::Device { request, device };
                of_nobody(&own, tx, (&tenant, &flow, Some(&application)), target, secret).await
            })
        })
        .await?;
    Ok(Begun { id: id.to_string(), browser })
}

/// Begins a run of a flow by an operator, in the transaction that records it.
///
/// # Errors
/// When the database does not answer.
pub async fn begin_run(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    run: &crate::service::run::Run,
    request: AuthorizationRequest,
    operator: Id<lanyard_domain::account::Account>,
    browser: TokenHash,
) -> Result<Id<Journey>, JourneyError> {
    let around = (&run.tenant, &run.flow, Some(&run.application));
    of_nobody(app, tx, around, Target::Run { request, operator }, browser).await
}

// A journey of a browser whose sessions do not count, stored.
async fn of_nobody(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (tenant, flow, application): (&Tenant, &UserFlow, Option<&Application>),
    target: Target,
    browser: TokenHash,
) -> Result<Id<Journey>, JourneyError> {
    let demand = scene::demand(tx, flow, application).await?;
    let header = header(app, tenant, flow, demand.clone(), target, browser);
    let journey = Journey::begin(header, None, &Facts::at(app.clock.now(), demand, None, None));
    let journey = journey.with_ceremony(app.entropy().as_mut());
    tx.create_journey(&journey, None).await?;
    Ok(journey.header.id)
}

/// Begins a journey for the holder of an invitation link. The link itself is used up when the
/// account is made, not here.
///
/// # Errors
/// [`JourneyError::NotFound`] if the link is unknown, used or too old.
pub async fn begin_invited(
    app: &App,
    domain: &str,
    token: &str,
    browser: Option<Token>,
) -> Result<Begun, JourneyError> {
    let (Some(link), Ok(domain)) = (Token::parse(token), TenantDomain::parse(domain)) else {
        return Err(JourneyError::NotFound);
    };
    let browser = browser_secret(app, browser);
    let (own, secret) = (app.clone(), browser.hash());
    let id = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                let Some(tenant) = tx.tenant_by_domain(&domain).await? else { return Err(JourneyError::NotFound) };
                let invitation =
                    tx.invitation_by_token(tenant.id, &link.hash()).await?.filter(|found| found.is_open(now));
                let Some(invitation) = invitation else { return Err(JourneyError::NotFound) };
                let (audience, return_to) = console_for(&invitation, &tenant);
                let flow = built_in(tx, &tenant, audience).await?;
                let demand = scene::demand(tx, &flow, None).await?;
                // The account is not there yet; what it will have to show for its role, it shows from the first day.
                let minimum = tx.role_minimum(invitation.role).await?;
                let demand = demand.raised_for(minimum, &flow.settings.mfa.second_factor().methods);
                let header = header(&own, &tenant, &flow, demand, Target::Console { return_to }, secret);
                let journey = Journey::begin_invited(header, &invitation).with_ceremony(own.entropy().as_mut());
                tx.create_journey(&journey, None).await?;
                Ok(journey.header.id)
            })
        })
        .await?;
    Ok(Begun { id: id.to_string(), browser })
}

fn console_for(invitation: &lanyard_domain::invitation::Invitation, tenant: &Tenant) -> (Audience, String) {
    use lanyard_domain::account::AccountKind;
    match invitation.kind {
        AccountKind::Operator => (Audience::Operators, lanyard_app::paths::PORTAL.to_owned()),
        AccountKind::Staff => (Audience::Staff, lanyard_app::paths::clinic(tenant.domain.as_str())),
        AccountKind::Patient => (Audience::SelfService, lanyard_app::paths::account(tenant.domain.as_str())),
    }
}

async fn built_in(tx: &mut (dyn ReadTx + '_), tenant: &Tenant, audience: Audience) -> Result<UserFlow, JourneyError> {
    let name = audience.built_in_flow().ok_or(JourneyError::NotFound)?;
    let flow = tx.flow_by_key(tenant.id, name).await?;
    flow.filter(|flow| flow.audience == audience).ok_or(JourneyError::NotFound)
}

fn header(app: &App, tenant: &Tenant, flow: &UserFlow, demand: Demand, target: Target, browser: TokenHash) -> Header {
    let now = app.clock.now();
    Header {
        id: Id::new(now, app.entropy().as_mut()),
        tenant: tenant.id,
        flow: FlowSnapshot::from(flow),
        demand: raised(demand, flow, &target),
        target,
        browser,
        created_at: now,
        expires_at: now.plus(JOURNEY_LIFE),
    }
}

// What the request asks for by `acr_values` or `claims` raises the demand and never lowers it. The
// journey's own demand holds to its end, whatever the flow's may become.
fn raised(demand: Demand, flow: &UserFlow, target: &Target) -> Demand {
    let asked = match target {
        Target::Application(request) | Target::Run { request, .. } | Target::Device { request, .. } => {
            request.options.acr
        }
        Target::Console { .. } => None,
    };
    match asked {
        Some(Level::Aal2) if demand.floor() == Assurance::Aal1 => flow.settings.mfa.second_factor(),
        Some(_) | None => demand,
    }
}

/// The flow and the application of a request.
#[derive(Clone, Copy)]
struct Around<'a> {
    flow: &'a UserFlow,
    application: &'a Application,
}

// The journey, and the session that it was offered.
async fn with_session(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    header: Header,
    demand: Demand,
    around: Around<'_>,
    (sso, whence): (Option<&Token>, &Whence),
) -> Result<(Journey, Option<Session>), JourneyError> {
    let session: Option<Session> = match sso {
        Some(token) => tx.session_by_token(header.tenant, &token.hash()).await?,
        None => None,
    };
    let account = match &session {
        Some(session) => tx.account_facts(header.tenant, session.account).await?,
        None => None,
    };
    let id = account.as_ref().map(|account| account.id);
    let consent = facts::consent(tx, &header.target, Some(around.application), around.flow, id).await?;
    let signals = known::signals(app, tx, [&demand, &header.demand], (header.tenant, id), (whence, None)).await?;
    let remembered = remember::of_session(tx, header.tenant, session.as_ref()).await?;
    let facts = Facts { signals, remembered, ..Facts::at(app.clock.now(), demand, account, consent) };
    let journey = Journey::begin(header, session.as_ref(), &facts).with_ceremony(app.entropy().as_mut());
    Ok((journey, session))
}
