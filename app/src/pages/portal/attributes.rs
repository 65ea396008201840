//! The attributes of a tenant: built in, and defined here.

use leptos::prelude::*;

use super::{addresses, domain, parts::text_area, portal_page};
use crate::{
    api::portal::{AttributeRow, AttributesPage, Frame},
    components::{Badge, Button, Column, DataTable, ErrorSummary, Form, RadioOption, Radios, TextField, Tone},
};

/// `/portal/{tenant}/attributes`.
#[must_use]
pub fn attributes_page(frame: Frame, page: AttributesPage) -> AnyView {
    let domain = domain(&frame);
    let csrf = frame.csrf.clone();
    let (form, rows) = (page.form, page.rows);
    let (problems, list) = (form.problems.clone(), table(rows));
    let kind = |value: &str, label: &str, description: &str| RadioOption {
        value: value.into(),
        label: label.into(),
        description: description.into(),
        mark: None,
        needs_passkeys: false,
    };
    let kinds = vec![
        kind("string", "Text", "Up to 250 characters."),
        kind("boolean", "Yes or no", "A checkbox."),
        kind("integer", "Whole number", "For example a number of children."),
        kind("dropdown", "One of several choices", "Write the choices below."),
    ];
    let hint = "One on each line. Only for “One of several choices”.";
    let choices = text_area(&form, "options", "Choices", hint, true);
    let content = view! {
        <ErrorSummary items=problems />
        <h1>"Attributes"</h1>
        <p class="lead">"What a user flow can ask people for, and return to an application."</p>
        {list}
        <section class="panel">
            <h2>"Define a custom attribute"</h2>
            <Form action=addresses::attributes(&domain) csrf=csrf>
                <TextField name="label" label="Label" value=form.value("label") hint="What people read on the form, for example Patient number." error=form.error("label") />
                <TextField
                    name="name"
                    label="Name"
                    value=form.value("name")
                    hint="Letters, digits and _, begun with a letter. In tokens it gets extension_ in front. It can’t be changed later."
                    error=form.error("name")
                    class="ltr"
                />
                <Radios name="type" legend="Type" options=kinds value=form.value("type") error=form.error("type") />
                {choices}
                <div class="actions"><Button label="Define attribute" /></div>
            </Form>
        </section>
    };
    portal_page(frame, content.into_any())
}

fn table(rows: Vec<AttributeRow>) -> AnyView {
    let columns = ["Label", "Name", "Type", "Origin"].map(Column::plain).to_vec();
    let rows = rows
        .into_iter()
        .map(|row| {
            let origin = if row.custom {
                view! { <Badge text="Custom" tone=Tone::Info /> }
            } else {
                view! { <Badge text="Built in" /> }
            };
            vec![
                row.label.into_any(),
                view! { <code class="fixed">{row.name}</code> }.into_any(),
                row.kind.into_any(),
                origin.into_any(),
            ]
        })
        .collect();
    view! { <DataTable caption="Attributes" columns=columns rows=rows /> }.into_any()
}
