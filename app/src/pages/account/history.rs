//! What was done with the account, in plain words, newest first; and the way to all of its data.

use leptos::prelude::*;

use super::{frame, time};
use crate::{
    api::account::{EventView, HistoryView, Visitor},
    components::{Badge, Button, ButtonKind, ButtonLink, Form, Tone},
    paths,
};

/// The title of [`history_page`].
pub const HISTORY_TITLE: &str = "Security history";
/// The title of [`data_page`].
pub const DATA_TITLE: &str = "Download your data";

/// The panel of the account page that leads to both.
pub(super) fn section(visitor: &Visitor) -> AnyView {
    view! {
        <section class="panel" aria-labelledby="more">
            <h2 id="more">"Security history and your data"</h2>
            <p>"See when somebody signed in and what was changed, or get a copy of what is kept about you."</p>
            <div class="actions">
                <ButtonLink
                    href=paths::account_history(&visitor.domain)
                    label="See the history"
                    kind=ButtonKind::Secondary
                />
                <ButtonLink
                    href=paths::account_data(&visitor.domain)
                    label="Download your data"
                    kind=ButtonKind::Secondary
                />
            </div>
        </section>
    }
    .into_any()
}

fn one(event: EventView) -> AnyView {
    let browser = match event.browser {
        _ if event.by_others => "Not done by you".to_owned(),
        Some(browser) => browser,
        None => "Unknown browser".to_owned(),
    };
    view! {
        <li class="thing">
            <p class="thing-name">
                {event.what} " " {event.failed.then(|| view! { <Badge text="Didn’t work" tone=Tone::Warning /> })}
            </p>
            <p class="muted">{time(event.at)} ". " {browser} "."</p>
        </li>
    }
    .into_any()
}

/// The body of `/account/{tenant}/history`.
pub fn history_page(view: HistoryView) -> impl IntoView {
    let visitor = view.visitor;
    let none = view.events.is_empty().then(|| view! { <p class="muted">"Nothing more was done."</p> });
    let items = view.events.into_iter().map(one).collect_view();
    let older = view.older.map(|href| {
        view! { <ButtonLink href=href label="Show older" kind=ButtonKind::Secondary /> }
    });
    let newest = (!view.newest).then(|| {
        let href = paths::account_history(&visitor.domain);
        view! { <ButtonLink href=href label="Show the newest" kind=ButtonKind::Secondary /> }
    });
    let body = view! {
        <div class="own-head">
            <h1>{HISTORY_TITLE}</h1>
            <p class="muted">
                "What was done with your account by you, by people who work here or by the system, the newest first. If you don’t know something here, change your password and look at “Where you’re signed in”."
            </p>
        </div>
        <section class="panel" aria-label="Events">
            <ul class="things">{items}</ul>
            {none}
            <div class="actions">{newest} {older}</div>
        </section>
        <ButtonLink href=paths::account(&visitor.domain) label="Back to your account" kind=ButtonKind::Link />
    }
    .into_any();
    frame(&visitor, body)
}

/// The body of `/account/{tenant}/data`.
pub fn data_page(visitor: Visitor) -> impl IntoView {
    let body = view! {
        <h1>{DATA_TITLE}</h1>
        <p>
            "You get one file with your details, the apps that you allowed, how and where you sign in, and your security history. It holds no passwords or keys."
        </p>
        <p>"Keep it safe: whoever has the file can read all of it. It is in JSON, which other programs can read too."</p>
        <Form action=paths::account_data(&visitor.domain) csrf=visitor.csrf.clone()>
            <Button label="Download the file" />
        </Form>
        <ButtonLink href=paths::account(&visitor.domain) label="Back to your account" kind=ButtonKind::Link />
    }
    .into_any();
    frame(&visitor, body)
}
