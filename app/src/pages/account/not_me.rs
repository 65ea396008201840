//! "This wasn't me": what the link in a mail about a change opens. No session is needed.

use leptos::prelude::*;

use super::time;
use crate::{
    api::account::{EventView, NotMeThing, NotMeView, SecuredView},
    components::{AuthLayout, Button, ButtonLink, CheckboxField},
    paths,
};

/// The title of [`not_me_page`] and [`secured_page`].
pub const NOT_ME_TITLE: &str = "Secure your account";

// What can be ticked; nothing if there is nothing.
fn boxes(things: Vec<NotMeThing>) -> Option<AnyView> {
    if things.is_empty() {
        return None;
    }
    let boxes = things
        .into_iter()
        .map(|thing| {
            let label = match thing.at {
                Some(at) => format!("{}, {}", thing.what, at.text),
                None => thing.what,
            };
            view! { <CheckboxField name=thing.field label=label checked=thing.ticked /> }
        })
        .collect_view();
    let fieldset = view! {
        <fieldset class="field" aria-describedby="not-me-hint">
            <legend class="label">"What of this wasn’t you?"</legend>
            <p class="hint" id="not-me-hint">
                "We undo what is ticked. What was done since the change that you got the email about is ticked already: take the tick away from what you did yourself."
            </p>
            <input type="hidden" name="chosen" value="true" />
            {boxes}
        </fieldset>
    };
    Some(fieldset.into_any())
}

fn also(events: Vec<EventView>) -> Option<AnyView> {
    if events.is_empty() {
        return None;
    }
    let items = events.into_iter().map(|event| view! { <li>{event.what} ", " {time(event.at)}</li> }).collect_view();
    let list = view! {
        <h2>"Also done in the last 14 days"</h2>
        <ul class="points">{items}</ul>
    };
    Some(list.into_any())
}

// Only the mail about the change of the address has a link that undoes it.
fn elsewhere(moved: String) -> AnyView {
    view! {
        <p>
            "The email address of your account is " <bdi>{moved}</bdi>
            " now. This link doesn’t change that. Was that not you? Then use the link in the email that told you of the new address."
        </p>
    }
    .into_any()
}

/// The body of `/not-me/{tenant}/{token}`: what the button does, what of it can be chosen, and the button.
pub fn not_me_page(view: NotMeView) -> impl IntoView {
    let NotMeView { tenant, action, things, moved, also: events } = view;
    view! {
        <AuthLayout tenant=tenant.clone()>
            <h1 class="step-title">{NOT_ME_TITLE}</h1>
            <div class="prose">
                <p class="lead">"Did somebody else change your account? Then press the button. It:"</p>
                <ul class="points">
                    <li>"signs your account out everywhere,"</li>
                    <li>"takes away the access that apps have,"</li>
                    <li>"removes your password, so that nobody can use it,"</li>
                    <li>"keeps your account, if somebody asked to delete it."</li>
                </ul>
                <form method="post" action=action class="form">
                    {boxes(things)}
                    <Button label="This wasn’t me: secure my account" />
                </form>
                {moved.map(elsewhere)}
                <p>"Afterwards you choose a new password, with a code that we email to you."</p>
                {also(events)}
                <p class="muted">
                    {format!("If you see something else that wasn’t you, tell {tenant}. If you got more than one of these emails, one link is enough. If all of it was you, close this page. Nothing changes.")}
                </p>
            </div>
        </AuthLayout>
    }
}

/// What follows on the button.
pub fn secured_page(view: SecuredView) -> impl IntoView {
    let SecuredView { tenant, domain, brought_back, moved, asked, stopped } = view;
    let href = paths::account(&domain);
    let address = brought_back.map(|instead| {
        view! { <p>"This email address signs in to your account again, instead of " <bdi>{instead}</bdi> "."</p> }
    });
    let asked = asked.map(|rule| view! { <p>{format!("From now on {rule}")}</p> });
    let next = if stopped {
        let text = format!(
            "Another account uses this email address by now, so we could not bring it back. Nobody can sign in to the account that was changed. Contact {tenant}."
        );
        view! { <p class="strong">{text}</p> }.into_any()
    } else {
        view! {
            <p>
                "Now change the password of your email account, in case somebody reads it. Then choose a new password here: press “Forgot your password?” on the next page."
            </p>
            <p>
                <ButtonLink href=href label="Choose a new password" />
            </p>
            <p class="muted">{format!("What you ticked is undone. If you have no other second step, contact {tenant}.")}</p>
        }
        .into_any()
    };
    view! {
        <AuthLayout tenant=tenant.clone()>
            <h1 class="step-title">"Your account is secured"</h1>
            <div class="prose">
                <p class="lead">"Everybody was signed out, and the old password is gone."</p>
                {address}
                {moved.map(elsewhere)}
                {asked}
                {next}
            </div>
        </AuthLayout>
    }
}

/// A link that does not work, whatever the reason.
pub fn not_me_over_page() -> impl IntoView {
    view! {
        <AuthLayout tenant="Lanyard">
            <h1 class="step-title">"This link no longer works"</h1>
            <div class="prose">
                <p class="lead">"It works once, and for 14 days."</p>
                <p>"If you’ve used another link like it, your account is secured already."</p>
                <p>
                    "If you think that somebody else uses your account: choose a new password with “Forgot your password?” on the sign-in page. That signs you out everywhere."
                </p>
            </div>
        </AuthLayout>
    }
}
