//! `/account` without a clinic in the address: how to get to one's own.

use leptos::prelude::*;

use crate::components::AuthLayout;

/// The title of [`way_page`].
pub const WAY_TITLE: &str = "Which account is yours?";

/// The body of `/account` where there is more than one clinic. It names none of them: which clinics
/// there are is nobody's business who only asks.
pub fn way_page() -> impl IntoView {
    view! {
        <AuthLayout tenant="Lanyard">
            <h1 class="step-title">{WAY_TITLE}</h1>
            <div class="prose">
                <p class="lead">"Several clinics use this server. The address of your account has the name of yours in it."</p>
                <ul class="points">
                    <li>"Open the app of your clinic, and go to your account from there."</li>
                    <li>"Or ask your clinic for the address of your account."</li>
                </ul>
            </div>
        </AuthLayout>
    }
}
