//! Consents in plain words: what an application gets, and what it may do besides.

use std::collections::BTreeMap;

use lanyard_domain::{
    application::Application,
    attribute::Attribute,
    claims,
    consent::{Agreed, Item, Items},
    grant::Grant,
};
use lanyard_storage::{ReadTx, StorageError};

/// The scopes of web APIs that an application may ask for, as asked for, with what they allow.
pub type Rights = BTreeMap<String, String>;

/// What a page says of a set of items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// The details that go out: labels.
    pub details: Vec<String>,
    /// What else the application may do.
    pub rights: Vec<String>,
}

/// The rights that `application` may ask for.
///
/// # Errors
/// When the database does not answer.
pub async fn rights(tx: &mut (dyn ReadTx + '_), application: &Application) -> Result<Rights, StorageError> {
    let mut rights = Rights::new();
    for permission in &application.settings.permissions {
        let Some(api) = tx.application_by_id(application.tenant, permission.api).await? else { continue };
        let Some(uri) = &api.settings.app_id_uri else { continue };
        for scope in api.settings.scopes.iter().filter(|scope| permission.scopes.contains(&scope.name)) {
            let said = match scope.description.as_str() {
                "" => format!("Use “{}” of {}", scope.name, api.name),
                about => format!("{about} ({})", api.name),
            };
            rights.insert(format!("{}/{}", uri.trim_end_matches('/'), scope.name), said);
        }
    }
    Ok(rights)
}

/// What may go out to `application` by `grant`; `None` if nothing may, because the application is
/// somebody else's and the person does not agree to what the grant holds (any more; U29).
///
/// # Errors
/// When the database does not answer.
pub async fn agreed(
    tx: &mut (dyn ReadTx + '_),
    application: &Application,
    grant: &Grant,
) -> Result<Option<Agreed>, StorageError> {
    if !application.settings.third_party {
        return Ok(Some(Agreed::Everything));
    }
    let consent = tx.consent(Some(grant.account), application.id).await?;
    Ok(consent.filter(|consent| consent.covers(grant)).map(|consent| Agreed::Only(consent.items)))
}

/// `items` in plain words. What has no words of its own is named as it is: nothing that goes out is
/// left unsaid.
#[must_use]
pub fn words(items: &Items, catalogue: &[Attribute], rights: &Rights) -> Words {
    let custom: Vec<Attribute> = catalogue.iter().filter(|attribute| attribute.is_custom()).cloned().collect();
    let labels = claims::catalogue(&custom);
    let mut words = Words::default();
    for item in items {
        let (list, said) = match item {
            // The page says it where it says whose application it is.
            Item::Place(_) => continue,
            Item::Claim(name) => (&mut words.details, label(name, &labels)),
            Item::Scope(scope) => match scope.as_str() {
                "profile" => (&mut words.details, "Your name".to_owned()),
                "email" => (&mut words.details, "Email address".to_owned()),
                "address" => (&mut words.details, "Your address".to_owned()),
                "phone" => (&mut words.details, "Your phone number".to_owned()),
                "offline_access" => (&mut words.rights, "Get these details again while you’re away".to_owned()),
                other => (&mut words.rights, rights.get(other).cloned().unwrap_or_else(|| other.to_owned())),
            },
        };
        if !list.contains(&said) {
            list.push(said);
        }
    }
    words
}

// In the words of the person whom it is about.
fn label(name: &str, labels: &[claims::ClaimDefinition]) -> String {
    match name {
        claims::IDENTITY_PROVIDER => "How you sign in".to_owned(),
        claims::OBJECT_ID => "The number of your account".to_owned(),
        claims::NEW_USER => "Whether your account is new".to_owned(),
        other => labels.iter().find(|claim| claim.name == other).map_or(other, |claim| &claim.label).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u29_u31_everything_that_goes_out_is_said_in_plain_words() {
        let claim = |name: &str| Item::Claim(name.to_owned());
        let scope = |name: &str| Item::Scope(name.to_owned());
        let rights: Rights = [("https://api.example/read".to_owned(), "Read your letters (Letters)".to_owned())].into();
        let items: Items = [
            claim("given_name"),
            claim("emails"),
            claim("unheard_of"),
            scope("email"),
            scope("offline_access"),
            scope("https://api.example/read"),
            Item::Place("https://app.example".to_owned()),
        ]
        .into();
        let words = words(&items, &[], &rights);
        assert_eq!(words.details, ["Email address", "Given name", "unheard_of"]);
        assert_eq!(words.rights, ["Read your letters (Letters)", "Get these details again while you’re away"]);
    }
}
