//! The end of an account: asked for, undone.

use leptos::prelude::*;

use super::{frame, time};
use crate::{
    api::account::{FarewellView, Moment, Visitor},
    components::{
        AuthLayout, Button, ButtonKind, ButtonLink, CheckboxField, ErrorItem, ErrorSummary, Form, MaybeText, Notice,
        Tone,
    },
    paths,
};

/// The title of [`delete_page`].
pub const DELETE_TITLE: &str = "Delete your account";

const UNTICKED: &str = "Tick the box to say that you’re sure.";

/// What stands at the top of the account page while the account is to be deleted.
pub(super) fn planned(visitor: &Visitor, at: Moment) -> AnyView {
    let (action, csrf) = (paths::account_keep(&visitor.domain), visitor.csrf.clone());
    view! {
        <Notice tone=Tone::Warning role="status" title="Your account will be deleted">
            <p>"On " {time(at)} ". Until then you can change your mind."</p>
            <Form action=action csrf=csrf class="inline-form">
                <Button label="Keep my account" kind=ButtonKind::Secondary />
            </Form>
        </Notice>
    }
    .into_any()
}

/// The title of [`farewell_page`].
pub const FAREWELL_TITLE: &str = "Your account will be deleted";

/// The body of `/journey/{id}/deletion`.
pub fn farewell_page(view: FarewellView) -> impl IntoView {
    let FarewellView { tenant, application, at, onward, account } = view;
    let go_on = application.map_or_else(|| "Continue".to_owned(), |application| format!("Continue to {application}"));
    view! {
        <AuthLayout tenant=tenant.clone()>
            <h1 class="step-title">{FAREWELL_TITLE}</h1>
            <div class="prose">
                <p class="lead">"You asked to delete your account at " {tenant} ". It ends on " {time(at)} "."</p>
                <p>"Until then you can use it. If you’ve changed your mind, go to your account and press “Keep my account”."</p>
                <div class="actions">
                    <ButtonLink href=onward label=go_on />
                    <ButtonLink href=account label="Go to your account" kind=ButtonKind::Secondary />
                </div>
            </div>
        </AuthLayout>
    }
}

/// The way to [`delete_page`].
pub(super) fn section(visitor: &Visitor) -> AnyView {
    view! {
        <section class="panel" aria-labelledby="delete">
            <h2 id="delete">{DELETE_TITLE}</h2>
            <p>"After 14 days your account is gone for good. Until then you can change your mind."</p>
            <div class="actions">
                <ButtonLink
                    href=paths::account_delete(&visitor.domain)
                    label="Delete your account"
                    kind=ButtonKind::Secondary
                />
            </div>
        </section>
    }
    .into_any()
}

/// The body of `/account/{tenant}/delete`.
pub fn delete_page(visitor: Visitor, unticked: bool) -> impl IntoView {
    let error = unticked.then(|| UNTICKED.to_owned());
    let items = error.clone().map(|text| ErrorItem { field: "sure".to_owned(), text }).into_iter().collect();
    let home = paths::account(&visitor.domain);
    let body = view! {
        <ErrorSummary items=items />
        <h1>{DELETE_TITLE}</h1>
        <ul class="points">
            <li>"You’re signed out everywhere else at once, and apps lose their access."</li>
            <li>"For 14 days you can sign in here and keep your account."</li>
            <li>"Then it is gone for good: your details, how you sign in, what you allowed."</li>
            <li>
                {format!("What {} must keep by law, such as medical records and the log of what was done, stays.", visitor.tenant)}
            </li>
        </ul>
        <Form action=paths::account_delete(&visitor.domain) csrf=visitor.csrf.clone()>
            <CheckboxField name="sure" label="Yes, delete my account" error=MaybeText(error) />
            <div class="actions">
                <button class="button button-danger" type="submit">"Delete my account"</button>
                <ButtonLink href=home label="Back to your account" kind=ButtonKind::Link />
            </div>
        </Form>
    }
    .into_any();
    frame(&visitor, body)
}
