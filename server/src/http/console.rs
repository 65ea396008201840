//! Who is signed in to a console, as types: a handler that takes an [`Operator`] cannot be
//! reached by anybody else (A23).
//!
//! Who is not signed in is sent to sign in and brought back; who may not see a thing is told that
//! it does not exist (404), so that nobody learns what there is.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use lanyard_app::{pages, paths};
use lanyard_domain::{
    account::{Account, AccountKind},
    id::Id,
    role::Role,
    secret::Token,
    session::{ConsoleKind, NOTED_EVERY, Session},
    tenant::{SYSTEM_DOMAIN, Tenant, TenantDomain},
    user_flow::Audience,
};

use super::{client::Client, cookies::Cookie, csrf, error::HttpError, form::Fields, journey::sent_to, page};
use crate::{service::journey, state::App};

/// Somebody signed in to a console.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// The account.
    pub account: Account,
    /// The roles it holds now; a change acts at once (A24).
    pub roles: Vec<Role>,
    /// The token for forms.
    pub csrf: String,
}

/// An operator, in the portal.
#[derive(Debug, Clone)]
pub struct Operator {
    /// Who.
    pub who: SignedIn,
}

/// An operator who manages the tenant in the path (`{tenant}`: its domain).
#[derive(Debug, Clone)]
pub struct TenantOperator {
    /// Who.
    pub who: SignedIn,
    /// The tenant.
    pub tenant: Tenant,
}

/// A member of the staff of the tenant in the path.
#[derive(Debug, Clone)]
pub struct Staff {
    /// Who.
    pub who: SignedIn,
    /// The tenant.
    pub tenant: Tenant,
}

/// A person looking after their own account in the tenant in the path.
#[derive(Debug, Clone)]
pub struct Oneself {
    /// Who.
    pub who: SignedIn,
    /// The tenant.
    pub tenant: Tenant,
}

/// A form that was sent to a console by `W` (an [`Operator`], a `Place` of the portal, [`Staff`]). Its token was
/// checked: who takes this cannot forget to (N25).
pub struct ConsoleForm<W> {
    /// Who, and where.
    pub who: W,
    /// From where.
    pub client: Client,
    /// What was filled in.
    pub fields: Fields,
}

/// A form that a person sent about themselves; like [`ConsoleForm`].
pub struct OwnForm {
    /// Who.
    pub oneself: Oneself,
    /// From where.
    pub client: Client,
    /// What was filled in.
    pub fields: Fields,
}

/// Why a console's door stays shut.
#[derive(Debug)]
pub enum Shut {
    /// Sign in first; the journey has begun.
    SignIn(Response),
    /// Anything else.
    Error(HttpError),
}

impl IntoResponse for Shut {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(response) => response,
            Self::Error(error) => error.into_response(),
        }
    }
}

impl<E: Into<HttpError>> From<E> for Shut {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl SignedIn {
    fn is_instance_operator(&self) -> bool {
        self.roles.contains(&Role::InstanceOperator)
    }

    /// The name to show.
    #[must_use]
    pub fn name(&self) -> String {
        self.account.full_name().unwrap_or_else(|| self.account.email.as_str().to_owned())
    }
}

impl Operator {
    /// Whether this operator may create tenants.
    #[must_use]
    pub fn creates_tenants(&self) -> bool {
        self.who.is_instance_operator()
    }

    /// Whether this operator manages `tenant`.
    #[must_use]
    pub fn manages(&self, tenant: Id<Tenant>) -> bool {
        self.who.roles.iter().any(|role| role.manages(tenant))
    }
}

// The live session of `console` in `tenant` that the request's cookie carries.
async fn signed_in(
    app: &App,
    headers: &HeaderMap,
    tenant: &Tenant,
    consoles: &[ConsoleKind],
) -> Result<Option<SignedIn>, HttpError> {
    let Some(cookie) = Cookie::Console.read(headers) else { return Ok(None) };
    let (hash, id, now) = (cookie.hash(), tenant.id, app.clock.now());
    let found = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let Some(session) = tx.session_by_token(id, &hash).await? else { return Ok(None) };
                let Some(account) = tx.account_by_id(id, session.account).await? else { return Ok(None) };
                let roles = tx.roles_of_account(account.id).await?;
                Ok::<_, lanyard_storage::StorageError>(Some((session, account, roles)))
            })
        })
        .await?;
    let Some((session, account, roles)) = found else { return Ok(None) };
    let fits = session.console.is_some_and(|kind| consoles.contains(&kind));
    // More may be asked of the account by now than of the sign-in behind the session: then it begins anew.
    let enough = session.authentication.reaches(account.minimum);
    if !fits || !enough || !session.is_live(now) || account.disabled_at.is_some() {
        return Ok(None);
    }
    touch(app, &session).await?;
    let roles = roles.into_iter().map(|grant| grant.role).collect();
    Ok(Some(SignedIn { session, account, roles, csrf: csrf::token(&cookie, "console") }))
}

// Keeps an active session from going idle; a write once a minute at most.
async fn touch(app: &App, session: &Session) -> Result<(), HttpError> {
    let (id, now, end) = (session.id, app.clock.now(), session.expires_at);
    if now.since(session.last_seen_at) < NOTED_EVERY {
        return Ok(());
    }
    app.store.write(move |tx| Box::pin(async move { tx.touch_session(id, now, end).await })).await?;
    Ok(())
}

async fn tenant_of(app: &App, domain: &str) -> Result<Tenant, HttpError> {
    let domain = TenantDomain::parse(domain).map_err(|_| HttpError::NotFound)?;
    let found = app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await })).await;
    found.map_err(|error: lanyard_storage::StorageError| HttpError::from(error))?.ok_or(HttpError::NotFound)
}

// Begins a sign-in that comes back to this page. Only a GET is come back to: a form that was
// posted is not repeated behind somebody's back.
async fn sign_in(app: &App, parts: &Parts, tenant: Tenant, audience: Audience, home: String) -> Shut {
    let return_to = match parts.method {
        Method::GET => parts.uri.path_and_query().map_or(home, ToString::to_string),
        _ => home,
    };
    let client = Client::of(&parts.headers, &parts.extensions, &app.config);
    match begin(app, &parts.headers, &client, tenant, audience, return_to).await {
        Ok(response) => Shut::SignIn(response),
        Err(error) => Shut::Error(error),
    }
}

/// Begins a sign-in to a console, in which no session counts, and goes to it.
///
/// # Errors
/// When too many journeys are begun from there, or the database does not answer.
pub(super) async fn begin(
    app: &App,
    headers: &HeaderMap,
    client: &Client,
    tenant: Tenant,
    audience: Audience,
    return_to: String,
) -> Result<Response, HttpError> {
    app.limiter.beginning(client.ip)?;
    let browser = Cookie::Journey.read(headers);
    Ok(sent_to(&journey::begin_console(app, tenant, audience, return_to, browser).await?))
}

impl FromRequestParts<App> for Operator {
    type Rejection = Shut;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Shut> {
        let system = tenant_of(app, SYSTEM_DOMAIN).await?;
        let who = signed_in(app, &parts.headers, &system, &[ConsoleKind::Portal]).await?;
        match who.filter(|who| who.account.kind == AccountKind::Operator) {
            Some(who) => Ok(Self { who }),
            None => Err(sign_in(app, parts, system, Audience::Operators, paths::PORTAL.to_owned()).await),
        }
    }
}

async fn tenant_in_path(parts: &mut Parts, app: &App) -> Result<Tenant, HttpError> {
    let Path(named) = Path::<std::collections::HashMap<String, String>>::from_request_parts(parts, app)
        .await
        .map_err(|_| HttpError::NotFound)?;
    tenant_of(app, named.get("tenant").map_or("", String::as_str)).await
}

impl FromRequestParts<App> for TenantOperator {
    type Rejection = Shut;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Shut> {
        let operator = Operator::from_request_parts(parts, app).await?;
        let tenant = tenant_in_path(parts, app).await?;
        if !operator.manages(tenant.id) {
            return Err(HttpError::NotFound.into());
        }
        Ok(Self { who: operator.who, tenant })
    }
}

impl FromRequestParts<App> for Staff {
    type Rejection = Shut;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Shut> {
        let tenant = tenant_in_path(parts, app).await?;
        match signed_in(app, &parts.headers, &tenant, &[ConsoleKind::Clinic]).await? {
            Some(who) if who.roles.iter().any(|role| role.sees_patients_of(tenant.id)) => Ok(Self { who, tenant }),
            Some(_) => Err(HttpError::NotFound.into()),
            None => {
                let home = paths::clinic(tenant.domain.as_str());
                Err(sign_in(app, parts, tenant, Audience::Staff, home).await)
            }
        }
    }
}

impl FromRequestParts<App> for Oneself {
    type Rejection = Shut;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Shut> {
        let tenant = tenant_in_path(parts, app).await?;
        let own = [ConsoleKind::Account, ConsoleKind::Clinic, ConsoleKind::Portal];
        match signed_in(app, &parts.headers, &tenant, &own).await? {
            Some(who) => Ok(Self { who, tenant }),
            None => {
                let home = paths::account(tenant.domain.as_str());
                Err(sign_in(app, parts, tenant, Audience::SelfService, home).await)
            }
        }
    }
}

// Who may is asked first, then the token: it is bound to the cookie that said who.
impl<W> FromRequest<App> for ConsoleForm<W>
where
    W: FromRequestParts<App, Rejection = Shut> + AsRef<SignedIn> + Send,
{
    type Rejection = Shut;

    async fn from_request(request: Request, app: &App) -> Result<Self, Shut> {
        let (mut parts, body) = request.into_parts();
        let who = W::from_request_parts(&mut parts, app).await?;
        let client = Client::of(&parts.headers, &parts.extensions, &app.config);
        let fields = Fields::from_request(Request::from_parts(parts, body), app).await?;
        if !csrf::are_equal(&who.as_ref().csrf, fields.get("csrf")) {
            return Err(HttpError::CrossSite.into());
        }
        Ok(Self { who, client, fields })
    }
}

impl FromRequest<App> for OwnForm {
    type Rejection = Shut;

    async fn from_request(request: Request, app: &App) -> Result<Self, Shut> {
        let ConsoleForm { who: oneself, client, fields } = ConsoleForm::<Oneself>::from_request(request, app).await?;
        Ok(Self { oneself, client, fields })
    }
}

impl AsRef<SignedIn> for Operator {
    fn as_ref(&self) -> &SignedIn {
        &self.who
    }
}

impl AsRef<SignedIn> for Staff {
    fn as_ref(&self) -> &SignedIn {
        &self.who
    }
}

impl AsRef<SignedIn> for Oneself {
    fn as_ref(&self) -> &SignedIn {
        &self.who
    }
}

/// `POST /sign-out`: ends every console session of this browser, on the server.
///
/// # Errors
/// [`HttpError::CrossSite`] if the form is not ours.
pub async fn sign_out(
    axum::extract::State(app): axum::extract::State<App>,
    client: Client,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, HttpError> {
    // A page that stood idle says so; whoever pressed the button knows.
    let mut response = match fields.get("idle") {
        "" => Redirect::to(paths::HOME).into_response(),
        _ => {
            page::render(&app, StatusCode::OK, page::Head::plain(pages::system::SIGNED_OUT_TITLE), || {
                pages::system::idle_page()
            })
            .await
        }
    };
    let Some(cookie) = Cookie::Console.read(&headers) else { return Ok(response) };
    if !csrf::matches(&cookie, "console", fields.get("csrf")) {
        return Err(HttpError::CrossSite);
    }
    end_all(&app, &cookie, client).await?;
    response.headers_mut().append(header::SET_COOKIE, Cookie::Console.clear());
    Ok(response)
}

async fn end_all(app: &App, cookie: &Token, client: Client) -> Result<(), HttpError> {
    use crate::service::{audit, sign_out};
    use lanyard_domain::audit::{Action, Outcome};
    let (own, hash, now) = (app.clone(), cookie.hash(), app.clock.now());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                for session in tx.sessions_of_cookie(&hash).await? {
                    if sign_out::end(&own, tx, &session, now).await? {
                        let event = audit::Event::of(Action::SignOut, Outcome::Success)
                            .by(session.account)
                            .on(session.id)
                            .from(&client);
                        audit::append(&own, tx, session.tenant, event).await?;
                    }
                }
                Ok::<_, crate::service::journey::JourneyError>(())
            })
        })
        .await?;
    Ok(())
}
