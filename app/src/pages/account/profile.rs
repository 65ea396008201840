//! The form in which people change their own details.

use leptos::prelude::*;

use super::{ACCOUNT_TITLE, frame};
use crate::{
    api::{
        account::ProfileView,
        journey::{AttributeField, AttributeFieldKind, Problem, ProblemCode},
    },
    components::{
        Breadcrumbs, Button, ButtonKind, ButtonLink, CheckboxField, ErrorItem, ErrorSummary, Form, SelectField,
        TextField,
    },
    pages::journey::words::problem_text,
    paths,
};

/// The title of [`profile_page`], less the tenant.
pub const PROFILE_TITLE: &str = "Change your details";

/// The body of `/account/{tenant}/profile`.
pub fn profile_page(view: ProfileView) -> impl IntoView {
    let ProfileView { visitor, email, may_change_email, fields, problems } = view;
    let home = paths::account(&visitor.domain);
    let wrong = problems
        .iter()
        .map(|problem| ErrorItem { field: problem.field.clone(), text: text_of(problem, &fields) })
        .collect::<Vec<_>>();
    let inputs = fields.iter().map(|field| input(field, error_of(&wrong, &field.name))).collect_view();
    let crumbs = vec![(ACCOUNT_TITLE.to_owned(), Some(home.clone())), (PROFILE_TITLE.to_owned(), None)];
    let body = view! {
        <ErrorSummary items=wrong />
        <Breadcrumbs items=crumbs />
        <h1>{PROFILE_TITLE}</h1>
        <section class="panel">
            <p>
                "Your email address is " <bdi class="strong">{email}</bdi> ". "
                {if may_change_email {
                    view! { <a href=paths::account_email(&visitor.domain)>"Change your email address"</a> }.into_any()
                } else {
                    view! { <span>{format!("To change it, contact {}.", visitor.tenant)}</span> }.into_any()
                }}
            </p>
            <Form action=paths::account_profile(&visitor.domain) csrf=visitor.csrf.clone()>
                {inputs}
                <div class="actions">
                    <Button label="Save" />
                    <ButtonLink href=home label="Cancel" kind=ButtonKind::Secondary />
                </div>
            </Form>
        </section>
    }
    .into_any();
    frame(&visitor, body)
}

fn error_of(wrong: &[ErrorItem], field: &str) -> Option<String> {
    wrong.iter().find(|item| item.field == field).map(|item| item.text.clone())
}

/// The problem in words, by the kind of its field: one ticks a box and chooses from a list.
fn text_of(problem: &Problem, fields: &[AttributeField]) -> String {
    let field = fields.iter().find(|field| field.name == problem.field);
    match (&problem.code, field.map(|field| &field.kind)) {
        (ProblemCode::AttributeMissing { label }, Some(AttributeFieldKind::Checkbox)) => format!("Tick “{label}”."),
        (ProblemCode::AttributeMissing { label }, Some(AttributeFieldKind::Select { .. })) => {
            problem_text(&ProblemCode::AttributeNotAnOption { label: label.clone() })
        }
        (code, _) => problem_text(code),
    }
}

fn input(field: &AttributeField, error: Option<String>) -> AnyView {
    let AttributeField { name, label, kind, required, value } = field.clone();
    let autocomplete = crate::pages::journey::parts::autocomplete(&name);
    let optional = !required;
    match kind {
        AttributeFieldKind::Text => view! {
            <TextField name=name label=label value=value error=error autocomplete=autocomplete optional=optional />
        }
        .into_any(),
        AttributeFieldKind::Integer => view! {
            <TextField
                name=name
                label=label
                value=value
                error=error
                inputmode="numeric"
                class="short"
                optional=optional
            />
        }
        .into_any(),
        AttributeFieldKind::Checkbox => {
            let checked = value == "true";
            view! { <CheckboxField name=name label=label checked=checked error=error /> }.into_any()
        }
        AttributeFieldKind::Select { options } => view! {
            <SelectField
                name=name
                label=label
                options=options
                value=value
                blank="Choose one"
                error=error
                autocomplete=autocomplete
                optional=optional
            />
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: AttributeFieldKind) -> AttributeField {
        AttributeField { name: "x".into(), label: "Country/Region".into(), kind, required: true, value: String::new() }
    }

    #[test]
    fn u31_an_error_says_what_to_do_with_this_kind_of_field() {
        let missing =
            Problem { field: "x".into(), code: ProblemCode::AttributeMissing { label: "Country/Region".into() } };
        let said = |kind| text_of(&missing, &[field(kind)]);
        assert!(said(AttributeFieldKind::Text).starts_with("Enter"));
        assert!(said(AttributeFieldKind::Select { options: vec![] }).starts_with("Choose"));
        assert_eq!(said(AttributeFieldKind::Checkbox), "Tick “Country/Region”.");
    }
}
