//! Remembered browsers: where, since when, until when, and a button that forgets one or all (U23).

use leptos::prelude::*;

use super::{time, time_or};
use crate::{
    api::account::{BrowserView, Visitor},
    components::{Button, ButtonKind, Form},
    paths,
};

/// The list; nothing where no browser is remembered.
pub(super) fn section(visitor: &Visitor, browsers: Vec<BrowserView>) -> Option<AnyView> {
    if browsers.is_empty() {
        return None;
    }
    let action = paths::account_forget_browsers(&visitor.domain);
    let all = (browsers.len() > 1).then(|| {
        view! {
            <div class="actions">
                <Form action=action.clone() csrf=visitor.csrf.clone() class="inline-form">
                    <Button label="Forget all browsers" kind=ButtonKind::Secondary />
                </Form>
            </div>
        }
    });
    let items = browsers.into_iter().map(|browser| one(visitor, browser)).collect_view();
    Some(
        view! {
            <section class="panel" aria-labelledby="browsers">
                <h2 id="browsers">"Remembered browsers"</h2>
                <p>"In these browsers you need only your password, and no code. Forget those that others use."</p>
                <ul class="things">{items}</ul>
                {all}
            </section>
        }
        .into_any(),
    )
}

fn one(visitor: &Visitor, browser: BrowserView) -> AnyView {
    let label = format!("Forget {}, remembered {}", browser.label, browser.created.text);
    view! {
        <li class="thing">
            <p class="thing-name">{browser.label}</p>
            <p class="muted">
                "Remembered " {time(browser.created)} ". Last used: " {time_or(browser.last_used, "not yet")}
                ". Ends: " {time(browser.expires)} "."
            </p>
            <p class="muted">"Network: " <bdi class="fixed">{browser.network}</bdi></p>
            <Form
                action=paths::account_forget_browsers(&visitor.domain)
                csrf=visitor.csrf.clone()
                class="inline-form"
            >
                <input type="hidden" name="browser" value=browser.id />
                <button class="button-link" type="submit" aria-label=label>"Forget"</button>
            </Form>
        </li>
    }
    .into_any()
}
