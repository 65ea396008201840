//! The two frames of pages: the card of the patients' pages and the console of staff and operators.

use leptos::prelude::*;

use super::Plain as _;

/// The mark beside a tenant's name.
fn mark() -> AnyView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
            <rect class="mark-ground" width="32" height="32" rx="8" />
            <path class="mark-line" d="M10 5v5.5l6 6.5 6-6.5V5" />
            <rect class="mark-card" x="10.5" y="15.5" width="11" height="11.5" rx="2.5" />
            <path class="mark-plus" d="M16 18.4v5.6M13.2 21.2h5.6" />
        </svg>
    }
    .plain()
}

/// The frame of sign-up, sign-in and their like: the tenant's name, a card, help below.
#[component]
pub fn AuthLayout(
    /// The tenant's name.
    #[prop(into)]
    tenant: String,
    /// Whether the demo's banner leads to the inbox.
    #[prop(optional)]
    demo: bool,
    /// A wider card, for pages with more than one form's worth.
    #[prop(optional)]
    wide: bool,
    /// The card's content, with the page's only `<h1>`.
    children: Children,
) -> AnyView {
    let class = if wide { "auth auth-wide" } else { "auth" };
    let clinic = tenant.clone();
    view! {
        <div class=class>
            {demo.then(demo_banner)}
            <header class="auth-header">
                <p class="brand">
                    {mark()} <span class="brand-name">{tenant}</span>
                </p>
            </header>
            <main class="auth-main" id="main">
                <div class="card">{children()}</div>
            </main>
            <footer class="auth-footer">
                <details class="help">
                    <summary>"Help"</summary>
                    <div class="help-body">
                        <p>
                            {format!("If you can’t get in, contact {clinic}. They can check who you are and help you sign in.")}
                        </p>
                        <p>"Nobody from the clinic will ever ask for your password or a security code."</p>
                    </div>
                </details>
            </footer>
        </div>
    }
    .plain()
}

fn demo_banner() -> AnyView {
    view! {
        <aside class="demo" aria-label="Demonstration">
            <p>
                <strong>"Demo."</strong>
                " No real messages are sent. "
                <a href="/dev/inbox" target="_blank" rel="noopener">"Open the inbox"</a>
                " to read emails, texts and calls."
            </p>
        </aside>
    }
    .plain()
}

/// One entry of a console's navigation.
#[derive(Debug, Clone)]
pub struct NavItem {
    /// Its label.
    pub label: String,
    /// Where it leads.
    pub href: String,
    /// Whether this page belongs to it.
    pub current: bool,
}

impl NavItem {
    /// An entry; `current` where the page belongs to it.
    #[must_use]
    pub fn new(label: impl Into<String>, href: impl Into<String>, current: bool) -> Self {
        Self { label: label.into(), href: href.into(), current }
    }
}

/// The frame of portal, clinic and account: top bar with the tenant (O16), navigation at the side
/// (above on narrow screens), account menu.
#[component]
pub fn ConsoleLayout(
    /// What this console is called: "Portal", "Clinic", "Your account".
    #[prop(into)]
    console: String,
    /// Where the console's name leads.
    #[prop(into)]
    home: String,
    /// The tenant, or the switcher: a [`super::Disclosure`] of links or a form.
    tenant: AnyView,
    /// The navigation.
    nav: Vec<NavItem>,
    /// Who is signed in; empty for nobody.
    #[prop(optional, into)]
    account: String,
    /// What the account menu holds: links, the form that signs out.
    #[prop(optional)]
    account_menu: Option<AnyView>,
    /// 44 px controls and larger type, for patients' own pages.
    #[prop(optional)]
    roomy: bool,
    /// What warns before the session ends, for who is signed in: a [`super::SessionEnd`].
    #[prop(optional)]
    session_end: Option<AnyView>,
    /// Whether the demo's banner leads to the inbox.
    #[prop(optional)]
    demo: bool,
    /// The page, with its only `<h1>`.
    children: Children,
) -> AnyView {
    let class = if roomy { "console console-roomy" } else { "console" };
    let nav = (!nav.is_empty()).then(|| navigation(nav));
    view! {
        <div class=class>
            <a class="skip" href="#main">"Skip to the content"</a>
            {demo.then(demo_banner)}
            <header class="console-top">
                <a class="console-brand" href=home>
                    {mark()} <span>{console}</span>
                </a>
                <div class="console-tenant">{tenant}</div>
                {account_menu
                    .map(|menu| {
                        view! {
                            <details class="account-menu">
                                <summary>
                                    <span class="visually-hidden">"Account: "</span>
                                    {account}
                                </summary>
                                <div class="account-menu-body">{menu}</div>
                            </details>
                        }
                    })}
            </header>
            <div class="console-body">
                {nav}
                <main class="console-main" id="main" tabindex="-1">
                    {children()}
                </main>
            </div>
            {session_end}
        </div>
    }
    .plain()
}

fn navigation(items: Vec<NavItem>) -> AnyView {
    let items = items
        .into_iter()
        .map(|item| {
            let current = item.current.then_some("page");
            view! { <li><a href=item.href aria-current=current>{item.label}</a></li> }
        })
        .collect_view();
    view! { <nav class="console-nav" aria-label="Main"><ul>{items}</ul></nav> }.plain()
}
