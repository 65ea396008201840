//! The landing page: in demo mode the way into everything, otherwise what this server is.

use leptos::prelude::*;

use crate::{components::AuthLayout, paths};

/// The title of [`home_page`].
pub const HOME_TITLE: &str = "Lanyard";

/// The body of `/`. `demo`: name and domain of the demonstration's clinic, in demo mode.
pub fn home_page(demo: Option<(String, String)>) -> impl IntoView {
    match demo {
        Some((name, domain)) => demo_page(name, &domain),
        None => plain_page(),
    }
}

fn demo_page(name: String, domain: &str) -> AnyView {
    let ways = [
        (
            paths::CLAIMS.to_owned(),
            "Patient portal",
            "Sign up or sign in as a patient, and see which details the app receives.",
        ),
        (
            paths::PORTAL.to_owned(),
            "Operator portal",
            "Tenants, applications and user flows. Switch the second step on and off.",
        ),
        (paths::clinic(domain), "Clinic", "What clinic staff see: the patients, their second step, their sign-ins."),
        (paths::account(domain), "Your account", "What a patient sees about themselves."),
        (paths::DEV_INBOX.to_owned(), "Inbox", "Every email, text and call that the demo sent."),
    ];
    let items = ways
        .into_iter()
        .map(|(href, label, what)| {
            view! {
                <li>
                    <a class="way" href=href>
                        <span class="way-label">{label}</span>
                        <span class="way-what">{what}</span>
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <AuthLayout tenant=HOME_TITLE demo=true wide=true>
            <h1>{format!("Welcome to {name}")}</h1>
            <p class="ways-intro">
                "This is a demonstration of Lanyard: sign-in with a second step for health apps. The people are made up. The first operator’s link and the demo accounts were printed when the server started."
            </p>
            <ul class="ways">{items}</ul>
        </AuthLayout>
    }
    .into_any()
}

fn plain_page() -> AnyView {
    view! {
        <AuthLayout tenant=HOME_TITLE>
            <h1>"This is a sign-in server"</h1>
            <p>"Apps of your clinic send you here to sign in. Nothing more is to be done on this page."</p>
            <p>"Go back to the app, and press “Sign in” there."</p>
        </AuthLayout>
    }
    .into_any()
}
