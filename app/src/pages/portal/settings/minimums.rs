//! What staff and operators must show whenever they sign in: a section of a tenant's settings.

use leptos::prelude::*;

use super::addresses;
use crate::{
    api::{
        minimum::is_offered,
        portal::{FormState, MinimumsPanel},
    },
    components::{Button, ButtonKind, Form, SelectField},
};

const OPTIONS: [(&str, &str); 4] = [
    ("aal1", "Any second factor, as the built-in sign-in asks"),
    ("aal2_legacy", "aal2-legacy: a text message or a phone call is enough"),
    ("aal2_strict", "aal2-strict: a passkey, an authenticator app or a recovery code"),
    ("phishing_resistant", "Safe from phishing: a passkey"),
];

/// What the section says, and its form.
pub(super) fn section(domain: &str, csrf: &str, panel: &MinimumsPanel) -> AnyView {
    let form = &panel.form;
    let (was_staff, was_operators) = (form.value("was_staff"), form.value("was_operators"));
    let staff = choice(form, "staff", "Clinic staff", panel.passkeys);
    let operators = choice(form, "operators", "Operators of this tenant", panel.passkeys);
    let action = addresses::minimums(domain);
    view! {
            <p>"They are always asked for a second factor. Here you can ask for a better one of everybody who has the role."</p>
            <p class="hint">"It holds from the next page on. Whoever signed in with less, perhaps you too, signs in again, with what they have, and sets up what is missing then. That takes a code to their email address. Of somebody who has several roles the most is asked."</p>
            <Form action=action csrf=csrf.to_owned()>
                <input type="hidden" name="was_staff" value=was_staff />
                <input type="hidden" name="was_operators" value=was_operators />
                {staff}
                {operators}
                <div class="actions"><Button label="Save what is asked for" kind=ButtonKind::Secondary /></div>
            </Form>
    }
    .into_any()
}

fn choice(form: &FormState, name: &str, label: &str, passkeys: bool) -> AnyView {
    let value = form.value(name);
    let offered = OPTIONS.iter().filter(|(own, _)| is_offered(own, &value, passkeys));
    let options = offered.map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect::<Vec<_>>();
    let (name, label, error) = (name.to_owned(), label.to_owned(), form.error(name));
    view! { <SelectField name=name label=label options=options value=value error=error /> }.into_any()
}
