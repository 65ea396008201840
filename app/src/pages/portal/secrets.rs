//! Client secrets: the list on an application's page, a new one, and the page that removes one.

use leptos::prelude::*;

use super::{addresses, domain, parts::copyable, portal_page};
use crate::{
    api::portal::{ApplicationDetail, Frame, SecretRemoval, SecretRow},
    components::{
        Breadcrumbs, Button, ButtonKind, ButtonLink, Column, DataTable, ErrorSummary, Form, Notice, TextField, Tone,
    },
};

/// A secret that was just made: shown this once.
pub(super) fn new_secret(secret: String) -> AnyView {
    view! {
        <Notice tone=Tone::Success title="The new client secret" role="status">
            <p>"Copy it now and keep it safe. It is shown only this once; nobody can look it up later."</p>
            <p data-once="">{copyable(&secret, "client secret")}</p>
        </Notice>
    }
    .into_any()
}

/// The secrets of an application, and the button that makes another one.
pub(super) fn secrets(detail: &ApplicationDetail, domain: &str, csrf: &str) -> AnyView {
    let list = if detail.secrets.is_empty() {
        let why = match detail.settable.signs_in {
            true => "There is none yet. The application needs one to exchange its codes for tokens.",
            false => "There is none yet. The API needs one only to ask whether a token still counts (introspection).",
        };
        view! { <p class="muted">{why}</p> }.into_any()
    } else {
        let columns = ["Secret", "Created", "Remove"].map(Column::plain).to_vec();
        let rows = detail.secrets.iter().map(|secret| row(domain, &detail.id, secret)).collect();
        view! {
            <DataTable caption="Client secrets" columns=columns rows=rows />
            <p class="hint">"To change a secret without a break: create a new one, give it to the application, then remove the old one. Until then both work."</p>
        }
        .into_any()
    };
    view! {
        <section class="panel">
            <h2>"Client secrets"</h2>
            {list}
            <Form action=addresses::application_secret(domain, &detail.id) csrf=csrf.to_owned() class="inline-form">
                <Button label="Create secret" kind=ButtonKind::Secondary />
            </Form>
        </section>
    }
    .into_any()
}

fn row(domain: &str, application: &str, secret: &SecretRow) -> Vec<AnyView> {
    let href = addresses::application_secret_removal(domain, application, &secret.key);
    let which = format!(" the secret that ends in {}", secret.hint);
    vec![
        view! { <span class="fixed">{ending(secret)}</span> }.into_any(),
        secret.created.clone().into_any(),
        view! { <a href=href>"Remove"<span class="visually-hidden">{which}</span></a> }.into_any(),
    ]
}

fn ending(secret: &SecretRow) -> String {
    format!("••••{}", secret.hint)
}

/// `/portal/{tenant}/applications/{id}/secret/{secret}`: asks before a secret is removed (O9).
#[must_use]
pub fn remove_secret_page(frame: Frame, removal: SecretRemoval) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let back = addresses::application(&domain, &removal.application);
    let action = addresses::application_secret_removal(&domain, &removal.application, &removal.secret.key);
    let last = removal.last.then(|| {
        view! { <p><strong>"It is the only secret of this application."</strong>" Create a new one first, or the application stops working."</p> }
    });
    let content = view! {
        <Breadcrumbs items=vec![
            ("Applications".into(), Some(addresses::applications(&domain))),
            (removal.name.clone(), Some(back.clone())),
            ("Remove a secret".into(), None),
        ] />
        <ErrorSummary items=removal.form.problems.clone() />
        <h1>{format!("Remove the client secret of {}?", removal.name)}</h1>
        <Notice tone=Tone::Warning title=format!("{}, created {}", ending(&removal.secret), removal.secret.created)>
            <p>"It stops working at once. Whoever still uses it gets no more tokens, and it can’t be brought back."</p>
            {last}
        </Notice>
        <Form action=action csrf=csrf>
            <TextField
                name="confirm"
                label=format!("Type {} to confirm", removal.secret.hint)
                value=removal.form.value("confirm")
                hint="The last characters of the secret, as shown above. Capital letters count."
                error=removal.form.error("confirm")
                autocomplete="off"
                class="short ltr"
            />
            <div class="actions">
                <Button label="Remove secret" kind=ButtonKind::Danger />
                <ButtonLink href=back label="Cancel" kind=ButtonKind::Secondary />
            </div>
        </Form>
    };
    portal_page(frame, content.into_any())
}
