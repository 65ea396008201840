//! The cookie of a remembered browser: replaced with each use, lost on its way, copied; one for each tenant.
//! N22, A17, U24, D7.

use lanyard_domain::{
    clock::{HOUR, SECOND},
    remembered::{LOST_ANSWER, RememberedBrowser},
    secret::Token,
};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn n22_a17_its_secret_changes_with_each_use_and_a_copy_forgets_the_browser() {
    let (app, clinic) = remembering(Options::default()).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    let first = run.browser.jar[&cookie(&clinic)].clone();
    let mut thief = app.browser().at_ip([198, 51, 100, 9]);
    thief.jar.insert(cookie(&clinic), first.clone());
    much_later(&app).await;
    let (passed, run) = passes(&clinic, run.browser, MARIA, &[]).await;
    let second = run.browser.jar[&cookie(&clinic)].clone();
    assert!(passed && first != second);
    let stored = app.rows(&["remembered_browsers"]).await.join("\n");
    assert!(!stored.contains(&first) && !stored.contains(&second), "hashes alone: {stored}");
    // The copy is noticed by whoever comes second, later than an answer may be lost, and the browser is forgotten for both.
    app.advance(LOST_ANSWER);
    assert!(!passes(&clinic, thief, MARIA, &[]).await.0);
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Failure).await, 1);
    assert_eq!(browsers(&app).await, 0);
    much_later(&app).await;
    assert!(!passes(&clinic, run.browser, MARIA, &[]).await.0);
    app.drain().await;
}

// Signs in by the password alone; the session's browser and the refresh token.
async fn opened(clinic: &Clinic, browser: Browser) -> (Browser, String) {
    let (passed, mut run) = passes(clinic, browser, MARIA, &[]).await;
    assert!(passed);
    let back = run.back().await;
    let answer = tokens(&mut run, clinic, &back).await;
    (run.browser, answer["refresh_token"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_u24_what_a_copy_opened_ends_when_the_owner_comes_and_the_owner_is_told() {
    for options in [Options::default(), Options::postgres()] {
        let (app, clinic) = remembering(options).await;
        let tenant = clinic.tenant.id;
        let run = remember(&app, &clinic, app.browser(), Via::Form).await;
        let mut thief = app.browser().at_ip([198, 51, 100, 9]);
        thief.jar.insert(cookie(&clinic), run.browser.jar[&cookie(&clinic)].clone());
        much_later(&app).await;
        // Elsewhere the owner is signed in with the factor, and in another remembered browser.
        let mut elsewhere = begin(&clinic, app.browser(), &[], Via::Form).await;
        elsewhere.sign_in_with_phone(&app, MARIA, PHONE).await;
        elsewhere.back().await;
        app.advance(5 * MINUTE);
        let other = remember(&app, &clinic, app.browser(), Via::Form).await;
        let (mut thief, first) = opened(&clinic, thief).await;
        // A session of it that ended left a refresh token behind.
        let (mut thief_again, second) = opened(&clinic, {
            let mut browser = app.browser().at_ip([198, 51, 100, 9]);
            browser.jar.insert(cookie(&clinic), thief.jar[&cookie(&clinic)].clone());
            browser
        })
        .await;
        let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
        let back = thief_again.get(&silent).await.location().unwrap();
        let code = parameter(&back, "code").unwrap();
        assert!(is_let_in(&mut thief, &clinic).await && is_let_in(&mut thief_again, &clinic).await);
        app.advance(5 * MINUTE);
        app.drain().await;
        let mails = app.messages(MARIA).await;

        assert!(!passes(&clinic, run.browser.clone(), MARIA, &[]).await.0, "the owner is asked for the factor");
        assert!(!is_let_in(&mut thief, &clinic).await && !is_let_in(&mut thief_again, &clinic).await);
        for token in [&first, &second] {
            assert_eq!(refresh(&mut thief, &clinic, &clinic.flow, token).await.status, 400);
        }
        let late = crate::support::journey::redeem(&mut thief, &clinic, &clinic.flow, &code, &[]).await;
        assert_eq!(late.status, 400, "nor does a code that was not redeemed yet");
        assert_eq!(app.audited(tenant, Action::BrowserRecognised, Outcome::Failure).await, 1);
        let log = app.audit(tenant).await;
        let forgotten = log.iter().find(|event| event.action == Action::BrowserForgotten).unwrap();
        assert_eq!(forgotten.detail["detail"], "copied");
        assert!(forgotten.detail["sessions"].as_u64() >= Some(2) && forgotten.detail["grants"].as_u64() >= Some(3));

        // What else there is stands.
        assert_eq!(browsers(&app).await, 1);
        assert!(is_let_in(&mut elsewhere.browser, &clinic).await);
        assert_eq!(app.messages(MARIA).await, mails + 1);
        let mail = app.message(MARIA).await.body;
        assert!(mail.contains("may have copied") && mail.contains("signed out everybody"), "{mail}");
        // It comes once: there is nothing left to copy.
        app.advance(5 * MINUTE);
        assert!(!passes(&clinic, run.browser, MARIA, &[]).await.0);
        assert_eq!(app.messages(MARIA).await, mails + 1);
        let not_me = link(&app, MARIA).await;
        assert_eq!(app.browser().post(&not_me, &[]).await.status, 200);
        assert_eq!(browsers(&app).await, 0, "“This wasn’t me” forgets the other one");
        drop(other);
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_an_answer_that_was_lost_is_no_copy_for_ten_seconds() {
    for (options, pause, again) in [
        (Options::default(), LOST_ANSWER - SECOND, true),
        (Options::postgres(), LOST_ANSWER - SECOND, true),
        (Options::default(), LOST_ANSWER, false),
    ] {
        let (app, clinic) = remembering(options).await;
        let run = remember(&app, &clinic, app.browser(), Via::Form).await;
        much_later(&app).await;
        // The answer to this one never reached the browser.
        let (passed, lost) = passes(&clinic, run.browser.clone(), MARIA, &[]).await;
        assert!(passed);
        app.advance(pause);
        let (passed, run) = passes(&clinic, run.browser, MARIA, &[]).await;
        assert_eq!(passed, again, "{pause}");
        assert_eq!(browsers(&app).await, usize::from(again));
        if again {
            assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Failure).await, 0);
            much_later(&app).await;
            let (passed, run) = passes(&clinic, run.browser, MARIA, &[]).await;
            assert!(passed, "the replacement counts");
            // The successor that was lost died with it: who has it has a copy.
            app.advance(MINUTE);
            assert!(!passes(&clinic, lost.browser, MARIA, &[]).await.0);
            assert_eq!(browsers(&app).await, 0);
            app.advance(MINUTE);
            assert!(!passes(&clinic, run.browser, MARIA, &[]).await.0);
        }
        app.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a_form_that_is_sent_again_because_its_answer_was_lost_brings_the_cookie() {
    for via in Via::BOTH {
        let (app, clinic) = remembering(Options::default()).await;
        let run = remember(&app, &clinic, app.browser(), via).await;
        let first = run.browser.jar[&cookie(&clinic)].clone();
        much_later(&app).await;
        let mut again = begin(&clinic, run.browser, &[], via).await;
        let csrf = again.view().await.csrf;
        let form = [("email", MARIA), ("password", PASSWORD)];
        again.post("sign-in", &csrf, &form).await;
        let lost = again.browser.jar.insert(cookie(&clinic), first.clone()).unwrap();
        let mut copy = again.browser.clone();
        copy.jar.remove("__Host-journey");
        // Whoever has the cookie alone gets nothing by sending it there.
        let mut stranger = Run { browser: copy, id: again.id.clone(), via, codes: false };
        stranger.post("sign-in", &csrf, &form).await;
        assert_eq!(stranger.browser.jar[&cookie(&clinic)], first);
        again.post("sign-in", &csrf, &form).await;
        let newest = again.browser.jar[&cookie(&clinic)].clone();
        assert!(newest != first && newest != lost);
        assert!(matches!(again.stage().await, StageView::Done { .. }), "it goes on where it stood");
        again.back().await;
        assert_eq!(app.audited(clinic.tenant.id, Action::SignIn, Outcome::Success).await, 2, "and signed in once");
        much_later(&app).await;
        assert!(passes(&clinic, again.browser, MARIA, &[]).await.0, "days later it is no copy");
        app.drain().await;
    }
}

pub(super) async fn entry_of(app: &TestApp, clinic: &Clinic, cookie: &str) -> Option<RememberedBrowser> {
    let (tenant, token) = (clinic.tenant.id, Token::parse(cookie).unwrap());
    let found = app.app.store.read(move |tx| {
        Box::pin(async move {
            let found = tx.remembered_by_series(tenant, &token.series()).await?;
            Ok::<_, StorageError>(found.filter(|browser| browser.token == token.hash()))
        })
    });
    found.await.unwrap()
}

/// A hundred at once with one cookie: one entry stays, and one of the secrets that were handed out lives.
async fn of_many_secrets_one_lives(options: Options) {
    const AT_ONCE: usize = 100;
    let (app, clinic) = remembering(options).await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    let first = run.browser.jar[&cookie(&clinic)].clone();
    much_later(&app).await;
    let mut runs = Vec::new();
    for at in 0..AT_ONCE {
        let mut one = begin(&clinic, run.browser.clone(), &[], Via::BOTH[at % 2]).await;
        let csrf = one.view().await.csrf;
        runs.push((one, csrf));
    }
    let name = cookie(&clinic);
    let tries = runs.into_iter().map(|(mut one, csrf)| {
        let name = name.clone();
        async move {
            let tried = async move {
                let answer = one.post("sign-in", &csrf, &[("email", MARIA), ("password", PASSWORD)]).await;
                assert!(!answer.status.is_server_error(), "{}", answer.text());
                one.browser.jar[&name].clone()
            };
            tokio::spawn(tried).await.unwrap()
        }
    });
    let cookies = join_all(tries).await;
    let given: Vec<&String> = cookies.iter().filter(|cookie| **cookie != first).collect();
    assert!(!given.is_empty());
    let recognised = app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Success).await;
    assert_eq!((recognised, browsers(&app).await), (given.len(), 1));
    let mut live = Vec::new();
    for cookie in &given {
        if entry_of(&app, &clinic, cookie).await.is_some() {
            live.push(*cookie);
        }
    }
    assert_eq!(live.len(), 1, "never two live secrets");
    assert_eq!(app.audited(clinic.tenant.id, Action::BrowserRecognised, Outcome::Failure).await, 0);
    // The live one counts, and everybody else has a copy from then on.
    much_later(&app).await;
    let with = |cookie: &String| {
        let mut browser = app.browser();
        browser.jar.insert(name.clone(), cookie.clone());
        browser
    };
    assert!(passes(&clinic, with(live[0]), MARIA, &[]).await.0);
    let dead = given.iter().find(|cookie| **cookie != live[0]).copied().unwrap_or(&first);
    assert!(!passes(&clinic, with(dead), MARIA, &[]).await.0);
    assert_eq!(browsers(&app).await, 0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_a_hundred_sign_ins_of_a_remembered_browser_leave_one_secret_sqlite() {
    of_many_secrets_one_lives(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_a_hundred_sign_ins_of_a_remembered_browser_leave_one_secret_postgres() {
    of_many_secrets_one_lives(Options::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a_browser_is_remembered_at_each_tenant_by_itself() {
    let (app, clinic) = remembering(Options::default()).await;
    let other = app.world.plain.clone();
    change(&app, &other.flow, |settings| {
        settings.mfa = MfaPolicy::new(Enforcement::AlwaysOn, Method::ALL);
        settings.session.remember = RememberSettings { on: true, days: 30 };
    })
    .await;
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    let run = remember(&app, &other, run.browser, Via::Form).await;
    assert!(run.browser.jar.contains_key(&cookie(&clinic)) && run.browser.jar.contains_key(&cookie(&other)));
    assert_eq!(browsers(&app).await, 2);
    much_later(&app).await;
    let (passed, run) = passes(&clinic, run.browser, MARIA, &[]).await;
    assert!(passed, "signing in at another tenant pushed nothing out");
    let (passed, mut run) = passes(&other, run.browser, MARIA, &[]).await;
    assert!(passed);
    // Nor does one tenant take what is another's, whatever name it comes by.
    much_later(&app).await;
    let own = run.browser.jar[&cookie(&other)].clone();
    run.browser.jar.insert(cookie(&clinic), own);
    let (passed, run) = passes(&clinic, run.browser, MARIA, &[]).await;
    assert!(!passed);
    assert_eq!(browsers(&app).await, 2);
    assert!(passes(&other, run.browser, MARIA, &[]).await.0);
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a19_a_browser_that_is_forgotten_or_over_takes_what_it_opened_with_it() {
    for options in [Options::default(), Options::postgres()] {
        let (app, clinic) = remembering(options).await;
        let account = clinic.maria;
        let run = remember(&app, &clinic, app.browser(), Via::Form).await;
        much_later(&app).await;
        // A thief has the cookie and the password, and whatever makes the owner's browsers forgotten comes before the owner.
        let (mut thief, token) = opened(&clinic, run.browser).await;
        let answer = refresh(&mut thief, &clinic, &clinic.flow, &token).await;
        let token = answer.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned();
        let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
        let back = thief.get(&silent).await.location().unwrap();
        let code = parameter(&back, "code").unwrap();
        let forgotten = app.app.store.write(move |tx| Box::pin(async move { tx.forget_all_remembered(account).await }));
        assert_eq!(forgotten.await.unwrap_or_else(|error: StorageError| panic!("{error}")), 1);
        assert_eq!(refresh(&mut thief, &clinic, &clinic.flow, &token).await.status, 400);
        let late = crate::support::journey::redeem(&mut thief, &clinic, &clinic.flow, &code, &[]).await;
        assert_eq!(late.status, 400, "nor does a code");
        app.drain().await;

        // And the end of its days ends what it opened on the last of them.
        let run = remember(&app, &clinic, app.browser(), Via::Form).await;
        let entry = entry_of(&app, &clinic, &run.browser.jar[&cookie(&clinic)]).await.expect("remembered");
        app.advance(entry.expires_at.since(app.now()) - 2 * HOUR);
        app.drain().await;
        let (mut owner, token) = opened(&clinic, run.browser).await;
        app.advance(HOUR);
        let answer = refresh(&mut owner, &clinic, &clinic.flow, &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let token = answer.json::<serde_json::Value>()["refresh_token"].as_str().unwrap().to_owned();
        app.advance(HOUR);
        assert_eq!(refresh(&mut owner, &clinic, &clinic.flow, &token).await.status, 400);
        app.drain().await;
    }
}
