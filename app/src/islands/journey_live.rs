//! What the journey's island does in the browser: sends forms as JSON, draws the answer, moves the
//! focus, keeps title and history true, asks how a message fares.

use std::mem::discriminant;
use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, FormData, HtmlButtonElement, HtmlElement, HtmlFormElement, HtmlInputElement, SubmitEvent};

use super::decode;
use super::journey::{Live, Shown, awaited, delivery_of};
use crate::api::journey::{Delivery, JourneyView, StageView};
use crate::components::ERROR_SUMMARY_ID;
use crate::pages::journey::page_title;
use crate::{browser, fetch};

/// When to ask how a message fares, in seconds after the step was drawn.
const POLLS: [u64; 3] = [3, 8, 20];
/// Marks the form, and the button in it, that was sent last.
const TRIED: &str = "data-tried";

/// Called once, when the island comes to life.
pub(super) fn start(live: Live) {
    // Back and forward ask the server what the journey's page is now.
    let listener = window_event_listener(ev::popstate, move |_| refresh(live));
    on_cleanup(move || listener.remove());
    watch_delivery(live);
}

/// A form of the step was submitted.
pub(super) fn submit(live: Live, event: &SubmitEvent) {
    let Some(form) = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok()) else { return };
    let button = event.submitter().and_then(|element| element.dyn_into::<HtmlButtonElement>().ok());
    let action = button
        .as_ref()
        .and_then(|button| button.get_attribute("formaction"))
        .or_else(|| form.get_attribute("action"))
        .unwrap_or_default();
    // `/journey/{id}/{event}`; any other form goes its plain way.
    let Some(path) = action.strip_prefix("/journey/").filter(|path| path.split('/').count() == 2) else { return };
    event.prevent_default();
    if live.busy.get_value() {
        return;
    }
    hide_passwords(&form);
    let Some(body) = body(&form, button.as_ref()) else { return };
    mark(&form, button.as_deref());
    live.busy.set_value(true);
    let _ = form.set_attribute("aria-busy", "true");
    let url = format!("/api/journeys/{path}");
    let resent = path.ends_with("/resend");
    spawn_local(async move {
        let answer = fetch::post_json(&url, body, decode::read).await;
        live.busy.set_value(false);
        let _ = form.remove_attribute("aria-busy");
        match answer {
            Ok(next) => {
                let note = (resent && next.problems.is_empty())
                    .then_some("We’ve sent a new code. The one before it still works until its time is up.");
                live.note.set(note);
                show(live, next, true);
            }
            Err(fetch::FetchError::Refused(400..=428 | 430..=499)) => go_to_page(live),
            Err(fetch::FetchError::Refused(_) | fetch::FetchError::Unreachable) => live.stuck.set(true),
        }
    });
}

/// "Try again" after a form could not be sent: the same form, with what is in it now.
pub(super) fn try_again(live: Live) {
    live.stuck.set(false);
    let found = document().query_selector(&format!("form[{TRIED}]")).ok().flatten();
    let Some(form) = found.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) else { return };
    let button = form.query_selector(&format!("button[{TRIED}]")).ok().flatten();
    let button = button.and_then(|button| button.dyn_into::<HtmlElement>().ok());
    let _ = form.request_submit_with_submitter(button.as_ref());
}

/// A link of the error summary puts the focus into its field, and leaves history alone.
pub(super) fn follow_summary_link(event: &ev::MouseEvent) {
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let Some(link) = target.closest(".error-summary a").ok().flatten() else { return };
    if let Some(id) = link.get_attribute("href").as_deref().and_then(|href| href.strip_prefix('#')) {
        event.prevent_default();
        browser::focus(&[id]);
    }
}

/// U8: nobody's password stays readable once the form is on its way.
fn hide_passwords(form: &HtmlFormElement) {
    let Ok(inputs) = form.query_selector_all("input[autocomplete$='-password']") else { return };
    for at in 0..inputs.length() {
        if let Some(input) = inputs.get(at).and_then(|node| node.dyn_into::<HtmlInputElement>().ok()) {
            input.set_type("password");
        }
    }
}

/// The fields as the plain form would send them: an `EventBody`.
fn body(form: &HtmlFormElement, button: Option<&HtmlButtonElement>) -> Option<String> {
    let data = FormData::new_with_form(form).ok()?;
    if let Some(button) = button.filter(|button| !button.name().is_empty()) {
        data.set_with_str(&button.name(), &button.value()).ok()?;
    }
    let csrf = data.get("csrf").as_string()?;
    data.delete("csrf");
    // Of a name that occurs twice the last value counts.
    let fields = js_sys::Object::from_entries(&data).ok()?;
    let body = js_sys::Object::new();
    js_sys::Reflect::set(&body, &"csrf".into(), &csrf.into()).ok()?;
    js_sys::Reflect::set(&body, &"fields".into(), &fields).ok()?;
    js_sys::JSON::stringify(&body).ok()?.as_string()
}

fn mark(form: &HtmlFormElement, button: Option<&HtmlElement>) {
    if let Ok(before) = document().query_selector_all(&format!("[{TRIED}]")) {
        for at in 0..before.length() {
            if let Some(element) = before.get(at).and_then(|node| node.dyn_into::<Element>().ok()) {
                let _ = element.remove_attribute(TRIED);
            }
        }
    }
    let _ = form.set_attribute(TRIED, "");
    if let Some(button) = button {
        let _ = button.set_attribute(TRIED, "");
    }
}

/// Draws a step in place of the one before.
fn show(live: Live, next: JourneyView, forward: bool) {
    if let StageView::Done { location } = &next.stage {
        // Ours only: a path, and not the start of another host's address.
        if location.starts_with('/') && !location.starts_with("//") {
            let _ = window().location().replace(location);
            return;
        }
    }
    let failed = !next.problems.is_empty();
    let moved = live.shown.with_untracked(|shown| discriminant(&shown.view.stage) != discriminant(&next.stage));
    document().set_title(&page_title(&next));
    if moved && forward {
        let address = format!("/journey/{}", next.id);
        let history = window().history();
        let _ = history.and_then(|history| history.push_state_with_url(&JsValue::NULL, "", Some(&address)));
    }
    live.stuck.set(false);
    live.delivery.set(delivery_of(&next.stage));
    live.shown.update(|shown| *shown = Shown { view: next, version: shown.version.wrapping_add(1) });
    // After the step is drawn.
    set_timeout(
        move || {
            if failed {
                browser::focus(&[ERROR_SUMMARY_ID, "step-title"]);
            } else {
                browser::focus(&["step-title"]);
            }
        },
        Duration::ZERO,
    );
    watch_delivery(live);
}

/// Asks what the journey's page is now, and draws it.
fn refresh(live: Live) {
    let id = live.shown.with_untracked(|shown| shown.view.id.clone());
    spawn_local(async move {
        match fetch::get(&format!("/api/journeys/{id}"), decode::read).await {
            Ok(now) => {
                live.note.set(None);
                show(live, now, false);
            }
            Err(_) => go_to_page(live),
        }
    });
}

/// Leaves it to the server's page to say what is the matter.
fn go_to_page(live: Live) {
    let id = live.shown.with_untracked(|shown| shown.view.id.clone());
    let _ = window().location().assign(&format!("/journey/{id}"));
}

/// Asks a few times how the step's message fares; tells about it and leaves the fields alone.
fn watch_delivery(live: Live) {
    let (version, waiting, id) =
        live.shown.with_untracked(|shown| (shown.version, awaited(&shown.view.stage).is_some(), shown.view.id.clone()));
    if !waiting || live.delivery.get_untracked() != Delivery::OnItsWay {
        return;
    }
    for seconds in POLLS {
        let url = format!("/api/journeys/{id}");
        set_timeout(move || poll(live, version, url), Duration::from_secs(seconds));
    }
}

fn poll(live: Live, version: u32, url: String) {
    // The step is no longer on show, or the answer to the last question was bad news already.
    let stale = move || live.shown.try_with_untracked(|shown| shown.version) != Some(version);
    if stale() || live.delivery.get_untracked() != Delivery::OnItsWay {
        return;
    }
    spawn_local(async move {
        // An answer that does not come is no news.
        let Ok(now) = fetch::get(&url, decode::read).await else { return };
        let same = live.shown.with_untracked(|shown| discriminant(&shown.view.stage) == discriminant(&now.stage));
        if !stale() && same {
            live.delivery.set(delivery_of(&now.stage));
        }
    });
}
