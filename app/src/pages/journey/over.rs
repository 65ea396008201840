//! The last pages: done, or not to be gone on with.

use leptos::prelude::*;

use super::words;
use crate::api::journey::OverReason;
use crate::components::{ButtonLink, Plain as _};

pub(super) fn done(location: &str) -> AnyView {
    let location = location.to_owned();
    view! {
        <p class="lead">"Taking you on. If nothing happens, press Continue."</p>
        <div class="actions">
            <ButtonLink href=location label="Continue" />
        </div>
    }
    .plain()
}

pub(super) fn over(reason: OverReason, start_again: Option<&str>) -> AnyView {
    let again = start_again.map(str::to_owned).map(|href| {
        view! {
            <div class="actions">
                <ButtonLink href=href label="Start again" />
            </div>
        }
    });
    let lost = again.is_none().then(|| {
        view! { <p class="lead">"To start again, go back to the app or website you came from and sign in there."</p> }
    });
    view! {
        <p class="lead">{words::over_text(reason)}</p>
        {lost}
        {again}
    }
    .plain()
}
