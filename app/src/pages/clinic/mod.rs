//! The clinic's console: the list of patients with its figures, and a patient.

mod activity;
mod list;
mod minimum;
mod patient;
mod reset;

use leptos::prelude::*;

use crate::{
    api::account::Visitor,
    components::{ButtonKind, ConsoleLayout, NavItem, SessionEnd},
    pages::account::sign_out,
    paths,
};
pub use list::{LIST_TITLE, patients_page};
pub use minimum::{MINIMUM_TITLE, minimum_page};
pub use patient::patient_page;
pub use reset::{RESET_CODE_TITLE, RESET_TITLE, reset_code_page, reset_page};

/// The frame of the clinic's pages.
fn frame(visitor: &Visitor, children: AnyView) -> AnyView {
    let home = paths::clinic(&visitor.domain);
    let tenant = view! { <span>{visitor.tenant.clone()}</span> }.into_any();
    let nav = vec![NavItem::new("Patients", home.clone(), true)];
    let menu = view! {
        <a href=paths::account(&visitor.domain)>"Your account"</a>
        {sign_out(visitor.csrf.clone(), ButtonKind::Link)}
    }
    .into_any();
    let session_end =
        view! { <SessionEnd seconds=visitor.idle_seconds home=paths::account(&visitor.domain) csrf=visitor.csrf.clone() /> }.into_any();
    view! {
        <ConsoleLayout
            console="Clinic"
            home=home
            tenant=tenant
            nav=nav
            account=visitor.name.clone()
            account_menu=menu
            session_end=session_end
            demo=visitor.demo
        >
            {children}
        </ConsoleLayout>
    }
    .into_any()
}

/// A number with its thousands set apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// "1 patient", "2 patients".
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_set_apart_by_thousands() {
        let said = [0, 999, 1_000, 12_345, 1_000_000].map(grouped);
        assert_eq!(said, ["0", "999", "1,000", "12,345", "1,000,000"]);
        assert_eq!(counted(1, "patient", "patients"), "1 patient");
    }
}
