//! The error summary at the top of a page (U3).

use leptos::prelude::*;

use super::Plain as _;
use super::field_id;

/// One line of the summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorItem {
    /// Name of the field it links to; empty for the page as a whole.
    pub field: String,
    /// The same words as at the field.
    pub text: String,
}

/// The id of the summary, where focus goes after a failure.
pub const ERROR_SUMMARY_ID: &str = "error-summary";

/// "There is a problem", with a link to each field; nothing when there is no error. It takes the
/// focus when the page loads, and announces itself.
#[component]
pub fn ErrorSummary(
    /// What is wrong, in the order of the fields.
    items: Vec<ErrorItem>,
) -> AnyView {
    if items.is_empty() {
        return ().plain();
    }
    let items = items
        .into_iter()
        .map(|item| {
            let line = if item.field.is_empty() {
                view! { <span>{item.text}</span> }.plain()
            } else {
                view! { <a href=format!("#{}", field_id(&item.field))>{item.text}</a> }.plain()
            };
            view! { <li>{line}</li> }
        })
        .collect_view();
    view! {
        <div
            class="error-summary"
            id=ERROR_SUMMARY_ID
            role="alert"
            tabindex="-1"
            autofocus=true
            aria-labelledby="error-summary-title"
        >
            <h2 class="error-summary-title" id="error-summary-title">"There is a problem"</h2>
            <ul class="error-summary-list">{items}</ul>
        </div>
    }
    .plain()
}
