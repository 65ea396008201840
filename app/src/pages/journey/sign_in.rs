//! Sign-in, and the addresses that sign-up and password reset begin with.

use leptos::prelude::*;

use super::{parts::Step, passkey, words};
use crate::api::journey::PasskeyPrompt;
use crate::components::{Button, ButtonKind, CheckboxField, PasswordField, Plain as _, TextField};

pub(super) fn sign_in(
    at: &Step<'_>,
    can_sign_up: bool,
    can_cancel: bool,
    keep_days: Option<u32>,
    passkey: Option<&PasskeyPrompt>,
) -> AnyView {
    let lead = match at.application() {
        Some(application) => format!("to go on to {application}"),
        None => format!("to {}", at.tenant()),
    };
    let fields = view! {
        <TextField
            name="email"
            label="Email address"
            kind="email"
            value=at.value("email", "")
            error=at.error("email")
            autocomplete="username webauthn"
            inputmode="email"
            class="ltr"
        />
        <PasswordField
            name="password"
            label="Password"
            autocomplete="current-password"
            error=at.error("password")
        />
        {keep_days.map(|days| keep(at, days))}
        <div class="actions">
            <Button label="Sign in" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">{lead}</p>
        {at.form("sign-in", fields)}
        {passkey.map(|prompt| passkey::sign_in(at, prompt))}
        <div class="ways">
            {at.lone_button("go-forgot-password", "Forgot your password?", ButtonKind::Link)}
            {can_cancel.then(|| at.lone_button("cancel", "Cancel", ButtonKind::Link))}
        </div>
        {can_sign_up
            .then(|| {
                view! {
                    <div class="aside">
                        <p>{format!("New to {}?", at.tenant())}</p>
                        {at.lone_button("go-sign-up", "Create an account", ButtonKind::Secondary)}
                    </div>
                }
            })}
    }
    .plain()
}

// Never ticked beforehand: on a shared device the next person would be in.
fn keep(at: &Step<'_>, days: u32) -> AnyView {
    let span = words::days(days);
    view! {
        <CheckboxField
            name="keep"
            label="Keep me signed in"
            checked=at.value("keep", "") == "true"
            hint=format!("For {span}. Don’t use this on a device that you share with others.")
        />
    }
    .plain()
}

pub(super) fn sign_up_email(at: &Step<'_>) -> AnyView {
    let fields = view! {
        <TextField
            name="email"
            label="Email address"
            kind="email"
            value=at.value("email", "")
            error=at.error("email")
            autocomplete="email"
            inputmode="email"
            class="ltr"
        />
        <div class="actions">
            <Button label="Send verification code" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">"We’ll email you a code to check that the address is yours."</p>
        {at.form("request-code", fields)}
        <div class="aside">
            <p>"Already have an account?"</p>
            {at.lone_button("go-sign-in", "Sign in", ButtonKind::Secondary)}
        </div>
    }
    .plain()
}

pub(super) fn reset_email(at: &Step<'_>, can_sign_in: bool) -> AnyView {
    let fields = view! {
        <TextField
            name="email"
            label="Email address"
            kind="email"
            value=at.value("email", "")
            error=at.error("email")
            autocomplete="username"
            inputmode="email"
            class="ltr"
        />
        <div class="actions">
            <Button label="Send verification code" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">"Enter the email address of your account. We’ll send a code to it."</p>
        {at.form("request-code", fields)}
        {can_sign_in
            .then(|| view! { <div class="ways">{at.lone_button("go-sign-in", "Back to sign in", ButtonKind::Link)}</div> })}
    }
    .plain()
}
