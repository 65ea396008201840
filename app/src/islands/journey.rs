//! The island that covers a journey's step.
//!
//! It draws what the server drew. In the browser it sends forms as JSON and draws the next step in
//! place ([`super::journey_live`]); where that cannot be, forms go their plain way.
//!
//! What `#[island]` would write stands here by hand, for one difference: the step comes out of its
//! attribute by way of the browser's JSON parser ([`super::decode`]).

use leptos::either::Either;
use leptos::prelude::*;
use leptos::reactive::owner::Owner;
use leptos::tachys::html::islands::Island;
use leptos::tachys::reactive_graph::OwnedView;

use crate::api::journey::{CodeView, Delivery, JourneyView, StageView};
use crate::components::{Notice, Plain as _, Tone};
use crate::pages::journey::{LiveDelivery, step};

/// The step on show. The version tells one drawing from the next.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) view: JourneyView,
    pub(super) version: u32,
}

/// The island's state. What is typed stays in the form and never comes in here.
#[derive(Clone, Copy)]
pub(super) struct Live {
    pub(super) shown: RwSignal<Shown>,
    /// A form could not be sent.
    pub(super) stuck: RwSignal<bool>,
    /// What to tell about the last press, such as a code sent again.
    pub(super) note: RwSignal<Option<&'static str>>,
    pub(super) delivery: RwSignal<Delivery>,
    /// A form is on its way (U5).
    #[cfg_attr(not(feature = "hydrate"), allow(dead_code))]
    pub(super) busy: StoredValue<bool>,
}

/// The code that a step waits for, where a message brings it.
pub(super) fn awaited(stage: &StageView) -> Option<&CodeView> {
    match stage {
        StageView::SignUpCode(code) | StageView::ResetCode(code) | StageView::ConfirmEmail(code) => Some(code),
        StageView::EnrolPhoneCode { code, .. } => Some(code),
        StageView::Challenge { code, .. } => code.as_ref(),
        StageView::SignIn { .. }
        | StageView::SignUpEmail
        | StageView::Details { .. }
        | StageView::ResetEmail { .. }
        | StageView::NewPassword { .. }
        | StageView::ChooseMethod { .. }
        | StageView::EnrolPhone { .. }
        | StageView::EnrolApp { .. }
        | StageView::EnrolPasskey { .. }
        | StageView::OfferPasskey { .. }
        | StageView::OfferRecoveryCodes { .. }
        | StageView::EditProfile { .. }
        | StageView::Consent { .. }
        | StageView::Done { .. }
        | StageView::Over { .. } => None,
    }
}

/// How the message of a step fares, where there is one.
pub(super) fn delivery_of(stage: &StageView) -> Delivery {
    awaited(stage).map_or(Delivery::OnItsWay, |code| code.delivery)
}

/// What `boot.js` calls the browser's half by.
const NAME: &str = "JourneyIsland";

/// A journey's step, live where the browser can.
#[component]
pub fn JourneyIsland(
    /// The step.
    view: JourneyView,
) -> impl IntoView {
    // Texts and numbers under names that are texts: always to be written. Without it the page would
    // stay plain.
    let json = serde_json::to_string(&view).unwrap_or_default();
    island(view).with_props(json)
}

/// Takes over the step that the server drew into this element. Without a step that can be read, the
/// forms stay plain.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen(js_name = "JourneyIsland")]
pub fn hydrate_journey(element: &web_sys::HtmlElement) {
    let json = element.get_attribute("data-props");
    let Some(view) = json.and_then(|json| super::decode::read(&json)) else { return };
    let state = island(view).hydrate_from_position::<true>(element, leptos::tachys::view::Position::Current);
    // Lives as long as the page.
    std::mem::forget(state);
}

fn island(view: JourneyView) -> Island<impl IntoView> {
    let owned = Owner::new().with(|| Owner::with_hydration(move || OwnedView::new(drawing(view))));
    Island::new(NAME, owned)
}

fn drawing(view: JourneyView) -> impl IntoView {
    let live = Live {
        delivery: RwSignal::new(delivery_of(&view.stage)),
        shown: RwSignal::new(Shown { view, version: 0 }),
        stuck: RwSignal::new(false),
        note: RwSignal::new(None),
        busy: StoredValue::new(false),
    };
    provide_context(LiveDelivery(live.delivery));
    #[cfg(feature = "hydrate")]
    super::journey_live::start(live);
    view! {
        <div
            class="journey"
            on:submit=move |event| {
                #[cfg(feature = "hydrate")]
                super::journey_live::submit(live, &event);
                #[cfg(not(feature = "hydrate"))]
                let _ = (event, live);
            }
            on:click=move |event| {
                #[cfg(feature = "hydrate")]
                super::journey_live::follow_summary_link(&event);
                #[cfg(not(feature = "hydrate"))]
                let _ = event;
            }
        >
            <div role="alert">{move || live.stuck.get().then(|| stuck_notice(live))}</div>
            <div role="status">
                {move || live.note.get().map(|note| {
                    let note = view! { <p>{note}</p> }.plain();
                    view! { <Notice tone=Tone::Success>{note}</Notice> }.plain()
                })}
            </div>
            // A step is drawn anew each time, never patched: what was typed before must not stay
            // in a field that happens to look alike.
            {move || {
                live.shown
                    .with(|shown| {
                        let drawn = step(&shown.view);
                        if shown.version % 2 == 0 { Either::Left(drawn) } else { Either::Right(drawn) }
                    })
            }}
        </div>
    }
}

fn stuck_notice(live: Live) -> AnyView {
    let body = view! {
            <p>"What you typed is still here. Check your connection, then try again."</p>
            <p>
                <button
                    type="button"
                    class="button button-secondary"
                    on:click=move |_| {
                        #[cfg(feature = "hydrate")]
                        super::journey_live::try_again(live);
                        #[cfg(not(feature = "hydrate"))]
                        let _ = live;
                    }
                >
                    "Try again"
                </button>
            </p>
    }
    .plain();
    view! { <Notice tone=Tone::Error title="We couldn’t reach the service">{body}</Notice> }.plain()
}
