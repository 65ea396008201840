//! What a person does with a second-step method: another name, away with it (U25).

use leptos::prelude::*;

use crate::{
    api::account::{MethodView, Visitor},
    components::{Button, ButtonKind, ButtonLink, Disclosure, Form},
    paths,
};

/// The way to a fresh sign-in, and back.
pub(super) fn sign_in_again(visitor: &Visitor) -> AnyView {
    let href = paths::account_sign_in_again(&visitor.domain);
    view! { <ButtonLink href=href label="Sign in again" kind=ButtonKind::Secondary /> }.into_any()
}

/// The forms that rename and remove a method; while the account is `cooling` down it can be renamed alone.
pub(super) fn change(visitor: &Visitor, method: &MethodView, cooling: bool) -> AnyView {
    let (domain, csrf) = (&visitor.domain, visitor.csrf.clone());
    let (factor, same) = (method.id.clone(), method.id.clone());
    let (field, name) = (format!("name-{factor}"), method.name.clone());
    let label = field.clone();
    let called = if method.detail.is_empty() { method.label.clone() } else { method.detail.clone() };
    let verbs = match (cooling, method.phone) {
        (true, _) => "Rename",
        (false, true) => "Change",
        (false, false) => "Rename or remove",
    };
    let summary = format!("{verbs} {called}");
    let remove = format!("Remove {called}");
    let another = (method.phone && !cooling).then(|| {
        let href = format!("{}?factor={}", paths::account_phone(domain), method.id);
        view! {
            <p>
                "Have you got another number? We check the new one first, then it takes the place of this one."
            </p>
            <ButtonLink href=href label="Use another number" kind=ButtonKind::Secondary />
        }
    });
    let removal = (!cooling).then(|| {
        view! {
            <Form action=paths::account_remove_factor(domain) csrf=csrf.clone()>
                <input type="hidden" name="factor" value=same />
                <button class="button button-danger" type="submit" aria-label=remove>"Remove"</button>
            </Form>
        }
    });
    let forms = view! {
        {another}
        <Form action=paths::account_rename_factor(domain) csrf=csrf>
            <input type="hidden" name="factor" value=factor />
            <div class="field">
                <label class="label" for=label>"New name"</label>
                <input
                    class="input medium"
                    type="text"
                    id=field
                    name="name"
                    value=name
                    maxlength="60"
                    autocomplete="off"
                />
            </div>
            <Button label="Save name" kind=ButtonKind::Secondary />
        </Form>
        {removal}
    };
    view! { <Disclosure summary=summary>{forms}</Disclosure> }.into_any()
}
