//! The form of a passkey ceremony.

use leptos::prelude::*;

use super::Form;
use super::MaybeText;
use super::Plain as _;

/// A form whose button asks the browser for a passkey before it is sent: `passkey.js` fills the field
/// `credential` in. Shown only where the browser has passkeys.
#[component]
pub fn Ceremony(
    /// `get`, `create`, or `conditional`: a `get` that is also offered in the page's email field.
    kind: &'static str,
    /// The options as JSON.
    #[prop(into)]
    options: String,
    /// For how many seconds an answer to them is taken.
    lives_seconds: u32,
    /// Where new options can be had, if they can.
    #[prop(optional, into)]
    renew: MaybeText,
    /// Where the form posts.
    #[prop(into)]
    action: String,
    /// Its token.
    #[prop(into)]
    csrf: String,
    /// The button, and what stands around it.
    children: Children,
) -> AnyView {
    view! {
        <passkey-ceremony
            class="needs-passkeys"
            data-kind=kind
            data-options=options
            data-lives=lives_seconds.to_string()
            data-renew=renew.0
        >
            <Form action=action csrf=csrf>
                <input type="hidden" name="credential" value="" />
                {children()}
            </Form>
            <p
                class="notice-line"
                role="status"
                data-stopped="Nothing was used. You can try again, or choose another way."
                data-failed="We couldn’t ask for your passkey. Check your connection, then try again."
            ></p>
        </passkey-ceremony>
    }
    .plain()
}
