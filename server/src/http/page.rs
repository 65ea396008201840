//! Turns a view into an answer: the document, its policy, its status.
//!
//! Pages are drawn by `leptos_axum` with a nonce for the scripts that Leptos itself writes;
//! everything else comes from files of ours, so no other inline script or style runs.

use axum::{
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
    response::Response,
};
use lanyard_app::{pages, shell};
use leptos::prelude::*;

use super::{
    assets::{Bundle, ENTRY, FORM_POST, PASSKEY_SCRIPT, SESSION_SCRIPT},
    error::Failed,
};
use crate::state::App;

/// What a page says about itself.
#[derive(Debug, Clone)]
pub struct Head {
    title: String,
    scripts: Option<&'static Bundle>,
    passkeys: bool,
    session: bool,
    form_action: Option<String>,
    refresh: Option<(u8, String)>,
    frames: Vec<String>,
}

impl Head {
    /// A page of a journey: taken over in the browser.
    #[must_use]
    pub fn journey(title: String) -> Self {
        Self {
            title,
            scripts: Some(&ENTRY.journey),
            passkeys: true,
            session: false,
            form_action: None,
            refresh: None,
            frames: Vec::new(),
        }
    }

    /// A page of the portal or of ours: its copy buttons, its sign-in are taken over in the browser.
    #[must_use]
    pub fn staff(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            scripts: Some(&ENTRY.claims),
            passkeys: false,
            session: false,
            form_action: None,
            refresh: None,
            frames: Vec::new(),
        }
    }

    /// A page without anything for the browser to take over.
    #[must_use]
    pub fn plain(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            scripts: None,
            passkeys: false,
            session: false,
            form_action: None,
            refresh: None,
            frames: Vec::new(),
        }
    }

    /// A page on which a passkey may be asked for.
    #[must_use]
    pub fn with_passkeys(mut self) -> Self {
        self.passkeys = true;
        self
    }

    /// A page of a console, which warns before its session ends.
    #[must_use]
    pub fn ending_when_idle(mut self) -> Self {
        self.session = true;
        self
    }

    /// The one page whose form goes to a reply URL (`form_post`); a script of ours submits it at
    /// once.
    #[must_use]
    pub fn posting_to(mut self, source: String) -> Self {
        self.form_action = Some(source);
        self.scripts = Some(&FORM_POST);
        self
    }

    /// A page that moves on by itself.
    #[must_use]
    pub fn moving_to(mut self, location: String) -> Self {
        self.refresh = Some((0, location));
        self
    }

    /// A page that moves on by itself after so many seconds.
    #[must_use]
    pub fn moving_to_after(mut self, location: String, seconds: u8) -> Self {
        self.refresh = Some((seconds, location));
        self
    }

    /// A page with frames of these origins, and of no other.
    #[must_use]
    pub fn framing(mut self, origins: Vec<String>) -> Self {
        self.frames = origins;
        self
    }
}

/// Draws a page.
pub async fn render<V>(
    _app: &App,
    status: StatusCode,
    head: Head,
    body: impl Fn() -> V + Clone + Send + Sync + 'static,
) -> Response
where
    V: IntoView + 'static,
{
    let with_head = head.clone();
    let draw = leptos_axum::render_app_async_with_context(
        || {},
        move || {
            // Islands alone are hydrated; what stands around them is not.
            if let Some(context) = Owner::current_shared_context() {
                context.set_is_hydrating(false);
            }
            let nonce = leptos::nonce::use_nonce().map(|nonce| nonce.to_string()).unwrap_or_default();
            if let Some(options) = use_context::<leptos_axum::ResponseOptions>()
                && let Ok(policy) = HeaderValue::try_from(policy(&with_head, &nonce))
            {
                options.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            }
            shell::shell(document_head(&with_head), body())
        },
    );
    let mut response = draw(Request::new(Body::empty())).await;
    *response.status_mut() = status;
    if let Some((seconds, location)) = &head.refresh
        && let Ok(value) = HeaderValue::try_from(format!("{seconds}; url={location}"))
    {
        response.headers_mut().insert(header::REFRESH, value);
    }
    response
}

fn document_head(head: &Head) -> shell::PageHead {
    let script = |path: fn(&Bundle) -> &str| head.scripts.map(path).filter(|path| !path.is_empty()).map(str::to_owned);
    shell::PageHead {
        title: head.title.clone(),
        lang: "en".to_owned(),
        css: ENTRY.css.to_owned(),
        passkey_script: head.passkeys.then(|| PASSKEY_SCRIPT.path.to_owned()),
        session_script: head.session.then(|| SESSION_SCRIPT.path.to_owned()),
        boot_script: script(|bundle| bundle.boot),
        preload_js: script(|bundle| bundle.js),
        preload_wasm: script(|bundle| bundle.wasm),
    }
}

// `form-action 'self'` everywhere but on the form_post page (wire.md).
fn policy(head: &Head, nonce: &str) -> String {
    let form_action = match head.form_action.as_deref() {
        None => "'self'",
        Some(source) if is_source(source) => source,
        Some(_) => "'none'",
    };
    let frames: Vec<&str> = head.frames.iter().map(String::as_str).filter(|source| is_source(source)).collect();
    let frames = if frames.is_empty() { String::new() } else { format!("; frame-src {}", frames.join(" ")) };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action {form_action}{frames}"
    )
}

// An origin, or a scheme with its colon. Anything else ends the directive, or the policy, for all that is on the page;
// such hosts are not registered (`ReplyUrl::parse`), and one that is there from before gets nothing.
fn is_source(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'/' | b'.' | b'-' | b'+' | b'[' | b']');
    text.bytes().all(plain) && text.contains(':')
}

/// The page of a failed request, with the id that the log has.
pub async fn failure(app: &App, status: StatusCode, failed: &Failed, request: &str) -> Response {
    let (title, advice, request) = (failed.title, failed.advice, request.to_owned());
    render(app, status, Head::plain(title), move || pages::system::failure_page(title, advice, &request)).await
}

/// A page that moves on to `location` by itself, with a plain link for who prefers it.
pub async fn move_on(app: &App, location: &str) -> Response {
    let target = location.to_owned();
    let head = Head::plain("You're signed in").moving_to(target.clone());
    render(app, StatusCode::OK, head, move || pages::system::move_on_page(&target)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n25_what_is_no_origin_is_left_out_of_the_policy_and_silences_no_other() {
        let frames = ["https://rp1.example", "https://x.y,default-src", "https://x.y;sandbox", "https://[::1]:8443"];
        let head = Head::plain("Out").framing(frames.map(str::to_owned).to_vec());
        let policy = policy(&head, "n");
        assert!(policy.ends_with("; frame-src https://rp1.example https://[::1]:8443"), "{policy}");
        assert!(!policy.contains(',') && !policy.contains("sandbox"), "{policy}");
        for (source, action) in [
            ("https://app.example", "https://app.example"),
            ("com.example.app:", "com.example.app:"),
            ("https://x.y;sandbox", "'none'"),
            ("'none'", "'none'"),
        ] {
            let policy = super::policy(&Head::plain("Back").posting_to(source.to_owned()), "n");
            assert!(policy.ends_with(&format!("form-action {action}")), "{policy}");
        }
    }
}
