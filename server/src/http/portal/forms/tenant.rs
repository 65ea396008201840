//! The form of a new tenant.

use lanyard_app::{components::ErrorItem, countries::COUNTRIES};
use lanyard_domain::tenant::{TenantDomain, parse_region};

use super::{Problems, name};
use crate::{http::form::Fields, service::portal::tenants::TenantDraft};

/// Reads `name`, `domain` and `region`.
pub(crate) fn tenant(fields: &Fields) -> Result<TenantDraft, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let name = problems.keep("name", name(fields.get("name"), "name"));
    let domain = problems.keep("domain", domain(fields.get("domain")));
    let known = parse_region(fields.get("region")).filter(|code| COUNTRIES.iter().any(|(own, _)| own == code));
    let region = problems.keep("region", known.ok_or_else(|| "Choose a country or region.".to_owned()));
    let draft = name.zip(domain).zip(region).map(|((name, domain), region)| TenantDraft { name, domain, region });
    problems.or(draft)
}

fn domain(input: &str) -> Result<TenantDomain, String> {
    if input.trim().is_empty() {
        return Err("Enter a domain, for example harbour.example.".to_owned());
    }
    TenantDomain::parse(input)
        .map_err(|_| "The domain needs a dot, and may have only the letters a to z, digits and hyphens, for example harbour.example.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<TenantDraft, Vec<ErrorItem>> {
        tenant(&Fields::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn a_tenant_has_a_name_a_domain_with_a_dot_and_a_known_region() {
        let draft = read("name=Harbour+Clinic&domain=Harbour.Example&region=gb").unwrap();
        assert_eq!(
            (draft.name.as_str(), draft.domain.as_str(), draft.region.as_str()),
            ("Harbour Clinic", "harbour.example", "GB")
        );
        let fields: Vec<String> =
            read("name=&domain=new&region=XX").unwrap_err().into_iter().map(|it| it.field).collect();
        assert_eq!(fields, ["name", "domain", "region"]);
    }
}
