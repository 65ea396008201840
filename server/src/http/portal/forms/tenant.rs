//! The form of a new tenant.

use lanyard_app::{components::ErrorItem, countries::COUNTRIES};
use lanyard_domain::{
    cool_down::CoolDown,
    phone::PhoneCountries,
    tenant::{TenantDomain, parse_region},
    text::fold,
};

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

/// Reads `countries`: names or two-letter codes with commas between them.
pub(crate) fn phone_countries(fields: &Fields) -> Result<PhoneCountries, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let typed = fields.get("countries").split([',', ';', '\n']).map(str::trim).filter(|word| !word.is_empty());
    let codes: Vec<_> = typed.filter_map(|word| problems.keep("countries", country(word))).collect();
    problems.or(Some(PhoneCountries::only(codes)))
}

/// Reads `hours` of a cool-down: a whole number.
pub(crate) fn cool_down(fields: &Fields) -> Result<CoolDown, Vec<ErrorItem>> {
    let mut problems = Problems::default();
    let read = fields.get("hours").trim().parse().ok().and_then(CoolDown::of_hours);
    let text = || format!("Enter a whole number of hours from 0 to {}.", CoolDown::MOST);
    let hours = problems.keep("hours", read.ok_or_else(text));
    problems.or(hours)
}

fn country(word: &str) -> Result<String, String> {
    let named = |(code, name): &&(&str, &str)| code.eq_ignore_ascii_case(word) || fold(name) == fold(word);
    let found = COUNTRIES.iter().find(named).map(|(code, _)| (*code).to_owned());
    found.ok_or_else(|| {
        let word: String = word.chars().take(40).collect();
        format!("“{word}” is no country on our list. Write a name or a two-letter code, for example Canada or CA.")
    })
}

/// The names of the countries, in the order of their codes.
pub(crate) fn country_names(countries: &PhoneCountries) -> Vec<String> {
    let name = |code: &str| COUNTRIES.iter().find(|(own, _)| *own == code).map_or(code, |(_, name)| name).to_owned();
    countries.codes().map(name).collect()
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
    fn a14_countries_are_names_or_codes_and_an_unknown_one_is_told() {
        let read = |typed: &str| phone_countries(&Fields([("countries".to_owned(), typed.to_owned())].into()));
        let some = read(" canada,us ;\nÅland islands,, CA").unwrap();
        assert_eq!(some.codes().collect::<Vec<_>>(), ["AX", "CA", "US"]);
        assert_eq!(country_names(&some), ["Åland Islands", "Canada", "United States"]);
        // What the form shows is what it takes.
        assert_eq!(read(&country_names(&some).join(", ")).unwrap(), some);
        assert_eq!(read(" ").unwrap(), PhoneCountries::default());
        let wrong = read("CA, Narnia, ZZ").unwrap_err();
        assert!(wrong.len() == 2 && wrong[0].field == "countries" && wrong[0].text.contains("“Narnia”"), "{wrong:?}");
        // No name has a comma: each can be typed.
        assert!(COUNTRIES.iter().all(|(code, name)| country(name).as_deref() == Ok(*code)));
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
