//! The form of a new initial access token.

use lanyard_app::components::ErrorItem;
use lanyard_domain::registration::{MOST_DAYS, MOST_USES};

use super::{Problems, name};
use crate::{http::form::Fields, service::portal::registration::TokenDraft};

/// Reads `label`, `flow`, `uses` and `days`.
pub(crate) fn initial_token(fields: &Fields) -> Result<TokenDraft, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let label = problems.keep("label", name(fields.get("label"), "name for whom it is"));
    let flow = problems.keep("flow", fields.get("flow").parse().map_err(|_| "Choose a user flow.".to_owned()));
    let uses = problems.keep("uses", number(fields.get("uses"), MOST_USES));
    let days = problems.keep("days", number(fields.get("days"), MOST_DAYS));
    let draft =
        label.zip(flow).zip(uses.zip(days)).map(|((label, flow), (uses, days))| TokenDraft { flow, label, uses, days });
    problems.or(draft)
}

fn number(input: &str, most: u32) -> Result<u32, String> {
    let read = input.trim().parse().ok().filter(|number| (1..=most).contains(number));
    read.ok_or_else(|| format!("Enter a whole number from 1 to {most}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<TokenDraft, Vec<ErrorItem>> {
        initial_token(&Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_token_is_for_somebody_at_a_flow_and_within_bounds() {
        let flow = "flow=01990000-0000-7000-8000-000000000000";
        let draft = read(&format!("label=Partner&{flow}&uses=+100&days=90")).unwrap();
        assert_eq!((draft.label.as_str(), draft.uses, draft.days), ("Partner", 100, 90));
        let wrong: Vec<String> =
            read("label=&flow=x&uses=101&days=0").unwrap_err().into_iter().map(|item| item.field).collect();
        assert_eq!(wrong, ["label", "flow", "uses", "days"]);
        assert!(read(&format!("label=a&{flow}&uses=-1&days=")).is_err());
    }
}
