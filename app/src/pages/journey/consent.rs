//! Asks before data first goes to an application of somebody else (U29).

use leptos::prelude::*;

use super::parts::Step;
use crate::components::{Button, ButtonKind, Plain as _};

pub(super) fn consent(
    at: &Step<'_>,
    (email, host): (&str, Option<&str>),
    details: &[String],
    rights: &[String],
) -> AnyView {
    let application = at.application().unwrap_or_else(|| "This app".to_owned());
    let tenant = at.tenant();
    let list = |items: &[String]| {
        let items = items.iter().map(|item| view! { <li>{item.clone()}</li> }).collect_view();
        view! { <ul>{items}</ul> }.plain()
    };
    let gets = (!details.is_empty()).then(|| {
        view! {
            <h2>"It gets these details about you"</h2>
            {list(details)}
        }
        .plain()
    });
    let may = (!rights.is_empty()).then(|| {
        view! {
            <h2>"It may also"</h2>
            {list(rights)}
        }
        .plain()
    });
    let leads_to = host.map(|host| {
        view! {
            <p>
                "If you allow this, you go on to "
                <bdi class="ltr">{host.to_owned()}</bdi>
                ". Make sure that you know this address."
            </p>
        }
        .plain()
    });
    let agree = view! {
        <div class="actions">
            <Button label="Allow" />
        </div>
    }
    .plain();
    view! {
        <p class="lead">
            <strong>{application.clone()}</strong>
            {format!(" is not run by {tenant}. It asks for your details.")}
        </p>
        {leads_to}
        {gets}
        {may}
        <p class="muted">
            "You’re signed in as "
            <bdi class="ltr">{email.to_owned()}</bdi>
            {format!(". If you allow this, we’ll remember it. You can take it back on your account page at {tenant}.")}
        </p>
        {at.form("agree", agree)}
        <div class="ways">{at.lone_button("cancel", "Cancel", ButtonKind::Link)}</div>
    }
    .plain()
}
