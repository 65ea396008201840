//! The form of what staff and operators must show.

use lanyard_app::components::ErrorItem;
use lanyard_domain::assurance::Assurance;

use super::Problems;
use crate::{http::form::Fields, service::portal::minimums::RoleMinimums};

/// Reads `staff` and `operators`.
pub(crate) fn role_minimums(fields: &Fields) -> Result<RoleMinimums, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let staff = problems.keep("staff", assurance(fields.get("staff")));
    let operators = problems.keep("operators", assurance(fields.get("operators")));
    problems.or(staff.zip(operators).map(|(staff, operators)| RoleMinimums { staff, operators }))
}

/// A minimum by its name.
pub(crate) fn assurance(text: &str) -> Result<Assurance, String> {
    let names = || Assurance::ALL.map(Assurance::as_str).join(", ");
    Assurance::parse(text).ok_or_else(|| format!("Choose one of {}.", names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_roles_are_asked_for_and_only_what_there_is_is_taken() {
        let read = |body: &str| role_minimums(&Fields::parse(body.as_bytes()).unwrap());
        let (staff, operators) = (Assurance::Aal2Strict, Assurance::PhishingResistant);
        assert_eq!(read("staff=aal2_strict&operators=phishing_resistant"), Ok(RoleMinimums { staff, operators }));
        let wrong: Vec<_> = read("staff=aal9").unwrap_err().into_iter().map(|problem| problem.field).collect();
        assert_eq!(wrong, ["staff", "operators"]);
    }
}
