//! Select, checkbox and radios, all native.

use leptos::prelude::*;

use super::Plain as _;
use super::fields::{error_view, hint_view};
use super::{FieldFrame, MaybeText, described_by, field_id};

/// A native select.
#[component]
pub fn SelectField(
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// The visible label.
    #[prop(into)]
    label: String,
    /// The choices: value and label.
    options: Vec<(String, String)>,
    /// The chosen value.
    #[prop(optional, into)]
    value: String,
    /// The label of an empty first choice, where nothing need be chosen yet.
    #[prop(optional, into)]
    blank: MaybeText,
    /// One line of help.
    #[prop(optional, into)]
    hint: MaybeText,
    /// What is wrong.
    #[prop(optional, into)]
    error: MaybeText,
    /// `autocomplete` (U6).
    #[prop(optional, into)]
    autocomplete: MaybeText,
    /// Adds "(optional)" to the label.
    #[prop(optional)]
    optional: bool,
) -> AnyView {
    let id = field_id(&name);
    let describedby = described_by(&id, &hint, &error);
    let invalid = error.0.is_some().then_some("true");
    let blank = blank.0.map(|label| (String::new(), label));
    let options = blank
        .into_iter()
        .chain(options)
        .map(|(code, label)| {
            let selected = code == value;
            view! { <option value=code selected=selected>{label}</option> }
        })
        .collect_view();
    let control = view! {
            <select
                class="input select"
                id=id
                name=name.clone()
                autocomplete=autocomplete.0
                aria-describedby=describedby
                aria-invalid=invalid
            >
                {options}
            </select>
    }
    .plain();
    view! { <FieldFrame name=name label=label hint=hint error=error optional=optional>{control}</FieldFrame> }.plain()
}

/// A checkbox that sends `true`, its label beside it.
#[component]
pub fn CheckboxField(
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// The visible label.
    #[prop(into)]
    label: String,
    /// Whether it is ticked.
    #[prop(optional)]
    checked: bool,
    /// What it sends; `true` when left out.
    #[prop(optional, into)]
    value: MaybeText,
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
    let class = if error.0.is_some() { "field field-wrong" } else { "field" };
    let value = value.0.unwrap_or_else(|| "true".to_owned());
    view! {
        <div class=class>
            {error_view(&id, error)}
            <div class="choice">
                <input
                    class="choice-input"
                    type="checkbox"
                    id=id.clone()
                    name=name
                    value=value
                    checked=checked
                    aria-describedby=describedby
                    aria-invalid=invalid
                />
                <label class="choice-label" for=id.clone()>{label}</label>
                {hint_view(&id, hint)}
            </div>
        </div>
    }
    .plain()
}

/// One of several radios.
#[derive(Debug, Clone, Default)]
pub struct RadioOption {
    /// What it sends.
    pub value: String,
    /// Its label.
    pub label: String,
    /// One line of description; may be empty.
    pub description: String,
    /// A short mark after the label, such as "Less secure".
    pub mark: Option<String>,
    /// Shown only where the browser has passkeys and runs scripts.
    pub needs_passkeys: bool,
}

/// Native radios in a fieldset (U19). The first has the id that the error summary links to.
#[component]
pub fn Radios(
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// The legend.
    #[prop(into)]
    legend: String,
    /// Hides the legend from sight, where the page's heading says the same.
    #[prop(optional)]
    legend_hidden: bool,
    /// The choices, best first.
    options: Vec<RadioOption>,
    /// The chosen value; empty for none.
    #[prop(optional, into)]
    value: String,
    /// One line of help.
    #[prop(optional, into)]
    hint: MaybeText,
    /// What is wrong.
    #[prop(optional, into)]
    error: MaybeText,
) -> AnyView {
    let id = field_id(&name);
    let describedby = described_by(&id, &hint, &error);
    let class = if error.0.is_some() { "field field-wrong radios" } else { "field radios" };
    let legend_class = if legend_hidden { "visually-hidden" } else { "label" };
    // What may be hidden is no target of a link.
    let first = options.iter().position(|option| !option.needs_passkeys).unwrap_or_default();
    let items = options
        .into_iter()
        .enumerate()
        .map(|(at, option)| {
            let own = if at == first { id.clone() } else { format!("{id}-{}", at + 1) };
            radio(own, name.clone(), option.value == value, option)
        })
        .collect_view();
    view! {
        <fieldset class=class aria-describedby=describedby>
            <legend class=legend_class>{legend}</legend>
            {hint_view(&id, hint)}
            {error_view(&id, error)}
            {items}
        </fieldset>
    }
    .plain()
}

fn radio(id: String, name: String, checked: bool, option: RadioOption) -> AnyView {
    let described = (!option.description.is_empty()).then(|| format!("{id}-what"));
    let description_id = described.clone();
    let class = if option.needs_passkeys { "choice choice-card needs-passkeys" } else { "choice choice-card" };
    view! {
        <div class=class>
            <input
                class="choice-input"
                type="radio"
                id=id.clone()
                name=name
                value=option.value
                checked=checked
                aria-describedby=described
            />
            <label class="choice-label" for=id>
                {option.label}
                {option.mark.map(|mark| view! { <span class="badge badge-warning">{mark}</span> })}
            </label>
            {description_id.map(|id| view! { <p class="choice-what" id=id>{option.description}</p> })}
        </div>
    }
    .plain()
}
