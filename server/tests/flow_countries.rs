//! A flow that asks for a second factor in a new country, of which a trusted proxy tells. What it does not tell is
//! not known, and asks.

use axum::http::{HeaderValue, StatusCode};
use lanyard_domain::user_flow::Conditions;
use lanyard_server::config::Config;

use crate::{
    flow_conditions::{asking, is_asked},
    portal::{boss, save},
    support::{
        Browser, Clinic, Options, Run, TestApp, Via,
        browser::parameter,
        journey::authorize,
        world::{MARIA, PHONE},
    },
};

/// A flow that asks in a new browser and in a new country.
pub(crate) const ABROAD: Conditions =
    Conditions { new_browser: true, new_network: false, new_country: true, strong_days: None };
const PROXY: [u8; 4] = [192, 0, 2, 1];
const HEADER: &str = "cf-ipcountry";

/// A server whose trusted proxy tells countries.
pub(crate) fn behind_a_proxy(options: Options) -> Options {
    let config = Config {
        trusted_proxies: vec![std::net::IpAddr::from(PROXY)].into(),
        country_header: Some("CF-IPCountry".to_owned()),
        ..options.config
    };
    Options { config, ..options }
}

/// A browser whose requests come by the trusted proxy, which names `country`.
pub(crate) fn by_proxy(browser: Browser, country: &str) -> Browser {
    let mut browser = browser.at_ip(PROXY);
    browser.extra = vec![(HEADER, country.to_owned())];
    browser
}

/// A browser in which Maria signed in with her phone.
pub(crate) async fn known(app: &TestApp, clinic: &Clinic, browser: Browser) -> Browser {
    let mut run = Run::at(browser, &authorize(clinic, &clinic.flow, &[]), Via::Form).await;
    run.sign_in_with_phone(app, MARIA, PHONE).await;
    run.back().await;
    app.advance(31_000);
    run.browser
}

#[tokio::test(flavor = "multi_thread")]
async fn n22_a45_a_flow_asks_in_a_new_country_and_wherever_no_trusted_proxy_names_one() {
    for options in [Options::default(), Options::postgres()] {
        let app = TestApp::with(behind_a_proxy(options)).await;
        let clinic = asking(&app, ABROAD).await;
        let home = known(&app, &clinic, by_proxy(app.browser(), "CA")).await;
        assert_eq!(app.count("known_places").await, 3, "browser, network, country");
        assert!(!is_asked(&app, &home, &clinic).await);
        assert!(!is_asked(&app, &by_proxy(home.clone(), "ca"), &clinic).await);
        for other in ["FR", "XX", "T1", "EU", "CA, CA", " "] {
            assert!(is_asked(&app, &by_proxy(home.clone(), other), &clinic).await, "{other:?}");
        }
        let mut silent = home.clone();
        silent.extra.clear();
        assert!(is_asked(&app, &silent, &clinic).await, "the proxy names none");
        // Whoever goes around the proxy may say what they like.
        let around = home.clone().at_ip([203, 0, 113, 7]);
        assert!(is_asked(&app, &around, &clinic).await);
        // The address that the proxy forwards is no peer: it is believed as little.
        let mut forwarded = around.clone();
        forwarded.extra.push(("x-forwarded-for", "192.0.2.1".to_owned()));
        assert!(is_asked(&app, &forwarded, &clinic).await);
        // A new browser is still one.
        assert!(is_asked(&app, &by_proxy(app.browser(), "CA"), &clinic).await);
        // No country is told by the table.
        let rows = app.rows(&["known_places"]).await;
        let plain = ["'CA'", "'4341'", "\\x4341'"];
        assert!(!rows.iter().any(|row| plain.iter().any(|code| row.contains(code))), "{rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a45_a_country_that_is_said_twice_is_not_known() {
    let app = TestApp::with(behind_a_proxy(Options::default())).await;
    let clinic = asking(&app, ABROAD).await;
    let mut home = known(&app, &clinic, by_proxy(app.browser(), "CA")).await;
    // A session of the password alone, for the silent way.
    let mut run = Run::at(home.clone(), &authorize(&clinic, &clinic.flow, &[("prompt", "login")]), Via::Form).await;
    run.sign_in(MARIA, crate::support::PASSWORD).await;
    run.back().await;
    home.jar.clone_from(&run.browser.jar);
    let silent = authorize(&clinic, &clinic.flow, &[("prompt", "none")]);
    for (said, code) in [(&["CA"][..], true), (&["CA", "CA"], false), (&["CA", "FR"], false), (&[], false)] {
        let mut request = axum::http::Request::get(&silent).header("host", "id.example");
        for country in said {
            request = request.header(HEADER, HeaderValue::from_static(country));
        }
        let mut browser = home.clone();
        browser.extra.clear();
        let back = browser.send(request.body(axum::body::Body::empty()).unwrap()).await.location().unwrap();
        assert_eq!(parameter(&back, "code").is_some(), code, "{said:?}: {back}");
        assert_eq!(back.contains("error=interaction_required"), !code, "{said:?}: {back}");
    }
    app.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_where_no_country_is_known_makes_none_known() {
    let app = TestApp::with(behind_a_proxy(Options::default())).await;
    let clinic = asking(&app, ABROAD).await;
    for nowhere in ["XX", "T1"] {
        let browser = known(&app, &clinic, by_proxy(app.browser(), nowhere)).await;
        for next in [nowhere, "CA"] {
            assert!(is_asked(&app, &by_proxy(browser.clone(), next), &clinic).await, "{nowhere} {next}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn o2_a_new_country_goes_with_a_browser_or_a_network_and_the_page_says_where_none_is_told() {
    let always = "it asks at every sign-in";
    for told in [false, true] {
        let options = if told { behind_a_proxy(Options::default()) } else { Options::default() };
        let app = TestApp::with(options).await;
        let mut ann = boss(&app, "Ann").await;
        let clinic = app.world.plain.clone();
        let path = format!("/portal/{}/flows/{}", clinic.tenant.domain.as_str(), clinic.flow.name.key());
        let (page, action) = (format!("{path}/mfa?to=conditional"), format!("{path}/mfa"));
        assert_eq!(ann.get(&page).await.says(always), !told);
        let alone = [("when_new_browser", ""), ("when_days", ""), ("when_new_country", "true")];
        let refused = save(&mut ann, &page, &action, &alone).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.says("the country alone would let a stolen password in"), "{}", refused.text());
        let saved = save(&mut ann, &page, &action, &[("when_new_country", "true"), ("when_days", "")]).await;
        assert_eq!(saved.location(), Some(format!("{path}?done=saved")), "{}", saved.text());
        let shown = ann.get(&format!("{path}?done=saved")).await;
        assert!(shown.says("a new browser, a new country"), "{}", shown.text());
        assert_eq!(shown.says(always), !told, "{}", shown.text());
        // And so it does, however well known the browser is.
        let browser = known(&app, &clinic, by_proxy(app.browser(), "CA")).await;
        assert_eq!(is_asked(&app, &browser, &clinic).await, !told);
    }
}
