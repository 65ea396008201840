//! Forms, buttons and links that look like buttons. Buttons are never disabled (U5) and say a verb.

use leptos::prelude::*;

use super::MaybeText;
use super::Plain as _;
use crate::browser;

/// A form that posts, with the token against cross-site requests; the server alone validates (U4).
#[component]
pub fn Form(
    /// Where it posts.
    #[prop(into)]
    action: String,
    /// Goes along as the field `csrf`.
    #[prop(into)]
    csrf: String,
    /// Its id, for buttons that stand elsewhere.
    #[prop(optional, into)]
    id: MaybeText,
    /// Its class: `form` (a column of fields) when left out, `inline-form` for a lone button.
    #[prop(optional, into)]
    class: MaybeText,
    /// The fields and buttons.
    children: Children,
) -> AnyView {
    let class = class.0.unwrap_or_else(|| "form".to_owned());
    view! {
        <form method="post" action=action class=class id=id.0 novalidate=true>
            <input type="hidden" name="csrf" value=csrf />
            {children()}
        </form>
    }
    .plain()
}

/// How a button looks, and what it is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one obvious next step of a page.
    #[default]
    Primary,
    /// Another step of nearly equal weight.
    Secondary,
    /// A minor step, looking like a link.
    Link,
    /// Something that destroys or takes away.
    Danger,
}

impl ButtonKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button button-primary",
            Self::Secondary => "button button-secondary",
            Self::Link => "button-link",
            Self::Danger => "button button-danger",
        }
    }
}

/// A submit button.
#[component]
pub fn Button(
    /// What it does: a verb.
    #[prop(into)]
    label: String,
    /// How it looks; primary when left out.
    #[prop(optional)]
    kind: ButtonKind,
    /// Another address than the form's.
    #[prop(optional, into)]
    formaction: MaybeText,
    /// The id of a form that it does not stand in.
    #[prop(optional, into)]
    form: MaybeText,
    /// A name, where several buttons of a form must be told apart.
    #[prop(optional, into)]
    name: MaybeText,
    /// The value sent under that name.
    #[prop(optional, into)]
    value: MaybeText,
) -> AnyView {
    view! {
        <button type="submit" class=kind.class() formaction=formaction.0 form=form.0 name=name.0 value=value.0>
            {label}
        </button>
    }
    .plain()
}

/// A link that looks like a button: going somewhere, changing nothing.
#[component]
pub fn ButtonLink(
    /// Where to.
    #[prop(into)]
    href: String,
    /// What happens: a verb.
    #[prop(into)]
    label: String,
    /// How it looks; primary when left out.
    #[prop(optional)]
    kind: ButtonKind,
) -> AnyView {
    view! { <a class=kind.class() href=href>{label}</a> }.plain()
}

/// Copies a text to the clipboard and says so. Seen only on live pages; inside an island. Pages
/// without an island of their own use [`crate::islands::CopyButton`].
#[component]
pub fn CopyControl(
    /// What is copied.
    #[prop(into)]
    text: String,
    /// What it is, for screen readers: "Copy {what}".
    #[prop(into)]
    what: String,
) -> AnyView {
    let copied = RwSignal::new(false);
    view! {
        <span class="copy live-only">
            <button type="button" class="button button-quiet" on:click=move |_| browser::copy(text.clone(), copied)>
                "Copy"
                <span class="visually-hidden">{format!(" {what}")}</span>
            </button>
            <span class="copy-done" role="status">{move || if copied.get() { "Copied" } else { "" }}</span>
        </span>
    }
    .plain()
}
