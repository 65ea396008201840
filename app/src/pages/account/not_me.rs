//! "This wasn't me": what the link in a mail about a change opens. No session is needed.

use leptos::prelude::*;

use crate::{
    components::{AuthLayout, Button, ButtonLink},
    paths,
};

/// The title of [`not_me_page`] and [`secured_page`].
pub const NOT_ME_TITLE: &str = "Secure your account";

/// The body of `/not-me/{tenant}/{token}`: what the button does, and the button.
pub fn not_me_page(tenant: String, action: String) -> impl IntoView {
    view! {
        <AuthLayout tenant=tenant>
            <h1 class="step-title">{NOT_ME_TITLE}</h1>
            <div class="prose">
                <p class="lead">"Did somebody else change your account? Then press the button. It:"</p>
                <ul class="points">
                    <li>"signs your account out everywhere,"</li>
                    <li>"takes away the access that apps have,"</li>
                    <li>"removes your password, so that nobody can use it,"</li>
                    <li>"turns off any second step that was added since that change."</li>
                </ul>
                <p>"Afterwards you choose a new password, with a code that we email to you."</p>
                <form method="post" action=action>
                    <Button label="This wasn’t me: secure my account" />
                </form>
                <p class="muted">
                    "If you got more than one of these emails, use the link in the oldest one that you don’t recognise. If it was you, close this page. Nothing changes."
                </p>
            </div>
        </AuthLayout>
    }
}

/// What follows on the button.
pub fn secured_page(tenant: String, domain: &str) -> impl IntoView + use<> {
    let href = paths::account(domain);
    view! {
        <AuthLayout tenant=tenant.clone()>
            <h1 class="step-title">"Your account is secured"</h1>
            <div class="prose">
                <p class="lead">"Everybody was signed out, and the old password is gone."</p>
                <p>
                    "Now change the password of your email account, in case somebody reads it. Then choose a new password here: press “Forgot your password?” on the next page."
                </p>
                <p>
                    <ButtonLink href=href label="Choose a new password" />
                </p>
                <p class="muted">{format!("A second step that was added since then is turned off. If you have no other one, contact {tenant}.")}</p>
            </div>
        </AuthLayout>
    }
}

/// A link that does not work, whatever the reason.
pub fn not_me_over_page() -> impl IntoView {
    view! {
        <AuthLayout tenant="Lanyard">
            <h1 class="step-title">"This link no longer works"</h1>
            <div class="prose">
                <p class="lead">"It works once, and for 14 days."</p>
                <p>
                    "If you think that somebody else uses your account: choose a new password with “Forgot your password?” on the sign-in page. That signs you out everywhere."
                </p>
            </div>
        </AuthLayout>
    }
}
