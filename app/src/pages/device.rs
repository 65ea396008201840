//! Signing a device in (RFC 8628): type its code, see which app asks, decide, and how it ended.

use leptos::prelude::*;

use crate::{
    components::{AuthLayout, Button, ButtonKind, ErrorItem, ErrorSummary, Form, Notice, TextField, Tone},
    paths::DeviceResult,
};

/// What the forms of these pages carry.
#[derive(Debug, Clone)]
pub struct DeviceForm {
    /// The clinic's name.
    pub tenant: String,
    /// Where they post.
    pub action: String,
    /// The token against requests forged by other sites.
    pub csrf: String,
    /// The code as typed, or as the device's own link gives it.
    pub code: String,
    /// Whether the demo's banner leads to the inbox.
    pub demo: bool,
}

/// Asks for the code that the device shows.
pub fn enter_page(form: &DeviceForm, problem: Option<String>) -> impl IntoView + use<> {
    let form = form.clone();
    let problems = problem.iter().map(|text| ErrorItem { field: "user_code".to_owned(), text: text.clone() }).collect();
    view! {
        <AuthLayout tenant=form.tenant demo=form.demo>
            <div class="journey">
                <ErrorSummary items=problems />
                <h1 class="step-title">"Sign in on another device"</h1>
                <p class="lead">"Type the code that your TV, kiosk or other device shows."</p>
                <Form action=form.action csrf=form.csrf>
                    <TextField
                        name="user_code"
                        label="Code on the device"
                        hint="8 letters. Small or capital letters are both fine."
                        value=form.code
                        error=problem
                        autocomplete="off"
                        class="code ltr"
                    />
                    <div class="actions">
                        <Button label="Continue" />
                    </div>
                </Form>
            </div>
        </AuthLayout>
    }
}

/// Shows which app asks, and warns of codes that somebody else sent.
pub fn confirm_page(form: &DeviceForm, application: &str) -> impl IntoView + use<> {
    let (form, application) = (form.clone(), application.to_owned());
    view! {
        <AuthLayout tenant=form.tenant demo=form.demo>
            <div class="journey">
                <h1 class="step-title">"Is this your device?"</h1>
                <p class="lead">
                    "The app " <strong>{application}</strong> " on a device wants to sign in to your account. The device must show this code: "
                    <bdi class="fixed">{form.code.clone()}</bdi>
                </p>
                <Notice tone=Tone::Warning title="Did somebody send you this code, or a link to this page?">
                    <p>"Then press “No”: somebody else could see your data. Go on only if you started this yourself, on a device that is with you."</p>
                </Notice>
                <Form action=form.action csrf=form.csrf>
                    <input type="hidden" name="user_code" value=form.code />
                    <div class="actions">
                        <Button label="Yes, sign in" name="confirm" value="yes" />
                        <Button label="No" kind=ButtonKind::Secondary name="confirm" value="no" />
                    </div>
                </Form>
            </div>
        </AuthLayout>
    }
}

/// The title of a result.
#[must_use]
pub const fn result_title(result: DeviceResult) -> &'static str {
    match result {
        DeviceResult::Approved => "Your device is signed in",
        DeviceResult::Denied => "The device is not signed in",
        DeviceResult::TooLate => "The code no longer works",
    }
}

/// How it ended.
pub fn result_page(tenant: &str, demo: bool, result: DeviceResult) -> impl IntoView + use<> {
    let text = match result {
        DeviceResult::Approved => "You can close this page and go back to your device. It may take a few seconds.",
        DeviceResult::Denied => "We told the device that you said no. You can close this page.",
        DeviceResult::TooLate => "Ask your device for a new code, and type that one.",
    };
    view! {
        <AuthLayout tenant=tenant.to_owned() demo=demo>
            <h1 class="step-title">{result_title(result)}</h1>
            <p class="lead">{text}</p>
        </AuthLayout>
    }
}
