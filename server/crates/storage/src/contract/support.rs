//! A fresh database for each test, and ready-made tenants, accounts and the like.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures::{
    FutureExt as _,
    future::{LocalBoxFuture, join_all},
};
use lanyard_domain::{
    account::{Account, AccountKind},
    application::{Application, ApplicationKind, ApplicationSettings, ClientSecret, Minimum},
    assurance::{Authentication, Demand, Method},
    attribute::{AttributeValue, Attributes, GIVEN_NAME, SURNAME},
    clock::{DAY, MINUTE, Timestamp},
    email::EmailAddress,
    entropy::SeededEntropy,
    factor::{FactorSecret, NewFactor},
    grant::{CODE_LIFE, Grant, GrantDetails, RefreshToken},
    id::Id,
    journey::{Facts, FlowSnapshot, Header, JOURNEY_LIFE, Journey, NewAccount, Target},
    phone::{PhoneCountries, PhoneNumber},
    reply_url::ReplyUrl,
    secret::{Sealed, Token, TokenHash},
    session::{Session, SessionTerms},
    tenant::{Tenant, TenantDomain},
    user_flow::{
        Audience, Enforcement, FlowName, FlowSettings, FlowType, MfaPolicy, SessionSettings, TokenSettings, UserFlow,
    },
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::{Result, StorageError, Store, StoreOptions};

/// The moment at which every test begins.
pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

static SERIAL: AtomicU64 = AtomicU64::new(1);

/// A database with the schema in it.
pub(super) struct Db {
    pub(super) store: Store,
    pub(super) options: StoreOptions,
}

impl Db {
    /// Runs SQL past the repositories, on a connection of its own.
    pub(super) async fn raw(&self, sql: &str) -> std::result::Result<(), sqlx::Error> {
        if self.store.is_postgres() {
            let mut connection = sqlx::PgConnection::connect(&self.options.url).await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            connection.close().await
        } else {
            let options: sqlx::sqlite::SqliteConnectOptions = self.options.url.parse()?;
            let mut connection = options.busy_timeout(Duration::from_secs(20)).connect().await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            connection.close().await
        }
    }
}

async fn run(
    options: StoreOptions,
    test: impl for<'t> FnOnce(&'t Db) -> LocalBoxFuture<'t, ()>,
) -> std::thread::Result<()> {
    let store = Store::connect(&options).await.expect("the database opens");
    store.migrate().await.expect("the migrations apply");
    let db = Db { store, options };
    let done = AssertUnwindSafe(test(&db)).catch_unwind().await;
    db.store.close().await;
    done
}

pub(super) async fn on_sqlite(test: impl for<'t> FnOnce(&'t Db) -> LocalBoxFuture<'t, ()>) {
    let name = format!("lanyard-storage-{}-{}.db", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let mut options = StoreOptions::new(format!("sqlite:{}", path.display()));
    options.job_limit = Duration::from_secs(30);
    let done = run(options, test).await;
    for end in ["", "-wal", "-shm"] {
        let mut file = path.clone().into_os_string();
        file.push(end);
        let _ = std::fs::remove_file(file);
    }
    done.unwrap_or_else(|panic| resume_unwind(panic));
}

pub(super) async fn on_postgres(test: impl for<'t> FnOnce(&'t Db) -> LocalBoxFuture<'t, ()>) {
    let admin = std::env::var("LANYARD_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("LANYARD_TEST_POSTGRES_URL is not set. Run: eval \"export $(tools/postgres.sh start)\"")
    });
    let name = format!("lanyard_storage_{}_{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
    let mut connection = sqlx::PgConnection::connect(&admin).await.expect("LANYARD_TEST_POSTGRES_URL answers");
    let create = format!("CREATE DATABASE {name} TEMPLATE template0");
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await.expect("a test database is created");
    let (server, _) = admin.rsplit_once('/').expect("the address names a database");
    let mut options = StoreOptions::new(format!("{server}/{name}"));
    options.job_limit = Duration::from_secs(30);
    let done = run(options, test).await;
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await.expect("the test database is dropped");
    done.unwrap_or_else(|panic| resume_unwind(panic));
}

/// `runs` tasks at once: how many succeeded. All others must have met a Conflict.
pub(super) async fn winners<F, R>(runs: usize, task: F) -> usize
where
    F: Fn(usize) -> R,
    R: Future<Output = Result<()>> + Send + 'static,
{
    let tasks = join_all((0..runs).map(|n| tokio::spawn(task(n)))).await;
    let mut won = 0;
    for result in tasks {
        match result.expect("no task panics") {
            Ok(()) => won += 1,
            Err(StorageError::Conflict) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    won
}

pub(super) fn entropy() -> SeededEntropy {
    SeededEntropy::new(SERIAL.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn id<T>() -> Id<T> {
    Id::new(NOW, &mut entropy())
}

pub(super) fn hash() -> TokenHash {
    Token::generate(&mut entropy()).hash()
}

pub(super) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

pub(super) fn tenant(domain: &str) -> Tenant {
    Tenant {
        id: id(),
        name: format!("Clinic {domain}"),
        domain: TenantDomain::parse(domain).expect("a domain"),
        region: "DE".into(),
        phone_countries: PhoneCountries::default(),
        second_approver: false,
        staff_passkeys: lanyard_domain::makes::PasskeyMakes::default(),
        created_at: NOW,
    }
}

/// A tenant in the database.
pub(super) async fn stored_tenant(db: &Db, domain: &str) -> Tenant {
    let tenant = tenant(domain);
    let copy = tenant.clone();
    let job = db.store.write(move |tx| async move { tx.create_tenant(&copy, &Sealed(vec![7; 40])).await }.boxed());
    job.await.expect("a tenant is created");
    tenant
}

pub(super) fn application(tenant: &Tenant, name: &str) -> Application {
    Application {
        id: id(),
        tenant: tenant.id,
        name: name.into(),
        kind: ApplicationKind::Web,
        reply_urls: vec![ReplyUrl::parse("https://app.example/Back?x=1", ApplicationKind::Web).expect("a URL")],
        minimum: Minimum::StrongestLinked,
        secrets: vec![ClientSecret { hash: hash(), hint: "wxyz".into(), created_at: NOW }],
        settings: ApplicationSettings::default(),
        created_at: NOW,
    }
}

pub(super) fn flow(tenant: &Tenant, name: &str) -> UserFlow {
    UserFlow {
        id: id(),
        tenant: tenant.id,
        name: FlowName::parse(name).expect("a name"),
        kind: FlowType::SignUpSignIn,
        audience: Audience::Patients,
        settings: FlowSettings {
            mfa: MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL),
            attributes: Vec::new(),
            claims: vec!["emails".into()],
            tokens: TokenSettings::default(),
            session: SessionSettings::default(),
        },
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(super) fn named(given: &str, surname: &str) -> Attributes {
    let text = |value: &str| AttributeValue::String(value.into());
    Attributes::from([(GIVEN_NAME.into(), text(given)), (SURNAME.into(), text(surname))])
}

pub(super) fn phone_factor() -> NewFactor {
    let number = PhoneNumber::from_e164("+4915112345678").expect("a number");
    let secret = FactorSecret::Phone { number, preferred: Method::TextMessage };
    NewFactor { id: id(), secret, name: "•••• 78".into(), first_step: None }
}

pub(super) fn app_factor(first_step: i64) -> NewFactor {
    let secret = FactorSecret::AuthenticatorApp { seed: Sealed(vec![1, 2, 3]) };
    NewFactor { id: id(), secret, name: "My phone".into(), first_step: Some(first_step) }
}

pub(super) fn patient(address: &str, given: &str, surname: &str) -> NewAccount {
    NewAccount {
        id: id(),
        kind: AccountKind::Patient,
        email: email(address),
        phc: "$argon2id$v=19$stand-in".into(),
        attributes: named(given, surname),
        factors: Vec::new(),
        invitation: None,
    }
}

/// An account in the database.
pub(super) async fn stored_account(db: &Db, tenant: &Tenant, new: NewAccount) -> Id<Account> {
    let (tenant, id) = (tenant.id, new.id);
    let job = db.store.write(move |tx| async move { tx.create_account(tenant, &new, NOW).await }.boxed());
    job.await.expect("an account is created");
    id
}

pub(super) fn authentication(account: Id<Account>) -> Authentication {
    let happened = serde_json::json!({
        "account": account, "at": NOW, "password": true, "email_proved": false,
        "second": ["text_message"], "new_account": false,
    });
    serde_json::from_value(happened).expect("the form in which it is stored")
}

pub(super) fn session(tenant: &Tenant, account: Id<Account>, token: TokenHash) -> Session {
    Session {
        id: id(),
        tenant: tenant.id,
        account,
        token,
        console: None,
        terms: SessionTerms { kept: true, ..SessionTerms::default() },
        authentication: authentication(account),
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: NOW.plus(DAY),
        ended_at: None,
    }
}

pub(super) fn grant(tenant: &Tenant, account: Id<Account>) -> Grant {
    Grant {
        id: id(),
        tenant: tenant.id,
        flow: id(),
        application: id(),
        account,
        session: Some(id()),
        authentication: authentication(account),
        scope: "openid offline_access".into(),
        nonce: Some("n".into()),
        redirect_uri: "https://app.example/Back?x=1".into(),
        details: GrantDetails::default(),
        code_challenge: Some("c".into()),
        code: hash(),
        code_expires_at: NOW.plus(CODE_LIFE),
        redeemed_at: None,
        revoked_at: None,
        created_at: NOW,
    }
}

pub(super) fn refresh_token(grant: &Grant) -> RefreshToken {
    refresh_token_of(grant.id)
}

pub(super) fn refresh_token_of(grant: Id<Grant>) -> RefreshToken {
    RefreshToken { hash: hash(), grant, created_at: NOW, expires_at: NOW.plus(DAY), used_at: None, replaced_by: None }
}

pub(super) fn journey(tenant: &Tenant, flow: &UserFlow) -> Journey {
    let header = Header {
        id: id(),
        tenant: tenant.id,
        flow: FlowSnapshot::from(flow),
        demand: flow.settings.mfa.demand(),
        target: Target::Console { return_to: "/account".into() },
        browser: hash(),
        created_at: NOW,
        expires_at: NOW.plus(JOURNEY_LIFE),
    };
    let facts = Facts::at(NOW, Demand::single_factor(), None, None);
    Journey::begin(header, None, &facts)
}

/// A minute after the beginning.
pub(super) const LATER: Timestamp = NOW.plus(MINUTE);
