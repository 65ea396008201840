//! To which countries texts and calls go: a section of a tenant's settings.

use leptos::prelude::*;

use super::addresses;
use crate::{
    api::portal::TextsPanel,
    components::{Button, ButtonKind, Form, TextField},
};

/// What the section says, and its form.
pub(super) fn section(domain: &str, csrf: &str, panel: &TextsPanel) -> AnyView {
    let (countries, was, wrong) =
        (panel.form.value("countries"), panel.form.value("was"), panel.form.error("countries"));
    let action = addresses::texts(domain);
    let now = if panel.countries.is_empty() {
        "Codes by text and call go to phones in every country.".to_owned()
    } else {
        format!("Codes by text and call go to phones in {} only.", panel.countries.join(", "))
    };
    view! {
        <p>{now}</p>
        <p class="hint">"Criminals have codes sent to numbers that are dear to call and share what you pay. Name the countries your patients live in, and no others cost you anything. Satellite and premium-rate numbers never get codes."</p>
        <Form action=action csrf=csrf.to_owned()>
            <input type="hidden" name="was" value=was />
            <TextField
                name="countries"
                label="Countries"
                value=countries
                hint="Names or two-letter codes with commas between them, for example Canada, US. Empty: every country."
                error=wrong
            />
            <div class="actions"><Button label="Save countries" kind=ButtonKind::Secondary /></div>
        </Form>
    }
    .into_any()
}
