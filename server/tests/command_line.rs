//! A configuration that cannot work: one line, and an exit code that is not zero.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use lanyard_crypto::MasterKey;
use lanyard_domain::entropy::SeededEntropy;
use lanyard_storage::{Store, StoreOptions};
use sqlx::Connection as _;

use crate::support::database::{remove, temp_dir};

// Runs the program to its end; one that does not end is ended, and has failed the test.
pub(crate) async fn run(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LANYARD_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(environment.iter().copied());
    let mut child = command.spawn().unwrap();
    for _ in 0..1_000 {
        if child.try_wait().unwrap().is_some() {
            return child.wait_with_output().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    panic!("it still runs: {arguments:?}");
}

// The same with nobody who reads what it prints, not even the first byte.
async fn unread(dir: &Path, arguments: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_lanyard"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LANYARD_")) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(dir).stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
    command.kill_on_drop(true).spawn().unwrap().wait_with_output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_pipe_ends_a_command_quietly() {
    let dir = temp_dir();
    installed(&dir, false).await;
    for command in [
        &["config", "show"][..],
        &["config", "check", "--data-dir", "data"],
        &["keys", "list", "--data-dir", "data"],
        &["tenant", "list", "--data-dir", "data"],
        &["operator", "invite", "--data-dir", "data"],
    ] {
        let output = unread(&dir, command).await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !text.contains("panicked"), "{command:?}: {text}");
    }
    remove(&dir);
}

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"];

fn assert_one_line(output: &Output, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("lanyard:")).collect();
    assert_eq!(lines.len(), 1, "one line says why: {text}");
    assert!(text.lines().filter(|line| !line.trim_start().starts_with('{')).count() == 1, "and no other: {text}");
    for word in words {
        assert!(lines[0].contains(word), "{word}: {text}");
    }
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
}

// A database as a first start leaves it, with its key.
async fn installed(dir: &Path, demo: bool) -> String {
    let data = dir.join("data");
    std::fs::create_dir_all(&data).unwrap();
    MasterKey::load_or_create(&data.join(if demo { "demo.key" } else { "master.key" }), &mut SeededEntropy::new(9))
        .unwrap();
    let url = format!("sqlite:{}", data.join(if demo { "demo.db" } else { "lanyard.db" }).display());
    let store = Store::connect(&StoreOptions::new(url.clone())).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_named() {
    let dir = temp_dir();
    std::fs::write(dir.join("lanyard.toml"), "lisen = \"127.0.0.1:0\"\n").unwrap();
    assert_one_line(&run(&dir, &SERVE, &[]).await, &["lisen", "listen"]);
    std::fs::write(dir.join("lanyard.toml"), "").unwrap();
    assert_one_line(&run(&dir, &SERVE, &[("LANYARD_DATABASE_ULR", "x")]).await, &["database_ulr"]);
    assert_one_line(&run(&dir, &["config", "check"], &[("LANYARD_LISEN", "x")]).await, &["lisen"]);
    assert!(!dir.join("data").exists(), "nothing was made");
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_said() {
    let dir = temp_dir();
    let key = dir.join("key").display().to_string();
    MasterKey::load_or_create(Path::new(&key), &mut SeededEntropy::new(9)).unwrap();
    let secret = "s3cr3t-of-the-database";
    let url = format!("postgres://lanyard:{secret}@127.0.0.1:1/none");
    let output = run(&dir, &SERVE, &[("LANYARD_DATABASE_URL", &url), ("LANYARD_MASTER_KEY_FILE", &key)]).await;
    assert_one_line(&output, &["database"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains(secret));
    let folder = dir.join("a-folder");
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("sqlite:{}", folder.display());
    assert_one_line(
        &run(&dir, &SERVE, &[("LANYARD_DATABASE_URL", &url), ("LANYARD_MASTER_KEY_FILE", &key)]).await,
        &["database"],
    );
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_from_the_future_is_left_alone() {
    let dir = temp_dir();
    let url = installed(&dir, false).await;
    let mut db = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'future', TRUE, x'00', 1)")
        .execute(&mut db)
        .await
        .unwrap();
    assert_one_line(&run(&dir, &SERVE, &[]).await, &["database", "newer"]);
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn config_check_says_what_is_missing_and_refuses_a_key_that_serve_would_refuse() {
    let dir = temp_dir();
    let check = ["config", "check", "--data-dir", "data"];
    let bare = run(&dir, &check, &[]).await;
    let said = String::from_utf8(bare.stdout).unwrap();
    assert!(bare.status.success() && said.contains("[smtp]") && said.contains("[twilio]"), "{said}");
    assert!(!dir.join("data").exists(), "it only looks");
    let mail = [("LANYARD_SMTP__HOST", "mail.example"), ("LANYARD_SMTP__FROM", "a@b.example")];
    let said = String::from_utf8(run(&dir, &check, &mail).await.stdout).unwrap();
    assert!(!said.contains("[smtp]") && said.contains("[twilio]"), "{said}");
    let demo = run(&dir, &["config", "check", "--demo"], &[]).await;
    assert_eq!(String::from_utf8(demo.stdout).unwrap().lines().count(), 1);
    std::fs::create_dir_all(dir.join("data")).unwrap();
    std::fs::write(dir.join("data/master.key"), "hello").unwrap();
    assert_one_line(&run(&dir, &check, &[]).await, &["sealing key"]);
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_says_that_it_made_a_database_and_links_lead_to_the_servers_address() {
    let dir = temp_dir();
    let invite = ["operator", "invite", "--data-dir", "data", "--tls", "--listen", "127.0.0.1:8443"];
    let first = run(&dir, &invite, &[]).await;
    let link = String::from_utf8(first.stdout).unwrap();
    assert!(link.starts_with("https://localhost:8443/invitation/"), "{link}");
    assert!(String::from_utf8_lossy(&first.stderr).contains("There was no database"));
    let second = run(&dir, &invite, &[]).await;
    assert!(second.status.success() && !String::from_utf8_lossy(&second.stderr).contains("There was no database"));
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_sealing_key_is_said() {
    let dir = temp_dir();
    installed(&dir, false).await;
    let key = dir.join("data/master.key");
    // The first start notes which key it is.
    let store_check = run(&dir, &["operator", "invite", "--data-dir", "data"], &[]).await;
    assert!(store_check.status.success(), "{}", String::from_utf8_lossy(&store_check.stderr));
    std::fs::remove_file(&key).unwrap();
    assert_one_line(&run(&dir, &SERVE, &[]).await, &["sealing key", "missing"]);
    assert!(!key.exists(), "no new key beside an old database");
    MasterKey::load_or_create(&key, &mut SeededEntropy::new(10)).unwrap();
    assert_one_line(&run(&dir, &SERVE, &[]).await, &["sealing key", "not the one"]);
    // One of an older release, a backup say, is not even migrated: that would fail here, as the table is there.
    let url = format!("sqlite:{}", dir.join("data/lanyard.db").display());
    let mut db = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let older = "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
    assert_eq!(sqlx::query(older).execute(&mut db).await.unwrap().rows_affected(), 1);
    db.close().await.unwrap();
    assert_one_line(&run(&dir, &SERVE, &[]).await, &["sealing key", "not the one"]);
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_touches_no_database_but_its_own_and_nothing_else_touches_the_demos() {
    let dir = temp_dir();
    installed(&dir, false).await;
    let made = run(&dir, &["operator", "invite", "--data-dir", "data"], &[]).await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let data = dir.join("data");
    for (from, to) in [("lanyard.db", "demo.db"), ("master.key", "demo.key")] {
        std::fs::copy(data.join(from), data.join(to)).unwrap();
    }
    let demo: Vec<&str> = SERVE.into_iter().chain(["--demo"]).collect();
    assert_one_line(&run(&dir, &demo, &[]).await, &["demo"]);
    for environment in [("LANYARD_DATABASE_URL", "sqlite:x.db"), ("LANYARD_PUBLIC_ORIGIN", "https://id.example")] {
        assert_one_line(&run(&dir, &demo, &[environment]).await, &["demo"]);
    }
    let outside = ["serve", "--demo", "--listen", "0.0.0.0:0", "--data-dir", "data"];
    assert_one_line(&run(&dir, &outside, &[]).await, &["demo"]);
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7591_registration_is_switched_and_its_tokens_are_made_and_revoked_by_command() {
    let dir = temp_dir();
    installed(&dir, false).await;
    let here = ["--tenant", "clinic.example", "--data-dir", "data"];
    let told = async |command: &[&str], more: &[&str]| {
        let output = run(&dir, &[command, &here, more].concat(), &[]).await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command:?}: {err}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    };
    let registration = |word: &'static str| ["tenant", "registration", word];
    let create = ["tenant", "create", "--name", "Clinic", "--domain", "clinic.example", "--data-dir", "data"];
    assert!(run(&dir, &create, &[]).await.status.success());
    told(&["flow", "create"], &["--name", "B2C_1_susi"]).await;
    assert_eq!(told(&registration("show"), &[]).await["on"], false, "off by default");
    let on = told(&registration("on"), &["--most", "3"]).await;
    assert_eq!((&on["on"], &on["most"]), (&true.into(), &3.into()));
    let draft = ["--flow", "b2c_1_SUSI", "--label", "Partner", "--uses", "2"];
    let made = told(&registration("mint"), &draft).await;
    let (id, token) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let shown = told(&registration("show"), &[]).await;
    assert_eq!(shown["initial_access_tokens"][0]["uses_left"], 2);
    assert!(!shown.to_string().contains(token), "shown once");
    for (bad, why) in [
        (["--flow", "none", "--label", "x"], "none: not found"),
        (["--flow", "B2C_1_susi", "--label", ""], "out of bounds"),
    ] {
        assert_one_line(&run(&dir, &[&registration("mint")[..], &here, &bad].concat(), &[]).await, &[why]);
    }
    told(&registration("revoke"), &["--id", id]).await;
    assert_one_line(&run(&dir, &[&registration("revoke")[..], &here, &["--id", id]].concat(), &[]).await, &[id]);
    assert_eq!(told(&registration("off"), &[]).await["on"], false);
    let last = told(&registration("show"), &[]).await;
    assert_eq!((&last["most"], &last["initial_access_tokens"][0]["revoked"]), (&3.into(), &true.into()));
    remove(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn d6_how_the_providers_are_doing_is_said() {
    let dir = temp_dir();
    let url = installed(&dir, false).await;
    let told = async |more: &[&str]| {
        let output = run(&dir, &[&["messages", "--data-dir", "data"], more].concat(), &[]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(told(&[]).await.contains("[smtp]"));
    let phone = |name: &str, sid: &str| {
        format!("[{name}]\naccount_sid = \"{sid}\"\nauth_token = \"hidden\"\nfrom_number = \"+15005550006\"\n")
    };
    let both = phone("twilio", "AC1") + &phone("second_twilio", "AC2");
    std::fs::write(dir.join("lanyard.toml"), both).unwrap();
    let store = Store::connect(&StoreOptions::new(url)).await.unwrap();
    let at = lanyard_domain::clock::Timestamp(0);
    let noted = store.write(move |tx| {
        Box::pin(async move {
            let failure = lanyard_storage::ProviderFailure {
                name: "twilio",
                at,
                reason: "delivery failed for now: timed out",
                counts: true,
                opens_at: 5,
                open_until: at,
            };
            tx.provider_failed(failure).await
        })
    });
    assert_eq!(noted.await.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}")), 1);
    store.close().await;
    let text = told(&[]).await;
    assert!(text.contains("1 failures in a row") && text.contains("timed out"), "{text}");
    assert!(text.contains("second_twilio  no failure so far") && !text.contains("hidden"), "{text}");
    let json = told(&["--json"]).await;
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!((&first["provider"], &first["failures_in_a_row"]), (&"twilio".into(), &1.into()));
    remove(&dir);
}

/// A server that was started from the program, and what it printed until it was ready.
struct Serving {
    child: tokio::process::Child,
    said: Vec<String>,
    lines: tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStdout>>,
}

// Starts the server, with nobody at a terminal.
async fn serving(dir: &Path, more: &[&str]) -> Serving {
    use tokio::io::AsyncBufReadExt as _;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_lanyard"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LANYARD_")) {
        command.env_remove(name);
    }
    let log = std::fs::File::create(dir.join("log")).unwrap();
    command.args(SERVE).args(more).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    let mut lines = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let last = line.starts_with("First operator");
        said.push(line);
        if last {
            break;
        }
    }
    Serving { child, said, lines }
}

impl Serving {
    async fn stop(mut self, dir: &Path) -> String {
        self.child.kill().await.unwrap();
        std::fs::read_to_string(dir.join("log")).unwrap()
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_first_operators_link_is_in_no_journal_but_in_a_file_of_the_owners_alone() {
    let dir = temp_dir();
    let server = serving(&dir, &[]).await;
    let file = dir.join("data/first-operator.url");
    let link = std::fs::read_to_string(&file).unwrap();
    assert!(link.starts_with("http://") && link.contains("/invitation/lanyard.system/"), "{link}");
    assert_eq!(mode(&file), 0o600);
    let said = server.said.join("\n");
    let log = server.stop(&dir).await;
    for text in [&said, &log] {
        assert!(text.contains("first-operator.url") && !text.contains("/invitation/"), "{text}");
    }
    // A terminal's place is not taken by the demo: its people are made up, and scripts read the link.
    let other = temp_dir();
    let mut demo = serving(&other, &["--demo"]).await;
    let link = demo.lines.next_line().await.unwrap().unwrap();
    assert!(link.contains("/invitation/lanyard.system/"), "{link}");
    assert!(!other.join("data/first-operator.url").exists());
    demo.stop(&other).await;
    remove(&dir);
    remove(&other);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_others_can_read_is_said_and_taken_away_from_them_at_the_next_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = temp_dir();
    installed(&dir, false).await;
    let file = dir.join("data/lanyard.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let check = ["config", "check", "--data-dir", "data"];
    let said = String::from_utf8(run(&dir, &check, &[]).await.stdout).unwrap();
    assert!(said.contains("lanyard.db has mode 0644"), "{said}");
    assert_eq!(mode(&file), 0o644, "a check only looks");
    let server = serving(&dir, &[]).await;
    assert_eq!(mode(&file), 0o600);
    for beside in ["data/lanyard.db-wal", "data/lanyard.db-shm"] {
        let beside = dir.join(beside);
        assert!(!beside.exists() || mode(&beside) & 0o077 == 0, "{}", beside.display());
    }
    let log = server.stop(&dir).await;
    assert!(log.contains("had mode 0644") && log.contains("0600"), "{log}");
    let said = String::from_utf8(run(&dir, &check, &[]).await.stdout).unwrap();
    assert!(!said.contains("has mode"), "{said}");
    remove(&dir);
}
