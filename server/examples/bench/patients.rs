//! Patients by the million, written straight into the tables.
//!
//! Through the repository a million accounts would take minutes; here the database makes up the
//! rows itself. [`check`] then has the repository write one of them anew and looks whether that
//! changes anything: so the rows are such as the server would have made.

use lanyard_domain::{id::Id, tenant::Tenant};
use lanyard_server::{service::counters, state::App};
use lanyard_storage::{
    PATIENTS_TOTAL, PATIENTS_WITH_MFA, PatientOrder, PatientPage, PatientQuery, PatientSort, Position, StorageError,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::{Outcome, server::Place, world};

/// Rows made by one statement.
const CHUNK: u32 = 100_000;
/// Given names and surnames; a million patients share each full name with one or two others.
const GIVEN: u32 = 250;
const SURNAMES: u32 = 2_500;
/// The first of them signed up then (milliseconds since 1970), the others a minute apart.
const FIRST_CREATED: i64 = 1_700_000_000_000;

// A name out of syllables: the same number gives the same name.
fn name(number: u32, syllables: u32) -> String {
    const ONSETS: [&str; 16] = ["b", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w"];
    const VOWELS: [&str; 5] = ["a", "e", "i", "o", "u"];
    let (mut rest, mut text) = (number, String::new());
    for _ in 0..syllables {
        text += ONSETS[(rest % 16) as usize];
        rest /= 16;
        text += VOWELS[((rest + number) % 5) as usize];
        rest /= 5;
    }
    // Numbers beyond the syllables stay apart.
    if rest > 0 {
        text += ONSETS[(rest % 16) as usize];
    }
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// The surname number `number`.
pub(crate) fn surname(number: u32) -> String {
    name(number * 7 + 3, 3)
}

// The given name number `number`.
fn given(number: u32) -> String {
    name(number * 11 + 5, 2)
}

/// The full name of patient `number`, as [`Dialect::sql`] picks it: surname, given name.
pub(crate) fn full_name(number: u32) -> (String, String) {
    let wide = u64::from(number);
    let surname_of = (wide * 104_729 + wide / u64::from(GIVEN)) % u64::from(SURNAMES);
    let given_of = wide * 7_919 % u64::from(GIVEN);
    (surname(surname_of as u32), given(given_of as u32))
}

// What the two dialects say differently.
struct Dialect {
    numbers: &'static str,
    id: &'static str,
    character: &'static str,
    tenant: String,
}

impl Dialect {
    fn of(place: &Place, tenant: Id<Tenant>) -> Self {
        match place.postgres {
            None => Self {
                numbers: "WITH RECURSIVE n (i) AS (SELECT $from UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $to)",
                // A UUID of version 7: its first 48 bits are the time.
                id: "unhex(printf('%012x', c) || '7' || substr(hex(randomblob(2)), 1, 3) || '8' || \
                     substr(hex(randomblob(8)), 1, 15))",
                character: "char(1)",
                tenant: format!("X'{}'", tenant.uuid().simple()),
            },
            Some(_) => Self {
                numbers: "WITH n (i) AS (SELECT generate_series($from::bigint, $to::bigint - 1))",
                id: "(lpad(to_hex(c), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || '8' || \
                     substr(md5(random()::text), 1, 15))::uuid",
                character: "chr(1)",
                tenant: format!("'{}'::uuid", tenant.uuid()),
            },
        }
    }

    // The patients numbered `from..to`, with their terms.
    fn sql(&self, from: u32, to: u32) -> Outcome<String> {
        let attributes = serde_json::to_string(&world::names("@G@", "@S@"))?;
        let numbers = self.numbers.replace("$from", &from.to_string()).replace("$to", &to.to_string());
        let (id, character, tenant) = (self.id, self.character, &self.tenant);
        let created = FIRST_CREATED + i64::from(from) * 60_000;
        Ok(format!(
            "INSERT INTO accounts (id, tenant_id, kind, email, attributes, sort_name, mfa_enrolled, created_at, \
                last_sign_in_at) \
             {numbers}, m (i, c, g, s) AS (\
                SELECT i, {FIRST_CREATED} + i * 60000, i * 7919 % {GIVEN}, (i * 104729 + i / {GIVEN}) % {SURNAMES} \
                FROM n) \
             SELECT {id}, {tenant}, 'patient', \
                lower(g.name) || '.' || lower(s.name) || i || '@patients.example', \
                replace(replace('{attributes}', '@G@', g.name), '@S@', s.name), \
                lower(s.name) || {character} || lower(g.name), CASE WHEN i % 3 = 0 THEN 0 ELSE 1 END, c, \
                CASE WHEN i % 4 = 0 THEN 0 ELSE c + i * 7919 % 997 * 60000 END \
             FROM m JOIN bench_given g ON g.nr = m.g JOIN bench_surname s ON s.nr = m.s; \
             INSERT INTO patient_terms (tenant_id, term, account_id, mfa_enrolled) \
             SELECT tenant_id, email, id, mfa_enrolled FROM accounts \
             WHERE tenant_id = {tenant} AND kind = 'patient' AND created_at >= {created}; \
             INSERT INTO patient_terms (tenant_id, term, account_id, mfa_enrolled) \
             SELECT tenant_id, replace(sort_name, {character}, ' '), id, mfa_enrolled FROM accounts \
             WHERE tenant_id = {tenant} AND kind = 'patient' AND created_at >= {created}; \
             INSERT INTO patient_terms (tenant_id, term, account_id, mfa_enrolled) \
             SELECT tenant_id, substr(sort_name, instr_1 + 1) || ' ' || substr(sort_name, 1, instr_1 - 1), id, \
                mfa_enrolled FROM (SELECT *, {position} AS instr_1 FROM accounts) a \
             WHERE tenant_id = {tenant} AND kind = 'patient' AND created_at >= {created};",
            position = if character == "chr(1)" { "strpos(sort_name, chr(1))" } else { "instr(sort_name, char(1))" },
        ))
    }
}

fn name_tables() -> String {
    let list = |count: u32, name: fn(u32) -> String| {
        (0..count).map(|i| format!("({i}, '{}')", name(i))).collect::<Vec<_>>().join(", ")
    };
    format!(
        "CREATE TEMP TABLE bench_given (nr BIGINT PRIMARY KEY, name TEXT); \
         CREATE TEMP TABLE bench_surname (nr BIGINT PRIMARY KEY, name TEXT); \
         INSERT INTO bench_given VALUES {}; INSERT INTO bench_surname VALUES {};",
        list(GIVEN, given),
        list(SURNAMES, surname)
    )
}

/// Brings the tenant from `present` patients to `wanted`; then the database looks at its tables as
/// its own housekeeping would after a while.
pub(crate) async fn grow(app: &App, place: &Place, tenant: Id<Tenant>, present: u32, wanted: u32) -> Outcome<()> {
    let dialect = Dialect::of(place, tenant);
    let mut scripts = vec![name_tables()];
    for from in (present..wanted).step_by(CHUNK as usize) {
        scripts.push(format!("BEGIN; {} COMMIT;", dialect.sql(from, wanted.min(from + CHUNK))?));
    }
    match &place.postgres {
        None => {
            let file = place.folder.join("lanyard.db");
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).foreign_keys(true);
            // The whole of the indexes in memory: they are filled in random order.
            let options = options.pragma("cache_size", "-4000000").pragma("synchronous", "OFF");
            let mut connection = options.connect().await?;
            for script in scripts {
                sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await?;
            }
            sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
            connection.close().await?;
        }
        Some(url) => {
            let mut connection = sqlx::PgConnection::connect(url).await?;
            sqlx::raw_sql("SET synchronous_commit = off").execute(&mut connection).await?;
            for script in scripts {
                sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut connection).await?;
            }
            for upkeep in ["VACUUM ANALYZE accounts", "VACUUM ANALYZE patient_terms", "CHECKPOINT"] {
                sqlx::raw_sql(upkeep).execute(&mut connection).await?;
            }
            connection.close().await?;
        }
    }
    count(app, tenant, present, wanted).await?;
    check(app, tenant).await
}

// What the clinic's figures are read from.
async fn count(app: &App, tenant: Id<Tenant>, present: u32, wanted: u32) -> Outcome<()> {
    let (more, today) = (i64::from(wanted - present), app.clock.now().day());
    let counted = app.store.write(move |tx| {
        Box::pin(async move {
            tx.bump_counter(tenant, PATIENTS_TOTAL, 0, more, 0).await?;
            tx.bump_counter(tenant, PATIENTS_WITH_MFA, 0, more * 2 / 3, 0).await?;
            for day in today - 13..=today {
                for shard in 0..16 {
                    tx.bump_counter(tenant, counters::SIGN_INS, day, more / 200 + 1, shard).await?;
                    tx.bump_counter(tenant, counters::SIGN_IN_FAILURES, day, more / 900 + 1, shard).await?;
                }
            }
            Ok::<_, StorageError>(())
        })
    });
    Ok(counted.await?)
}

// The first of the list and a patient found by name, as they are and as the repository writes them.
async fn check(app: &App, tenant: Id<Tenant>) -> Outcome<()> {
    let by_name = PatientOrder::Sorted { by: PatientSort::Name, descending: false };
    let first = page(app, tenant, by_name.clone()).await?;
    let someone = first.patients.first().ok_or("no patients")?.account.clone();
    let found = PatientOrder::Search(format!("{}, {}", someone.text("surname"), someone.text("givenName")));
    let before = (first, page(app, tenant, found.clone()).await?);
    let attributes = someone.attributes.clone();
    let rewrite = app.store.write(move |tx| Box::pin(async move { tx.set_attributes(someone.id, &attributes).await }));
    rewrite.await.map_err(|error: StorageError| error)?;
    let after = (page(app, tenant, by_name).await?, page(app, tenant, found).await?);
    if before.1.patients.is_empty() || before != after {
        return Err("the rows made for the bench are not those that the server makes".into());
    }
    Ok(())
}

async fn page(app: &App, tenant: Id<Tenant>, order: PatientOrder) -> Outcome<PatientPage> {
    let query = PatientQuery { tenant, order, has_mfa: None, position: Position::First, limit: 1 };
    let read = app.store.read(move |tx| Box::pin(async move { tx.list_patients(&query).await }));
    Ok(read.await.map_err(|error: StorageError| error)?)
}
