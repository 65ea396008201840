//! What components ask of the browser. On the server the same functions do nothing, so that a
//! component reads the same in both builds.

use leptos::prelude::*;

/// Seconds left, counting down in the browser and standing still on the server. It follows the
/// clock and not the number of ticks: a tab in the background misses some.
pub fn countdown(seconds: u32) -> RwSignal<u32> {
    let left = RwSignal::new(seconds);
    #[cfg(feature = "hydrate")]
    if seconds > 0 {
        live::run(left, seconds);
    }
    left
}

/// Shows a password, or hides it again; answers whether it is shown now. `id` is the input's.
pub fn toggle_password(id: &str) -> bool {
    #[cfg(feature = "hydrate")]
    return live::toggle_password(id);
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = id;
        false
    }
}

/// Puts a text on the clipboard and sets `done` for two seconds.
pub fn copy(text: String, done: RwSignal<bool>) {
    #[cfg(feature = "hydrate")]
    live::copy(text, done);
    #[cfg(not(feature = "hydrate"))]
    let _ = (text, done);
}

/// The name of a country in the page's language, from its two-letter code; nothing on the server and
/// for what is no such code.
pub fn country_name(code: &str) -> Option<String> {
    #[cfg(feature = "hydrate")]
    return live::country_name(code);
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = code;
        None
    }
}

#[cfg(feature = "hydrate")]
pub(crate) use live::focus;
#[cfg(feature = "claims")]
pub(crate) use live::written;

#[cfg(feature = "hydrate")]
mod live {
    use std::time::Duration;

    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{HtmlElement, HtmlInputElement};

    pub(super) fn run(left: RwSignal<u32>, seconds: u32) {
        let end = js_sys::Date::now() + f64::from(seconds) * 1000.0;
        let tick = move || {
            let rest = ((end - js_sys::Date::now()) / 1000.0).ceil().max(0.0);
            // Bounded by `seconds`, itself a u32.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let rest = (rest as u32).min(seconds);
            // The step may be gone between two ticks.
            if left.try_get_untracked().is_some_and(|now| now != rest) {
                let _ = left.try_set(rest);
            }
        };
        if let Ok(handle) = set_interval_with_handle(tick, Duration::from_millis(500)) {
            on_cleanup(move || handle.clear());
        }
    }

    /// The input with this id.
    fn input(id: &str) -> Option<HtmlInputElement> {
        document().get_element_by_id(id)?.dyn_into().ok()
    }

    pub(super) fn toggle_password(id: &str) -> bool {
        let Some(input) = input(id) else { return false };
        let show = input.type_() == "password";
        input.set_type(if show { "text" } else { "password" });
        show
    }

    pub(super) fn copy(text: String, done: RwSignal<bool>) {
        leptos::task::spawn_local(async move {
            let promise = window().navigator().clipboard().write_text(&text);
            if wasm_bindgen_futures::JsFuture::from(promise).await.is_ok() {
                let _ = done.try_set(true);
                set_timeout(
                    move || {
                        let _ = done.try_set(false);
                    },
                    Duration::from_secs(2),
                );
            }
        });
    }

    /// The page's language.
    fn language() -> String {
        let html = document().document_element();
        html.and_then(|html| html.get_attribute("lang")).unwrap_or_else(|| "en".to_owned())
    }

    /// The page's language as this browser writes it: its first language of that kind (`en-GB` for a
    /// page in `en`), so that dates are in the order that its reader knows; else the page's own.
    #[cfg(feature = "claims")]
    pub(crate) fn written() -> String {
        let page = language();
        let languages = window().navigator().languages();
        let mut own = languages.iter().filter_map(|tag| tag.as_string());
        let own = own.find(|tag| tag.split('-').next() == Some(page.as_str()));
        own.unwrap_or(page)
    }

    /// `new Intl.DisplayNames(language, { type: "region", fallback: "none" }).of(code)`: the browser
    /// has the names, so that no table of ours is loaded.
    pub(super) fn country_name(code: &str) -> Option<String> {
        use js_sys::{Array, Function, Object, Reflect};
        let options = Object::new();
        for (name, value) in [("type", "region"), ("fallback", "none")] {
            Reflect::set(&options, &name.into(), &value.into()).ok()?;
        }
        let intl = Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
        let maker: Function = Reflect::get(&intl, &"DisplayNames".into()).ok()?.dyn_into().ok()?;
        let names = Reflect::construct(&maker, &Array::of2(&language().into(), &options)).ok()?;
        let of: Function = Reflect::get(&names, &"of".into()).ok()?.dyn_into().ok()?;
        of.call1(&names, &code.into()).ok()?.as_string()
    }

    /// Moves the focus to the first of these ids that exists.
    pub(crate) fn focus(ids: &[&str]) {
        let found = ids.iter().find_map(|id| document().get_element_by_id(id));
        if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    }
}
