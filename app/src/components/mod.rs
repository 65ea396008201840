//! The parts that every page is made of.
//!
//! Each is a component with few, plain properties that answers an [`leptos::prelude::AnyView`]:
//! one type for all keeps the WASM small, because Leptos generates code for every distinct view
//! type. They look the same on the patients' pages (44 px controls) and in the consoles (36 px):
//! the layout decides by its class, see `style/`.

pub mod actions;
pub mod ceremony;
pub mod chart;
pub mod choices;
pub mod codes;
pub mod content;
pub mod errors;
pub mod fields;
pub mod layout;
mod plain;
pub mod session_end;
pub mod table;

pub use actions::{Button, ButtonKind, ButtonLink, CopyControl, Form};
pub use ceremony::Ceremony;
pub use chart::{Bar, BarChart};
pub use choices::{CheckboxField, RadioOption, Radios, SelectField};
pub use content::{Badge, Breadcrumbs, DefinitionList, Disclosure, EmptyState, Notice, Pagination, Tone};
pub use errors::{ERROR_SUMMARY_ID, ErrorItem, ErrorSummary};
pub use fields::{CodeField, FieldFrame, PasswordField, TextField};
pub use layout::{AuthLayout, ConsoleLayout, NavItem};
pub use plain::Plain;
pub use session_end::SessionEnd;
pub use table::{Column, DataTable, Sort};

/// A text that may be absent, as a property: takes a text or an `Option` of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaybeText(pub Option<String>);

impl From<&str> for MaybeText {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}

impl From<String> for MaybeText {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

impl From<Option<String>> for MaybeText {
    fn from(text: Option<String>) -> Self {
        Self(text)
    }
}

impl From<Option<&str>> for MaybeText {
    fn from(text: Option<&str>) -> Self {
        Self(text.map(str::to_owned))
    }
}

/// The id of a field's control, from its name in the form; the error summary links to it.
#[must_use]
pub fn field_id(name: &str) -> String {
    format!("f-{name}")
}

/// What `aria-describedby` says: the ids of the hint and of the error, where there are such.
fn described_by(id: &str, hint: &MaybeText, error: &MaybeText) -> Option<String> {
    match (hint.0.is_some(), error.0.is_some()) {
        (false, false) => None,
        (true, false) => Some(format!("{id}-hint")),
        (false, true) => Some(format!("{id}-error")),
        (true, true) => Some(format!("{id}-error {id}-hint")),
    }
}
