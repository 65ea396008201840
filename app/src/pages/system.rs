//! Pages that belong to no journey and no console: failures, moving on, signing out.

use leptos::prelude::*;

use crate::components::{AuthLayout, Button, ButtonKind, ButtonLink, Disclosure};

/// A failed request: what happened, what to do, and the id that the log has.
pub fn failure_page(title: &'static str, advice: &'static str, request: &str) -> impl IntoView + use<> {
    let request = request.to_owned();
    view! {
        <AuthLayout tenant="Lanyard">
            <h1 class="step-title">{title}</h1>
            <p class="lead">{advice}</p>
            <p class="muted">"If you contact us about this, give this number: " <bdi class="fixed">{request}</bdi></p>
        </AuthLayout>
    }
}

/// The title of [`idle_page`].
pub const SIGNED_OUT_TITLE: &str = "You were signed out";

/// After a console stood idle: what happened, and that nobody else can look at it now (U26).
pub fn idle_page() -> impl IntoView {
    view! {
        <AuthLayout tenant="Lanyard">
            <h1 class="step-title">{SIGNED_OUT_TITLE}</h1>
            <p class="lead">"Nothing happened on the page for a while, so we signed you out. That keeps others who use this device away from it."</p>
            <p>
                <ButtonLink href=crate::paths::HOME label="Go to the start page" />
            </p>
        </AuthLayout>
    }
}

/// An authorization or logout request that cannot be answered to the application.
pub fn protocol_error_page(code: &str, text: &'static str) -> impl IntoView + use<> {
    let code = code.to_owned();
    view! {
        <AuthLayout tenant="Lanyard">
            <h1 class="step-title">"This sign-in link does not work"</h1>
            <p>"The app that sent you here asked for something that we can’t do. Go back to the app and try again. If it happens again, tell the people who run the app."</p>
            <Disclosure summary="Details for the developer">
                <p>{text}</p>
                <p>"Error code: " <bdi class="fixed">{code}</bdi></p>
            </Disclosure>
        </AuthLayout>
    }
}

/// Moves on by itself (the answer carries `Refresh`); the link is for who prefers it.
pub fn move_on_page(location: &str) -> impl IntoView + use<> {
    let location = location.to_owned();
    view! {
        <AuthLayout tenant="Lanyard">
            <h1 class="step-title">"You’re signed in"</h1>
            <p>"We’re taking you back now."</p>
            <p>
                <ButtonLink href=location label="Continue" />
            </p>
        </AuthLayout>
    }
}

/// The answer by form post: one button, pressed by the person where no script runs.
pub fn form_post_page(action: &str, fields: &[(&'static str, String)]) -> impl IntoView + use<> {
    let action = action.to_owned();
    let fields = fields
        .iter()
        .map(|(name, value)| view! { <input type="hidden" name=*name value=value.clone() /> })
        .collect_view();
    view! {
        <AuthLayout tenant="Lanyard">
            <h1 class="step-title">"Going back to the app"</h1>
            <form method="post" action=action data-submit-at-once="">
                {fields}
                <p>"Press Continue to go back to the app."</p>
                <Button label="Continue" />
            </form>
        </AuthLayout>
    }
}

/// Asks before signing out: no proof came that the person's own app asked.
pub fn confirm_logout_page(tenant: &str, kept: &[(String, String)]) -> impl IntoView + use<> {
    let fields = kept
        .iter()
        .map(|(name, value)| view! { <input type="hidden" name=name.clone() value=value.clone() /> })
        .collect_view();
    view! {
        <AuthLayout tenant=tenant.to_owned()>
            <h1 class="step-title">"Do you want to sign out?"</h1>
            <p>"You will have to sign in again the next time you use an app of this clinic."</p>
            <form method="post">
                {fields}
                <input type="hidden" name="confirm" value="yes" />
                <Button label="Sign out" kind=ButtonKind::Primary />
            </form>
        </AuthLayout>
    }
}

/// Says that the session is over. `frames` sign the person out at other applications; `next` is
/// where the page goes on to by itself.
pub fn signed_out_page(tenant: &str, frames: &[String], next: Option<&str>) -> impl IntoView + use<> {
    // They may run scripts of their own, and can't lead this page elsewhere.
    let frames = frames
        .iter()
        .map(|url| {
            view! {
                <iframe hidden title="Signing out" sandbox="allow-scripts allow-same-origin" src=url.clone()></iframe>
            }
        })
        .collect_view();
    let rest = match next {
        Some(next) => view! {
            <p>"We’re taking you back to the app."</p>
            <ButtonLink label="Continue" href=next.to_owned() />
        }
        .into_any(),
        None => view! { <p>"You can close this page now."</p> }.into_any(),
    };
    view! {
        <AuthLayout tenant=tenant.to_owned()>
            <h1 class="step-title">"You’re signed out"</h1>
            {rest}
            {frames}
        </AuthLayout>
    }
}
