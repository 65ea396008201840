//! "Apps with access": what each gets, since when, and a button that ends it.

use leptos::prelude::*;

use super::{time, time_or};
use crate::{
    api::account::{AppView, Visitor},
    components::Form,
    paths,
};

pub(super) fn section(visitor: &Visitor, apps: Vec<AppView>) -> AnyView {
    let none = apps.is_empty().then(|| {
        view! { <p class="muted">"No app can get your details while you’re away, and you’ve allowed nothing so far."</p> }
    });
    let list = (!apps.is_empty()).then(|| {
        let items = apps.into_iter().map(|app| one(visitor, app)).collect_view();
        view! { <ul class="things">{items}</ul> }
    });
    view! {
        <section class="panel" aria-labelledby="apps">
            <h2 id="apps">"Apps with access"</h2>
            <p>"These apps get details about you from this account."</p>
            {list}
            {none}
        </section>
    }
    .into_any()
}

fn one(visitor: &Visitor, app: AppView) -> AnyView {
    let owner = if app.third_party {
        format!("Not run by {}", visitor.tenant)
    } else {
        format!("An app of {}", visitor.tenant)
    };
    let gets = (!app.details.is_empty()).then(|| view! { <p>{format!("Gets: {}.", app.details.join(", "))}</p> });
    let may = app.rights.into_iter().map(|right| view! { <p>{format!("May also: {right}.")}</p> }).collect_view();
    let label = format!("Remove access of {}", app.name);
    view! {
        <li class="thing">
            <p class="thing-name">{app.name} " " <span class="muted">{owner}</span></p>
            {gets}
            {may}
            <p class="muted">
                "Since " {time(app.since)} ". Last used: " {time_or(app.last_used, "not yet")} "."
            </p>
            <Form
                action=paths::account_remove_access(&visitor.domain)
                csrf=visitor.csrf.clone()
                class="inline-form"
            >
                <input type="hidden" name="application" value=app.id />
                <button class="button button-secondary" type="submit" aria-label=label>"Remove access"</button>
            </Form>
        </li>
    }
    .into_any()
}
