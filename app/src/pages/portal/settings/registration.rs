//! Whether programs may register applications: a section of a tenant's settings.

use leptos::prelude::*;

use super::addresses;
use crate::{
    api::portal::RegistrationPanel,
    components::{Button, ButtonKind, Form, TextField},
};

/// What the section says, and its form.
pub(super) fn section(domain: &str, csrf: &str, panel: &RegistrationPanel) -> AnyView {
    let action = addresses::registration(domain);
    let (most, wrong) = (panel.form.value("most"), panel.form.error("most"));
    let body = if panel.on {
        let registered = format!(
            "On: whoever has a token that you made may register applications, {} at most. So far there are {}. People are asked before their details go to such an application.",
            panel.most, panel.registered
        );
        view! {
            <p>{registered}</p>
            <Form action=action csrf=csrf.to_owned()>
                <input type="hidden" name="to" value="off" />
                <p class="hint">"If you turn it off, nobody registers any more. What is registered goes on working, but can’t change itself."</p>
                <div class="actions"><Button label="Turn off registration" kind=ButtonKind::Secondary /></div>
            </Form>
        }
        .into_any()
    } else {
        view! {
            <p>"Off: only operators register applications. If you turn it on, programs may do so too (RFC 7591), if they have a token that you made for them."</p>
            <Form action=action csrf=csrf.to_owned()>
                <input type="hidden" name="to" value="on" />
                <TextField
                    name="most"
                    label="At most so many applications"
                    value=most
                    hint="From 1 to 1000."
                    error=wrong
                    inputmode="numeric"
                />
                <div class="actions"><Button label="Turn on registration" kind=ButtonKind::Secondary /></div>
            </Form>
        }
        .into_any()
    };
    let tokens = addresses::initial_tokens(domain);
    view! {
        {body}
        <p><a href=tokens>"Initial access tokens"</a></p>
    }
    .into_any()
}
