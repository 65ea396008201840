//! Password and attributes: a new account, a new password, changed details.

use leptos::prelude::*;

use super::parts::Step;
use crate::api::journey::AttributeField;
use crate::components::{Button, ButtonKind, PasswordField, Plain as _, TextField};

/// The address that belongs to a new password, for password managers; not for the eye.
fn username_for_password_manager(email: &str) -> AnyView {
    let email = email.to_owned();
    view! {
        <input
            class="visually-hidden"
            type="email"
            id="f-username"
            autocomplete="username"
            value=email
            readonly=true
            tabindex="-1"
            aria-hidden="true"
        />
    }
    .plain()
}

fn password_hint(min_length: usize) -> String {
    format!(
        "Use {min_length} characters or more. Three or four unrelated words are easy to remember and hard to guess."
    )
}

pub(super) fn details(
    at: &Step<'_>,
    email: Option<&str>,
    ask_email: bool,
    min_length: usize,
    attributes: &[AttributeField],
) -> AnyView {
    let fields = attributes.iter().map(|field| at.attribute(field)).collect_view();
    let shown = email.map(|email| {
        let email = email.to_owned();
        view! {
            <p class="lead">
                "Your email address is "
                <bdi class="fixed">{email}</bdi>
                "."
            </p>
        }
    });
    let asked = ask_email.then(|| {
        view! {
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
        }
    });
    let fields = view! {
        {asked}
        {email.map(username_for_password_manager)}
        <PasswordField
            name="password"
            label="Choose a password"
            autocomplete="new-password"
            hint=password_hint(min_length)
            error=at.error("password")
        />
        {fields}
        <div class="actions">
            <Button label="Create account" />
        </div>
    }
    .plain();
    view! {
        {shown}
        {at.form("submit-details", fields)}
    }
    .plain()
}

pub(super) fn new_password(at: &Step<'_>, email: &str, min_length: usize) -> AnyView {
    let fields = view! {
        {username_for_password_manager(email)}
        <PasswordField
            name="password"
            label="New password"
            autocomplete="new-password"
            hint=password_hint(min_length)
            error=at.error("password")
        />
        <div class="actions">
            <Button label="Save password" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">"You’ll use it the next time you sign in. Other devices are signed out."</p>
        {at.form("submit-new-password", fields)}
    }
    .plain()
}

pub(super) fn edit_profile(at: &Step<'_>, attributes: &[AttributeField]) -> AnyView {
    let fields = attributes.iter().map(|field| at.attribute(field)).collect_view();
    let fields = view! {
        {fields}
        <div class="actions">
            <Button label="Save changes" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">"Change what’s not right, then save."</p>
        {at.form("submit-profile", fields)}
        <div class="ways">{at.lone_button("cancel", "Cancel", ButtonKind::Link)}</div>
    }
    .plain()
}
