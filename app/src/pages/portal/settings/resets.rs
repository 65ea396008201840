//! Whether a reset by staff takes a second one: a section of a tenant's settings.

use leptos::prelude::*;

use super::addresses;
use crate::components::{Button, ButtonKind, Form};

/// What the section says, and its form.
pub(super) fn section(domain: &str, csrf: &str, second_approver: bool) -> AnyView {
    let action = addresses::resets(domain);
    let (now, to, label) = if second_approver {
        ("On: somebody else on the staff has to approve it within 24 hours.", "off", "Let one person do it")
    } else {
        ("Off: one member of staff is enough.", "on", "Ask for a second person")
    };
    view! {
        <p>"Clinic staff can turn off the lost second step of a patient and give out a code for one sign-in. A second person makes mistakes and fraud less likely."</p>
        <p>{now}</p>
        <Form action=action csrf=csrf.to_owned()>
            <input type="hidden" name="to" value=to />
            <div class="actions"><Button label=label kind=ButtonKind::Secondary /></div>
        </Form>
    }
    .into_any()
}
