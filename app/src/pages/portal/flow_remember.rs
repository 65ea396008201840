//! The part of a flow's form about remembered browsers.

use leptos::prelude::*;

use super::{flow_settings::number, parts::check};
use crate::{api::portal::FormState, components::Disclosure};

/// Whether people may have their browser remembered; open where something in it is wrong.
pub(super) fn remember(form: &FormState) -> AnyView {
    let open = ["remember", "remember_days"].iter().any(|name| form.error(name).is_some());
    let about = "They tick a box when they enter a code. In that browser the password alone signs them in then. It is no second factor: tokens say so (amr pwd, acr aal1), and an application or a request that asks for a second factor gets one. It has no effect while the second factor is asked for under conditions. Not for shared computers.";
    let offer = check(form, "remember", "People may have their browser remembered".to_owned(), Some(about.to_owned()));
    let days = number(
        form,
        "remember_days",
        "For how many days",
        "1 to 90, counted from the code. Using the browser does not prolong it.",
    );
    view! {
        <Disclosure summary="Remembered browsers" open=open>
            {offer}
            {days}
        </Disclosure>
    }
    .into_any()
}
