//! The clinic's list at several sizes, on both databases: the store's call alone, and the page over
//! HTTP as a member of staff gets it (session, roles, figures, list, audit event, HTML).

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use lanyard_app::{
    api::clinic::{MfaFilter, PatientListQuery, SortBy},
    paths,
};
use lanyard_domain::{
    account::AccountKind,
    clock::DAY,
    email::EmailAddress,
    entropy::OsEntropy,
    id::Id,
    journey::NewAccount,
    role::{Role, RoleGrant},
    secret::Token,
    session::{ConsoleKind, Session},
    tenant::Tenant,
};
use lanyard_server::state::App;
use lanyard_storage::{PatientOrder, PatientPage, PatientQuery, PatientSort, Position, StorageError};

use crate::{
    Arguments, Outcome,
    clinic_cases::{self, Case, Which},
    http::Connection,
    patients,
    server::{Place, Server},
    table::{Report, Times},
    world::{self, DOMAIN},
};

/// Lines on a page, as the server has it.
const PAGE: u32 = 25;
/// How often each list is asked for.
const TIMES: usize = 300;
/// And how often before that, uncounted: connections, prepared statements, caches.
const WARM: usize = 20;

/// Measures and reports.
pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    let sqlite = Place::sqlite(&arguments.folder.join("clinic"));
    database("SQLite", arguments, &sqlite, report).await?;
    if let Some(url) = &arguments.postgres {
        let folder = arguments.folder.join("clinic-postgres");
        database("PostgreSQL", arguments, &Place { folder, postgres: Some(url.clone()) }, report).await?;
    }
    Ok(())
}

struct Timed {
    name: &'static str,
    store: Times,
    page: Option<Times>,
}

async fn database(name: &str, arguments: &Arguments, place: &Place, report: &mut Report) -> Outcome<()> {
    let (mut sizes, mut present) = (Vec::new(), 0);
    for wanted in arguments.sizes() {
        let app = world::open(place).await?;
        let tenant = match present {
            0 => world::tenant(&app).await?,
            _ => known(&app).await?,
        };
        let started = Instant::now();
        patients::grow(&app, place, tenant.id, present, wanted).await?;
        eprintln!("{name}: {wanted} patients after {:.0} s", started.elapsed().as_secs_f64());
        present = wanted;
        let timed = size(arguments, place, &app, &tenant).await?;
        app.store.close().await;
        sizes.push((wanted, timed));
    }
    tell(name, &sizes, report);
    Ok(())
}

async fn known(app: &App) -> Outcome<Tenant> {
    let domain = lanyard_domain::tenant::TenantDomain::parse(DOMAIN)?;
    let found = app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await }));
    found.await.map_err(|error: StorageError| error)?.ok_or_else(|| "the tenant is gone".into())
}

async fn size(arguments: &Arguments, place: &Place, app: &App, tenant: &Tenant) -> Outcome<Vec<Timed>> {
    let cases = clinic_cases::all();
    let mut timed = Vec::with_capacity(cases.len());
    for case in &cases {
        timed.push(Timed { name: case.name, store: store(app, tenant.id, case).await?, page: None });
    }
    let cookie = staff(app, tenant).await?;
    let server = Server::start(&arguments.server, place).await?;
    for (case, timed) in cases.iter().zip(&mut timed) {
        timed.page = pages(&server, &cookie, case).await?;
    }
    server.stop().await?;
    Ok(timed)
}

// A member of staff with a session, as a journey would have left them.
async fn staff(app: &App, tenant: &Tenant) -> Outcome<String> {
    let (now, token) = (app.clock.now(), Token::generate(&mut OsEntropy));
    let account = Id::new(now, &mut OsEntropy);
    let new = NewAccount {
        id: account,
        kind: AccountKind::Staff,
        email: EmailAddress::parse(&format!("staff-{account}@bench.example"))?,
        phc: "$argon2id$nobody-knows-it".into(),
        attributes: world::names("Sam", "Okafor"),
        factors: Vec::new(),
        invitation: None,
    };
    let happened = serde_json::json!({
        "account": account, "at": now, "password": true, "email_proved": false,
        "second": ["authenticator_app"], "new_account": false,
    });
    let session = Session {
        id: Id::new(now, &mut OsEntropy),
        tenant: tenant.id,
        account,
        token: token.hash(),
        console: Some(ConsoleKind::Clinic),
        terms: lanyard_domain::session::SessionTerms::default(),
        authentication: serde_json::from_value(happened)?,
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus(DAY),
        ended_at: None,
    };
    let role = RoleGrant { account, role: Role::ClinicStaff(tenant.id), granted_at: now, granted_by: None };
    let tenant = tenant.id;
    let made = app.store.write(move |tx| {
        Box::pin(async move {
            tx.create_account(tenant, &new, now).await?;
            tx.grant_role(&role).await?;
            tx.create_session(&session).await
        })
    });
    made.await.map_err(|error: StorageError| error)?;
    Ok(token.expose().to_owned())
}

// As `service::clinic` asks for it.
fn asked(tenant: Id<Tenant>, query: &PatientListQuery, position: Position) -> PatientQuery {
    let order = if query.is_search() {
        PatientOrder::Search(query.search.clone())
    } else {
        let by = match query.sort {
            SortBy::Name => PatientSort::Name,
            SortBy::Created => PatientSort::Created,
            SortBy::LastSignIn => PatientSort::LastSignIn,
        };
        PatientOrder::Sorted { by, descending: query.descending }
    };
    let has_mfa = match query.mfa {
        MfaFilter::All => None,
        MfaFilter::Enrolled => Some(true),
        MfaFilter::NotEnrolled => Some(false),
    };
    PatientQuery { tenant, order, has_mfa, position, limit: PAGE }
}

async fn list(app: &App, query: PatientQuery) -> Outcome<PatientPage> {
    let read = app.store.read(move |tx| Box::pin(async move { tx.list_patients(&query).await }));
    Ok(read.await.map_err(|error: StorageError| error)?)
}

async fn store(app: &App, tenant: Id<Tenant>, case: &Case) -> Outcome<Times> {
    let mut queries = Vec::new();
    for query in &case.queries {
        let position = match case.which {
            Which::First => Position::First,
            Which::Middle => clinic_cases::middle(),
            Which::Second => match list(app, asked(tenant, query, Position::First)).await?.next {
                Some(next) => Position::After(next),
                // Fewer than a page begin like this: nothing to time.
                None => continue,
            },
        };
        queries.push(asked(tenant, query, position));
    }
    let mut times = Times::default();
    for (number, query) in queries.iter().cycle().take(WARM + TIMES).enumerate() {
        let query = query.clone();
        let started = Instant::now();
        list(app, query).await?;
        note(&mut times, number, started.elapsed());
    }
    Ok(times)
}

fn note(times: &mut Times, number: usize, took: Duration) {
    if number >= WARM {
        times.add(took);
    }
}

async fn pages(server: &Server, cookie: &str, case: &Case) -> Outcome<Option<Times>> {
    if case.which == Which::Middle {
        return Ok(None);
    }
    let mut connection = Connection::open(Ipv4Addr::LOCALHOST, server.port).await?;
    let headers = format!("Accept: text/html\r\nCookie: __Host-console={cookie}\r\n");
    let mut addresses = Vec::new();
    for query in &case.queries {
        let first = format!("{}{}", paths::clinic(DOMAIN), query.to_query());
        let reply = connection.get(&first, &headers).await?.expect(200)?;
        match (case.which, cursor(&reply.text())) {
            (Which::Second, Some(page)) => {
                addresses.push(format!("{}{}", paths::clinic(DOMAIN), query.at(&page).to_query()));
            }
            (Which::Second, None) => {}
            (Which::First | Which::Middle, _) => addresses.push(first),
        }
    }
    let mut times = Times::default();
    for (number, address) in addresses.iter().cycle().take(WARM + TIMES).enumerate() {
        let started = Instant::now();
        let reply = connection.get(address, &headers).await?;
        note(&mut times, number, started.elapsed());
        reply.expect(200)?;
    }
    Ok(Some(times))
}

// The cursor in the link to the next page.
fn cursor(html: &str) -> Option<String> {
    let (_, rest) = html.split_once("page=")?;
    Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect())
}

fn tell(database: &str, sizes: &[(u32, Vec<Timed>)], report: &mut Report) {
    let mut heads = vec!["p50 / p99 in ms".to_owned()];
    for (size, timed) in sizes {
        heads.extend([format!("{size}: store"), format!("{size}: page")]);
        let (mut all, mut worst) = (Times::default(), 0.0_f64);
        for times in timed.iter().filter_map(|timed| timed.page.clone()) {
            worst = worst.max(if times.len() == 0 { 0.0 } else { times.at(99) });
            all.append(times);
        }
        let aim = if database == "SQLite" { "p99 under 50 ms" } else { "" };
        let figure = format!("{all} ms; worst p99 of a list {worst:.1} ms");
        report.row(format!("/clinic, {database}, {size} patients, all lists: p50 / p99"), figure, aim);
    }
    let cell = |times: &Times| if times.len() == 0 { "–".to_owned() } else { times.to_string() };
    let lines: Vec<Vec<String>> = (0..sizes.first().map_or(0, |(_, timed)| timed.len()))
        .map(|line| {
            let mut cells = Vec::new();
            for timed in sizes.iter().filter_map(|(_, timed)| timed.get(line)) {
                if cells.is_empty() {
                    cells.push(timed.name.to_owned());
                }
                cells.extend([cell(&timed.store), timed.page.as_ref().map_or("–".to_owned(), cell)]);
            }
            cells
        })
        .collect();
    report.detail(&format!("/clinic on {database}"), &heads, &lines);
}
