//! User flows: create, edit, the one switch for MFA, links to applications.
//!
//! What may be edited depends on the flow's audience, and [`FlowEdit::apply`] alone decides it.

use std::collections::BTreeSet;

use lanyard_domain::{
    application::Application,
    assurance::Method,
    attribute::Attribute,
    audit::Action,
    claims,
    id::Id,
    tenant::Tenant,
    user_flow::{
        Audience, CollectedAttribute, Enforcement, FlowName, FlowSettings, FlowType, SessionSettings, TokenSettings,
        UserFlow,
    },
};
use lanyard_storage::ReadTx;

use super::{
    By, PortalError, changes,
    listing::{BATCH, Page, Wanted},
    record,
};
use crate::state::App;

/// A flow to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowDraft {
    /// Its name.
    pub name: FlowName,
    /// Its type.
    pub kind: FlowType,
    /// Its settings.
    pub settings: FlowSettings,
}

/// A change to a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowEdit {
    /// Everything but whether MFA is on.
    Settings {
        /// The methods.
        methods: BTreeSet<Method>,
        /// What is collected.
        attributes: Vec<CollectedAttribute>,
        /// What is returned.
        claims: Vec<String>,
        /// Tokens and sessions.
        lives: Box<(TokenSettings, SessionSettings)>,
    },
    /// The methods alone.
    Methods(BTreeSet<Method>),
    /// MFA is switched on with these methods.
    TurnOn(BTreeSet<Method>),
    /// MFA is switched off; the methods are kept.
    TurnOff,
}

/// Whether a flow of this type asks people for attributes.
#[must_use]
pub const fn collects(kind: FlowType) -> bool {
    match kind {
        FlowType::SignUpSignIn | FlowType::ProfileEditing => true,
        FlowType::SignIn | FlowType::PasswordReset => false,
    }
}

impl FlowEdit {
    /// The settings of `flow` after this change. Entries that stay keep their order.
    ///
    /// # Errors
    /// [`PortalError::NotAllowed`] when the flow's audience does not allow it,
    /// [`PortalError::NoMethod`] when a second factor is demanded without any method.
    pub fn apply(self, flow: &UserFlow) -> Result<FlowSettings, PortalError> {
        let mut settings = flow.settings.clone();
        match (flow.audience, self) {
            (Audience::Patients, Self::Settings { methods, mut attributes, mut claims, lives }) => {
                let old = &flow.settings;
                attributes
                    .sort_by_key(|new| old.attributes.iter().position(|it| it.name == new.name).unwrap_or(usize::MAX));
                claims.sort_by_key(|new| old.claims.iter().position(|it| it == new).unwrap_or(usize::MAX));
                settings.mfa.methods = methods;
                settings.attributes = if collects(flow.kind) { attributes } else { Vec::new() };
                settings.claims = claims;
                (settings.tokens, settings.session) = *lives;
                // Nobody signs in there.
                settings.session.remember.on &= flow.kind.signs_in();
            }
            (Audience::Patients | Audience::Staff, Self::Methods(methods)) => settings.mfa.methods = methods,
            (Audience::Patients, Self::TurnOn(methods)) => {
                settings.mfa.enforcement = Enforcement::AlwaysOn;
                settings.mfa.methods = methods;
            }
            (Audience::Patients, Self::TurnOff) => settings.mfa.enforcement = Enforcement::Off,
            (Audience::Staff, Self::Settings { .. } | Self::TurnOn(_) | Self::TurnOff)
            | (Audience::Operators | Audience::SelfService, _) => return Err(PortalError::NotAllowed),
        }
        check(&settings)?;
        Ok(settings)
    }
}

fn check(settings: &FlowSettings) -> Result<(), PortalError> {
    let asked = settings.mfa.enforcement == Enforcement::AlwaysOn;
    if asked && settings.mfa.methods.is_empty() { Err(PortalError::NoMethod) } else { Ok(()) }
}

/// Creates a flow for patients.
///
/// # Errors
/// [`PortalError::Taken`] if the tenant has a flow of that name, whatever its case.
pub async fn create(app: &App, tenant: Id<Tenant>, mut draft: FlowDraft, by: By) -> Result<String, PortalError> {
    check(&draft.settings)?;
    if !collects(draft.kind) {
        draft.settings.attributes.clear();
    }
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                let flow = UserFlow {
                    id: Id::new(now, own.entropy().as_mut()),
                    tenant,
                    name: draft.name,
                    kind: draft.kind,
                    audience: Audience::Patients,
                    settings: draft.settings,
                    version: 1,
                    created_at: now,
                    updated_at: now,
                };
                tx.create_flow(&flow).await?;
                let detail = serde_json::json!({"name": flow.name, "type": flow.kind, "settings": flow.settings});
                record(&own, tx, tenant, &by, Action::FlowCreated, flow.id.to_string(), detail).await?;
                Ok(flow.name.key())
            })
        })
        .await
}

/// Changes version `version` of the flow `key`; whether there was anything to change.
///
/// # Errors
/// [`PortalError::Conflict`] if somebody made another version in the meantime; what
/// [`FlowEdit::apply`] refuses.
pub async fn change(
    app: &App,
    tenant: Id<Tenant>,
    key: String,
    version: i64,
    edit: FlowEdit,
    by: By,
) -> Result<bool, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_key(tenant, &key).await?.ok_or(PortalError::NotFound)?;
                if flow.version != version {
                    return Err(PortalError::Conflict);
                }
                let settings = edit.apply(&flow)?;
                let custom = tx.custom_attributes(tenant).await?;
                let changes = changes::of_flow(&flow.settings, &settings, &claims::catalogue(&custom));
                if changes.is_empty() {
                    return Ok(false);
                }
                let made = tx.update_flow_settings(tenant, flow.id, version, &settings, own.clock.now()).await?;
                let detail = serde_json::json!({
                    "version": made, "changes": changes, "before": flow.settings, "after": settings,
                });
                record(&own, tx, tenant, &by, Action::FlowChanged, flow.id.to_string(), detail).await?;
                Ok(true)
            })
        })
        .await
}

/// Links the flow `key` to the applications that are in `wanted` and were not in `shown`, and takes
/// away the links the other way about; whether anything changed. A link that another operator made
/// meanwhile is in neither, and stays.
///
/// # Errors
/// [`PortalError::NotAllowed`] for a built-in flow, [`PortalError::NotFound`] for an application
/// that is not the tenant's.
pub async fn set_applications(
    app: &App,
    tenant: Id<Tenant>,
    key: String,
    (shown, wanted): (BTreeSet<Id<Application>>, BTreeSet<Id<Application>>),
    by: By,
) -> Result<bool, PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_key(tenant, &key).await?.ok_or(PortalError::NotFound)?;
                if flow.audience != Audience::Patients {
                    return Err(PortalError::NotAllowed);
                }
                let before = tx.applications_of_flow(tenant, flow.id).await?;
                for id in shown.difference(&wanted) {
                    tx.unlink_flow(tenant, *id, flow.id).await?;
                }
                for id in wanted.difference(&shown) {
                    tx.application_by_id(tenant, *id).await?.ok_or(PortalError::NotFound)?;
                    tx.link_flow(tenant, *id, flow.id).await?;
                }
                let after = tx.applications_of_flow(tenant, flow.id).await?;
                if before.iter().map(|one| one.id).eq(after.iter().map(|one| one.id)) {
                    return Ok(false);
                }
                let change =
                    serde_json::json!({"what": "Linked applications", "before": names(&before), "after": names(&after)});
                let detail = serde_json::json!({"version": flow.version, "changes": [change]});
                record(&own, tx, tenant, &by, Action::FlowChanged, flow.id.to_string(), detail).await?;
                Ok(true)
            })
        })
        .await
}

fn names(applications: &[Application]) -> String {
    changes::listed(applications.iter().map(|application| application.name.as_str()))
}

/// A flow with what its page needs.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The flow.
    pub flow: UserFlow,
    /// The tenant's custom attributes.
    pub custom: Vec<Attribute>,
    /// The tenant's applications.
    pub applications: Vec<Application>,
    /// Those that are linked.
    pub linked: Vec<Application>,
}

/// The flow `key` of `tenant`.
///
/// # Errors
/// [`PortalError::NotFound`] if there is none.
pub async fn show(app: &App, tenant: Id<Tenant>, key: String) -> Result<Shown, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_key(tenant, &key).await?.ok_or(PortalError::NotFound)?;
                let custom = tx.custom_attributes(tenant).await?;
                let applications = tx.list_applications(tenant, None, BATCH).await?;
                let linked = tx.applications_of_flow(tenant, flow.id).await?;
                Ok(Shown { flow, custom, applications, linked })
            })
        })
        .await
}

/// A page of the tenant's own flows by name, and its built-in flows.
///
/// # Errors
/// When the database does not answer.
pub async fn list(
    app: &App,
    tenant: Id<Tenant>,
    wanted: Wanted,
) -> Result<(Page<UserFlow>, Vec<UserFlow>), PortalError> {
    let cursor = wanted.cursor::<UserFlow>();
    let (batch, built_in) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let batch = tx.list_flows(tenant, cursor.as_ref(), BATCH).await?;
                Ok::<_, PortalError>((batch, built_in(tx, tenant).await?))
            })
        })
        .await?;
    let words = |flow: &UserFlow| flow.name.as_str().to_owned();
    let mut page = wanted.page(batch, words, |flow| (flow.name.as_str().to_owned(), flow.id));
    page.rows.retain(|flow| flow.audience == Audience::Patients);
    Ok((page, built_in))
}

async fn built_in(tx: &mut (dyn ReadTx + '_), tenant: Id<Tenant>) -> Result<Vec<UserFlow>, PortalError> {
    let mut flows = Vec::new();
    for name in Audience::ALL.into_iter().filter_map(Audience::built_in_flow) {
        flows.extend(tx.flow_by_key(tenant, name).await?.filter(|flow| flow.audience != Audience::Patients));
    }
    Ok(flows)
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{clock::Timestamp, user_flow::MfaPolicy};
    use uuid::Uuid;

    use super::*;

    fn flow(audience: Audience, enforcement: Enforcement) -> UserFlow {
        UserFlow {
            id: Id::from_uuid(Uuid::from_u128(1)),
            tenant: Id::from_uuid(Uuid::from_u128(2)),
            name: FlowName::parse("x").unwrap(),
            kind: FlowType::SignUpSignIn,
            audience,
            settings: FlowSettings {
                mfa: MfaPolicy { enforcement, methods: BTreeSet::from([Method::AuthenticatorApp]) },
                attributes: vec![
                    CollectedAttribute { name: "surname".into(), required: true },
                    CollectedAttribute { name: "givenName".into(), required: true },
                ],
                claims: Vec::new(),
                tokens: TokenSettings::default(),
                session: SessionSettings::default(),
            },
            version: 1,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    fn settings_edit() -> FlowEdit {
        FlowEdit::Settings {
            methods: BTreeSet::from([Method::PhoneCall]),
            attributes: ["country", "givenName", "surname"]
                .map(|name| CollectedAttribute { name: name.into(), required: false })
                .to_vec(),
            claims: vec!["emails".into()],
            lives: Box::default(),
        }
    }

    #[test]
    fn staff_flow_allows_methods_only_and_never_goes_off() {
        let staff = flow(Audience::Staff, Enforcement::AlwaysOn);
        let methods = BTreeSet::from([Method::TextMessage]);
        let after = FlowEdit::Methods(methods.clone()).apply(&staff).unwrap();
        assert_eq!((after.mfa.enforcement, after.mfa.methods), (Enforcement::AlwaysOn, methods));
        assert!(matches!(FlowEdit::TurnOff.apply(&staff), Err(PortalError::NotAllowed)));
        assert!(matches!(settings_edit().apply(&staff), Err(PortalError::NotAllowed)));
        assert!(matches!(FlowEdit::Methods(BTreeSet::new()).apply(&staff), Err(PortalError::NoMethod)));
    }

    #[test]
    fn flows_of_operators_and_accounts_cannot_be_edited() {
        for audience in [Audience::Operators, Audience::SelfService] {
            let built_in = flow(audience, Enforcement::AlwaysOn);
            for edit in [
                settings_edit(),
                FlowEdit::Methods(BTreeSet::new()),
                FlowEdit::TurnOff,
                FlowEdit::TurnOn(BTreeSet::new()),
            ] {
                assert!(matches!(edit.apply(&built_in), Err(PortalError::NotAllowed)), "{audience:?}");
            }
        }
    }

    #[test]
    fn the_form_of_settings_cannot_switch_mfa() {
        for enforcement in [Enforcement::Off, Enforcement::AlwaysOn] {
            let after = settings_edit().apply(&flow(Audience::Patients, enforcement)).unwrap();
            assert_eq!(after.mfa.enforcement, enforcement);
        }
    }

    #[test]
    fn mfa_is_never_on_without_a_method_and_off_keeps_the_methods() {
        let off = flow(Audience::Patients, Enforcement::Off);
        assert!(matches!(FlowEdit::TurnOn(BTreeSet::new()).apply(&off), Err(PortalError::NoMethod)));
        let on = flow(Audience::Patients, Enforcement::AlwaysOn);
        assert_eq!(FlowEdit::TurnOff.apply(&on).unwrap().mfa.methods, on.settings.mfa.methods);
    }

    #[test]
    fn attributes_that_stay_keep_their_order() {
        let after = settings_edit().apply(&flow(Audience::Patients, Enforcement::Off)).unwrap();
        let names: Vec<&str> = after.attributes.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["surname", "givenName", "country"]);
    }
}
