//! A6, D11: nobody learns by message, code or amount of work whether an address has an account.

use std::time::{Duration, Instant};

use lanyard_app::{api::journey::StageView, paths};
use lanyard_domain::{entropy::SeededEntropy, secret::Token};
use lanyard_server::service::pace::Pace;

use crate::support::{
    Options, Page, Run, TestApp, Via, statements,
    world::{MARIA, NORA, PASSWORD, SAM},
};

/// Nobody's address, as long as Maria's.
pub(crate) const STRANGER: &str = "mario@patients.example";

/// What a person does: the events and their fields.
pub(crate) type Events<'a> = &'a [(&'a str, &'a [(&'a str, &'a str)])];

/// The answer without what differs each time: ids, tokens, nonces.
fn masked(page: &Page, run: &Run, csrf: &str, email: &str) -> String {
    let mut text = format!("{}\n", page.status);
    let mut headers: Vec<String> = page.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect();
    headers.sort_unstable();
    headers.retain(|line| !line.starts_with("x-request-id"));
    text.extend(headers);
    text.push_str(&page.text());
    let text = text.replace(&run.id, "ID").replace(csrf, "CSRF").replace(email, "EMAIL");
    let text = without_challenge(&text);
    // Nonces of the policy and of the scripts.
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("nonce") {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 5..];
        let end = tail.find(['\'', '>', ' ', ';']).unwrap_or(tail.len());
        rest = &tail[end..];
    }
    out + rest
}

// What an authenticator is to sign: 43 letters after the word, with whatever quotes the form has.
fn without_challenge(text: &str) -> String {
    let mut parts = text.split("challenge");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("challenge");
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let words = part.split(|c| !is_letter(c));
        match words.filter(|word| !word.is_empty()).take(4).find(|word| word.len() == 43) {
            Some(word) => out.push_str(&part.replacen(word, "RANDOM", 1)),
            None => out.push_str(part),
        }
    }
    out
}

async fn seen(app: &TestApp, via: Via, email: &str, events: Events<'_>) -> (Vec<String>, u64) {
    seen_in(app, Run::begin(app, &app.world.mfa, via).await, email, events).await
}

/// Everything that can be seen in `run` after each of `events`, the answer, the page, the JSON; and how many hashes it
/// took. The value `EMAIL` stands for `email`.
pub(crate) async fn seen_in(app: &TestApp, mut run: Run, email: &str, events: Events<'_>) -> (Vec<String>, u64) {
    let hashes = app.app.passwords.hashes_done();
    let mut all = Vec::new();
    for (event, fields) in events {
        let csrf = run.view().await.csrf;
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(n, v)| (*n, if *v == "EMAIL" { email } else { *v })).collect();
        let answer = run.post(event, &csrf, &fields).await;
        all.push(masked(&answer, &run, &csrf, email));
        let page = run.page().await;
        all.push(masked(&page, &run, &csrf, email));
        let json = run.browser.get(&paths::api_journey(&run.id)).await;
        all.push(masked(&json, &run, &csrf, email));
    }
    (all, app.app.passwords.hashes_done() - hashes)
}

/// Says where two answers part, rather than printing two whole pages.
pub(crate) fn assert_same(one: &str, two: &str, what: &str) {
    if one != two {
        let at = one.bytes().zip(two.bytes()).take_while(|(a, b)| a == b).count();
        let around = |text: &str| {
            String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(120)..(at + 120).min(text.len())]).into_owned()
        };
        panic!("{what}: the answers part:\n{}\n--\n{}", around(one), around(two));
    }
}

async fn compare(events: Events<'_>, hashes: Option<u64>) {
    for via in Via::BOTH {
        // Each in a world of its own: no count of the one shows in the other.
        let known = TestApp::new().await;
        let (one, hashes_one) = seen(&known, via, MARIA, events).await;
        let unknown = TestApp::new().await;
        let (two, hashes_two) = seen(&unknown, via, STRANGER, events).await;
        for (n, (one, two)) in one.iter().zip(&two).enumerate() {
            assert_same(one, two, &format!("step {n}, {via:?}"));
        }
        assert_eq!(one.len(), two.len());
        assert_eq!(hashes_one, hashes_two, "the same number of hashes");
        if let Some(hashes) = hashes {
            assert_eq!(hashes_one, hashes);
        }
        // The same number of messages, so that the outbox tells nothing either.
        let (sent_one, sent_two) = (known.count("outbox").await, unknown.count("outbox").await);
        assert_eq!(sent_one, sent_two, "{via:?}");
        known.drain().await;
        unknown.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_sign_in_tells_nothing() {
    let wrong: &[(&str, &str)] = &[("email", "EMAIL"), ("password", "a wrong password")];
    compare(&[("sign-in", wrong), ("sign-in", wrong)], Some(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_sign_in_tells_nothing_when_it_locks() {
    let wrong: &[(&str, &str)] = &[("email", "EMAIL"), ("password", "a wrong password")];
    compare(&[("sign-in", wrong); 12], None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_reset_tells_nothing() {
    let email: &[(&str, &str)] = &[("email", "EMAIL")];
    let code: &[(&str, &str)] = &[("code", "000000")];
    compare(&[("go-forgot-password", &[]), ("request-code", email), ("submit-code", code), ("resend", &[])], Some(0))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_d11_sign_up_tells_nothing() {
    let email: &[(&str, &str)] = &[("email", "EMAIL")];
    let code: &[(&str, &str)] = &[("code", "000000")];
    compare(&[("go-sign-up", &[]), ("request-code", email), ("submit-code", code), ("submit-code", code)], Some(0))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_disabled_account_and_staff_look_like_nobody() {
    let app = TestApp::new().await;
    let (nora, now) = (app.world.mfa.nora, app.now());
    let done = app.app.store.write(move |tx| Box::pin(async move { tx.set_disabled(nora, Some(now)).await })).await;
    done.unwrap_or_else(|error: lanyard_storage::StorageError| panic!("{error}"));
    let right: &[(&str, &str)] = &[("email", "EMAIL"), ("password", crate::support::PASSWORD)];
    // Of the same length each, because what was typed comes back.
    for (email, stranger) in [(NORA, "nero@patients.example"), (SAM, "tim@staff.example")] {
        let (nobody, hashes) = seen(&app, Via::Form, stranger, &[("sign-in", right)]).await;
        let (same, same_hashes) = seen(&app, Via::Form, email, &[("sign-in", right)]).await;
        assert_same(&same.concat(), &nobody.concat(), email);
        assert_eq!(same_hashes, hashes, "{email}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_known_address_at_sign_up_is_told_by_mail_alone() {
    let app = TestApp::new().await;
    let before = app.durable().await;
    let mut run = Run::begin(&app, &app.world.mfa, Via::Form).await;
    run.act("go-sign-up", &[]).await;
    let view = run.act("request-code", &[("email", MARIA)]).await;
    assert!(matches!(view.stage, StageView::SignUpCode(_)), "{view:?}");
    let mail = app.message(MARIA).await;
    assert!(crate::support::app::code_in(&mail).is_none(), "no code: {}", mail.body);
    assert_eq!(app.durable().await, before);
}

async fn counted(options: Options, email: &str, (cookies, raised, events): (bool, bool, Events<'_>)) -> Vec<[u64; 2]> {
    let app = TestApp::with(options).await;
    let clinic = if raised { app.world.plain.clone() } else { app.world.mfa.clone() };
    if raised {
        crate::own_minimum::silently(&app, clinic.maria, lanyard_domain::assurance::Assurance::Aal2Strict).await;
    }
    if cookies {
        crate::remembered::switch(&app, &clinic, true).await;
    }
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    if cookies {
        // Cookies of a browser that is known and remembered for somebody, or was.
        let token = Token::generate(&mut SeededEntropy::new(11)).expose().to_owned();
        run.browser.jar.insert("__Host-known".to_owned(), format!("AAAAAAAA.{token}"));
        run.browser.jar.insert(format!("__Host-browser-{}", clinic.tenant.id), token);
    }
    let counts = counted_in(&mut run, email, events).await;
    app.drain().await;
    counts
}

/// The statements of each event in `run`, and of the page after it.
pub(crate) async fn counted_in(run: &mut Run, email: &str, events: Events<'_>) -> Vec<[u64; 2]> {
    let mut counts = Vec::new();
    for (event, fields) in events {
        let csrf = run.view().await.csrf;
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, if *v == "EMAIL" { email } else { *v })).collect();
        let before = statements::sent();
        run.post(event, &csrf, &fields).await;
        let between = statements::sent();
        run.page().await;
        counts.push([between - before, statements::sent() - between]);
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "counts for the whole process: run by d11_known_and_unknown_accounts_cost_the_same_statements"]
async fn statements_of_a_process_of_its_own() {
    statements::count();
    let email: &[(&str, &str)] = &[("email", "EMAIL")];
    let wrong: &[(&str, &str)] = &[("email", "EMAIL"), ("password", "a wrong password")];
    let code: &[(&str, &str)] = &[("code", "000000")];
    let right: &[(&str, &str)] = &[("email", "EMAIL"), ("password", PASSWORD)];
    let waiting = [[("sign-in", wrong); 3], [("sign-in", right); 3]].concat();
    let ways: [(&str, Events<'_>); 6] = [
        ("sign-in in a network that waits, of an account with a minimum of its own", &waiting),
        ("sign-in", &[("sign-in", wrong); 7]),
        ("sign-in with the cookies of a browser", &[("sign-in", wrong); 7]),
        ("sign-in of an account with a minimum of its own, where the flow asks for none", &[("sign-in", wrong); 7]),
        ("reset", &[("go-forgot-password", &[]), ("request-code", email), ("submit-code", code), ("resend", &[])]),
        ("sign-up", &[("go-sign-up", &[]), ("request-code", email), ("submit-code", code), ("resend", &[])]),
    ];
    for (kind, options) in [("SQLite", Options::default as fn() -> Options), ("PostgreSQL", Options::postgres)] {
        for (what, events) in ways {
            let mut counts = Vec::new();
            let way = (what.contains("cookies"), what.contains("minimum"), events);
            for email in [MARIA, STRANGER] {
                let options = || {
                    let mut options = options();
                    if what.contains("waits") {
                        options.config.limits.wrong_passwords_per_address = 2;
                    }
                    options
                };
                let mut least = counted(options(), email, way).await;
                // A connection that the pool opens meanwhile says a few things of its own.
                for again in [counted(options(), email, way).await, counted(options(), email, way).await] {
                    for (least, again) in least.iter_mut().zip(again) {
                        *least = [least[0].min(again[0]), least[1].min(again[1])];
                    }
                }
                counts.push(least);
            }
            println!("{kind}, {what}: {:?}", counts[0]);
            assert!(counts[0].iter().all(|[posted, drawn]| *posted > 0 && *drawn > 0), "nothing was counted");
            assert_eq!(counts[0], counts[1], "{kind}, {what}");
        }
    }
}

/// Runs the ignored test `name` of this program in a process of its own.
pub(crate) async fn in_a_process_of_its_own(name: &'static str) {
    let own = std::env::current_exe().unwrap();
    let arguments = ["--exact", name, "--ignored", "--nocapture", "--test-threads=1"];
    let run = tokio::task::spawn_blocking(move || std::process::Command::new(own).args(arguments).output());
    let output = run.await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_known_and_unknown_accounts_cost_the_same_statements() {
    in_a_process_of_its_own("enumeration::statements_of_a_process_of_its_own").await;
}

const PACE: Duration = Duration::from_secs(4);

// How long `event` takes with `email`, after `first` if there is one.
async fn takes(app: &TestApp, via: Via, first: Option<&str>, event: &str, fields: &[(&str, &str)]) -> Duration {
    let mut run = Run::begin(app, &app.world.mfa, via).await;
    if let Some(first) = first {
        run.act(first, &[]).await;
    }
    let csrf = run.view().await.csrf;
    let asked = Instant::now();
    let answer = run.post(event, &csrf, fields).await;
    assert!(answer.status.is_success() || answer.status == 303, "{}", answer.status);
    asked.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_what_could_tell_whose_an_address_is_comes_at_its_time_and_what_could_not_at_once() {
    let options = Options { adjust: |parts| parts.pace = Pace::of(PACE), ..Options::default() };
    let mut app = TestApp::with(options).await;
    app.leave_messages();
    let app = &app;
    for via in Via::BOTH {
        let guess = |email, password| async move {
            takes(app, via, None, "sign-in", &[("email", email), ("password", password)]).await
        };
        let ask = |first, email| async move { takes(app, via, Some(first), "request-code", &[("email", email)]).await };
        let (reset, sign_up) = ("go-forgot-password", "go-sign-up");
        let slow = futures::join!(
            guess(MARIA, "a wrong password"),
            guess(STRANGER, "a wrong password"),
            // Nothing is hashed, and yet an account was looked for.
            guess(MARIA, ""),
            guess(STRANGER, ""),
            ask(reset, MARIA),
            ask(reset, STRANGER),
            ask(sign_up, MARIA),
            ask(sign_up, STRANGER),
        );
        let slow = [slow.0, slow.1, slow.2, slow.3, slow.4, slow.5, slow.6, slow.7];
        for (n, took) in slow.into_iter().enumerate() {
            assert!(took >= PACE, "{n}, {via:?}: {took:?}");
        }
        let (right, empty) = futures::join!(
            takes(app, via, None, "sign-in", &[("email", MARIA), ("password", PASSWORD)]),
            takes(app, via, None, "sign-in", &[("email", "no address"), ("password", "")]),
        );
        assert!(right < PACE && empty < PACE, "{via:?}: {right:?}, {empty:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_wrong_codes_and_further_codes_of_an_address_come_at_their_time() {
    let options = Options { adjust: |parts| parts.pace = Pace::of(PACE), ..Options::default() };
    let mut app = TestApp::with(options).await;
    app.leave_messages();
    let app = &app;
    let after = |first, event, fields: &'static [(&'static str, &'static str)]| async move {
        let mut run = Run::begin(app, &app.world.mfa, Via::Json).await;
        run.act(first, &[]).await;
        run.act("request-code", &[("email", STRANGER)]).await;
        let csrf = run.view().await.csrf;
        let asked = Instant::now();
        assert_eq!(run.post(event, &csrf, fields).await.status, 200);
        asked.elapsed()
    };
    let (reset, sign_up) = ("go-forgot-password", "go-sign-up");
    let slow = futures::join!(
        after(reset, "submit-code", &[("code", "000000")]),
        after(sign_up, "submit-code", &[("code", "000000")]),
        after(reset, "resend", &[]),
        after(sign_up, "resend", &[]),
    );
    assert!([slow.0, slow.1, slow.2, slow.3].into_iter().all(|took| took >= PACE), "{slow:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_during_the_wait_the_right_password_is_answered_when_a_wrong_one_is() {
    let options = Options { adjust: |parts| parts.pace = Pace::of(PACE), ..Options::default() };
    let app = TestApp::with(options).await;
    let wrong = [("email", MARIA), ("password", "a wrong password")];
    let tries = (0..5).map(|_| takes(&app, Via::Json, None, "sign-in", &wrong));
    futures::future::join_all(tries).await;
    let right = takes(&app, Via::Json, None, "sign-in", &[("email", MARIA), ("password", PASSWORD)]).await;
    assert!(right >= PACE, "{right:?}");
}
