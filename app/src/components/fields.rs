//! One-line inputs: label above, hint, error above the control, the control.
//!
//! Errors are tied to the control by `aria-describedby` and `aria-invalid` (U3); labels are always
//! visible and there are no placeholders (U7).

use leptos::prelude::*;

use super::Plain as _;
use super::{MaybeText, described_by, field_id};
use crate::browser;

/// Label, hint and error around a control whose id is [`field_id`] of `name`.
#[component]
pub fn FieldFrame(
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// The visible label.
    #[prop(into)]
    label: String,
    /// One line of help under the label.
    #[prop(optional, into)]
    hint: MaybeText,
    /// What is wrong, in the words of the error summary.
    #[prop(optional, into)]
    error: MaybeText,
    /// Adds "(optional)" to the label.
    #[prop(optional)]
    optional: bool,
    /// The control, with the id and the descriptions that belong to the name.
    children: Children,
) -> AnyView {
    let id = field_id(&name);
    let class = if error.0.is_some() { "field field-wrong" } else { "field" };
    view! {
        <div class=class>
            <label class="label" for=id.clone()>
                {label}
                {optional.then(|| view! { <span class="optional">" (optional)"</span> })}
            </label>
            {hint_view(&id, hint)}
            {error_view(&id, error)}
            {children()}
        </div>
    }
    .plain()
}

/// The hint's paragraph, with the id that `aria-describedby` names.
pub(super) fn hint_view(id: &str, hint: MaybeText) -> AnyView {
    let id = format!("{id}-hint");
    hint.0.map(|hint| view! { <p class="hint" id=id>{hint}</p> }).plain()
}

/// The error's paragraph, with the id that `aria-describedby` names.
pub(super) fn error_view(id: &str, error: MaybeText) -> AnyView {
    let id = format!("{id}-error");
    error
        .0
        .map(|error| {
            view! {
                <p class="field-error" id=id>
                    <span class="visually-hidden">"Error: "</span>
                    {error}
                </p>
            }
        })
        .plain()
}

/// A line of text.
#[component]
pub fn TextField(
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// The visible label.
    #[prop(into)]
    label: String,
    /// What stands in it.
    #[prop(optional, into)]
    value: String,
    /// One line of help.
    #[prop(optional, into)]
    hint: MaybeText,
    /// What is wrong.
    #[prop(optional, into)]
    error: MaybeText,
    /// `type`; `text` when left out.
    #[prop(optional, into)]
    kind: MaybeText,
    /// `autocomplete` (U6).
    #[prop(optional, into)]
    autocomplete: MaybeText,
    /// `inputmode`.
    #[prop(optional, into)]
    inputmode: MaybeText,
    /// Adds "(optional)" to the label.
    #[prop(optional)]
    optional: bool,
    /// Also a class of the input: `short` (10ch), `medium` (20ch), `code`, `ltr`.
    #[prop(optional, into)]
    class: String,
) -> AnyView {
    let id = field_id(&name);
    let describedby = described_by(&id, &hint, &error);
    let invalid = error.0.is_some().then_some("true");
    let kind = kind.0.unwrap_or_else(|| "text".to_owned());
    let control = view! {
            <input
                class=format!("input {class}").trim_end().to_owned()
                id=id
                name=name.clone()
                type=kind
                value=value
                autocomplete=autocomplete.0
                inputmode=inputmode.0
                spellcheck="false"
                autocapitalize="none"
                aria-describedby=describedby
                aria-invalid=invalid
            />
    }
    .plain();
    view! { <FieldFrame name=name label=label hint=hint error=error optional=optional>{control}</FieldFrame> }.plain()
}

/// A password: one field with Show/Hide (U8). The button appears once the page is live; the type
/// goes back to `password` when the form is sent.
#[component]
pub fn PasswordField(
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// The visible label.
    #[prop(into)]
    label: String,
    /// `current-password` or `new-password`.
    #[prop(into)]
    autocomplete: String,
    /// One line of help.
    #[prop(optional, into)]
    hint: MaybeText,
    /// What is wrong.
    #[prop(optional, into)]
    error: MaybeText,
) -> AnyView {
    let id = field_id(&name);
    let describedby = described_by(&id, &hint, &error);
    let invalid = error.0.is_some().then_some("true");
    let shown = RwSignal::new(false);
    let controls = id.clone();
    let for_click = id.clone();
    let control = view! {
            <div class="password">
                <input
                    class="input"
                    id=id
                    name=name.clone()
                    type="password"
                    autocomplete=autocomplete
                    spellcheck="false"
                    autocapitalize="none"
                    aria-describedby=describedby
                    aria-invalid=invalid
                />
                <button
                    type="button"
                    class="button button-quiet reveal live-only"
                    aria-controls=controls
                    on:click=move |_| shown.set(browser::toggle_password(&for_click))
                >
                    {move || if shown.get() { "Hide" } else { "Show" }}
                    <span class="visually-hidden">" password"</span>
                </button>
            </div>
    }
    .plain();
    view! { <FieldFrame name=name label=label hint=hint error=error>{control}</FieldFrame> }.plain()
}

/// A security code: one numeric input that takes a pasted "123 456" (U11).
#[component]
pub fn CodeField(
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// The visible label.
    #[prop(into)]
    label: String,
    /// One line of help.
    #[prop(optional, into)]
    hint: MaybeText,
    /// What is wrong.
    #[prop(optional, into)]
    error: MaybeText,
) -> AnyView {
    view! {
        <TextField
            name=name
            label=label
            hint=hint
            error=error
            autocomplete="one-time-code"
            inputmode="numeric"
            class="code"
        />
    }
    .plain()
}
