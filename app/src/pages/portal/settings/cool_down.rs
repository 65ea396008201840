//! How long after a recovery an account stays as it is: a section of a tenant's settings.

use leptos::prelude::*;

use super::addresses;
use crate::{
    api::portal::CoolDownPanel,
    components::{Button, ButtonKind, Form, TextField},
};

/// What the section says, and its form.
pub(super) fn section(domain: &str, csrf: &str, panel: &CoolDownPanel) -> AnyView {
    let (hours, was, wrong) = (panel.form.value("hours"), panel.form.value("was"), panel.form.error("hours"));
    let now = match panel.hours {
        0 => "Off: people change everything at once.".to_owned(),
        1 => "For 1 hour nobody can remove a second step or change an email address or phone number.".to_owned(),
        hours => {
            format!("For {hours} hours nobody can remove a second step or change an email address or phone number.")
        }
    };
    view! {
        <p>{now}</p>
        <p class="hint">"Somebody who gets into an account this way can’t put its owner out before the owner has read our email about it. Adding a second step always works at once."</p>
        <Form action=addresses::cool_down(domain) csrf=csrf.to_owned()>
            <input type="hidden" name="was" value=was />
            <TextField
                name="hours"
                label="Waiting time in hours"
                value=hours
                hint="From 0 to 168 (a week). 24 suits most clinics. 0 turns it off."
                error=wrong
            />
            <div class="actions"><Button label="Save waiting time" kind=ButtonKind::Secondary /></div>
        </Form>
    }
    .into_any()
}
