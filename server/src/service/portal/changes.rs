//! What a change changes, as lines for a page and for the audit log (O3). Pure.

use std::collections::BTreeSet;

use lanyard_app::api::portal::Change;
use lanyard_domain::{
    application::{Application, ApplicationSettings, Minimum},
    assurance::{Assurance, Method},
    claims::ClaimDefinition,
    user_flow::{
        Conditions, Enforcement, FlowClaim, FlowSettings, IssuerMode, RememberSettings, SessionScope, SessionSettings,
        TokenSettings,
    },
};
use sha2::{Digest as _, Sha256};

/// The label of a method.
#[must_use]
pub const fn method_label(method: Method) -> &'static str {
    match method {
        Method::Passkey => "Passkey",
        Method::AuthenticatorApp => "Authenticator app",
        Method::TextMessage => "Text message",
        Method::PhoneCall => "Phone call",
        Method::RecoveryCode => "Recovery code",
    }
}

/// The label of a minimum assurance.
#[must_use]
pub const fn assurance_label(minimum: Assurance) -> &'static str {
    match minimum {
        Assurance::Aal1 => "none: any of the methods",
        Assurance::Aal2Legacy => "aal2-legacy",
        Assurance::Aal2Strict => "aal2-strict",
        Assurance::PhishingResistant => "safe from phishing",
    }
}

const fn minimum_label(minimum: Minimum) -> &'static str {
    match minimum {
        Minimum::StrongestLinked => "the strongest of its user flows",
        Minimum::None => "none",
        Minimum::Mfa => "always a second factor",
    }
}

fn change(what: impl Into<String>, before: impl Into<String>, after: impl Into<String>) -> Option<Change> {
    let change = Change { what: what.into(), before: before.into(), after: after.into() };
    (change.before != change.after).then_some(change)
}

/// Names in a line, or "none".
pub fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn methods(methods: &BTreeSet<Method>) -> String {
    listed(methods.iter().map(|method| method_label(*method)))
}

const fn enforcement(enforcement: Enforcement) -> &'static str {
    match enforcement {
        Enforcement::Off => "off",
        Enforcement::Conditional => "under conditions",
        Enforcement::AlwaysOn => "always on",
    }
}

fn conditions(conditions: &Conditions) -> String {
    let days = conditions.strong_days.map(|days| format!("{days} days without a second factor"));
    let chosen = [
        conditions.new_browser.then(|| "a new browser".to_owned()),
        conditions.new_network.then(|| "a new network".to_owned()),
        conditions.new_country.then(|| "a new country".to_owned()),
        days,
    ];
    listed(chosen.into_iter().flatten())
}

// How an attribute is collected, in a word.
fn collected(settings: &FlowSettings, name: &str) -> &'static str {
    match settings.attributes.iter().find(|collected| collected.name == name) {
        None => "not collected",
        Some(collected) if collected.required => "required",
        Some(_) => "optional",
    }
}

fn returned(settings: &FlowSettings, claim: &str) -> &'static str {
    if settings.claims.iter().any(|name| name == claim) { "returned" } else { "not returned" }
}

/// What differs between two settings of a flow, in the order of its page.
#[must_use]
pub fn of_flow(before: &FlowSettings, after: &FlowSettings, catalogue: &[ClaimDefinition]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    changes.extend(change("Second factor", enforcement(before.mfa.enforcement), enforcement(after.mfa.enforcement)));
    changes.extend(change("Methods", methods(&before.mfa.methods), methods(&after.mfa.methods)));
    let when = |settings: &FlowSettings| conditions(&settings.mfa.conditions);
    changes.extend(change("Conditions", when(before), when(after)));
    let minimum = |settings: &FlowSettings| assurance_label(settings.mfa.minimum);
    changes.extend(change("Minimum assurance", minimum(before), minimum(after)));
    let grace = |settings: &FlowSettings| days(Some(settings.mfa.grace_days).filter(|days| *days > 0), "none");
    changes.extend(change("Grace period", grace(before), grace(after)));
    for claim in catalogue {
        if let Some(name) = &claim.attribute {
            changes.extend(change(claim.label.clone(), collected(before, name), collected(after, name)));
        }
        changes.extend(change(
            format!("{} as a claim", claim.label),
            returned(before, &claim.name),
            returned(after, &claim.name),
        ));
    }
    changes.extend(of_tokens(&before.tokens, &after.tokens));
    changes.extend(of_session(&before.session, &after.session));
    changes
}

const fn yes(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

fn days(days: Option<u32>, none: &str) -> String {
    days.map_or_else(|| none.to_owned(), |days| format!("{days} days"))
}

fn of_tokens(before: &TokenSettings, after: &TokenSettings) -> impl Iterator<Item = Change> {
    let minutes = |tokens: &TokenSettings| format!("{} minutes", tokens.minutes);
    let refresh = |tokens: &TokenSettings| format!("{} days", tokens.refresh_days);
    let window = |tokens: &TokenSettings| days(tokens.refresh_window_days, "no end");
    let issuer = |tokens: &TokenSettings| match tokens.issuer {
        IssuerMode::Flow => "unique to this flow",
        IssuerMode::Tenant => "the same for all flows",
    };
    let claim = |tokens: &TokenSettings| match tokens.flow_claim {
        FlowClaim::Tfp => "tfp",
        FlowClaim::Acr => "acr",
    };
    [
        change("Life of access and ID tokens", minutes(before), minutes(after)),
        change("Life of a refresh token", refresh(before), refresh(after)),
        change("Sign in again after", window(before), window(after)),
        change("Issuer", issuer(before), issuer(after)),
        change("Claim that names the flow", claim(before), claim(after)),
        change("Answers login_required", yes(before.strict_errors), yes(after.strict_errors)),
    ]
    .into_iter()
    .flatten()
}

fn of_session(before: &SessionSettings, after: &SessionSettings) -> impl Iterator<Item = Change> {
    let minutes = |session: &SessionSettings| format!("{} minutes", session.minutes);
    let end = |session: &SessionSettings| if session.rolling { "after the last use" } else { "after the sign-in" };
    let keep = |session: &SessionSettings| days(session.keep_days, "not offered");
    let scope = |session: &SessionSettings| match session.scope {
        SessionScope::Tenant => "the whole tenant",
        SessionScope::Application => "the same application",
        SessionScope::Flow => "the same user flow",
        SessionScope::None => "none",
    };
    let remembered = |session: &SessionSettings| match &session.remember {
        RememberSettings { on: true, days } => format!("{days} days"),
        RememberSettings { on: false, .. } => "off".to_owned(),
    };
    [
        change("Life of a session", minutes(before), minutes(after)),
        change("A session ends", end(before), end(after)),
        change("A session is good for", scope(before), scope(after)),
        change("Keep me signed in", keep(before), keep(after)),
        change("Remembered browsers", remembered(before), remembered(after)),
        change("Signing out needs an ID token", yes(before.id_token_in_logout), yes(after.id_token_in_logout)),
    ]
    .into_iter()
    .flatten()
}

/// What differs between two states of an application; `flows` are the names of the linked ones.
#[must_use]
pub fn of_application(before: &Application, after: &Application, flows: (&[String], &[String])) -> Vec<Change> {
    let urls = |application: &Application| listed(application.reply_urls.iter().map(|url| url.as_str().to_owned()));
    [
        change("Name", before.name.clone(), after.name.clone()),
        change("Reply URLs", urls(before), urls(after)),
        change("Minimum", minimum_label(before.minimum), minimum_label(after.minimum)),
        change("User flows", listed(flows.0), listed(flows.1)),
    ]
    .into_iter()
    .flatten()
    .chain(of_settings(&before.settings, &after.settings))
    .collect()
}

/// What is set of a new application, but for the defaults: addresses in full, keys by their thumbprints.
#[must_use]
pub fn of_new_application(settings: &ApplicationSettings) -> Vec<Change> {
    of_settings(&ApplicationSettings::default(), settings).collect()
}

fn of_settings(before: &ApplicationSettings, after: &ApplicationSettings) -> impl Iterator<Item = Change> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let scopes = |settings: &ApplicationSettings| {
        listed(settings.scopes.iter().map(|scope| match scope.description.as_str() {
            "" => scope.name.clone(),
            about => format!("{} ({about})", scope.name),
        }))
    };
    let after_sign_out =
        |settings: &ApplicationSettings| listed(settings.post_logout_urls.iter().map(|url| url.as_str().to_owned()));
    // By the API's client id: its name is not at hand, and may change.
    let permissions = |settings: &ApplicationSettings| {
        listed(
            settings
                .permissions
                .iter()
                .flat_map(|permission| permission.scopes.iter().map(|scope| format!("{scope} of {}", permission.api))),
        )
    };
    let switch =
        |what: &'static str, of: fn(&ApplicationSettings) -> bool| change(what, yes(of(before)), yes(of(after)));
    [
        change("Application ID URI", text(&before.app_id_uri), text(&after.app_id_uri)),
        change("Scopes", scopes(before), scopes(after)),
        switch("Belongs to another organisation", |it| it.third_party),
        switch("Handles forgotten passwords itself", |it| it.handles_password_reset),
        change("Web APIs that it may call", permissions(before), permissions(after)),
        change("URLs after signing out", after_sign_out(before), after_sign_out(after)),
        change("Back-channel logout URL", text(&before.back_channel_logout), text(&after.back_channel_logout)),
        change("Front-channel logout URL", text(&before.front_channel_logout), text(&after.front_channel_logout)),
        change("Public keys", keys(before), keys(after)),
        switch("Client credentials", |it| it.client_credentials),
        change("Tokens are signed with", before.signing.as_str(), after.signing.as_str()),
        switch("Sign-ins must be pushed first", |it| it.require_pushed_requests),
        switch("Tokens are bound to a key", |it| it.require_dpop),
        switch("Proofs must carry a fresh value of ours", |it| it.require_dpop_nonce),
        switch("Sign-in on devices", |it| it.device),
        switch("Response type code id_token", |it| it.hybrid),
        switch("Response type id_token", |it| it.implicit_id_token),
    ]
    .into_iter()
    .flatten()
}

// Keys by their names and half a hash, of which nobody makes another one: a key that is exchanged under its name shows
// too.
fn keys(settings: &ApplicationSettings) -> String {
    let Some(set) = &settings.client_keys else { return "none".to_owned() };
    let set: serde_json::Value = serde_json::from_str(set).unwrap_or_default();
    let all = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    listed(all.iter().map(|key| {
        let digest = Sha256::digest(key.to_string().as_bytes());
        let mark: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        key["kid"].as_str().map_or_else(|| mark.clone(), |kid| format!("{kid} ({mark})"))
    }))
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{
        claims,
        user_flow::{CollectedAttribute, MfaPolicy},
    };

    use super::*;

    fn settings() -> FlowSettings {
        FlowSettings {
            mfa: MfaPolicy::new(Enforcement::Off, [Method::AuthenticatorApp]),
            attributes: vec![CollectedAttribute { name: "surname".into(), required: true }],
            claims: vec!["emails".into()],
            tokens: TokenSettings::default(),
            session: SessionSettings::default(),
        }
    }

    #[test]
    fn o3_the_diff_names_what_changed_and_nothing_else() {
        let before = settings();
        assert!(of_flow(&before, &before, &claims::catalogue(&[])).is_empty());
        let mut after = settings();
        after.mfa.enforcement = Enforcement::AlwaysOn;
        after.mfa.methods.insert(Method::PhoneCall);
        after.attributes[0].required = false;
        after.claims = vec!["family_name".into()];
        let lines: Vec<String> = of_flow(&before, &after, &claims::catalogue(&[]))
            .into_iter()
            .map(|change| format!("{}: {} > {}", change.what, change.before, change.after))
            .collect();
        assert_eq!(
            lines,
            [
                "Second factor: off > always on",
                "Methods: Authenticator app > Authenticator app, Phone call",
                "Email address as a claim: returned > not returned",
                "Surname: required > optional",
                "Surname as a claim: not returned > returned",
            ]
        );
    }
}
