//! A request once more: the parameters that lead to the same authorization request again, for the
//! link "Start again" of a journey that is over.

use lanyard_domain::grant::AuthorizationRequest;
use serde_json::{Map, Value, json};

use super::{Prompt, response_mode};

/// The parameters of `request`. What was decided on the way is asked for plainly: a session that
/// was too old becomes `prompt=login`, a verified hint the `sub` that it named.
#[must_use]
pub fn repeat(request: &AuthorizationRequest) -> Vec<(&'static str, String)> {
    let options = &request.options;
    let mut fields = vec![
        ("client_id", request.application.to_string()),
        ("redirect_uri", request.redirect_uri.clone()),
        ("response_type", options.response_type.as_str().to_owned()),
        ("response_mode", response_mode::as_str(request.response_mode).to_owned()),
        ("scope", request.scope.clone()),
    ];
    let optional = [
        ("state", &request.state),
        ("nonce", &request.nonce),
        ("code_challenge", &request.code_challenge),
        ("login_hint", &request.login_hint),
        ("ui_locales", &options.ui_locales),
        ("dpop_jkt", &options.dpop_jkt),
    ];
    fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    if request.code_challenge.is_some() {
        fields.push(("code_challenge_method", "S256".to_owned()));
    }
    if let Some(level) = options.acr {
        fields.push(("acr_values", level.as_str().to_owned()));
    }
    let prompts = [
        (request.start_with_sign_up, Prompt::Create),
        (request.fresh_login && !request.start_with_sign_up, Prompt::Login),
        (options.consent, Prompt::Consent),
    ];
    let prompts: Vec<&str> = prompts.iter().filter(|(asked, _)| *asked).map(|(_, prompt)| prompt.as_str()).collect();
    if !prompts.is_empty() {
        fields.push(("prompt", prompts.join(" ")));
    }
    fields.extend(claims(request).map(|claims| ("claims", claims)));
    fields
}

/// The parameters of `request` for a browser that did not make it: without whom it is about.
#[must_use]
pub fn repeat_for_anybody(request: &AuthorizationRequest) -> Vec<(&'static str, String)> {
    let mut request = request.clone();
    (request.login_hint, request.options.subject) = (None, None);
    repeat(&request)
}

fn claims(request: &AuthorizationRequest) -> Option<String> {
    let options = &request.options;
    let by_name = |names: &[String]| names.iter().map(|name| (name.clone(), Value::Null)).collect::<Map<_, _>>();
    let (mut id_token, userinfo) = (by_name(&options.id_token_claims), by_name(&options.userinfo_claims));
    if let Some(subject) = options.subject {
        id_token.insert("sub".to_owned(), json!({ "value": subject.to_string() }));
    }
    let asked = !id_token.is_empty() || !userinfo.is_empty();
    asked.then(|| json!({ "id_token": id_token, "userinfo": userinfo }).to_string())
}
