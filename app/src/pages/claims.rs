//! The bundled "Patient portal": which details a sign-in passes on (U30).

use leptos::prelude::*;

use crate::components::AuthLayout;
use crate::islands::{ClaimsConfig, ClaimsViewer};

/// The body of `/claims`; its title is "Patient portal – {tenant}".
pub fn claims_page(config: ClaimsConfig, demo: bool) -> impl IntoView {
    view! {
        <AuthLayout tenant=config.tenant.clone() demo=demo wide=true>
            <ClaimsViewer config=config />
        </AuthLayout>
    }
}
