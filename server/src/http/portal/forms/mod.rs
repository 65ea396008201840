//! Forms of the portal into drafts, and back. Pure: what a form offers is checked here, what an
//! operator may do is checked by the services.

mod application;
mod attribute;
mod flow;
mod flow_lives;
mod makes;
mod minimums;
mod registration;
mod remember;
mod second_factor;
mod settings;
mod tenant;

use std::collections::BTreeSet;

use lanyard_app::{api::portal::FormState, components::ErrorItem};
use lanyard_domain::{email::EmailAddress, id::Id, text::TextProblem};
use lanyard_oidc::token::client_keys::may_be_private;

use crate::http::form::Fields;

pub(crate) use application::{application_edit, application_values, new_application};
pub(crate) use attribute::attribute;
pub(crate) use flow::{flow_values, new_flow, new_flow_values, settings_edit};
pub(crate) use makes::{makes_values, staff_passkeys};
pub(crate) use minimums::{assurance, role_minimums};
pub(crate) use registration::initial_token;
pub(crate) use second_factor::{NO_METHOD, condition_values, conditional_edit, factor_values, factors_edit};
pub(crate) use settings::settable;
pub(crate) use tenant::{cool_down, country_names, phone_countries, tenant};

/// What is wrong with a form.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<ErrorItem>);

impl Problems {
    fn add(&mut self, field: &str, text: impl Into<String>) {
        self.0.push(ErrorItem { field: field.to_owned(), text: text.into() });
    }

    // The value, or its problem.
    fn keep<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|text| self.add(field, text)).ok()
    }

    // `draft` if it is whole and nothing is wrong.
    fn or<T>(self, draft: Option<T>) -> Result<T, Vec<ErrorItem>> {
        match draft {
            Some(draft) if self.0.is_empty() => Ok(draft),
            Some(_) | None => Err(self.0),
        }
    }
}

/// The form as it was typed, with what is wrong with it. The token is not part of it.
pub(super) fn typed(fields: &Fields, problems: Vec<ErrorItem>) -> FormState {
    let mut values = fields.0.clone();
    values.remove("csrf");
    // What was typed stays, a private key aside: it goes nowhere again.
    values.retain(|name, text| name != "client_keys" || !may_be_private(text));
    FormState { values, problems }
}

/// The address of somebody to invite, or what is wrong with it.
pub(super) fn invited_address(fields: &Fields) -> Result<EmailAddress, &'static str> {
    if fields.get("email").trim().is_empty() {
        return Err("Enter the email address of the person to invite.");
    }
    EmailAddress::parse(fields.get("email"))
        .map_err(|_| "This is not a complete email address. Write it like name@clinic.example.")
}

/// A name that people see.
fn name(input: &str, what: &str) -> Result<String, String> {
    lanyard_domain::tenant::parse_name(input).map_err(|problem| match problem {
        TextProblem::Empty => format!("Enter a {what}."),
        TextProblem::TooLong(max) => format!("The {what} is too long. Use {max} characters at most."),
        TextProblem::Control => format!("The {what} has a character that can’t be shown. Type it again."),
    })
}

/// Ids that a hidden field carries, with commas between them; what is none is left out.
pub(super) fn ids<T>(text: &str) -> BTreeSet<Id<T>> {
    text.split(',').filter_map(|id| id.parse().ok()).collect()
}

/// The same as a field carries it.
fn id_list<T>(ids: impl Iterator<Item = Id<T>>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

/// The lines of a text area that hold anything, trimmed, each once.
fn lines(input: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = Vec::new();
    for line in input.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u4_what_was_typed_stays_but_for_the_token() {
        let fields = Fields::parse(b"csrf=t&name=Ada+L&flow-1=true").unwrap();
        let form = typed(&fields, Vec::new());
        assert_eq!(form.value("name"), "Ada L");
        assert!(form.ticked("flow-1") && !form.values.contains_key("csrf"));
    }

    #[test]
    fn a41_a_private_key_that_was_typed_is_not_shown_again() {
        for (typed_in, stays) in [(r#"{"kty":"EC","d":"x"}"#, false), (r#"{"kty":"EC","x":"x"}"#, true)] {
            let body = serde_urlencoded::to_string([("name", "Ada"), ("client_keys", typed_in)]).unwrap();
            let form = typed(&Fields::parse(body.as_bytes()).unwrap(), Vec::new());
            assert_eq!((form.value("name").as_str(), form.value("client_keys") == typed_in), ("Ada", stays));
        }
    }

    #[test]
    fn lines_are_trimmed_and_taken_once() {
        assert_eq!(lines(" a \r\n\r\nb\na\n"), ["a", "b"]);
    }
}
