//! The HTML document around a page.
//!
//! No inline script and no inline style: the content security policy allows neither. The islands
//! are started by an external module (`boot_script`); without it the page is complete all the same.

use std::sync::Arc;

use hydration_context::SsrSharedContext;
use leptos::prelude::*;

/// What stands in a document's head. Addresses are paths on this origin.
#[derive(Debug, Clone, Default)]
pub struct PageHead {
    /// The title, complete: "{step} – {tenant}" (U2); see [`title`].
    pub title: String,
    /// BCP 47 language of the page, `en` when empty; right-to-left languages set `dir`.
    pub lang: String,
    /// The style sheet.
    pub css: String,
    /// The module that starts the islands; `None` on pages without any.
    pub boot_script: Option<String>,
    /// The script of passkey ceremonies, on pages that may have one.
    pub passkey_script: Option<String>,
    /// The script that warns before a session ends, on the pages of consoles.
    pub session_script: Option<String>,
    /// wasm-bindgen's module, fetched early; worth naming only beside `boot_script`.
    pub preload_js: Option<String>,
    /// The WASM, fetched early; worth naming only beside `boot_script`.
    pub preload_wasm: Option<String>,
}

/// A title by the rule of U2: "{step} – {tenant}", "Error: " in front after a failure.
#[must_use]
pub fn title(step: &str, tenant: &str, failed: bool) -> String {
    format!("{}{step} – {tenant}", if failed { "Error: " } else { "" })
}

/// Whether a language is written from right to left.
fn is_right_to_left(lang: &str) -> bool {
    let primary = lang.split('-').next().unwrap_or_default();
    matches!(primary, "ar" | "fa" | "he" | "ur" | "ps" | "yi" | "dv" | "ckb")
}

/// The whole document. `body` is what stands inside `<body>`; most pages use
/// [`crate::components::AuthLayout`] or [`crate::components::ConsoleLayout`].
pub fn shell(head: PageHead, body: impl IntoView) -> impl IntoView {
    let lang = if head.lang.is_empty() { "en".to_owned() } else { head.lang };
    let dir = if is_right_to_left(&lang) { "rtl" } else { "ltr" };
    view! {
        <!DOCTYPE html>
        <html lang=lang dir=dir>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="robots" content="noindex" />
                <meta name="format-detection" content="telephone=no" />
                <title>{head.title}</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=head.css />
                {head.preload_js.map(|href| view! { <link rel="modulepreload" href=href /> })}
                {head
                    .preload_wasm
                    .map(|href| {
                        view! { <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=href /> }
                    })}
                {head.passkey_script.map(|src| view! { <script type="module" src=src></script> })}
                {head.session_script.map(|src| view! { <script type="module" src=src></script> })}
                {head.boot_script.map(|src| view! { <script type="module" src=src></script> })}
            </head>
            <body>{body.into_any()}</body>
        </html>
    }
}

/// Renders a document to the text of an answer. `body` is called inside the reactive owner that
/// islands need, so build the page in it:
/// `render(head, || journey_page(view))`.
pub fn render<V: IntoView>(head: PageHead, body: impl FnOnce() -> V) -> String {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let html = owner.with(|| shell(head, body()).to_html());
    owner.cleanup();
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u2_title_names_step_and_tenant_and_failure() {
        assert_eq!(title("Sign in", "Harbour Clinic", false), "Sign in – Harbour Clinic");
        assert_eq!(title("Sign in", "Harbour Clinic", true), "Error: Sign in – Harbour Clinic");
    }

    #[test]
    fn u27_arabic_sets_the_direction() {
        let head = PageHead { lang: "ar-EG".into(), ..PageHead::default() };
        let html = render(head, || view! { <p>"x"</p> });
        assert!(html.contains(r#"<html lang="ar-EG" dir="rtl">"#), "{html}");
    }

    #[test]
    fn documents_have_no_inline_script_or_style() {
        let head = PageHead {
            title: "A & B <script>".into(),
            css: "/pkg/lanyard-1.css".into(),
            boot_script: Some("/pkg/boot-1.js".into()),
            ..PageHead::default()
        };
        let html = render(head, || view! { <p>"x"</p> });
        assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
        assert!(html.contains(r#"<script type="module" src="/pkg/boot-1.js"></script>"#), "{html}");
        assert!(html.contains("A &amp; B &lt;script"), "{html}");
        assert!(!html.contains("<style") && !html.contains(" style="), "{html}");
    }
}
