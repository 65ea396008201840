//! What the steps have in common: addresses, values, errors, small forms, attribute fields.

use leptos::prelude::*;

use super::words;
use crate::api::journey::{AttributeField, AttributeFieldKind, JourneyView, Problem, ProblemCode, StageView};
use crate::components::{Button, ButtonKind, CheckboxField, Form, Plain as _, SelectField, TextField};

/// A step's view with what forms ask of it.
pub(crate) struct Step<'view> {
    view: &'view JourneyView,
}

impl<'view> Step<'view> {
    pub(crate) const fn new(view: &'view JourneyView) -> Self {
        Self { view }
    }

    /// The tenant's name.
    pub(super) fn tenant(&self) -> String {
        self.view.tenant.clone()
    }

    /// The application's name.
    pub(super) fn application(&self) -> Option<String> {
        self.view.application.clone()
    }

    /// Where a form with this event posts.
    pub(super) fn action(&self, event: &str) -> String {
        format!("/journey/{}/{event}", self.view.id)
    }

    /// Where the page itself is.
    pub(super) fn address(&self) -> String {
        format!("/journey/{}", self.view.id)
    }

    /// The token of the forms.
    pub(super) fn csrf(&self) -> String {
        self.view.csrf.clone()
    }

    /// What was typed into a field, or what to begin with.
    pub(super) fn value(&self, field: &str, otherwise: &str) -> String {
        self.view.values.get(field).cloned().unwrap_or_else(|| otherwise.to_owned())
    }

    /// What is wrong with a field, in the words of the summary.
    pub(super) fn error(&self, field: &str) -> Option<String> {
        self.view.problems.iter().find(|problem| problem.field == field).map(|problem| self.text(problem))
    }

    /// A problem in words. A tick or a choice is asked for as such.
    pub(super) fn text(&self, problem: &Problem) -> String {
        let attributes: &[AttributeField] =
            if let StageView::Details { attributes, .. } | StageView::EditProfile { attributes } = &self.view.stage {
                attributes
            } else {
                &[]
            };
        let field = attributes.iter().find(|attribute| attribute.name == problem.field);
        match (&problem.code, field.map(|field| &field.kind)) {
            (ProblemCode::AttributeMissing { label }, Some(AttributeFieldKind::Checkbox)) => words::tick(label),
            (ProblemCode::AttributeMissing { label }, Some(AttributeFieldKind::Select { .. })) => words::choose(label),
            (code, _) => words::problem_text(code),
        }
    }

    /// The field that the summary links to: none, if this step does not show it.
    pub(super) fn link_target(&self, field: &str) -> String {
        let shown = match &self.view.stage {
            StageView::SignIn { .. } => matches!(field, "email" | "password"),
            StageView::SignUpEmail | StageView::ResetEmail { .. } => field == "email",
            StageView::SignUpCode(code) | StageView::ResetCode(code) | StageView::ConfirmEmail(code) => {
                field == "code" && code.locked_for_seconds == 0
            }
            StageView::EnrolPhoneCode { code, .. } => field == "code" && code.locked_for_seconds == 0,
            StageView::Challenge { code, .. } => {
                field == "code" && code.as_ref().is_none_or(|code| code.locked_for_seconds == 0)
            }
            StageView::Details { ask_email, attributes, .. } => {
                field == "password"
                    || (field == "email" && *ask_email)
                    || attributes.iter().any(|attribute| attribute.name == field)
            }
            StageView::NewPassword { .. } => field == "password",
            StageView::ChooseMethod { .. } => field == "method",
            StageView::EnrolPhone { methods, countries, .. } => {
                field == "phone"
                    || (field == "method" && methods.len() > 1)
                    || (field == "country" && !countries.is_empty())
            }
            StageView::EnrolApp { .. } => matches!(field, "code" | "name"),
            StageView::EnrolPasskey { .. } => field == "name",
            StageView::EditProfile { attributes } => attributes.iter().any(|attribute| attribute.name == field),
            StageView::OfferPasskey { .. }
            | StageView::OfferRecoveryCodes { .. }
            | StageView::Consent { .. }
            | StageView::Done { .. }
            | StageView::Over { .. } => false,
        };
        if shown { field.to_owned() } else { String::new() }
    }

    /// The form of an event around its fields.
    pub(super) fn form(&self, event: &str, fields: AnyView) -> AnyView {
        view! { <Form action=self.action(event) csrf=self.csrf()>{fields}</Form> }.plain()
    }

    /// A form of one button.
    pub(super) fn lone_button(&self, event: &str, label: &str, kind: ButtonKind) -> AnyView {
        let label = label.to_owned();
        view! {
            <Form action=self.action(event) csrf=self.csrf() class="inline-form">
                <Button label=label kind=kind />
            </Form>
        }
        .plain()
    }

    /// Asks for an attribute, by its type.
    pub(super) fn attribute(&self, field: &AttributeField) -> AnyView {
        let name = field.name.clone();
        let label = field.label.clone();
        let value = self.value(&field.name, &field.value);
        let error = self.error(&field.name);
        let autocomplete = autocomplete(&field.name);
        match &field.kind {
            AttributeFieldKind::Text => view! {
                <TextField name=name label=label value=value error=error autocomplete=autocomplete optional=!field.required />
            }
            .plain(),
            AttributeFieldKind::Integer => view! {
                <TextField
                    name=name
                    label=label
                    value=value
                    error=error
                    inputmode="numeric"
                    class="short"
                    optional=!field.required
                />
            }
            .plain(),
            AttributeFieldKind::Checkbox => {
                let checked = value == "true";
                view! { <CheckboxField name=name label=label checked=checked error=error /> }.plain()
            }
            AttributeFieldKind::Select { options } => {
                let options = options.clone();
                view! {
                    <SelectField
                        name=name
                        label=label
                        options=options
                        value=value
                        blank="Choose one"
                        error=error
                        autocomplete=autocomplete
                        optional=!field.required
                    />
                }
                .plain()
            }
        }
    }
}

/// The autocomplete token of a built-in attribute (U6).
pub(crate) fn autocomplete(name: &str) -> Option<&'static str> {
    match name {
        "givenName" => Some("given-name"),
        "surname" => Some("family-name"),
        "displayName" => Some("name"),
        "country" => Some("country"),
        "jobTitle" => Some("organization-title"),
        "streetAddress" => Some("street-address"),
        "postalCode" => Some("postal-code"),
        "city" => Some("address-level2"),
        "state" => Some("address-level1"),
        _ => None,
    }
}

/// "Not now", of the same size as the other way on.
pub(super) fn not_now(at: &Step<'_>) -> AnyView {
    let button = view! {
        <div class="actions">
            <Button label="Not now" kind=ButtonKind::Secondary />
        </div>
    }
    .plain();
    view! { <div class="not-now">{at.form("not-now", button)}</div> }.plain()
}
