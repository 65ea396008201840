//! A copy button for pages that are otherwise not live (O8).
#![allow(missing_docs)] // of the struct that the island macro makes of the documented properties

use leptos::prelude::*;

use crate::components::CopyControl;

/// Copies a text to the clipboard and says so.
#[island]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// What it is, for screen readers: "Copy {what}".
    what: String,
) -> impl IntoView {
    view! { <CopyControl text=text what=what /> }
}
