//! Passkeys in a journey (U25): signing in with one, answering a challenge, making one.
//!
//! The ceremony itself needs a script (`passkey.js`), the one thing here that does. Until it runs, the
//! style sheet hides what has the class `needs-passkeys`, and shows what has `without-passkeys`.

use leptos::prelude::*;

use super::code::other_ways;
use super::enrol::back;
use super::parts::{Step, not_now};
use crate::api::journey::{OtherWay, PasskeyPrompt};
use crate::components::{Button, ButtonKind, Ceremony, Plain as _, TextField};

/// Beside email and password. Browsers that can offer passkeys in the email field do.
pub(super) fn sign_in(at: &Step<'_>, prompt: &PasskeyPrompt) -> AnyView {
    let fields = view! {
        <div class="actions">
            <Button label="Sign in with a passkey" kind=ButtonKind::Secondary />
        </div>
        <p class="hint">"Use your fingerprint, face or screen lock."</p>
    }
    .plain();
    ceremony(at, "submit-passkey", prompt, "conditional", fields)
}

pub(super) fn challenge(at: &Step<'_>, prompt: &PasskeyPrompt, ways: &[OtherWay]) -> AnyView {
    let fields = view! {
        <p class="lead">"Use your fingerprint, face or screen lock to show that it’s you."</p>
        <div class="actions">
            <Button label="Use your passkey" />
        </div>
    }
    .plain();
    let lost = ways
        .is_empty()
        .then(|| view! { <p class="muted">"If you don’t have your passkey any more, contact the clinic."</p> }.plain());
    view! {
        {ceremony(at, "submit-passkey", prompt, "get", fields)}
        <p class="lead without-passkeys">
            "This browser can’t use passkeys. Choose another way, or sign in on the device that has your passkey."
        </p>
        {other_ways(at, true, ways)}
        {lost}
    }
    .plain()
}

pub(super) fn enrol(at: &Step<'_>, prompt: &PasskeyPrompt, can_go_back: bool) -> AnyView {
    let fields = view! {
        <p class="lead">
            "With a passkey you sign in with your fingerprint, face or screen lock. Those stay on your device: we never get them."
        </p>
        <TextField
            name="name"
            label="Name for this passkey"
            hint="So that you know it again, such as “My phone”."
            value=at.value("name", "My passkey")
            error=at.error("name")
            autocomplete="off"
            class="medium"
        />
        <div class="actions">
            <Button label="Create a passkey" />
        </div>
    }
    .plain();
    view! {
        {ceremony(at, "create-passkey", prompt, "create", fields)}
        <p class="lead without-passkeys">"This browser can’t create passkeys. Choose another way."</p>
        {can_go_back.then(|| back(at))}
    }
    .plain()
}

/// To who has just signed in: both ways on are of one size, and neither is the small print (U25).
pub(super) fn offer(at: &Step<'_>, prompt: Option<&PasskeyPrompt>) -> AnyView {
    let fields = view! {
        <p class="lead">
            "With a passkey you sign in with your fingerprint, face or screen lock, without a password or a code. Those stay on your device: we never get them."
        </p>
        <input type="hidden" name="name" value="My passkey" />
        <div class="actions">
            <Button label="Create a passkey" />
        </div>
    }
    .plain();
    view! {
        {prompt.map(|prompt| ceremony(at, "create-passkey", prompt, "create", fields))}
        <p class="lead without-passkeys">"This browser can’t create passkeys."</p>
        {not_now(at)}
        <p class="muted">"You can add one later on your account page."</p>
    }
    .plain()
}

fn ceremony(at: &Step<'_>, event: &str, prompt: &PasskeyPrompt, kind: &'static str, fields: AnyView) -> AnyView {
    let renew = format!("/api{}", at.action("renew-passkey").replacen("/journey/", "/journeys/", 1));
    view! {
        <Ceremony
            kind=kind
            options=prompt.options.clone()
            lives_seconds=prompt.lives_seconds
            renew=renew
            action=at.action(event)
            csrf=at.csrf()
        >
            {fields}
        </Ceremony>
    }
    .plain()
}
