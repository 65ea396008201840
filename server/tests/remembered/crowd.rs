//! Many at once with one cookie of a remembered browser, its owner among them: it is noticed once, and whatever any of
//! them opened ends. N22, A17, U24, D7.

use lanyard_domain::remembered::LOST_ANSWER;

use super::*;

const AT_ONCE: usize = 100;

/// A browser that has this cookie of the clinic's, and no other.
fn with(app: &TestApp, clinic: &Clinic, secret: &str) -> Browser {
    let mut browser = app.browser().at_ip([198, 51, 100, 9]);
    browser.jar.insert(cookie(clinic), secret.to_owned());
    browser
}

/// All of them send Maria's password at once, by form and by JSON; those that were let in.
async fn at_once(clinic: &Clinic, browsers: Vec<Browser>) -> Vec<Run> {
    let mut ready = Vec::new();
    for (n, browser) in browsers.into_iter().enumerate() {
        let mut run = begin(clinic, browser, &[], Via::BOTH[n / 2 % 2]).await;
        let csrf = run.view().await.csrf;
        ready.push((run, csrf));
    }
    let tries = ready.into_iter().map(|(mut run, csrf)| {
        tokio::spawn(async move {
            let answer = run.post("sign-in", &csrf, &[("email", MARIA), ("password", PASSWORD)]).await;
            assert!(!answer.status.is_server_error(), "{}", answer.text());
            run
        })
    });
    let mut let_in = Vec::new();
    for run in join_all(tries).await {
        let mut run = run.unwrap();
        if matches!(run.stage().await, StageView::Done { .. }) {
            let_in.push(run);
        }
    }
    let_in
}

/// Ten copies sign in while an answer may be lost, and the one who got the cookie once more; later fifty come with the
/// cookie that was used up and fifty with the one that lives.
async fn what_the_crowd_opened_ends(options: Options) {
    let (app, clinic) = remembering(options).await;
    let (tenant, name) = (clinic.tenant.id, cookie(&clinic));
    let run = remember(&app, &clinic, app.browser(), Via::Form).await;
    let used = run.browser.jar[&name].clone();
    much_later(&app).await;
    let mut opened = Vec::new();
    let mut live = None;
    for mut run in at_once(&clinic, (0..10).map(|_| with(&app, &clinic, &used)).collect()).await {
        let back = run.back().await;
        let answer = tokens(&mut run, &clinic, &back).await;
        let secret = run.browser.jar[&name].clone();
        if copies::entry_of(&app, &clinic, &secret).await.is_some() {
            assert!(live.replace(secret).is_none(), "one secret at a time");
        }
        opened.push((run.browser, answer["refresh_token"].as_str().unwrap().to_owned()));
    }
    let used_later = live.expect("whoever came last has it");
    assert!(opened.len() > 1, "answers get lost");
    // The one who has it comes once more, and has the cookie that lives.
    app.advance(LOST_ANSWER);
    let mut owner = at_once(&clinic, vec![with(&app, &clinic, &used_later)]).await.remove(0);
    let back = owner.back().await;
    let answer = tokens(&mut owner, &clinic, &back).await;
    let live = owner.browser.jar[&name].clone();
    assert_ne!(live, used_later);
    opened.push((owner.browser, answer["refresh_token"].as_str().unwrap().to_owned()));
    assert_eq!(app.audited(tenant, Action::BrowserRecognised, Outcome::Failure).await, 0);
    for (browser, _) in &mut opened {
        assert!(is_let_in(browser, &clinic).await);
    }

    app.advance(LOST_ANSWER);
    let mails = app.messages(MARIA).await;
    let crowd = (0..AT_ONCE).map(|n| with(&app, &clinic, [&used, &live][n % 2])).collect();
    let let_in = at_once(&clinic, crowd).await;
    assert_eq!(browsers(&app).await, 0, "forgotten for everybody");
    assert_eq!(app.audited(tenant, Action::BrowserRecognised, Outcome::Failure).await, 1, "noticed once");
    let log = app.audit(tenant).await;
    let forgotten: Vec<_> = log.iter().filter(|event| event.action == Action::BrowserForgotten).collect();
    assert_eq!((forgotten.len(), &forgotten[0].detail["detail"]), (1, &"copied".into()));
    assert_eq!(app.messages(MARIA).await, mails + 1, "and told once");

    // Whatever one of them had opened before, or in the same moment, is over.
    for (mut browser, token) in opened {
        assert!(!is_let_in(&mut browser, &clinic).await);
        assert_eq!(refresh(&mut browser, &clinic, &clinic.flow, &token).await.status, 400);
    }
    for mut run in let_in {
        // It leads back with an error, or to the sign-in page: never with a code.
        let page = run.browser.get(&paths::journey_return(&run.id)).await;
        let back =
            page.refresh().or_else(|| page.location()).unwrap_or_else(|| panic!("{} {}", page.status, page.text()));
        assert_eq!(parameter(&back, "code"), None, "{back}");
        assert!(!is_let_in(&mut run.browser, &clinic).await);
    }
    for secret in [&used, &live] {
        app.advance(5 * MINUTE);
        assert!(!passes(&clinic, with(&app, &clinic, secret), MARIA, &[]).await.0, "the factor is asked for");
        app.drain().await;
    }
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_n22_a17_of_a_crowd_with_a_copied_cookie_one_is_noticed_and_all_are_out() {
    what_the_crowd_opened_ends(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d7_n22_a17_of_a_crowd_with_a_copied_cookie_one_is_noticed_and_all_are_out_postgres() {
    what_the_crowd_opened_ends(Options::postgres()).await;
}
