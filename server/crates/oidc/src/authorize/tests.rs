//! The authorization endpoint, rule by rule.

use lanyard_domain::{
    application::ApplicationKind::{Native, SinglePage, Web, WebApi},
    assurance::Level,
    clock::{MINUTE, SECOND},
    grant::ResponseMode,
    reply_url::ReplyUrl,
};
use proptest::prelude::*;

use super::*;
use crate::{
    error::OAuthError,
    fixtures::{self, CHALLENGE, NOW, REPLY, params},
    params::percent_encode,
};

fn base(application: &Application) -> Vec<(String, String)> {
    [
        ("client_id", application.id.to_string().as_str()),
        ("redirect_uri", REPLY),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "s|1="),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn encode(fields: &[(String, String)]) -> String {
    fields.iter().map(|(n, v)| format!("{n}={}", percent_encode(v))).collect::<Vec<_>>().join("&")
}

// The good request with some fields set to another value; an empty value takes the field away.
fn request(application: &Application, changes: &[(&str, &str)]) -> String {
    let mut fields = base(application);
    for (name, value) in changes {
        fields.retain(|(n, _)| n != name);
        if !value.is_empty() {
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    encode(&fields)
}

fn run(application: &Application, query: &str) -> Result<Authorize, AuthorizeError> {
    let params = params(query);
    let tenant = fixtures::tenant_id();
    check(&Input { params: &params, tenant, application: Some(application), linked: true, pushed: false })
}

fn page(result: Result<Authorize, AuthorizeError>) -> Code {
    match result {
        Err(AuthorizeError::Page { code, .. }) => code,
        other => panic!("no page: {other:?}"),
    }
}

fn redirect(result: Result<Authorize, AuthorizeError>) -> (Back, Refusal) {
    match result {
        Err(AuthorizeError::Redirect { back, refusal }) => (back, refusal),
        other => panic!("no redirect: {other:?}"),
    }
}

#[test]
fn oidcc_server_a_good_request_passes() {
    let app = fixtures::application(Web);
    let got = run(&app, &request(&app, &[("nonce", "n"), ("login_hint", "mia@example.com")])).unwrap();
    assert_eq!(got.request.redirect_uri, REPLY);
    assert_eq!(got.request.state.as_deref(), Some("s|1="));
    assert_eq!(got.request.nonce.as_deref(), Some("n"));
    assert_eq!(got.request.code_challenge.as_deref(), Some(CHALLENGE));
    assert_eq!(got.request.response_mode, ResponseMode::Query);
    assert_eq!(got.request.login_hint.as_deref(), Some("mia@example.com"));
    assert!(!got.request.fresh_login && !got.request.start_with_sign_up && !got.silent());
}

#[test]
fn oidcc_ensure_request_with_unknown_parameter_and_without_nonce_succeeds() {
    let app = fixtures::application(Web);
    let extra = request(&app, &[("client-request-id", "x"), ("clidata", "1"), ("acr_values", "a b"), ("pocd", "1")]);
    assert_eq!(run(&app, &format!("{extra}&zz=1&zz=2")).unwrap().request.nonce, None);
}

#[test]
fn a28_oidcc_ensure_registered_redirect_uri_an_unknown_reply_url_is_an_error_page() {
    let app = fixtures::application(Web);
    for bad in ["https://app.example/CB", "https://app.example/cb/", "https://evil.example", "//app.example/cb", ""] {
        assert_eq!(page(run(&app, &request(&app, &[("redirect_uri", bad)]))), Code::ReplyUrl, "{bad}");
    }
    let twice = format!("{}&redirect_uri={}", request(&app, &[]), percent_encode(REPLY));
    assert_eq!(page(run(&app, &twice)), Code::ReplyUrl);
}

#[test]
fn an_unknown_client_is_an_error_page() {
    let app = fixtures::application(Web);
    let good = params(&request(&app, &[]));
    let tenant = fixtures::tenant_id();
    let other = Id::new(NOW, &mut lanyard_domain::entropy::SeededEntropy::new(9));
    for input in [
        Input { params: &good, tenant, application: None, linked: true, pushed: false },
        Input { params: &good, tenant, application: Some(&app), linked: false, pushed: true },
        Input { params: &good, tenant: other, application: Some(&app), linked: true, pushed: false },
    ] {
        assert_eq!(page(check(&input)), Code::UnknownClient);
    }
    for bad in ["", "x", "{00000000-0000-0000-0000-0000000000a9}"] {
        page(run(&app, &request(&app, &[("client_id", bad)])));
    }
    page(run(&app, &format!("{}&client_id={}", request(&app, &[]), app.id)));
    let mut api = fixtures::application(WebApi);
    api.reply_urls.clear();
    assert_eq!(page(run(&api, &request(&api, &[]))), Code::ReplyUrl, "a web API signs nobody in");
}

#[test]
fn f52_duplicate_parameters_are_refused_at_the_reply_url() {
    let app = fixtures::application(Web);
    for name in ["scope", "state", "nonce", "prompt", "code_challenge", "response_mode"] {
        let (back, refusal) = redirect(run(&app, &format!("{}&{name}=a&{name}=a", request(&app, &[(name, "")]))));
        assert_eq!((refusal.error, back.redirect_uri.as_str()), (OAuthError::InvalidRequest, REPLY), "{name}");
    }
}

#[test]
fn a30_pkce_plain_is_refused() {
    for kind in [Web, SinglePage, Native] {
        let app = fixtures::application(kind);
        for method in ["plain", "", "s256", "S512"] {
            let (_, refusal) = redirect(run(&app, &request(&app, &[("code_challenge_method", method)])));
            assert_eq!(refusal.error, OAuthError::InvalidRequest, "{kind:?} {method}");
        }
        for challenge in ["short", "=", &"a".repeat(44), &"a".repeat(42), &"+".repeat(43), &format!("{CHALLENGE}=")] {
            redirect(run(&app, &request(&app, &[("code_challenge", challenge)])));
        }
    }
}

#[test]
fn a30_a_public_client_without_pkce_is_refused() {
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    for kind in [SinglePage, Native] {
        let app = fixtures::application(kind);
        let (_, refusal) = redirect(run(&app, &request(&app, &without)));
        assert_eq!(refusal.error, OAuthError::InvalidRequest);
    }
    let web = fixtures::application(Web);
    assert_eq!(run(&web, &request(&web, &without)).unwrap().request.code_challenge, None);
    redirect(run(&web, &request(&web, &[("code_challenge", "")])));
}

#[test]
fn oidcc_response_type_missing_and_no_implicit_grant() {
    let app = fixtures::application(Web);
    let (_, missing) = redirect(run(&app, &request(&app, &[("response_type", "")])));
    assert_eq!(missing.error, OAuthError::InvalidRequest);
    for kind in ["token", "code token", "id_token token", "code id_token token", "code code", "CODE", "none"] {
        let (back, refusal) = redirect(run(&app, &request(&app, &[("response_type", kind)])));
        assert_eq!(refusal.error, OAuthError::UnsupportedResponseType, "{kind}");
        assert_eq!(back.state.as_deref(), Some("s|1="), "state comes back on errors too");
        let fragment = kind.contains("token");
        assert_eq!(back.response_mode == ResponseMode::Fragment, fragment, "{kind}: as its answer would travel");
    }
}

#[test]
fn a28_an_id_token_from_here_is_the_choice_of_each_application() {
    let mut app = fixtures::application(SinglePage);
    for (kind, other) in [("code id_token", "id_token"), ("id_token", "id_token code"), ("id_token code", "id_token")] {
        app.settings.hybrid = kind != "id_token";
        app.settings.implicit_id_token = kind == "id_token";
        let got = run(&app, &request(&app, &[("response_type", kind), ("nonce", "n")])).unwrap().request;
        assert_eq!(got.options.response_type.has_code(), kind.contains("code"), "{kind}");
        assert!(got.options.response_type.has_id_token(), "{kind}");
        assert_eq!(got.response_mode, ResponseMode::Fragment, "{kind}: the default");
        let (back, refusal) = redirect(run(&app, &request(&app, &[("response_type", other), ("nonce", "n")])));
        assert_eq!((refusal.error, refusal.code), (OAuthError::UnauthorizedClient, Code::ImplicitOff), "{other}");
        assert_eq!(back.response_mode, ResponseMode::Fragment);
        // The nonce is what stops a replay.
        let (_, refusal) = redirect(run(&app, &request(&app, &[("response_type", kind)])));
        assert_eq!(refusal.error, OAuthError::InvalidRequest, "{kind} without a nonce");
        // Never in a query; a form is as good as the fragment.
        let with_mode =
            |mode| run(&app, &request(&app, &[("response_type", kind), ("nonce", "n"), ("response_mode", mode)]));
        let (back, refusal) = redirect(with_mode("query"));
        assert_eq!((refusal.code, back.response_mode), (Code::ResponseMode, ResponseMode::Fragment), "{kind}");
        assert_eq!(with_mode("form_post").unwrap().request.response_mode, ResponseMode::FormPost);
    }
}

#[test]
fn a30_without_a_code_there_is_nothing_for_pkce_to_protect() {
    let mut app = fixtures::application(SinglePage);
    (app.settings.hybrid, app.settings.implicit_id_token) = (true, true);
    let without = |kind| {
        let changes = [("response_type", kind), ("nonce", "n"), ("code_challenge", ""), ("code_challenge_method", "")];
        run(&app, &request(&app, &changes))
    };
    assert_eq!(without("id_token").unwrap().request.code_challenge, None);
    redirect(without("code id_token"));
    redirect(without("code"));
}

#[test]
fn oidcc_ensure_request_with_acr_values_succeeds() {
    let app = fixtures::application(Web);
    let acr = |changes: &[(&str, &str)]| run(&app, &request(&app, changes)).unwrap().request.options.acr;
    assert_eq!(acr(&[]), None);
    assert_eq!(acr(&[("acr_values", "aal2")]), Some(Level::Aal2));
    assert_eq!(acr(&[("acr_values", "urn:x aal1 aal2")]), Some(Level::Aal1), "in the order of preference");
    assert_eq!(acr(&[("acr_values", "1 2 AAL2")]), None, "a wish for something else is no error");
    let essential = r#"{"id_token":{"acr":{"essential":true,"value":"aal2"}}}"#;
    assert_eq!(acr(&[("acr_values", "aal1"), ("claims", essential)]), Some(Level::Aal2), "the higher one");
}

#[test]
fn oidcc_ui_locales_and_claims_locales() {
    let app = fixtures::application(Web);
    let locales = |text: &str| {
        let changes = [("ui_locales", text), ("claims_locales", "xx <> yy")];
        run(&app, &request(&app, &changes)).unwrap().request.options.ui_locales
    };
    assert_eq!(locales("se de-AT").as_deref(), Some("se de-AT"));
    assert_eq!(locales("de <script>").as_deref(), Some("de"));
    for ignored in ["<script>", "\u{202e}", &"x".repeat(300), ""] {
        assert_eq!(locales(ignored), None, "{ignored}");
    }
}

#[test]
fn rfc9126_an_application_that_always_pushes_makes_no_request_by_a_browser() {
    let mut app = fixtures::application(Web);
    app.settings.require_pushed_requests = true;
    let (_, refusal) = redirect(run(&app, &request(&app, &[])));
    assert_eq!(refusal.error, OAuthError::InvalidRequest);
    let params = params(&request(&app, &[]));
    let tenant = fixtures::tenant_id();
    assert!(check(&Input { params: &params, tenant, application: Some(&app), linked: true, pushed: true }).is_ok());
}

#[test]
fn rfc9126_a_reference_is_read_strictly() {
    let token = fixtures::token(9);
    let of = |uri: &str| pushed::referred(&params(&format!("request_uri={}", percent_encode(uri))));
    assert_eq!(of(&pushed::reference(&token)).unwrap(), Some(token));
    assert_eq!(of("https://app.example/r").unwrap(), None, "refused by another rule");
    for bad in [pushed::URN, &format!("{}x", pushed::URN), &format!("{}{}", pushed::URN, "é".repeat(43))] {
        assert_eq!(page(of(bad).map(|_| unreachable!())), Code::Parameter, "{bad}");
    }
    let pushed = pushed::request(&params("client_id=a&scope=openid&client_secret=s&client_assertion=j"), "b").unwrap();
    assert_eq!(pushed.encode(), "scope=openid&client_id=b", "no secret is kept");
    assert!(pushed::request(&params(&format!("request_uri={}x", pushed::URN)), "b").is_err());
    assert!(pushed::request(&params("client_id=a&client_id=b"), "b").is_err());
}

#[test]
fn oidcc_unsigned_request_objects_are_refused_never_ignored() {
    let app = fixtures::application(Web);
    for (name, error) in [
        ("request", OAuthError::RequestNotSupported),
        ("request_uri", OAuthError::RequestUriNotSupported),
        ("registration", OAuthError::RegistrationNotSupported),
    ] {
        let (_, refusal) = redirect(run(&app, &request(&app, &[(name, "https://app.example/r")])));
        assert_eq!(refusal.error, error);
    }
}

#[test]
fn errors_travel_in_the_mode_that_was_asked_for() {
    let app = fixtures::application(Web);
    for (name, mode) in
        [("query", ResponseMode::Query), ("fragment", ResponseMode::Fragment), ("form_post", ResponseMode::FormPost)]
    {
        let (back, _) = redirect(run(&app, &request(&app, &[("response_mode", name), ("scope", "email")])));
        assert_eq!(back.response_mode, mode);
        assert_eq!(run(&app, &request(&app, &[("response_mode", name)])).unwrap().request.response_mode, mode);
    }
    let (back, refusal) = redirect(run(&app, &request(&app, &[("response_mode", "web_message")])));
    assert_eq!((back.response_mode, refusal.code), (ResponseMode::Query, Code::ResponseMode));
}

#[test]
fn oidcc_prompt_values() {
    let app = fixtures::application(Web);
    for fresh in ["login", "select_account", "no_session", "create", "login consent"] {
        assert!(run(&app, &request(&app, &[("prompt", fresh)])).unwrap().request.fresh_login, "{fresh}");
    }
    assert!(run(&app, &request(&app, &[("prompt", "create")])).unwrap().request.start_with_sign_up);
    assert!(!run(&app, &request(&app, &[("prompt", "consent")])).unwrap().request.fresh_login);
    for bad in ["none login", "sometimes", "LOGIN"] {
        assert_eq!(redirect(run(&app, &request(&app, &[("prompt", bad)]))).1.code, Code::Prompt, "{bad}");
    }
}

#[test]
fn oidcc_prompt_none_not_logged_in_answers_with_a_redirect() {
    let app = fixtures::application(SinglePage);
    let silent = run(&app, &request(&app, &[("prompt", "none"), ("response_mode", "fragment")])).unwrap();
    assert!(silent.silent());
    for (reason, strict, error) in [
        (Silent::NoSession, false, OAuthError::InteractionRequired),
        (Silent::NoSession, true, OAuthError::LoginRequired),
        (Silent::OtherPerson, false, OAuthError::InteractionRequired),
        (Silent::OtherPerson, true, OAuthError::LoginRequired),
        (Silent::Consent, false, OAuthError::ConsentRequired),
        (Silent::Consent, true, OAuthError::ConsentRequired),
        (Silent::WeakFlow, true, OAuthError::InteractionRequired),
    ] {
        let (back, refusal) = redirect(Err(silent.silent_refusal(reason, strict)));
        assert_eq!((back.response_mode, refusal.error, refusal.code), (ResponseMode::Fragment, error, Code::NoSession));
    }
}

#[test]
fn oidcc_max_age() {
    let app = fixtures::application(Web);
    let with = |age: &str| run(&app, &request(&app, &[("max_age", age)]));
    let fresh =
        |age: &str, seconds: i64| with(age).unwrap().into_request(Some(NOW.minus(seconds * SECOND)), NOW).fresh_login;
    assert!(!fresh("1", 1) && fresh("1", 2) && !fresh("10000", 100), "max_age counts seconds");
    assert!(fresh("0", 0), "max_age=0 is prompt=login");
    assert!(fresh("100", -5), "a sign-in in the future is none");
    assert!(with("100").unwrap().into_request(None, NOW).fresh_login, "no session");
    let none = run(&app, &request(&app, &[])).unwrap();
    assert!(!none.into_request(Some(NOW.minus(MINUTE)), NOW).fresh_login);
    for bad in ["-1", "+1", "1.5", "x", "99999999999"] {
        assert_eq!(redirect(with(bad)).1.error, OAuthError::InvalidRequest, "{bad}");
    }
}

#[test]
fn f53_overlong_values_are_refused() {
    let app = fixtures::application(Web);
    for (name, len) in [
        ("state", 8_193),
        ("nonce", 513),
        ("id_token_hint", 20_000),
        ("scope", 1_001),
        ("claims", 8_193),
        ("dpop_jkt", 44),
    ] {
        redirect(run(&app, &request(&app, &[(name, &"x".repeat(len))])));
    }
    let long = "m".repeat(300);
    for hint in [long.as_str(), "a\u{202e}b", "a\r\nb"] {
        assert_eq!(run(&app, &request(&app, &[("login_hint", hint)])).unwrap().request.login_hint, None, "a hint only");
    }
}

#[test]
fn a_native_applications_loopback_matches_any_port() {
    let mut app = fixtures::application(Native);
    app.reply_urls = vec![ReplyUrl::parse("http://localhost", Native).unwrap()];
    let asked = "http://localhost:51234";
    let got = run(&app, &request(&app, &[("redirect_uri", asked), ("response_mode", "form_post")])).unwrap();
    assert_eq!(got.request.redirect_uri, asked);
}

fn words(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(words).prop_map(str::to_owned)
}

proptest! {
    // "Start again" must lead to the same request, whatever was asked.
    #[test]
    fn a_repeated_request_is_the_same_request(
        kind in words(&["code", "id_token", "id_token code"]),
        mode in words(&["", "form_post", "fragment"]),
        state in "[^\0]{0,20}",
        prompt in words(&["", "login", "create", "consent", "login consent", "create consent", "select_account"]),
        acr in words(&["", "aal1", "aal2", "x"]),
        claims in words(&[
            "",
            r#"{"userinfo":{"a":null},"id_token":{"acr":{"value":"aal2"}}}"#,
            r#"{"id_token":{"sub":{"value":"01890a5d-ac96-774b-bcce-b302099a8057"},"b":null}}"#,
        ]),
        more in words(&["", "login_hint", "ui_locales", "dpop_jkt"]),
    ) {
        let mut app = fixtures::application(SinglePage);
        (app.settings.hybrid, app.settings.implicit_id_token) = (true, true);
        let more = (more.as_str(), if more == "dpop_jkt" { CHALLENGE } else { "de" });
        let changes = [
            ("response_type", kind.as_str()), ("response_mode", &mode), ("state", &state), ("prompt", &prompt),
            ("acr_values", &acr), ("claims", &claims), ("nonce", "n"), more,
        ];
        let first = run(&app, &request(&app, &changes)).unwrap().request;
        let fields: Vec<(String, String)> = repeat(&first).into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        prop_assert_eq!(run(&app, &encode(&fields)).unwrap().request, first);
    }

    // The whole query at random: never a panic, and a refusal that redirects has a good reply URL.
    #[test]
    fn the_whole_query_never_panics(query in "([a-z_]{1,14}=[^&]{0,12}&?){0,12}", real in any::<bool>()) {
        let app = fixtures::application(Web);
        let query = if real { format!("{}&{query}", request(&app, &[])) } else { query };
        let Ok(params) = crate::params::Params::parse(query.as_bytes()) else { return Ok(()) };
        let tenant = fixtures::tenant_id();
        let input = Input { params: &params, tenant, application: Some(&app), linked: true, pushed: real };
        if let Err(AuthorizeError::Redirect { back, .. }) = check(&input) {
            prop_assert_eq!(back.redirect_uri, REPLY);
        }
    }

    #[test]
    fn whatever_comes_a_redirect_goes_to_a_registered_url_only(
        redirect_uri in prop_oneof![Just(REPLY.to_owned()), ".{0,40}", "https://app\\.example/cb.{0,5}"],
        name in "(scope|prompt|max_age|nonce|response_type|code_challenge|response_mode|request|claims|acr_values|ui_locales)",
        value in "[^\0]{0,50}",
    ) {
        let app = fixtures::application(SinglePage);
        let query = request(&app, &[("redirect_uri", &redirect_uri.replace('\0', "")), (&name, &value)]);
        match run(&app, &query) {
            Ok(good) => prop_assert_eq!(good.request.redirect_uri, REPLY),
            Err(AuthorizeError::Redirect { back, .. }) => prop_assert_eq!(back.redirect_uri, REPLY),
            Err(AuthorizeError::Page { .. }) => prop_assert_ne!(redirect_uri, REPLY),
        }
    }
}
