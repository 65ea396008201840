//! Bad input and what it gets: A48, failures 45 to 47 and 52 to 54, never a 500, and a panic.

use std::time::{Duration, Instant};

use axum::{
    body::{Body, Bytes},
    http::{Method, Request},
};
use lanyard_app::{
    api::journey::{ProblemCode, StageView},
    paths,
};
use lanyard_domain::entropy::{Entropy, SeededEntropy, bytes};

use crate::support::{
    PASSWORD, Run, TestApp, Via,
    browser::encode,
    journey::{authorize, place},
    problem,
    world::NORA,
};

const FORM: &str = "application/x-www-form-urlencoded";
/// A refusal may take this long, and it takes a hundredth of it when nothing else runs.
const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn f45_f46_f47_an_address_is_one_plain_address() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let mut run = Run::begin(&app, &app.world.mfa, via).await;
        run.act("go-sign-up", &[]).await;
        for bad in [
            "\"quoted\"@new.example", // f45
            "\"a b\"@new.example",
            "\"ada@new.example\"@evil.example",
            "ada@new.example,eve@evil.example", // f46
            "ada@new.example;eve@evil.example",
            "ada@new.example eve@evil.example",
            "Ada <ada@new.example>",
            "ada\u{ff20}new.example", // f47: a full-width @
            "ada\u{fe6b}new.example",
            "ada@@new.example",
            "ada@new.example\r\nBcc: eve@evil.example",
            "ada@new.example%0aBcc:eve@evil.example",
            "ada",
            "@new.example",
            "ada@",
        ] {
            let view = run.act("request-code", &[("email", bad)]).await;
            assert_eq!(problem(&view, "email"), Some(&ProblemCode::EmailInvalid), "{bad:?}");
            assert!(matches!(view.stage, StageView::SignUpEmail));
        }
        assert_eq!(app.count("outbox").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a48_fields_that_the_form_does_not_have_change_nothing() {
    for via in Via::BOTH {
        let app = TestApp::new().await;
        let mut run = Run::begin(&app, &app.world.plain, via).await;
        run.act("go-sign-up", &[]).await;
        run.prove(&app, "ada@new.example").await;
        let view = run
            .details(
                PASSWORD,
                &[
                    ("email", "eve@evil.example"),
                    ("kind", "operator"),
                    ("role", "instance_operator"),
                    ("roles", "clinic_staff"),
                    ("tenant", "018f0000-0000-7000-8000-000000000000"),
                    ("jobTitle", "Chief"),
                    ("displayName", "Eve"),
                    ("extension_Secret", "x"),
                    ("newUser", "false"),
                    ("mfa_enrolled", "1"),
                    ("id", "018f0000-0000-7000-8000-000000000000"),
                    ("created_at", "0"),
                ],
            )
            .await;
        assert!(matches!(view.stage, StageView::Done { .. }), "{view:?}");
        let rows = app.rows(&["accounts"]).await;
        let row = rows.iter().find(|row| row.contains("ada@new.example")).unwrap();
        for planted in ["eve@evil", "operator", "clinic_staff", "Chief", "Eve", "extension_Secret"] {
            assert!(!row.contains(planted), "{planted}: {row}");
        }
        assert!(row.contains("patient"));
        let roles = app.rows(&["role_grants"]).await;
        assert_eq!(roles.len(), 2, "the staff of the two clinics, as before");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a48_f52_a_parameter_given_twice_is_refused() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let csrf = run.view().await.csrf;
    let before = app.rows(&["journeys", "sessions", "grants"]).await;
    let twice = encode(&[("csrf", &csrf), ("email", "x@y.example"), ("email", NORA), ("password", PASSWORD)]);
    let answer = run.browser.post_raw(&paths::journey_event(&run.id, "sign-in"), Method::POST, FORM, twice).await;
    assert_eq!(answer.status, 400);
    let json = format!(
        "{{\"csrf\":\"{csrf}\",\"fields\":{{\"email\":\"x@y.example\",\"email\":\"{NORA}\",\"password\":\"{PASSWORD}\"}}}}"
    );
    let answer = run
        .browser
        .post_raw(&paths::api_journey_event(&run.id, "sign-in"), Method::POST, "application/json", json)
        .await;
    assert_eq!(answer.status, 400, "in JSON as well: {}", answer.text());
    let address = authorize(&clinic, &clinic.flow, &[]);
    for name in ["client_id=x", "redirect_uri=https%3A%2F%2Fevil.example", "state=x", "code_challenge=x"] {
        let page = run.browser.get(&format!("{address}&{name}")).await;
        let back = page.location().unwrap_or_default();
        assert!(page.status == 400 || back.contains("error=invalid_request"), "{name}: {} {back}", page.status);
        assert!(!back.starts_with("/journey") && !back.contains("evil"), "{name}: {back}");
    }
    let token = format!("{}/oauth2/v2.0/token", place(&clinic, &clinic.flow));
    let fields = [("grant_type", "authorization_code"), ("client_id", "a"), ("client_id", "b"), ("code", "x")];
    let answer = run.browser.post_bare(&token, &fields).await;
    assert!(answer.status.is_client_error());
    assert_eq!(app.rows(&["journeys", "sessions", "grants"]).await, before);
}

// Sends it up to three times: the machine may be busy with other tests.
async fn refused_at_once(run: &mut Run, what: &str, path: &str, kind: &str, body: impl Fn() -> Body) {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        let answer = run.browser.post_raw(path, Method::POST, kind, body()).await;
        best = best.min(began.elapsed());
        assert!(answer.status.is_client_error(), "{what} at {path}: {}", answer.status);
        if best < AT_ONCE {
            return;
        }
    }
    panic!("{what} at {path} took {best:?}");
}

fn endless() -> Body {
    let chunk = Bytes::from(vec![b'a'; 64 * 1024]);
    Body::from_stream(futures::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())))
}

#[tokio::test(flavor = "multi_thread")]
async fn f53_f54_hostile_bodies_get_a_4xx_at_once() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let csrf = run.view().await.csrf;
    let before = app.rows(&["journeys", "sessions", "accounts", "outbox", "audit"]).await;
    let forms = [
        paths::journey_event(&run.id, "sign-in"),
        paths::CONSOLE_SIGN_OUT.to_owned(),
        format!("{}/oauth2/v2.0/token", place(&clinic, &clinic.flow)),
        format!("{}/oauth2/v2.0/authorize", place(&clinic, &clinic.flow)),
    ];
    let start = format!("csrf={csrf}&email=nora%40patients.example");
    let fields = |n: usize| {
        let start = start.clone();
        move || Body::from((0..n).fold(start.clone(), |text, i| text + &format!("&f{i}=1")))
    };
    for path in &forms {
        refused_at_once(&mut run, "10,000 fields", path, FORM, fields(10_000)).await;
        refused_at_once(&mut run, "100,000 fields", path, FORM, fields(100_000)).await;
        refused_at_once(&mut run, "over 1 MB", path, FORM, || Body::from(vec![b'a'; 1_100_000])).await;
        refused_at_once(&mut run, "an endless body", path, FORM, endless).await;
    }
    for path in [&forms[0], &forms[2], &forms[3]] {
        for (what, raw) in [
            ("NUL", "&password=%00"),
            ("broken UTF-8", "&password=%ff%fe"),
            ("an unpaired surrogate", "&password=%ED%A0%80"),
            ("overlong UTF-8", "&password=%C0%AF"),
        ] {
            let body = format!("{start}{raw}");
            refused_at_once(&mut run, what, path, FORM, || Body::from(body.clone())).await;
        }
    }
    let api = paths::api_journey_event(&run.id, "sign-in");
    let json = "application/json";
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    for (what, text) in [
        ("deep arrays", deep("[", "]")),
        ("deep objects", deep("{\"a\":", "}")),
        ("deep fields", format!("{{\"csrf\":\"{csrf}\",\"fields\":{}}}", deep("[", "]"))),
        ("no JSON", "{".to_owned()),
        ("another shape", "[1,2,3]".to_owned()),
        ("a number for a field", format!("{{\"csrf\":\"{csrf}\",\"fields\":{{\"email\":1}}}}")),
        ("an unpaired surrogate", format!("{{\"csrf\":\"{csrf}\",\"fields\":{{\"email\":\"\\ud800\"}}}}")),
        ("NUL", format!("{{\"csrf\":\"{csrf}\",\"fields\":{{\"email\":\"\\u0000\"}}}}")),
        ("nothing", String::new()),
    ] {
        refused_at_once(&mut run, what, &api, json, || Body::from(text.clone())).await;
    }
    refused_at_once(&mut run, "broken UTF-8", &api, json, || Body::from(vec![b'"', 0xff, b'"'])).await;
    refused_at_once(&mut run, "an endless body", &api, json, endless).await;
    let many: Vec<String> = (0..10_000).map(|i| format!("\"f{i}\":\"1\"")).collect();
    let many = format!("{{\"csrf\":\"{csrf}\",\"fields\":{{{}}}}}", many.join(","));
    refused_at_once(&mut run, "10,000 fields", &api, json, || Body::from(many.clone())).await;
    assert_eq!(app.rows(&["journeys", "sessions", "accounts", "outbox", "audit"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_must_say_that_it_is_one() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    let csrf = run.view().await.csrf;
    let body = encode(&[("csrf", &csrf), ("email", NORA), ("password", PASSWORD)]);
    for kind in ["text/plain", "multipart/form-data; boundary=x", "application/json", ""] {
        let answer =
            run.browser.post_raw(&paths::journey_event(&run.id, "sign-in"), Method::POST, kind, body.clone()).await;
        assert_eq!(answer.status, 415, "{kind}");
    }
    let answer = run.browser.post_raw(&paths::api_journey_event(&run.id, "sign-in"), Method::POST, FORM, body).await;
    assert_eq!(answer.status, 415);
    assert_eq!(app.count("sessions").await, 0);
}

struct Dice(SeededEntropy);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        u32::from_be_bytes(bytes::<4>(&mut self.0)) as usize % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    fn text(&mut self) -> String {
        const ODD: [&str; 16] = [
            "",
            "%",
            "%zz",
            "\u{0}",
            "\u{202e}",
            "𝕏",
            "'",
            "\"><script>",
            "../..",
            "\r\nX: y",
            "-1",
            "99999999999999999999",
            "null",
            "\u{fffd}",
            "a&b=c",
            "{}",
        ];
        let mut raw = [0u8; 12];
        self.0.fill(&mut raw);
        match self.roll(3) {
            0 => (*self.pick(&ODD)).to_owned(),
            1 => String::from_utf8_lossy(&raw).into_owned(),
            _ => ODD.iter().copied().take(self.roll(16)).collect(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_garbage_gets_a_500() {
    garbage(424_242, 1500).await;
}

/// Sends so many random requests, drawn from `seed`; none may be answered with a 500.
pub(crate) async fn garbage(seed: u64, requests: usize) {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    let mut dice = Dice(SeededEntropy::new(seed));
    let base = place(&clinic, &clinic.flow);
    let names = [
        "csrf",
        "email",
        "password",
        "code",
        "method",
        "phone",
        "country",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "grant_type",
        "refresh_token",
        "code_verifier",
        "id_token_hint",
        "response_type",
        "response_mode",
        "prompt",
        "max_age",
        "p",
        "name",
    ];
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    run.browser.extra = vec![("sec-fetch-site", "same-origin".into())];
    for n in 0..requests {
        if n % 300 == 0 {
            run = Run::at(app.browser(), &authorize(&clinic, &clinic.flow, &[]), Via::Form).await;
            run.browser.extra = vec![("sec-fetch-site", "same-origin".into())];
        }
        let csrf = if n % 3 == 0 { run.view().await.csrf } else { String::new() };
        let mut fields: Vec<(String, String)> =
            (0..dice.roll(6)).map(|_| ((*dice.pick(&names)).to_owned(), dice.text())).collect();
        if !csrf.is_empty() {
            fields.retain(|(name, _)| name != "csrf" && name != "password");
            fields.push(("csrf".into(), csrf.clone()));
        }
        let query = serde_urlencoded::to_string(&fields).unwrap();
        let event = *dice.pick(&crate::flow_order::EVENTS);
        let odd = percent_encoding::utf8_percent_encode(&dice.text(), percent_encoding::NON_ALPHANUMERIC).to_string();
        let paths = [
            format!("{base}/oauth2/v2.0/authorize"),
            format!("{base}/oauth2/v2.0/token"),
            format!("{base}/oauth2/v2.0/logout"),
            format!("{base}/openid/v2.0/userinfo"),
            paths::journey_event(&run.id, event),
            paths::journey_event(&run.id, &odd),
            paths::journey(&odd),
            paths::journey_return(&odd),
            paths::api_journey(&odd),
            paths::api_journey_event(&run.id, event),
            paths::api_journey_event(&odd, event),
            format!("/invitation/{odd}/{odd}"),
            format!("/clinic/{odd}"),
            format!("/account/{odd}/profile"),
            format!("/portal/{odd}"),
            format!("/pkg/{odd}"),
            format!("/{odd}/{odd}/oauth2/v2.0/authorize"),
            format!("/{odd}"),
            "/sign-out".to_owned(),
            "/dev/inbox.json".to_owned(),
        ];
        let path = dice.pick(&paths).clone();
        let methods =
            [Method::GET, Method::POST, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD];
        let method = dice.pick(&methods).clone();
        let (uri, body) =
            if method == Method::GET { (format!("{path}?{query}"), String::new()) } else { (path, query.clone()) };
        let json = serde_json::json!({"csrf": csrf, "fields": fields.iter().cloned().collect::<std::collections::BTreeMap<_, _>>()});
        let is_json = uri.starts_with("/api/") && n % 2 == 0;
        let mut request = Request::builder().method(method.clone()).uri(&uri).header("accept", "text/html");
        request = request.header("content-type", if is_json { "application/json" } else { FORM });
        let Ok(request) = request.body(Body::from(if is_json { json.to_string() } else { body })) else { continue };
        let answer = run.browser.send(request).await;
        assert!(!answer.status.is_server_error(), "{method} {uri} {query}: {} {}", answer.status, answer.text());
    }
    let mut app = app;
    app.leave_messages();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_caught_with_the_request_id_and_leaves_no_half_done_state() {
    let app = TestApp::new().await;
    let mut run = Run::begin(&app, &app.world.plain, Via::Form).await;
    run.act("go-sign-up", &[]).await;
    run.prove(&app, "ada@new.example").await;
    let csrf = run.view().await.csrf;
    let tables = ["accounts", "sessions", "journeys", "audit", "counters", "outbox", "sends"];
    let before = app.rows(&tables).await;
    let fields = [("password", PASSWORD), ("givenName", "Ada"), ("surname", "Byron"), ("country", "GB")];
    let (mut panics, mut nth) = (0, 1);
    // The clock goes off at its first look, then at its second, and so on until it is not asked
    // that often: a panic at every point of the request, within the transaction as well.
    loop {
        app.clock.panic_at(nth);
        let answer = run.post("submit-details", &csrf, &fields).await;
        app.clock.panic_at(0);
        if answer.status == 303 {
            break;
        }
        panics += 1;
        nth += 1;
        assert!(answer.status == 500 || answer.status == 503, "{}", answer.status);
        let id = answer.header("x-request-id").unwrap();
        assert!(answer.says(&id), "the page has the id: {}", answer.text());
        assert!(!answer.says("clock of the test"), "and nothing of the inside");
        assert_eq!(app.rows(&tables).await, before, "panic {panics}");
        assert!(panics < 50);
    }
    assert!(panics >= 3, "{panics}");
    assert!(matches!(run.stage().await, StageView::Done { .. }), "and then it goes on where it was");
    assert_eq!(app.count("sessions").await, 1);
}
