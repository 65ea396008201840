//! The cost of a page must not grow with the table: on 20,000 patients every statement of the
//! list walks one index in order. No scan of a table, no sorting.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};
use uuid::Uuid;

use super::support::*;
use crate::{
    postgres::{BY_KEY, dialect::EXCHANGE_JUDGED_TOKENS},
    repository::{CHANGES, DUE_DELETIONS, HISTORY, LOOK_UP, OF_BROWSER, ONWARDS, REVOKE_OF_BROWSER, plans},
};

// Half the patients are another tenant's, so that the tenant alone narrows little.
fn populate(tenants: [Uuid; 2], postgres: bool) -> String {
    let literal = |id: Uuid| if postgres { format!("'{id}'::uuid") } else { format!("X'{}'", id.simple()) };
    let random = if postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let (one, two) = (literal(tenants[0]), literal(tenants[1]));
    let mut sql = String::new();
    write!(
        sql,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO accounts (id, tenant_id, kind, email, attributes, sort_name, mfa_enrolled, created_at, \
            last_sign_in_at) \
         SELECT {random}, CASE WHEN i % 2 = 0 THEN {one} ELSE {two} END, 'patient', 'p' || i || '@example.com', '{{}}', \
            'name' || ((i * 7919) % 20011), CASE WHEN i % 3 = 0 THEN 1 ELSE 0 END, 1800000000000 + i, i * 17 % 19991 \
         FROM n; \
         INSERT INTO patient_terms (tenant_id, term, account_id, mfa_enrolled) \
         SELECT tenant_id, email, id, mfa_enrolled FROM accounts; \
         INSERT INTO patient_terms (tenant_id, term, account_id, mfa_enrolled) \
         SELECT tenant_id, sort_name, id, mfa_enrolled FROM accounts; ANALYZE;"
    )
    .unwrap();
    sql
}

// What a page in the middle binds: the statement, text or number, the searched range.
type Case = (&'static str, bool, bool, Option<(&'static str, &'static str)>);

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    all.extend(plans::numbers().into_iter().map(|(sql, filter)| (sql, filter, false, None)));
    all.extend(plans::names().into_iter().map(|(sql, filter)| (sql, filter, true, None)));
    for range in [("name1", "name1\u{10FFFF}"), ("p", "p\u{10FFFF}"), ("zz", "zz\u{10FFFF}")] {
        all.extend(plans::searches().into_iter().map(|(sql, filter)| (sql, filter, true, Some(range))));
    }
    all
}

macro_rules! bound {
    ($query:expr, $tenant:expr, $case:expr) => {{
        let (_, filter, text, range) = $case;
        let mut query = $query.bind($tenant);
        query = match (text, range) {
            (true, Some((from, _))) => query.bind(format!("{from}5")),
            (true, None) => query.bind("name15"),
            (false, _) => query.bind(1_800_000_010_000i64),
        };
        query = query.bind(Uuid::nil()).bind(51i64);
        if let Some((from, to)) = range {
            query = query.bind(from).bind(to);
        }
        if filter { query.bind(1i64) } else { query }
    }};
}

async fn sqlite_plans(db: &Db, analysed: bool) {
    let tenants = [stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await].map(|t| t.id.uuid());
    let sql = populate(tenants, false);
    db.raw(if analysed { &sql } else { sql.trim_end_matches("ANALYZE;") }).await.unwrap();
    let options: sqlx::sqlite::SqliteConnectOptions = db.options.url.parse().unwrap();
    let mut connection = options.connect().await.unwrap();
    for case in cases() {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", case.0));
        let rows = bound!(sqlx::query(explain), tenants[0], case).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        // The walk must begin at the cursor, not merely leave out what is before it.
        let searched = plan[0].starts_with("SEARCH")
            && plan[0].contains(" INDEX ")
            && ["(sort_name,id)", "(created_at,id)", "(last_sign_in_at,id)", "(term,account_id)"]
                .iter()
                .any(|key| plan[0].contains(key));
        let costly = plan.iter().any(|line| line.contains("SCAN") || line.contains("TEMP B-TREE"));
        assert!(searched && !costly, "{}\n{plan:#?}", case.0);
    }
    connection.close().await.unwrap();
}

async fn postgres_plans(db: &Db, mode: &str) {
    let tenants = [stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await].map(|t| t.id.uuid());
    db.raw(&populate(tenants, true)).await.unwrap();
    let mut connection = sqlx::PgConnection::connect(&db.options.url).await.unwrap();
    let set = AssertSqlSafe(format!("SET plan_cache_mode = {mode}"));
    sqlx::raw_sql(set).execute(&mut connection).await.unwrap();
    for case in cases() {
        let (sql, filter, text, range) = case;
        // EXPLAIN alone would plan with the values at hand: only EXECUTE obeys the mode.
        let key = match (text, range) {
            (true, Some((from, _))) => format!("'{from}5'"),
            (true, None) => "'name15'".into(),
            (false, _) => "1800000010000".into(),
        };
        let mut types = format!("uuid, {}, uuid, bigint", if text { "text" } else { "bigint" });
        let mut values = format!("'{}', {key}, '{}', 51", tenants[0], Uuid::nil());
        if let Some((from, to)) = range {
            types += ", text, text";
            write!(values, ", '{from}', '{to}'").unwrap();
        }
        if filter {
            types += ", bigint";
            values += ", 1";
        }
        let prepare = AssertSqlSafe(format!("DEALLOCATE ALL; PREPARE page ({types}) AS {sql}"));
        sqlx::raw_sql(prepare).execute(&mut connection).await.unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE page ({values})"));
        let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        // The walk must begin at the cursor, not merely leave out what is before it.
        let begins = plan.iter().any(|line| line.contains("Index Cond") && line.contains("ROW("));
        let costly =
            plan.iter().any(|line| line.contains("Seq Scan") || line.contains("Sort") || line.contains("Hash"));
        assert!(begins && !costly, "{mode}: {sql}\n{plan:#?}");
    }
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_lists_patients_by_index_alone() {
    on_sqlite(|db| Box::pin(sqlite_plans(db, true))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_lists_patients_by_index_alone_without_statistics() {
    on_sqlite(|db| Box::pin(sqlite_plans(db, false))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_lists_patients_by_index_alone() {
    on_postgres(|db| Box::pin(postgres_plans(db, "force_custom_plan"))).await;
}

// The plan that a prepared statement settles on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_lists_patients_by_index_alone_when_prepared() {
    on_postgres(|db| Box::pin(postgres_plans(db, "force_generic_plan"))).await;
}

// Before the tables were ever analysed, when an index of what stands, of a family or of a tenant looks as small as a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_finds_what_a_refresh_wants_by_keys_alone_while_its_tables_are_young() {
    on_postgres(|db| {
        Box::pin(async move {
            let mut connection = sqlx::PgConnection::connect(&db.options.url).await.unwrap();
            sqlx::query(BY_KEY).bind("0").execute(&mut connection).await.unwrap();
            let cases = [
                (EXCHANGE_JUDGED_TOKENS, 18, &["grants_pkey", "refresh_tokens_pkey", "tenants_pkey"][..]),
                (LOOK_UP, 1, &["refresh_tokens_pkey", "grants_pkey", "accounts_pkey", "tenants_pkey"]),
            ];
            for (number, (sql, arguments, keys)) in cases.into_iter().enumerate() {
                sqlx::raw_sql(AssertSqlSafe(format!("PREPARE p{number} AS {sql}")))
                    .execute(&mut connection)
                    .await
                    .unwrap();
                let explain = format!("EXPLAIN EXECUTE p{number} ({})", vec!["NULL"; arguments].join(", "));
                let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
                let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
                assert!(keys.iter().all(|key| says(&plan, &[key])), "{plan:#?}");
                let whole =
                    ["grants_by", "grants_live", "refresh_tokens_by", "accounts_email", "Seq Scan", "Hash", "Merge"];
                assert!(!says(&plan, &whole), "{plan:#?}");
            }
            connection.close().await.unwrap();
        })
    })
    .await;
}

// What the database means to do about `sql`, in which values stand already.
async fn plan_of(db: &Db, sql: &str) -> Vec<String> {
    if db.store.is_postgres() {
        let mut connection = sqlx::PgConnection::connect(&db.options.url).await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN {sql}"))).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    } else {
        let options: sqlx::sqlite::SqliteConnectOptions = db.options.url.parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get("detail")).collect()
    }
}

fn says(plan: &[String], words: &[&str]) -> bool {
    plan.iter().any(|line| words.iter().any(|word| line.contains(word)))
}

// Five thousand events of each of four others, to each of four others; an id of nobody among them, as the
// database writes it.
async fn crowded_log(db: &Db, action: &str) -> &'static str {
    let postgres = db.store.is_postgres();
    let random = if postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let text = if postgres { "gen_random_uuid()::text" } else { "hex(randomblob(16))" };
    let fill = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000), who (actor, target) AS (\
            SELECT {random}, {text} UNION ALL SELECT {random}, {text} \
            UNION ALL SELECT {random}, {text} UNION ALL SELECT {random}, {text}) \
         INSERT INTO audit (id, tenant_id, at, actor, target, action, outcome, detail) \
         SELECT {random}, {random}, 1800000000000 + i, actor, target, {action}, 'success', '{{}}' FROM n, who; \
         ANALYZE;"
    );
    db.raw(&fill).await.unwrap();
    if postgres { "'00000000-0000-0000-0000-000000000001'" } else { "zeroblob(16)" }
}

/// The history of an account walks its indexes from the cursor on, however long the log is: one for what
/// was done by the account, one for what others did to it.
pub(super) async fn history(db: &Db) {
    let actor = crowded_log(db, "'sign_in'").await;
    let [own, others, whole] = HISTORY.map(|sql| {
        let sql = sql.replace("$1", actor).replace("$2", "1800000001000").replace("$3", actor);
        sql.replace("$4", "26").replace("$5", "'00000000-0000-0000-0000-000000000001'")
    });
    for (sql, index) in [(own, "audit_of_actor"), (others, "audit_of_subject")] {
        let plan = plan_of(db, &sql).await;
        let costly = says(&plan, &["Seq Scan", "Sort", "SCAN", "TEMP B-TREE", "Bitmap"]);
        assert!(says(&plan, &[index]) && !costly, "{plan:#?}");
    }
    // The whole sorts no more than a page of each.
    let plan = plan_of(db, &whole).await;
    let both = says(&plan, &["audit_of_actor"]) && says(&plan, &["audit_of_subject"]);
    assert!(both && !says(&plan, &["Seq Scan", "Bitmap", "SCAN audit"]), "{plan:#?}");
}

/// A tenant's log is walked onwards from the cursor by its index, however long it is, and however much of it is
/// another tenant's.
pub(super) async fn log_onwards(db: &Db) {
    let postgres = db.store.is_postgres();
    let random = if postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let literal = |id: Uuid| if postgres { format!("'{id}'::uuid") } else { format!("X'{}'", id.simple()) };
    let (one, two) = (literal(Uuid::from_u128(1)), literal(Uuid::from_u128(2)));
    let fill = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO audit (id, tenant_id, at, action, outcome, detail) \
         SELECT {random}, CASE WHEN i % 2 = 0 THEN {one} ELSE {two} END, i, \
            CASE WHEN i % 5 = 0 THEN 'sign_in' ELSE 'sign_up' END, 'success', '{{}}' FROM n; ANALYZE;"
    );
    db.raw(&fill).await.unwrap();
    for sql in ONWARDS {
        let sql = sql.replace("$1", &one).replace("$2", "10000").replace("$3", &two).replace("$4", "100");
        let plan = plan_of(db, &sql.replace("$5", "'sign_in'")).await;
        let costly = says(&plan, &["Seq Scan", "Sort", "SCAN", "TEMP B-TREE", "Bitmap"]);
        assert!(says(&plan, &["audit_newest"]) && !costly, "{plan:#?}");
    }
}

/// What changed an account is found by its own indexes among however many events, and read in their order.
pub(super) async fn changes(db: &Db) {
    let actor = crowded_log(db, "CASE WHEN i % 2 = 0 THEN 'profile_changed' ELSE 'sign_in' END").await;
    let sql = CHANGES.replace("$1", actor).replace("$2", "1800000001000").replace("$4", "20");
    let plan = plan_of(db, &sql.replace("$3", "'00000000-0000-0000-0000-000000000001'")).await;
    let both = says(&plan, &["audit_changes_by_actor"]) && says(&plan, &["audit_changes_of_subject"]);
    assert!(both && !says(&plan, &["Seq Scan", "SCAN audit"]), "{plan:#?}");
}

/// Accounts that are due are found by their index, not by looking at every account.
pub(super) async fn deletions(db: &Db) {
    let tenants = [stored_tenant(db, "a.example").await, stored_tenant(db, "b.example").await].map(|t| t.id.uuid());
    db.raw(&populate(tenants, db.store.is_postgres())).await.unwrap();
    db.raw("UPDATE accounts SET delete_at = created_at WHERE last_sign_in_at < 20; ANALYZE;").await.unwrap();
    let plan = plan_of(db, &DUE_DELETIONS.replace("$1", "1800000005000").replace("$2", "100")).await;
    let costly = says(&plan, &["Seq Scan", "Sort", "SCAN", "TEMP B-TREE"]);
    assert!(says(&plan, &["accounts_to_delete"]) && !costly, "{plan:#?}");
}

/// What is due of a kind is found by its index, however much waits of another one.
pub(super) async fn outbox(db: &Db) {
    let postgres = db.store.is_postgres();
    let (random, bytes, json) = match postgres {
        true => ("gen_random_uuid()", "'\\x00'::bytea", "'[\"h1\"]'"),
        false => ("randomblob(16)", "zeroblob(1)", "'[\"h1\"]'"),
    };
    let fill = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO outbox (id, tenant_id, kind, host, payload, created_at, expires_at, attempts, next_attempt_at) \
         SELECT {random}, {random}, CASE WHEN i % 4 = 0 THEN 'email' ELSE 'logout' END, 'h' || i % 7, {bytes}, i, i, 0, i \
         FROM n; ANALYZE;"
    );
    db.raw(&fill).await.unwrap();
    let queries = if postgres {
        [crate::postgres::dialect::NEXT_MESSAGE, crate::postgres::dialect::CLAIM_MESSAGES]
    } else {
        [crate::sqlite::dialect::NEXT_MESSAGE, crate::sqlite::dialect::CLAIM_MESSAGES]
    };
    for sql in queries {
        let sql = sql.replace("$1", "'email'").replace("$2", json).replace("$3", "10000").replace("$4", "60000");
        let plan = plan_of(db, &sql.replace("$5", "8")).await;
        let costly = says(&plan, &["Seq Scan", "Sort", "SCAN outbox", "TEMP B-TREE", "Bitmap"]);
        assert!(says(&plan, &["outbox_due"]) && !costly, "{plan:#?}");
    }
}

/// What a remembered browser opened is found by its index among however many sessions and grants.
pub(super) async fn of_browser(db: &Db) {
    let own = stored_tenant(db, "a.example").await;
    let account = stored_account(db, &own, patient("a@example.com", "A", "A")).await;
    let postgres = db.store.is_postgres();
    let random = if postgres { "gen_random_uuid()" } else { "randomblob(16)" };
    let bytes = if postgres { "decode(md5(random()::text), 'hex')" } else { "randomblob(16)" };
    let literal = |id: Uuid| if postgres { format!("'{id}'::uuid") } else { format!("X'{}'", id.simple()) };
    let (tenant, account) = (literal(own.id.uuid()), literal(account.uuid()));
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) ";
    let some = format!("CASE WHEN i % 50 = 0 THEN {random} END");
    db.raw(&format!(
        "{numbers} INSERT INTO sessions (token, tenant_id, id, account_id, authentication, created_at, last_seen_at, \
            expires_at, terms, remembered) \
         SELECT {bytes}, {tenant}, {random}, {account}, '{{}}', 1, 1, 1, '{{}}', {some} FROM n; \
         {numbers} INSERT INTO grants (id, tenant_id, flow_id, application_id, account_id, authentication, scope, \
            redirect_uri, code, code_expires_at, created_at, details, remembered) \
         SELECT {random}, {tenant}, {random}, {random}, {account}, '{{}}', '', '', {bytes}, 1, 1, '{{}}', {some} \
         FROM n; ANALYZE;"
    ))
    .await
    .unwrap();
    let nobody = literal(Uuid::from_u128(1));
    for (sql, index) in [(OF_BROWSER, "sessions_by_browser"), (REVOKE_OF_BROWSER, "grants_by_browser")] {
        let plan = plan_of(db, &sql.replace("$1", &nobody).replace("$2", "2")).await;
        assert!(says(&plan, &[index]) && !says(&plan, &["Seq Scan", "SCAN"]), "{plan:#?}");
    }
}
