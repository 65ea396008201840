//! What a change changes, as lines for a page and for the audit log (O3). Pure.

use std::collections::BTreeSet;

use lanyard_app::api::portal::Change;
use lanyard_domain::{
    application::{Application, Minimum},
    assurance::Method,
    claims::ClaimDefinition,
    user_flow::{Enforcement, FlowSettings},
};

/// The label of a method.
#[must_use]
pub const fn method_label(method: Method) -> &'static str {
    match method {
        Method::AuthenticatorApp => "Authenticator app",
        Method::TextMessage => "Text message",
        Method::PhoneCall => "Phone call",
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
        Enforcement::AlwaysOn => "always on",
    }
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
    changes
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
    .collect()
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{
        claims,
        user_flow::{CollectedAttribute, MfaPolicy, SessionSettings, TokenSettings},
    };

    use super::*;

    fn settings() -> FlowSettings {
        FlowSettings {
            mfa: MfaPolicy { enforcement: Enforcement::Off, methods: BTreeSet::from([Method::AuthenticatorApp]) },
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
