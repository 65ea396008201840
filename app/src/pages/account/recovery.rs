//! Recovery codes on the account page (U22): how many are left, and the page that shows new ones, once.

use leptos::prelude::*;

use super::{factors::sign_in_again, frame, time, time_or};
use crate::{
    api::account::{NewCodesView, RecoveryView, Visitor},
    components::{
        Badge, Button, ButtonKind, ButtonLink, Disclosure, Form, Notice, Tone,
        codes::{code_list, download, file_link},
    },
    islands::CopyButton,
    paths,
};

/// The title of the page that shows new codes.
pub const NEW_CODES_TITLE: &str = "Your recovery codes";

/// The part of the account page.
pub(super) fn section(
    visitor: &Visitor,
    codes: Option<RecoveryView>,
    may_have: bool,
    (may_change, may_remove): (bool, bool),
) -> AnyView {
    let make = (may_have && may_change).then(|| make(visitor, codes.as_ref()));
    let remove = codes.as_ref().filter(|_| may_change && may_remove).map(|codes| remove(visitor, codes));
    // Only who may change them sees the forms: A20.
    let stale = (!may_change).then(|| {
        view! {
            <p>"To make or remove codes, we need to know that it’s you: a sign-in of the last 10 minutes."</p>
            {sign_in_again(visitor)}
        }
    });
    let state = match codes {
        Some(codes) => state(codes),
        None => view! { <p>"You have no recovery codes. Make some before you need them."</p> }.into_any(),
    };
    view! {
        <section class="panel" aria-labelledby="recovery">
            <h2 id="recovery">"Recovery codes"</h2>
            <p>"If you lose your phone or can’t use your second step, one of these codes lets you in. Each works once."</p>
            {state}
            {make}
            {remove}
            {stale}
        </section>
    }
    .into_any()
}

fn left(codes: u32) -> String {
    match codes {
        0 => "No codes left".to_owned(),
        1 => "1 code left".to_owned(),
        codes => format!("{codes} codes left"),
    }
}

fn state(codes: RecoveryView) -> AnyView {
    let off = codes.turned_off.then(|| view! { <Badge text="Turned off" tone=Tone::Error /> });
    let lock = codes.locked_until.map(|until| {
        view! {
            <p>
                <Badge text="Locked" tone=Tone::Error />
                " until "
                {time(until)}
                ", after too many wrong codes."
            </p>
        }
    });
    let few = (codes.few && !codes.turned_off).then(|| {
        let title = match codes.left {
            0 => "You have no recovery codes left".to_owned(),
            1 => "You have only 1 recovery code left".to_owned(),
            left => format!("You have only {left} recovery codes left"),
        };
        view! {
            <Notice tone=Tone::Warning title=title>
                <p>"Make new ones before you run out. The old ones stop working then."</p>
            </Notice>
        }
    });
    view! {
        {few}
        <p class="thing-name">{left(codes.left)} " " {off}</p>
        <p class="muted">
            "Made " {time(codes.made)} ". Last used: " {time_or(codes.last_used, "not since then")} "."
        </p>
        {lock}
    }
    .into_any()
}

fn make(visitor: &Visitor, codes: Option<&RecoveryView>) -> AnyView {
    let label = if codes.is_some() { "Make new codes" } else { "Make recovery codes" };
    let warning =
        codes.map(|_| view! { <p class="hint">"When you make new codes, the ones that you have stop working."</p> });
    let replaces = codes.map(|codes| codes.id.clone()).unwrap_or_default();
    view! {
        <Form
            action=paths::account_recovery_codes(&visitor.domain)
            csrf=visitor.csrf.clone()
            class="inline-form"
        >
            <input type="hidden" name="replaces" value=replaces />
            <Button label=label kind=ButtonKind::Secondary />
        </Form>
        {warning}
    }
    .into_any()
}

fn remove(visitor: &Visitor, codes: &RecoveryView) -> AnyView {
    let (action, factor) = (paths::account_remove_recovery_codes(&visitor.domain), codes.id.clone());
    let csrf = visitor.csrf.clone();
    let form = view! {
        <p>"Nobody can get in with these codes then. You can make new ones later."</p>
        <Form action=action csrf=csrf>
            <input type="hidden" name="factor" value=factor />
            <Button label="Remove recovery codes" kind=ButtonKind::Danger />
        </Form>
    };
    view! { <Disclosure summary="Remove your recovery codes">{form}</Disclosure> }.into_any()
}

/// The body of the answer to a POST of `/account/{tenant}/recovery-codes`. Nothing that is kept could show the
/// codes again, so the file to download stands in the page itself.
pub fn new_codes_page(view: NewCodesView) -> impl IntoView {
    let NewCodesView { visitor, codes } = view;
    let all = codes.join("\n");
    let file = file_link(&format!("{} ({})", visitor.tenant, visitor.domain), &all);
    let body = view! {
        <h1>{NEW_CODES_TITLE}</h1>
        <Notice tone=Tone::Warning title="Save these codes now">
            <p>"We show them only this once, and can’t show them again. Codes that you had before no longer work."</p>
        </Notice>
        <div class="codes" data-once="">
            {code_list(codes)}
            <div class="actions">
                <CopyButton text=all what="recovery codes".to_owned() />
                {download(file)}
            </div>
        </div>
        <p>
            "Or print this page, or write them down. Keep them where nobody else finds them, and not on the phone that you sign in with."
        </p>
        <div class="actions">
            <ButtonLink href=paths::account(&visitor.domain) label="I’ve saved these" />
        </div>
    }
    .into_any();
    frame(&visitor, body)
}
