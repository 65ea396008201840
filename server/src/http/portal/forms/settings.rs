//! The settings of an application: what its kind can have is read, everything else is off.

use lanyard_app::api::portal::{FormState, Settable};
use lanyard_domain::{
    application::{ApiPermission, ApiScope, Application, ApplicationKind, ApplicationSettings, SigningAlgorithm},
    reply_url::ReplyUrl,
    text,
};
use lanyard_oidc::token::client_keys::{self, KeysProblem};
use url::Url;

use super::{Problems, application::reason, lines};
use crate::http::form::Fields;

/// The most scopes of a web API.
const MAX_SCOPES: usize = 50;
/// The most characters of a scope's description.
const MAX_ABOUT: usize = 200;
/// The most addresses after signing out.
const MAX_POST_LOGOUT_URLS: usize = 50;

/// What can be set of an application of this kind.
pub(crate) const fn settable(kind: ApplicationKind) -> Settable {
    let off = Settable { signs_in: false, front_channel_tokens: false, on_a_server: false, device: false, api: false };
    match kind {
        ApplicationKind::Web => {
            Settable { signs_in: true, front_channel_tokens: true, on_a_server: true, device: true, ..off }
        }
        ApplicationKind::SinglePage => Settable { signs_in: true, front_channel_tokens: true, ..off },
        ApplicationKind::Native => Settable { signs_in: true, device: true, ..off },
        ApplicationKind::WebApi => Settable { api: true, ..off },
    }
}

/// Reads the settings; `registered` are the reply URLs and the tenant's web APIs.
pub(super) fn read(
    fields: &Fields,
    kind: ApplicationKind,
    (reply_urls, apis): (&[ReplyUrl], &[Application]),
    problems: &mut Problems,
) -> ApplicationSettings {
    let can = settable(kind);
    let on = |part: bool, name: &str| part && fields.ticked(name);
    let signing = SigningAlgorithm::parse(fields.get("signing"));
    let signing = problems.keep("signing", signing.ok_or_else(|| "Choose an algorithm.".to_owned()));
    let post_logout_urls = if can.signs_in { post_logout_urls(fields, kind, problems) } else { Vec::new() };
    let front = if can.signs_in { logout_url(fields, "front_channel_logout", problems) } else { None };
    let front = front.filter(|url| {
        let near = reply_urls.iter().any(|reply| reply.origin().is_some() && reply.origin() == url.origin());
        if !near {
            problems.add(
                "front_channel_logout",
                "The front-channel logout URL must begin like a reply URL: the same scheme, host and port.",
            );
        }
        near
    });
    let back = if can.on_a_server { logout_url(fields, "back_channel_logout", problems) } else { None };
    let keys =
        if can.on_a_server { keep_some(problems, "client_keys", public_keys(fields.get("client_keys"))) } else { None };
    let (app_id_uri, scopes) = if can.api {
        let uri = keep_some(problems, "app_id_uri", app_id_uri(fields.get("app_id_uri")));
        (uri, problems.keep("scopes", scopes(fields.get("scopes"))).unwrap_or_default())
    } else {
        (None, Vec::new())
    };
    if !scopes.is_empty() && app_id_uri.is_none() && fields.get("app_id_uri").trim().is_empty() {
        problems.add("app_id_uri", "Enter the application ID URI: scopes are asked for by it.");
    }
    ApplicationSettings {
        signing: signing.unwrap_or_default(),
        hybrid: on(can.front_channel_tokens, "hybrid"),
        implicit_id_token: on(can.front_channel_tokens, "implicit_id_token"),
        third_party: on(can.signs_in, "third_party"),
        handles_password_reset: on(can.signs_in, "handles_password_reset"),
        post_logout_urls,
        front_channel_logout: front.map(|url| url.as_str().to_owned()),
        back_channel_logout: back.map(|url| url.as_str().to_owned()),
        client_keys: keys,
        client_credentials: on(can.on_a_server, "client_credentials"),
        device: on(can.device, "device"),
        require_pushed_requests: on(can.signs_in, "require_pushed_requests"),
        require_dpop: on(can.signs_in, "require_dpop"),
        require_dpop_nonce: on(can.signs_in, "require_dpop_nonce"),
        app_id_uri,
        scopes,
        permissions: permissions(fields, apis),
    }
}

fn keep_some<T>(problems: &mut Problems, field: &str, read: Result<Option<T>, String>) -> Option<T> {
    problems.keep(field, read).flatten()
}

// Held to the rules of reply URLs, though no code is sent there.
fn post_logout_urls(fields: &Fields, kind: ApplicationKind, problems: &mut Problems) -> Vec<ReplyUrl> {
    let (name, lines) = ("post_logout_urls", lines(fields.get("post_logout_urls")));
    if lines.len() > MAX_POST_LOGOUT_URLS {
        problems.add(name, format!("There can be {MAX_POST_LOGOUT_URLS} of these addresses at most. Remove some."));
        return Vec::new();
    }
    let read = |line: &str| {
        let url = ReplyUrl::parse(line, kind).map_err(|problem| reason(line, problem, kind));
        problems.keep(name, url)
    };
    lines.into_iter().filter_map(read).collect()
}

// Held to the rules of a web application's reply URL: https, or http on loopback; no fragment.
fn logout_url(fields: &Fields, name: &str, problems: &mut Problems) -> Option<ReplyUrl> {
    let text = fields.get(name).trim();
    if text.is_empty() {
        return None;
    }
    let kind = ApplicationKind::Web;
    problems.keep(name, ReplyUrl::parse(text, kind).map_err(|problem| reason(text, problem, kind)))
}

// Public keys only; a single key is taken as a set of one.
fn public_keys(input: &str) -> Result<Option<String>, String> {
    if input.trim().is_empty() {
        return Ok(None);
    }
    let value = serde_json::from_str(input).map_err(|_| KeysProblem::NotASet.to_string())?;
    client_keys::registrable(value).map(Some).map_err(|problem| problem.to_string())
}

// An absolute URI without query or fragment; scopes are asked for as `{uri}/{scope}`, so it has no
// slash at its end.
fn app_id_uri(input: &str) -> Result<Option<String>, String> {
    let text = input.trim().trim_end_matches('/');
    if text.is_empty() {
        return Ok(None);
    }
    let whole = Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "https" | "api") && url.has_host() && url.query().is_none() && url.fragment().is_none()
    });
    let plain = text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if whole && plain {
        Ok(Some(text.to_owned()))
    } else {
        Err("Write a complete address that begins with https:// or api://, without spaces, ? or #, for example https://clinic.example/records.".to_owned())
    }
}

// One on each line: the name, and after a space what it allows.
fn scopes(input: &str) -> Result<Vec<ApiScope>, String> {
    let mut scopes: Vec<ApiScope> = Vec::new();
    for line in lines(input) {
        let (name, about) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let name = name.trim_end_matches(':');
        let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > 60 || !name.bytes().all(fits) || name.starts_with('.') {
            return Err(format!(
                "{name} can’t be a scope’s name. Use letters, digits, dots, _ and -, 60 at most, and begin with none of the dots."
            ));
        }
        if scopes.iter().any(|scope| scope.name == name) {
            return Err(format!("The scope {name} stands there twice. Remove one."));
        }
        let about = about.trim();
        let description = if about.is_empty() {
            String::new()
        } else {
            text::clean(about, MAX_ABOUT).map_err(|problem| format!("What {name} allows {problem}. Change it."))?
        };
        scopes.push(ApiScope { name: name.to_owned(), description });
    }
    if scopes.len() > MAX_SCOPES { Err(format!("A web API can have {MAX_SCOPES} scopes at most.")) } else { Ok(scopes) }
}

// What is offered and ticked; a scope that the API no longer exposes is left out.
fn permissions(fields: &Fields, apis: &[Application]) -> Vec<ApiPermission> {
    apis.iter()
        .filter_map(|api| {
            let ticked = |scope: &&ApiScope| fields.ticked(&format!("permit-{}-{}", api.id, scope.name));
            let scopes: Vec<String> =
                api.settings.scopes.iter().filter(ticked).map(|scope| scope.name.clone()).collect();
            (!scopes.is_empty()).then_some(ApiPermission { api: api.id, scopes })
        })
        .collect()
}

/// The fields of `settings`, added to `form`.
pub(super) fn values(form: FormState, settings: &ApplicationSettings) -> FormState {
    let lines: Vec<String> = settings
        .scopes
        .iter()
        .map(|scope| format!("{} {}", scope.name, scope.description).trim_end().to_owned())
        .collect();
    let optional = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut form = form
        .with("signing", settings.signing.as_str())
        .with(
            "post_logout_urls",
            settings.post_logout_urls.iter().map(|url| url.as_str()).collect::<Vec<_>>().join("\n"),
        )
        .with("front_channel_logout", optional(&settings.front_channel_logout))
        .with("back_channel_logout", optional(&settings.back_channel_logout))
        .with("client_keys", settings.client_keys.as_deref().map(pretty).unwrap_or_default())
        .with("app_id_uri", optional(&settings.app_id_uri))
        .with("scopes", lines.join("\n"));
    for (name, on) in [
        ("hybrid", settings.hybrid),
        ("implicit_id_token", settings.implicit_id_token),
        ("third_party", settings.third_party),
        ("handles_password_reset", settings.handles_password_reset),
        ("client_credentials", settings.client_credentials),
        ("device", settings.device),
        ("require_pushed_requests", settings.require_pushed_requests),
        ("require_dpop", settings.require_dpop),
        ("require_dpop_nonce", settings.require_dpop_nonce),
    ] {
        if on {
            form = form.with(name, "true");
        }
    }
    for permission in &settings.permissions {
        for scope in &permission.scopes {
            form = form.with(format!("permit-{}-{scope}", permission.api), "true");
        }
    }
    form
}

fn pretty(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"kty":"EC","crv":"P-256","kid":"one","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    fn form(more: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        fields.0.insert("signing".into(), "RS256".into());
        fields.0.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields
    }

    fn read_as(kind: ApplicationKind, more: &[(&str, &str)]) -> (ApplicationSettings, Vec<(String, String)>) {
        let reply = ReplyUrl::parse("https://app.example/back", kind).unwrap();
        let mut problems = Problems::default();
        let settings = read(&form(more), kind, (&[reply], &[]), &mut problems);
        (settings, problems.0.into_iter().map(|problem| (problem.field, problem.text)).collect())
    }

    // The fields with a problem, and the first reason.
    fn refused(kind: ApplicationKind, field: &str, value: &str) -> String {
        let (_, problems) = read_as(kind, &[(field, value)]);
        assert!(problems.len() == 1 && problems[0].0 == field, "{value}: {problems:?}");
        problems[0].1.clone()
    }

    #[test]
    fn settings_go_through_the_form_and_back() {
        let own = [
            ("signing", "ES256"),
            ("post_logout_urls", "https://app.example/bye\nhttps://app.example/left"),
            ("hybrid", "true"),
            ("third_party", "true"),
            ("front_channel_logout", "https://app.example/out?x=1"),
            ("back_channel_logout", "http://localhost:3000/out"),
            ("client_keys", KEY),
            ("client_credentials", "true"),
            ("device", "true"),
            ("require_dpop", "true"),
            ("require_dpop_nonce", "true"),
        ];
        let (settings, problems) = read_as(ApplicationKind::Web, &own);
        assert_eq!(problems, []);
        assert_eq!(settings.signing, SigningAlgorithm::ES256);
        assert_eq!(settings.front_channel_logout.as_deref(), Some("https://app.example/out?x=1"));
        assert!(settings.client_keys.as_deref().unwrap().starts_with(r#"{"keys":[{"#));
        let again = values(FormState::default(), &settings).values;
        let pairs: Vec<(&str, &str)> = again.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read_as(ApplicationKind::Web, &pairs), (settings, Vec::new()));
    }

    #[test]
    fn what_the_kind_cannot_have_stays_off_whatever_is_sent() {
        let all = [
            ("hybrid", "true"),
            ("implicit_id_token", "true"),
            ("third_party", "true"),
            ("client_credentials", "true"),
            ("device", "true"),
            ("client_keys", KEY),
            ("back_channel_logout", "https://app.example/out"),
            ("app_id_uri", "https://api.example"),
            ("scopes", "read"),
        ];
        let of = |kind| read_as(kind, &all).0;
        let spa = of(ApplicationKind::SinglePage);
        assert!(spa.hybrid && spa.third_party && !spa.client_credentials && !spa.device);
        assert!(spa.client_keys.is_none() && spa.back_channel_logout.is_none() && spa.scopes.is_empty());
        let native = of(ApplicationKind::Native);
        assert!(native.device && !native.hybrid && !native.implicit_id_token && !native.client_credentials);
        let api = of(ApplicationKind::WebApi);
        let mut only = ApplicationSettings { app_id_uri: Some("https://api.example".into()), ..Default::default() };
        only.scopes = vec![ApiScope { name: "read".into(), description: String::new() }];
        assert_eq!(api, only);
    }

    #[test]
    fn a41_a_private_key_is_refused_and_so_is_what_cannot_verify() {
        let private = KEY.replace('{', r#"{"d":"AAAA","#);
        let small = format!(r#"{{"keys":[{{"kty":"RSA","e":"AQAB","n":"{}"}}]}}"#, "A".repeat(170));
        let twice = format!(r#"{{"keys":[{KEY},{KEY}]}}"#);
        for (text, why) in [
            (private.as_str(), "private key"),
            (r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, "private key"),
            (small.as_str(), "2048 bits"),
            (twice.as_str(), "same kid"),
            (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}"#, "P-256"),
            (r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#, "not complete"),
            (r#"{"keys":[{"kty":"RSA","use":"enc"}]}"#, "not for signatures"),
            (r#"{"keys":[]}"#, "1 to 20"),
            ("-----BEGIN PUBLIC KEY-----", "not a JWK set"),
            ("[1]", "not a JWK set"),
            (r#"{"keys":1}"#, "not a JWK set"),
        ] {
            let reason = refused(ApplicationKind::Web, "client_keys", text);
            assert!(reason.contains(why), "{text}: {reason}");
        }
    }

    #[test]
    fn logout_urls_are_held_to_https_and_the_front_channel_to_the_applications_site() {
        for (field, url, why) in [
            ("back_channel_logout", "http://app.example/out", "begin with https"),
            ("back_channel_logout", "https://app.example/out#x", "#"),
            ("back_channel_logout", "javascript:alert(1)", "begin with https"),
            ("front_channel_logout", "https://other.example/out", "same scheme, host and port"),
            ("front_channel_logout", "https://app.example:8443/out", "same scheme, host and port"),
        ] {
            let reason = refused(ApplicationKind::Web, field, url);
            assert!(reason.contains(why), "{url}: {reason}");
        }
    }

    #[test]
    fn scopes_and_the_identifier_of_a_web_api_are_checked() {
        let (settings, problems) = read_as(
            ApplicationKind::WebApi,
            &[
                ("app_id_uri", "https://clinic.example/records/"),
                ("scopes", "read See your visits\r\nwrite: Change them\nall"),
            ],
        );
        assert_eq!(problems, []);
        assert_eq!(settings.app_id_uri.as_deref(), Some("https://clinic.example/records"));
        let scopes: Vec<(&str, &str)> =
            settings.scopes.iter().map(|scope| (scope.name.as_str(), scope.description.as_str())).collect();
        assert_eq!(scopes, [("read", "See your visits"), ("write", "Change them"), ("all", "")]);
        for uri in ["clinic", "http://clinic.example", "https://c.example/a b", "https://c.example/#x", "urn:x"] {
            refused(ApplicationKind::WebApi, "app_id_uri", uri);
        }
        for (scopes, why) in [("a/b", "can’t be"), (".default", "can’t be"), ("a Read\na Write", "twice")] {
            let own = [("app_id_uri", "https://clinic.example"), ("scopes", scopes)];
            let (_, problems) = read_as(ApplicationKind::WebApi, &own);
            assert!(problems.len() == 1 && problems[0].1.contains(why), "{scopes}: {problems:?}");
        }
        assert_eq!(read_as(ApplicationKind::WebApi, &[("scopes", "read")]).1[0].0, "app_id_uri");
    }
}
