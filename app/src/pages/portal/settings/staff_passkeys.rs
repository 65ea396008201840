//! Of which makes passkeys of staff must be: a section of a tenant's settings.

use leptos::prelude::*;

use super::{super::parts::text_area, addresses};
use crate::{
    api::portal::PasskeysPanel,
    components::{Button, ButtonKind, Form},
};

/// What the section says, and its form.
pub(super) fn section(domain: &str, csrf: &str, panel: &PasskeysPanel) -> AnyView {
    let action = addresses::staff_passkeys(domain);
    let was = panel.form.value("was");
    let now = if panel.makes.is_empty() {
        "Staff may set up passkeys of any make.".to_owned()
    } else {
        format!("Staff may set up passkeys of these makes only: {}.", panel.makes.join(", "))
    };
    let makes = text_area(
        &panel.form,
        "makes",
        "Makes",
        "One a line: the AAGUID that the maker tells, and a name. For example 2fc0579f-8113-47ea-b116-bb5a8db9202a Key 5 NFC. Empty: any make.",
        true,
    );
    let roots = text_area(
        &panel.form,
        "roots",
        "Root certificates of the makers",
        "As PEM, from the makers’ own websites. They prove that a key is of the make it says.",
        true,
    );
    view! {
        <p>{now}</p>
        <p class="hint">"Security keys prove their make. Passkeys in phones and password managers don’t, so staff can’t use those once makes are named here. Passkeys that staff have already go on working. Patients are never asked."</p>
        <Form action=action csrf=csrf.to_owned()>
            <input type="hidden" name="was" value=was />
            {makes}
            {roots}
            <div class="actions"><Button label="Save makes" kind=ButtonKind::Secondary /></div>
        </Form>
    }
    .into_any()
}
