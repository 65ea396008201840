//! What stands between forms: notices, disclosures, lists of facts, badges, empty states, ways on.

use leptos::prelude::*;

use super::MaybeText;
use super::Plain as _;

/// The weight of a notice or badge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Plain.
    #[default]
    Neutral,
    /// Worth knowing.
    Info,
    /// Went well.
    Success,
    /// Needs care.
    Warning,
    /// Went wrong.
    Error,
}

impl Tone {
    const fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Info => "info",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A box that says something about the page. `role="status"` or `"alert"` only where it appears
/// while the page is open.
#[component]
pub fn Notice(
    /// Its weight.
    #[prop(optional)]
    tone: Tone,
    /// Its first line, in bold.
    #[prop(optional, into)]
    title: MaybeText,
    /// A live role.
    #[prop(optional, into)]
    role: MaybeText,
    /// What it says.
    children: Children,
) -> AnyView {
    view! {
        <div class=format!("notice notice-{}", tone.name()) role=role.0>
            {title.0.map(|title| view! { <p class="notice-title">{title}</p> })}
            {children()}
        </div>
    }
    .plain()
}

/// A native disclosure.
#[component]
pub fn Disclosure(
    /// What it is about.
    #[prop(into)]
    summary: String,
    /// Whether it begins open.
    #[prop(optional)]
    open: bool,
    /// What it holds.
    children: Children,
) -> AnyView {
    view! {
        <details class="disclosure" open=open>
            <summary>{summary}</summary>
            <div class="disclosure-body">{children()}</div>
        </details>
    }
    .plain()
}

/// A list of facts: term and description.
#[component]
pub fn DefinitionList(
    /// The facts in order.
    items: Vec<(String, AnyView)>,
) -> AnyView {
    let rows = items
        .into_iter()
        .map(|(term, what)| {
            view! {
                <div class="facts-row">
                    <dt>{term}</dt>
                    <dd>{what}</dd>
                </div>
            }
        })
        .collect_view();
    view! { <dl class="facts">{rows}</dl> }.plain()
}

/// Says that a list is empty, why, and what to do (O7: nothing yet, no match, no permission).
#[component]
pub fn EmptyState(
    /// What there is none of.
    #[prop(into)]
    title: String,
    /// Why, and what to do.
    #[prop(into)]
    text: String,
    /// A [`super::ButtonLink`] or nothing.
    #[prop(optional)]
    children: Option<Children>,
) -> AnyView {
    view! {
        <div class="empty">
            <h2 class="empty-title">{title}</h2>
            <p>{text}</p>
            {children.map(|children| children())}
        </div>
    }
    .plain()
}

/// Ways to the neighbouring pages of a list (keyset pagination: no page numbers).
#[component]
pub fn Pagination(
    /// The previous page.
    previous: Option<String>,
    /// The next page.
    next: Option<String>,
    /// Where we are: "Showing 50 of 1,904".
    #[prop(optional, into)]
    summary: String,
) -> AnyView {
    view! {
        <nav class="pagination" aria-label="Pages">
            <span class="pagination-summary">{summary}</span>
            {previous
                .map(|href| view! { <a class="button button-secondary" href=href rel="prev">"Previous page"</a> })}
            {next.map(|href| view! { <a class="button button-secondary" href=href rel="next">"Next page"</a> })}
        </nav>
    }
    .plain()
}

/// A short mark: a state, a kind. Its words say it; the colour only helps.
#[component]
pub fn Badge(
    /// The words.
    #[prop(into)]
    text: String,
    /// Its colour.
    #[prop(optional)]
    tone: Tone,
) -> AnyView {
    view! { <span class=format!("badge badge-{}", tone.name())>{text}</span> }.plain()
}

/// The way from the top to this page; the last has no address.
#[component]
pub fn Breadcrumbs(
    /// Label and address, from the top.
    items: Vec<(String, Option<String>)>,
) -> AnyView {
    let items = items
        .into_iter()
        .map(|(label, href)| match href {
            Some(href) => view! { <li><a href=href>{label}</a></li> }.plain(),
            None => view! { <li aria-current="page">{label}</li> }.plain(),
        })
        .collect_view();
    view! { <nav class="breadcrumbs" aria-label="Breadcrumb"><ol>{items}</ol></nav> }.plain()
}
