//! RFC 9700 (best current practice) and RFC 9207 at the authorization endpoint: where a browser is
//! sent, and where not.

use proptest::prelude::*;

use super::*;
use crate::support::{browser::encode, world::REPLY};

#[tokio::test(flavor = "multi_thread")]
async fn rfc9207_iss_is_in_every_answer_in_every_mode() {
    let app = TestApp::new().await;
    let clinic = clinic_with(&app, |application| application.settings.hybrid = true).await;
    let (mut run, _) = signed_in(&app, &clinic, &[]).await;
    for kind in ["code", "code id_token"] {
        for mode in ["", "query", "fragment", "form_post"] {
            for prompt in ["none", "none login"] {
                let more = [("response_type", kind), ("response_mode", mode), ("prompt", prompt)];
                let page = run.browser.get(&authorize(&clinic, &clinic.flow, &more)).await;
                let value = |name: &str| match page.location() {
                    Some(back) => parameter(&back, name),
                    None => page.hidden(name),
                };
                assert_eq!(value("iss"), Some(issuer(&clinic)), "{more:?}");
                assert_eq!(value("state").as_deref(), Some("st=a|te"), "{more:?}");
                assert!(value("code").is_some() != value("error").is_some(), "{more:?}");
                if let Some(back) = page.location() {
                    assert_eq!(back.matches("iss=").count(), 1, "mix-up: once, not twice: {back}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_ensure_registered_redirect_uri() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    for prompt in ["", "none"] {
        let bad = [("redirect_uri", "https://app.example/unregistered"), ("prompt", prompt)];
        let page = app.browser().get(&authorize(&clinic, &clinic.flow, &bad)).await;
        assert_eq!((page.status.as_u16(), page.location(), page.refresh()), (400, None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc9700_no_open_redirector_no_307_no_framing() {
    let app = TestApp::new().await;
    let clinic = app.world.plain.clone();
    // Whatever is wrong with a request, a browser goes to a registered reply URL or nowhere.
    for more in [
        [("redirect_uri", "https://evil.example/"), ("response_type", "token")],
        [("redirect_uri", "https://evil.example/"), ("prompt", "none")],
        [("redirect_uri", "https://evil.example/"), ("response_mode", "form_post")],
        [("client_id", "018f0000-0000-7000-8000-000000000000"), ("prompt", "none")],
    ] {
        let page = app.browser().get(&authorize(&clinic, &clinic.flow, &more)).await;
        assert_eq!((page.status.as_u16(), page.location(), page.refresh()), (400, None, None), "{more:?}");
        assert!(!page.says("evil.example"), "{more:?}");
        assert_eq!(page.header("x-frame-options").as_deref(), Some("DENY"));
        assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    }
    // After the credentials were posted: 303 to a page of ours, which moves on with a plain GET.
    let mut run = Run::begin(&app, &clinic, Via::Form).await;
    let csrf = run.view().await.csrf;
    let posted = run.post("sign-in", &csrf, &[("email", NORA), ("password", PASSWORD)]).await;
    assert_eq!(posted.status, 303, "never 307: that would repeat the password elsewhere");
    assert!(posted.location().unwrap().starts_with('/'));
    let page = run.browser.get(&lanyard_app::paths::journey_return(&run.id)).await;
    assert_eq!((page.status.as_u16(), page.location()), (200, None));
    assert!(page.refresh().unwrap().starts_with(REPLY));
    assert_eq!(page.header("x-frame-options").as_deref(), Some("DENY"));
    // The referrer of that page would tell the code to whoever comes next.
    assert!(["same-origin", "no-referrer"].contains(&page.header("referrer-policy").unwrap().as_str()));
}

#[test]
fn f54_the_whole_query_at_random_is_never_a_fault_of_ours() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let app = runtime.block_on(TestApp::new());
    let clinic = app.world.plain.clone();
    let id = clinic.application.id.to_string();
    let name = proptest::sample::select(lanyard_oidc::authorize::KNOWN.to_vec());
    let value = prop_oneof![
        ".{0,20}",
        Just(id),
        Just(REPLY.to_owned()),
        "(code|openid|none|S256|query|form_post|id_token| |\\{\"id_token\":\\{\\}\\}|-?[0-9]{1,12}|%|\\x00)"
    ];
    let fields = proptest::collection::vec((name, value), 0..8);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig { cases: 200, ..ProptestConfig::default() });
    runner
        .run(&(fields, any::<bool>(), any::<bool>()), |(fields, good, posted)| {
            let (base, _) = authorize(&clinic, &clinic.flow, &[])
                .split_once('?')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .unwrap();
            let mut all: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let client = clinic.application.id.to_string();
            if good {
                all.retain(|(name, _)| !["client_id", "redirect_uri", "request_uri"].contains(name));
                all.extend([("client_id", client.as_str()), ("redirect_uri", REPLY)]);
            }
            let page = runtime.block_on(async {
                match posted {
                    true => app.browser().post_bare(&base, &all).await,
                    false => app.browser().get(&format!("{base}?{}", encode(&all))).await,
                }
            });
            prop_assert!(!page.status.is_server_error(), "{}: {}", page.status, page.at);
            if let Some(to) = page.location() {
                let own = to.starts_with("/journey/");
                prop_assert!(
                    own || to.starts_with(&format!("{REPLY}?")) || to.starts_with(&format!("{REPLY}#")),
                    "{to}"
                );
            }
            if page.says("<form method=\"post\" action=\"http") {
                let action = format!("action=\"{REPLY}\"");
                prop_assert!(page.says(&action));
            }
            Ok(())
        })
        .unwrap();
    runtime.block_on(async move { drop(app) });
}
