//! The parts of a flow's form: second factor, and the one table of attributes and claims (O2).

use leptos::prelude::*;

use super::parts::{check, check_group};
use crate::{
    api::portal::{ClaimRow, FormState, MethodChoice},
    components::{Badge, Column, DataTable, Tone, field_id},
};

/// The allowed methods as checkboxes named `method-{m}`, strongest first.
pub(super) fn methods(form: &FormState, methods: &[MethodChoice], hint: &str) -> AnyView {
    let boxes = methods
        .iter()
        .map(|method| {
            let name = format!("method-{}", method.value);
            let mut about = method.about.clone();
            if method.unavailable {
                about.push_str(" No provider is set up for it, so it is not offered yet.");
            }
            let mark = if method.less_secure { " (less secure)" } else { "" };
            check(form, &name, format!("{}{mark}", method.label), Some(about))
        })
        .collect();
    check_group("methods", "Methods that people may choose from", hint, form.error("methods"), boxes)
}

/// One table: what is collected, whether it must be given, what the application receives.
pub(super) fn claims_table(form: &FormState, rows: &[ClaimRow], collects: bool) -> AnyView {
    let mut columns = vec![Column::plain("Attribute")];
    if collects {
        columns.extend(["Collect", "Required"].map(Column::plain));
    }
    columns.push(Column::plain("Return as a claim"));
    let rows = rows.iter().map(|row| table_row(form, row, collects)).collect();
    let error = form.error("claims").map(|error| view! { <p class="field-error">{error}</p> });
    view! {
        <div class="field claims-table" id=field_id("claims")>
            {error}
            <DataTable caption="Attributes collected and claims returned" columns=columns rows=rows />
        </div>
    }
    .into_any()
}

fn table_row(form: &FormState, row: &ClaimRow, collects: bool) -> Vec<AnyView> {
    let custom = row.custom.then(|| view! { <Badge text="Custom" tone=Tone::Info /> });
    let label = row.label.clone();
    let claim = row.claim.clone();
    let mut cells = vec![
        view! {
            <span class="claim-label">{label} " " {custom}</span>
            <span class="claim-name fixed">{claim}</span>
        }
        .into_any(),
    ];
    if collects {
        match &row.attribute {
            Some(attribute) => {
                cells.push(cell(form, format!("collect-{attribute}"), format!("Collect {}", row.label)));
                cells.push(cell(form, format!("required-{attribute}"), format!("{} is required", row.label)));
            }
            None => {
                cells.push(nothing());
                cells.push(nothing());
            }
        }
    }
    cells.push(cell(form, format!("claim-{}", row.claim), format!("Return {}", row.label)));
    cells
}

fn cell(form: &FormState, name: String, label: String) -> AnyView {
    let checked = form.ticked(&name);
    view! {
        <label class="cell-check">
            <input class="choice-input" type="checkbox" id=field_id(&name) name=name value="true" checked=checked />
            <span class="visually-hidden">{label}</span>
        </label>
    }
    .into_any()
}

fn nothing() -> AnyView {
    view! { <span class="muted"><span aria-hidden="true">"–"</span><span class="visually-hidden">"Not asked for"</span></span> }.into_any()
}
