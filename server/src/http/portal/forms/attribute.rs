//! The form of a custom attribute.

use lanyard_app::components::ErrorItem;
use lanyard_domain::{
    attribute::{Attribute, AttributeKind, MAX_TEXT, custom_name},
    text,
};

use super::{Problems, lines, name};
use crate::http::form::Fields;

/// The most choices of a dropdown.
const MAX_OPTIONS: usize = 100;

/// Reads `label`, `name`, `type` and `options`.
pub(crate) fn attribute(fields: &Fields) -> Result<Attribute, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let label = problems.keep("label", name(fields.get("label"), "label"));
    let own = custom_name(fields.get("name"));
    let own = problems.keep("name", own.ok_or_else(|| NAME.to_owned()));
    let kind = match fields.get("type") {
        "string" => Some(AttributeKind::String),
        "boolean" => Some(AttributeKind::Boolean),
        "integer" => Some(AttributeKind::Integer),
        "dropdown" => {
            problems.keep("options", options(fields.get("options"))).map(|options| AttributeKind::Dropdown { options })
        }
        _ => {
            problems.add("type", "Choose a type.");
            None
        }
    };
    let draft = label.zip(own).zip(kind).map(|((label, name), kind)| Attribute { name, label, kind });
    problems.or(draft)
}

const NAME: &str = "The name begins with a letter and has only the letters a to z, digits and _, 60 at most.";

fn options(input: &str) -> Result<Vec<String>, String> {
    let lines = lines(input);
    if lines.len() < 2 {
        return Err("Write at least two choices, one on each line.".to_owned());
    }
    if lines.len() > MAX_OPTIONS {
        return Err(format!("Write {MAX_OPTIONS} choices at most."));
    }
    lines
        .into_iter()
        .map(|line| text::clean(line, MAX_TEXT).map_err(|problem| format!("A choice {problem}. Change it.")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Attribute, Vec<ErrorItem>> {
        attribute(&Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn attributes_of_every_type_are_read() {
        let kind = |body: &str| read(&format!("label=L&name=N&{body}")).unwrap().kind;
        assert_eq!(kind("type=string"), AttributeKind::String);
        assert_eq!(kind("type=boolean"), AttributeKind::Boolean);
        assert_eq!(kind("type=integer"), AttributeKind::Integer);
        assert_eq!(
            kind("type=dropdown&options=A%0AB%0A"),
            AttributeKind::Dropdown { options: vec!["A".into(), "B".into()] }
        );
        assert_eq!(read("label=L&name=PatientNumber&type=string").unwrap().name, "extension_PatientNumber");
    }

    #[test]
    fn a_wrong_attribute_is_refused_field_by_field() {
        let fields = |body: &str| read(body).unwrap_err().into_iter().map(|it| it.field).collect::<Vec<_>>();
        assert_eq!(fields("label=&name=1x&type="), ["label", "name", "type"]);
        assert_eq!(fields("label=L&name=N&type=dropdown&options=one"), ["options"]);
    }
}
