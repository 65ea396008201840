//! Our side of the provider's bench: a tenant, its applications and patients with a live session each.

use lanyard_domain::{
    account::Account,
    application::{
        ApiPermission, ApiScope, Application, ApplicationKind, ApplicationSettings, ClientSecret, Minimum,
        SigningAlgorithm,
    },
    clock::DAY,
    entropy::OsEntropy,
    id::Id,
    reply_url::ReplyUrl,
    secret::Token,
    session::{Session, SessionTerms},
    tenant::Tenant,
};
use lanyard_server::{service::journey::JourneyError, state::App};

use crate::{
    Outcome,
    server::Place,
    subject::{Client, PEOPLE, REPLY_URL, Subject},
    world,
};

/// Our side, seeded and not yet started.
pub(crate) struct Seeded {
    name: String,
    application: Id<Application>,
    secret: String,
    sessions: Vec<String>,
}

impl Seeded {
    /// It, answering at `port`.
    pub(crate) fn at(self, port: u16) -> Subject {
        let base = format!("/{}/{}", world::DOMAIN, world::FLOW);
        let client = |scope| Client { id: self.application.to_string(), secret: self.secret.clone(), scope };
        Subject {
            name: self.name,
            port,
            discovery: format!("{base}/v2.0/.well-known/openid-configuration"),
            keys: format!("{base}/discovery/v2.0/keys"),
            token: format!("{base}/oauth2/v2.0/token"),
            authorize: format!("{base}/oauth2/v2.0/authorize"),
            client: client("openid"),
            refreshing: client("openid%20offline_access"),
            service: client("api%3A%2F%2Fbench.example%2F.default"),
            sessions: self.sessions,
        }
    }
}

/// Seeds our side on `place`; `database` is what the table calls it.
pub(crate) async fn ours(place: &Place, algorithm: SigningAlgorithm, database: &str) -> Outcome<Seeded> {
    let app = world::open(place).await?;
    let tenant = world::tenant(&app).await?;
    let secret = Token::generate(&mut OsEntropy);
    let api = api(&tenant, algorithm);
    let application = application(&tenant, &secret, algorithm, &api)?;
    let (flow, id) = (world::flow(&tenant)?, application.id);
    let (mut people, mut sessions) = (Vec::new(), Vec::new());
    for number in 0..PEOPLE {
        let new = world::patient(&tenant, number, "$argon2id$v=19$nobody-signs-in-with-it")?;
        let cookie = Token::generate(&mut OsEntropy);
        let session = session(&app, &tenant, new.id, &cookie)?;
        people.push((new, session));
        sessions.push(format!("__Host-sso={}", cookie.expose()));
    }
    let ready = app.store.write(move |tx| {
        Box::pin(async move {
            tx.create_flow(&flow).await?;
            tx.create_application(&api).await?;
            tx.create_application(&application).await?;
            tx.link_flow(tenant.id, application.id, flow.id).await?;
            for (new, session) in &people {
                tx.create_account(tenant.id, new, tenant.created_at).await?;
                tx.create_session(session).await?;
            }
            Ok::<_, JourneyError>(())
        })
    });
    ready.await?;
    app.store.close().await;
    Ok(Seeded { name: format!("Lanyard, {database}"), application: id, secret: secret.expose().to_owned(), sessions })
}

// The web API that the application may call in its own name.
fn api(tenant: &Tenant, signing: SigningAlgorithm) -> Application {
    let scope = ApiScope { name: "read".into(), description: "Read".into() };
    Application {
        id: Id::new(tenant.created_at, &mut OsEntropy),
        tenant: tenant.id,
        name: "Provider bench API".into(),
        kind: ApplicationKind::WebApi,
        reply_urls: Vec::new(),
        minimum: Minimum::StrongestLinked,
        secrets: Vec::new(),
        settings: ApplicationSettings {
            signing,
            app_id_uri: Some("api://bench.example".into()),
            scopes: vec![scope],
            ..ApplicationSettings::default()
        },
        created_at: tenant.created_at,
    }
}

fn application(tenant: &Tenant, secret: &Token, signing: SigningAlgorithm, api: &Application) -> Outcome<Application> {
    let kind = ApplicationKind::Web;
    Ok(Application {
        id: Id::new(tenant.created_at, &mut OsEntropy),
        tenant: tenant.id,
        name: "Provider bench".into(),
        kind,
        reply_urls: vec![ReplyUrl::parse(REPLY_URL[0], kind)?],
        minimum: Minimum::StrongestLinked,
        secrets: vec![ClientSecret { hash: secret.hash(), hint: "none".into(), created_at: tenant.created_at }],
        settings: ApplicationSettings {
            signing,
            client_credentials: true,
            permissions: vec![ApiPermission { api: api.id, scopes: vec!["read".into()] }],
            ..ApplicationSettings::default()
        },
        created_at: tenant.created_at,
    })
}

fn session(app: &App, tenant: &Tenant, account: Id<Account>, cookie: &Token) -> Outcome<Session> {
    let now = app.clock.now();
    // The journey alone writes one; this is the form in which it is stored.
    let authentication = serde_json::from_value(serde_json::json!({
        "account": account, "at": now, "password": true, "email_proved": false, "second": [], "new_account": false,
    }))?;
    Ok(Session {
        id: Id::new(now, &mut OsEntropy),
        tenant: tenant.id,
        account,
        token: cookie.hash(),
        console: None,
        terms: SessionTerms::default(),
        authentication,
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus(DAY),
        ended_at: None,
    })
}
