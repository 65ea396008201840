//! The warning before a session ends by itself (U26).

use leptos::prelude::*;

use super::{Button, ButtonKind, Form, Plain as _};
use crate::paths;

/// A dialog that `session.js` opens some minutes before a console's session goes idle, and the form that it
/// sends when the time is over. Without scripting neither is seen: the next page asks to sign in.
#[component]
pub fn SessionEnd(
    /// For how many seconds the page may stand idle.
    seconds: u32,
    /// A page of the console whose loading keeps the session.
    #[prop(into)]
    home: String,
    /// The token of forms.
    #[prop(into)]
    csrf: String,
) -> AnyView {
    view! {
        <session-end data-seconds=seconds.to_string() data-home=home>
            <dialog class="dialog" aria-labelledby="session-end" aria-describedby="session-end-why">
                <h2 id="session-end">"Do you need more time?"</h2>
                <p id="session-end-why">
                    "Nothing has happened on this page for a while. We’ll sign you out in "
                    <strong role="timer" class="session-left"></strong> ", to keep others away from it."
                </p>
                <div class="actions">
                    <form method="dialog">
                        <Button label="Stay signed in" />
                    </form>
                    <Form action=paths::CONSOLE_SIGN_OUT csrf=csrf class="inline-form">
                        <input type="hidden" name="idle" value="" />
                        <Button label="Sign out now" kind=ButtonKind::Secondary />
                    </Form>
                </div>
            </dialog>
        </session-end>
    }
    .plain()
}
