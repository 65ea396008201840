//! Changing one's own details.

use std::collections::BTreeMap;

use lanyard_app::api::{
    account::ProfileView,
    journey::{AttributeField, Problem, ProblemCode},
};
use lanyard_domain::{
    account::AccountKind,
    attribute::{self, Attribute, AttributeProblem, Attributes},
    audit::{Action, Outcome},
    id::Id,
    tenant::Tenant,
    user_flow::{Audience, FlowType, UserFlow},
};
use lanyard_storage::{ReadTx, StorageError};

use super::{Owner, contact::may_change_email};
use crate::{
    http::{client::Client, form::Fields},
    service::{
        audit,
        journey::{field, form_value},
    },
    state::App,
};

/// What everybody may change about themselves, whatever the flows ask for.
const ALWAYS: [&str; 4] = [attribute::COUNTRY, attribute::GIVEN_NAME, attribute::SURNAME, attribute::DISPLAY_NAME];
/// Flows looked at; a tenant has a handful.
const MAX_FLOWS: u32 = 1_000;

/// An attribute that its owner may change, with whether it must be filled in.
type Editable = (Attribute, bool);

/// How a change ended.
#[derive(Debug)]
pub enum Change {
    /// Everything is stored.
    Saved,
    /// Nothing is stored: the form again, with what was typed and what is wrong.
    Refused(ProfileView),
}

/// The form with the present values.
///
/// # Errors
/// When the database does not answer.
pub async fn form(app: &App, owner: Owner) -> Result<ProfileView, StorageError> {
    let (tenant, id, kind) = (owner.account.tenant, owner.account.id, owner.account.kind);
    let (fresh, editable) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let fresh = tx.account_by_id(tenant, id).await?;
                Ok::<_, StorageError>((fresh, editable_of(tx, tenant, kind).await?))
            })
        })
        .await?;
    let attributes = fresh.map_or(owner.account.attributes, |account| account.attributes);
    let fields = fields(&editable, |name| attributes.get(name).map(form_value).unwrap_or_default());
    Ok(ProfileView {
        visitor: owner.visitor,
        may_change_email: may_change_email(kind),
        email: owner.account.email.as_str().to_owned(),
        fields,
        problems: Vec::new(),
    })
}

/// Stores what was typed, all of it or nothing. A field that is not offered is ignored (A48).
///
/// # Errors
/// When the database does not answer.
pub async fn change(app: &App, owner: Owner, client: Client, typed: Fields) -> Result<Change, StorageError> {
    let (own, account) = (app.clone(), owner.account.clone());
    let refused = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let editable = editable_of(tx, account.tenant, account.kind).await?;
                let read = match read(&editable, &typed) {
                    Ok(read) => read,
                    Err(problems) => {
                        let fields = fields(&editable, |name| typed.get(name).to_owned());
                        return Ok(Some((fields, problems)));
                    }
                };
                // As it is now: what is not offered here stays.
                let present = tx.account_by_id(account.tenant, account.id).await?.ok_or(StorageError::Conflict)?;
                let (attributes, changed) = merge(&present.attributes, read);
                if !changed.is_empty() {
                    tx.set_attributes(account.id, &attributes).await?;
                    let event = audit::Event::of(Action::ProfileChanged, Outcome::Success)
                        .by(account.id)
                        .on(account.id)
                        .from(&client)
                        .with(serde_json::json!({"changed": changed}));
                    audit::append(&own, tx, account.tenant, event).await?;
                }
                Ok::<_, StorageError>(None)
            })
        })
        .await?;
    Ok(match refused {
        None => Change::Saved,
        Some((fields, problems)) => {
            let email = owner.account.email.as_str().to_owned();
            let may_change_email = may_change_email(owner.account.kind);
            Change::Refused(ProfileView { visitor: owner.visitor, email, may_change_email, fields, problems })
        }
    })
}

async fn editable_of(
    tx: &mut (dyn ReadTx + '_),
    tenant: Id<Tenant>,
    kind: AccountKind,
) -> Result<Vec<Editable>, StorageError> {
    let flows = tx.list_flows(tenant, None, MAX_FLOWS).await?;
    let custom = tx.custom_attributes(tenant).await?;
    Ok(editable(kind, &flows, &custom))
}

/// What a patient may change: what the flows for profile editing ask for, or the flows for sign-up
/// where there are none; and [`ALWAYS`]. Staff and operators: [`ALWAYS`] alone. It must be filled
/// in where each flow that asks for it demands it.
fn editable(kind: AccountKind, flows: &[UserFlow], custom: &[Attribute]) -> Vec<Editable> {
    let of_kind = |wanted: FlowType| {
        flows.iter().filter(move |flow| flow.audience == Audience::Patients && flow.kind == wanted).collect::<Vec<_>>()
    };
    let asking = match kind {
        AccountKind::Patient => {
            let editing = of_kind(FlowType::ProfileEditing);
            if editing.is_empty() { of_kind(FlowType::SignUpSignIn) } else { editing }
        }
        AccountKind::Staff | AccountKind::Operator => Vec::new(),
    };
    let mut asked: BTreeMap<&str, bool> = BTreeMap::new();
    for collected in asking.iter().flat_map(|flow| &flow.settings.attributes) {
        asked.entry(&collected.name).and_modify(|all| *all &= collected.required).or_insert(collected.required);
    }
    let offered = attribute::built_in().into_iter().chain(custom.iter().cloned());
    offered
        .filter_map(|attribute| {
            let required = asked.get(attribute.name.as_str()).copied();
            let required = required.or_else(|| ALWAYS.contains(&attribute.name.as_str()).then_some(false))?;
            Some((attribute, required))
        })
        .collect()
}

fn fields(editable: &[Editable], value: impl Fn(&str) -> String) -> Vec<AttributeField> {
    editable.iter().map(|(attribute, required)| field(attribute, *required, value(&attribute.name))).collect()
}

// Each offered attribute with what was typed for it; `None`: it was emptied.
type Read = BTreeMap<String, Option<attribute::AttributeValue>>;

fn read(editable: &[Editable], typed: &Fields) -> Result<Read, Vec<Problem>> {
    let mut found = Read::new();
    let mut problems = Vec::new();
    for (attribute, required) in editable {
        match attribute.read(typed.0.get(&attribute.name).map(String::as_str), *required) {
            Ok(value) => {
                found.insert(attribute.name.clone(), value);
            }
            Err(problem) => problems.push(problem_of(problem, attribute)),
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn problem_of(problem: AttributeProblem, attribute: &Attribute) -> Problem {
    let label = attribute.label.clone();
    let code = match problem {
        AttributeProblem::Missing => ProblemCode::AttributeMissing { label },
        AttributeProblem::TooLong => ProblemCode::AttributeTooLong { label },
        AttributeProblem::Control => ProblemCode::AttributeCharacters { label },
        AttributeProblem::NotInteger => ProblemCode::AttributeNotInteger { label },
        AttributeProblem::NotAnOption => ProblemCode::AttributeNotAnOption { label },
    };
    Problem { field: attribute.name.clone(), code }
}

/// The attributes after the change, and the names of those that are different now. A box that was
/// never ticked and isn't now is no change.
fn merge(present: &Attributes, read: Read) -> (Attributes, Vec<String>) {
    let mut attributes = present.clone();
    let mut changed = Vec::new();
    for (name, value) in read {
        let before = attributes.get(&name);
        let unticked = before.is_none() && value == Some(attribute::AttributeValue::Boolean(false));
        if unticked || before == value.as_ref() {
            continue;
        }
        match value {
            Some(value) => attributes.insert(name.clone(), value),
            None => attributes.remove(&name),
        };
        changed.push(name);
    }
    (attributes, changed)
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{
        attribute::{AttributeKind, AttributeValue},
        clock::Timestamp,
        entropy::SeededEntropy,
        user_flow::{
            CollectedAttribute, Enforcement, FlowName, FlowSettings, MfaPolicy, SessionSettings, TokenSettings,
        },
    };

    use super::*;

    fn flow(kind: FlowType, audience: Audience, asks: &[(&str, bool)]) -> UserFlow {
        let mut random = SeededEntropy::new(1);
        let now = Timestamp(1);
        let attributes = asks
            .iter()
            .map(|(name, required)| CollectedAttribute { name: (*name).into(), required: *required })
            .collect();
        let mfa = MfaPolicy::new(Enforcement::Off, []);
        UserFlow {
            id: Id::new(now, &mut random),
            tenant: Id::new(now, &mut random),
            name: FlowName::parse("x").unwrap(),
            kind,
            audience,
            settings: FlowSettings {
                mfa,
                attributes,
                claims: Vec::new(),
                tokens: TokenSettings::default(),
                session: SessionSettings::default(),
            },
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    fn custom(name: &str, kind: AttributeKind) -> Attribute {
        Attribute { name: name.into(), label: name.into(), kind }
    }

    fn names(editable: &[Editable]) -> Vec<&str> {
        editable.iter().map(|(attribute, _)| attribute.name.as_str()).collect()
    }

    #[test]
    fn a48_only_what_the_flows_ask_patients_for_can_be_changed() {
        let catalogue =
            [custom("extension_Age", AttributeKind::Integer), custom("extension_Risk", AttributeKind::String)];
        let sign_up = flow(FlowType::SignUpSignIn, Audience::Patients, &[("extension_Age", false), ("city", true)]);
        let staff = flow(FlowType::SignIn, Audience::Staff, &[("extension_Risk", true)]);
        let both = [sign_up, staff];
        let offered = editable(AccountKind::Patient, &both, &catalogue);
        assert_eq!(names(&offered), ["country", "givenName", "surname", "displayName", "city", "extension_Age"]);
        assert_eq!(names(&editable(AccountKind::Staff, &both, &catalogue)), ALWAYS);

        let typed = Fields::parse(b"city=Leeds&extension_Risk=none&email=x%40example.com").unwrap();
        let read = read(&offered, &typed).unwrap();
        assert!(!read.contains_key("extension_Risk") && !read.contains_key("email"));
    }

    #[test]
    fn a48_flows_for_profile_editing_decide_where_there_are_any() {
        let sign_up = flow(FlowType::SignUpSignIn, Audience::Patients, &[("city", true)]);
        let editing = flow(FlowType::ProfileEditing, Audience::Patients, &[("state", true)]);
        assert_eq!(
            names(&editable(AccountKind::Patient, &[sign_up, editing], &[])),
            ["country", "givenName", "surname", "displayName", "state"]
        );
    }

    #[test]
    fn c1_only_real_changes_are_told_of() {
        let text = |text: &str| AttributeValue::String(text.into());
        let present: Attributes = [("city".to_owned(), text("York")), ("kept".to_owned(), text("k"))].into();
        let typed: Read = [
            ("city".to_owned(), None),
            ("state".to_owned(), Some(text("Ohio"))),
            ("box".to_owned(), Some(AttributeValue::Boolean(false))),
            ("surname".to_owned(), None),
        ]
        .into();
        let (after, changed) = merge(&present, typed);
        assert_eq!(changed, ["city", "state"]);
        assert_eq!(after, [("kept".to_owned(), text("k")), ("state".to_owned(), text("Ohio"))].into());
    }

    #[test]
    fn u4_every_problem_is_found_at_once() {
        let editable = vec![(custom("a", AttributeKind::Integer), false), (custom("b", AttributeKind::String), true)];
        let problems = read(&editable, &Fields::parse(b"a=x").unwrap()).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["a", "b"]);
    }
}
