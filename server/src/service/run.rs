//! "Run user flow" (O4): an operator goes through a flow and sees the tokens, or sends the answer
//! to a registered reply URL.
//!
//! A run that ends in the portal carries a nonce that only this server can make for this operator:
//! nobody can have the portal redeem somebody else's code. Its PKCE challenge has no verifier, so
//! the token endpoint cannot redeem it either.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{
    account::Account,
    application::Application,
    audit::{Action, Outcome},
    grant::{AuthorizationRequest, Grant, RequestOptions, ResponseMode},
    id::Id,
    secret::Token,
    tenant::Tenant,
    user_flow::UserFlow,
};
use lanyard_oidc::{
    claims::Issuance,
    endpoints::{Endpoint, Route, TenantRef, UrlForm},
    response::with_query,
    token::{Keys, TokenResponse},
};
use lanyard_storage::{StorageError, WriteTx};
use subtle::ConstantTimeEq as _;

use super::{
    audit,
    journey::{self, Begun, JourneyError},
    oauth::{self, Place},
    portal::By,
    signing,
};
use crate::state::App;

/// The counter of runs from the portal.
pub const FLOW_RUNS: &str = "flow_runs";
/// What a run asks for.
const SCOPE: &str = "openid offline_access";

/// What is run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The tenant.
    pub tenant: Tenant,
    /// The flow.
    pub flow: UserFlow,
    /// The application, linked to the flow.
    pub application: Application,
}

/// What the application would have received.
#[derive(Debug, Clone)]
pub struct RunTokens {
    /// The flow.
    pub flow: UserFlow,
    /// The application.
    pub application: Application,
    /// The tokens.
    pub response: TokenResponse,
}

/// Begins a journey that ends in the portal.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(app: &App, run: Run, by: By, browser: Option<Token>) -> Result<Begun, JourneyError> {
    let operator = by.operator()?;
    let request = AuthorizationRequest {
        application: run.application.id,
        redirect_uri: result_url(app, &run.tenant),
        response_mode: ResponseMode::Query,
        scope: SCOPE.to_owned(),
        state: None,
        nonce: Some(nonce(app, run.tenant.id, operator, &random(app))),
        code_challenge: Some(random(app)),
        login_hint: None,
        fresh_login: true,
        start_with_sign_up: false,
        options: RequestOptions::default(),
    };
    let browser = journey::browser_secret(app, browser);
    let (own, secret) = (app.clone(), browser.hash());
    let id = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                note(&own, tx, &run, &by, "portal").await?;
                journey::begin_run(&own, tx, &run, request, operator, secret).await
            })
        })
        .await?;
    Ok(Begun { id: id.to_string(), browser })
}

/// The address at which a run begins whose answer goes to `reply_url`, as the application itself
/// would make it; the challenge's verifier is known to nobody.
///
/// # Errors
/// When the database does not answer.
pub async fn authorize_path(app: &App, run: Run, reply_url: String, by: By) -> Result<String, JourneyError> {
    by.operator()?;
    let route = Route {
        tenant: TenantRef::Domain(run.tenant.domain.clone()),
        flow: run.flow.name.key(),
        form: UrlForm::Plain,
        endpoint: Endpoint::Authorize,
    };
    let fields = [
        ("client_id", run.application.id.to_string()),
        ("redirect_uri", reply_url),
        ("response_type", "code".to_owned()),
        ("scope", SCOPE.to_owned()),
        ("state", random(app)),
        ("nonce", random(app)),
        ("code_challenge", random(app)),
        ("code_challenge_method", "S256".to_owned()),
        // A page of ours is always shown: a form of the portal must not lead to another site.
        ("prompt", "login".to_owned()),
    ];
    let pushes = run.application.settings.require_pushed_requests;
    let path = if pushes {
        let issuer = app.issuer(&run.flow);
        let place = Place::of(run.tenant.clone(), run.flow.clone(), issuer);
        oauth::pushed_address(app, &place, run.application.id, &fields).await?
    } else {
        let url = with_query(&route.url(&app.public_origin, Endpoint::Authorize), &fields);
        url.strip_prefix(&app.origin).map_or(url.clone(), ToOwned::to_owned)
    };
    let own = app.clone();
    app.store.write(move |tx| Box::pin(async move { note(&own, tx, &run, &by, "reply_url").await })).await?;
    Ok(path)
}

async fn note(app: &App, tx: &mut (dyn WriteTx + '_), run: &Run, by: &By, to: &str) -> Result<(), JourneyError> {
    let detail = serde_json::json!({"application": run.application.id, "flow": run.flow.name, "answer": to});
    let event = audit::Event::of(Action::FlowRun, Outcome::Success)
        .by(by.operator()?)
        .on(run.flow.id)
        .from(&by.client)
        .with(detail);
    audit::append(app, tx, run.tenant.id, event).await?;
    let spread = run.flow.id.uuid().as_bytes()[15];
    Ok(tx.bump_counter(run.tenant.id, FLOW_RUNS, 0, 1, spread).await?)
}

/// Redeems the code of a run that `operator` began; `None` if it was shown already, is too old,
/// or is not such a code.
///
/// # Errors
/// When the database does not answer or the key cannot sign.
pub async fn redeem(app: &App, tenant: &Tenant, code: &str, by: By) -> Result<Option<RunTokens>, JourneyError> {
    let Some(code) = Token::parse(code) else { return Ok(None) };
    let (own, place) = (app.clone(), tenant.clone());
    let redeemed =
        app.store.write(move |tx| Box::pin(async move { claim(&own, tx, &place, &code, &by).await })).await?;
    let Some((grant, account, flow, application)) = redeemed else { return Ok(None) };
    let signing = signing::of(app, tenant.id).await?;
    let (now, issuer) = (app.clock.now(), app.issuer(&flow));
    let serial = Id::<Grant>::new(now, app.entropy().as_mut()).uuid();
    let issuance = Issuance {
        issuer: &issuer,
        flow: &flow,
        application: &application,
        account: &account,
        grant: &grant,
        scope: &grant.scope,
        apis: &[],
        key: None,
        now,
    };
    let key = signing.key(application.settings.signing)?;
    // No refresh token: nothing would ever use it.
    let response = TokenResponse::issue(&issuance, Keys { access: key, id: key }, serial, None)
        .map_err(|error| JourneyError::Internal(format!("signing: {error}")))?;
    Ok(Some(RunTokens { flow, application, response }))
}

type Claimed = Option<(Grant, Account, UserFlow, Application)>;

async fn claim(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    code: &Token,
    by: &By,
) -> Result<Claimed, JourneyError> {
    let Some(grant) = tx.grant_by_code(tenant.id, &code.hash()).await? else { return Ok(None) };
    if grant.redirect_uri != result_url(app, tenant) || !is_of(app, &grant, by.operator()?) {
        return Ok(None);
    }
    let account = tx.account_by_id(tenant.id, grant.account).await?.filter(|account| account.disabled_at.is_none());
    let flow = tx.flow_by_id(tenant.id, grant.flow).await?;
    let application = tx.application_by_id(tenant.id, grant.application).await?;
    let (Some(account), Some(flow), Some(application)) = (account, flow, application) else { return Ok(None) };
    // Works once, within its minute, unless revoked: the store decides.
    match tx.redeem_grant(grant.id, app.clock.now()).await {
        Ok(()) => {}
        Err(StorageError::Conflict) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let detail = serde_json::json!({"run_by_operator": true, "account": grant.account});
    let event = audit::Event::of(Action::CodeRedeemed, Outcome::Success)
        .by(by.operator()?)
        .on(application.id)
        .from(&by.client)
        .with(detail);
    audit::append(app, tx, tenant.id, event).await?;
    Ok(Some((grant, account, flow, application)))
}

// No application's reply URL is redeemed here, whatever was registered: see `is_of`.
fn result_url(app: &App, tenant: &Tenant) -> String {
    let path = lanyard_app::paths::portal_run_result(tenant.domain.as_str(), "");
    format!("{}{}", app.origin, path.trim_end_matches("?code="))
}

fn random(app: &App) -> String {
    Token::generate(app.entropy().as_mut()).expose().to_owned()
}

// `{random}.{tag}`, where the tag is a keyed hash of tenant, operator and random.
fn nonce(app: &App, tenant: Id<Tenant>, operator: Id<Account>, random: &str) -> String {
    let tag = app.throttle_key(tenant, "run user flow", &[&operator.to_string(), random]);
    format!("{random}.{}", URL_SAFE_NO_PAD.encode(tag.0))
}

fn is_of(app: &App, grant: &Grant, operator: Id<Account>) -> bool {
    let Some(given) = &grant.nonce else { return false };
    let Some((random, _)) = given.split_once('.') else { return false };
    nonce(app, grant.tenant, operator, random).as_bytes().ct_eq(given.as_bytes()).into()
}
