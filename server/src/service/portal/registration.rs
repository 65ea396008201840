//! What an operator decides about dynamic client registration: the switch of a tenant, and the
//! initial access tokens with which programs may register.

use lanyard_domain::{
    application::Application,
    audit::Action,
    clock::DAY,
    id::Id,
    registration::{InitialAccessToken, MOST_DAYS, MOST_REGISTRATIONS, MOST_USES, RegistrationSwitch},
    secret::Token,
    tenant::Tenant,
    text,
    user_flow::{Audience, UserFlow},
};
use lanyard_storage::StorageError;

use super::{By, PortalError, applications::patient_flows, record};
use crate::state::App;

/// The most characters of a token's label.
const MAX_LABEL: usize = 80;
/// So many tokens are listed.
const SHOWN: u32 = 100;

/// An initial access token to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDraft {
    /// The flow at which it may be used.
    pub flow: Id<UserFlow>,
    /// Whom it is for.
    pub label: String,
    /// How many registrations it is good for, from 1.
    pub uses: u32,
    /// How many days it is good for, from 1.
    pub days: u32,
}

/// Switches registration on in a tenant, for at most `most` applications; or off, with the limit kept.
/// What is so already is no change.
///
/// # Errors
/// [`PortalError::NotAllowed`] if `most` is 0 or more than [`MOST_REGISTRATIONS`].
pub async fn switch(
    app: &App,
    tenant: Id<Tenant>,
    most: Option<u32>,
    by: By,
) -> Result<RegistrationSwitch, PortalError> {
    if most.is_some_and(|most| !(1..=MOST_REGISTRATIONS).contains(&most)) {
        return Err(PortalError::NotAllowed);
    }
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let now = tx.registration_switch(tenant).await?;
                let limit = most.unwrap_or(now.most);
                if (now.on, now.most) == (most.is_some(), limit) {
                    return Ok(now);
                }
                // Somebody else may have set the same meanwhile: that is one change, and one event.
                if !tx.set_registration_switch(tenant, most.is_some(), limit).await? {
                    return Ok(tx.registration_switch(tenant).await?);
                }
                let detail = serde_json::json!({"on": most.is_some(), "most": limit});
                record(&own, tx, tenant, &by, Action::RegistrationSwitched, tenant.to_string(), detail).await?;
                Ok(tx.registration_switch(tenant).await?)
            })
        })
        .await
}

/// Makes an initial access token; its text is shown once and kept as a hash only.
///
/// # Errors
/// [`PortalError::NotAllowed`] if the draft is out of bounds, [`PortalError::NotFound`] if the tenant has
/// no such flow for patients.
pub async fn mint(
    app: &App,
    tenant: Id<Tenant>,
    draft: TokenDraft,
    by: By,
) -> Result<(InitialAccessToken, Token), PortalError> {
    let label = text::clean(&draft.label, MAX_LABEL).map_err(|_| PortalError::NotAllowed)?;
    if !(1..=MOST_USES).contains(&draft.uses) || !(1..=MOST_DAYS).contains(&draft.days) {
        return Err(PortalError::NotAllowed);
    }
    let (own, now) = (app.clone(), app.clock.now());
    let text = Token::generate(app.entropy().as_mut());
    let token = InitialAccessToken {
        id: Id::new(now, app.entropy().as_mut()),
        tenant,
        flow: draft.flow,
        hash: text.hash(),
        label,
        uses_left: draft.uses,
        created_at: now,
        expires_at: now.plus(i64::from(draft.days) * DAY),
        revoked_at: None,
    };
    let made = token.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let flow = tx.flow_by_id(tenant, token.flow).await?.filter(|flow| flow.audience == Audience::Patients);
                let flow = flow.ok_or(PortalError::NotFound)?;
                tx.create_initial_access_token(&token).await?;
                let detail = serde_json::json!({"flow": flow.name.as_str(), "label": token.label, "uses": token.uses_left, "days": draft.days});
                let (action, target) = (Action::InitialAccessTokenCreated, token.id.to_string());
                record(&own, tx, tenant, &by, action, target, detail).await?;
                Ok::<_, PortalError>(())
            })
        })
        .await?;
    Ok((made, text))
}

/// Revokes an initial access token at once. What was registered with it stays.
///
/// # Errors
/// [`PortalError::Conflict`] if the tenant has none of this id that still stands.
pub async fn revoke(app: &App, tenant: Id<Tenant>, id: Id<InitialAccessToken>, by: By) -> Result<(), PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                tx.revoke_initial_access_token(tenant, id, own.clock.now()).await?;
                let (action, detail) = (Action::InitialAccessTokenRevoked, serde_json::json!({}));
                record(&own, tx, tenant, &by, action, id.to_string(), detail).await?;
                Ok(())
            })
        })
        .await
}

/// Revokes the registration access token of an application (RFC 7592) at once: it changes and deletes itself no more.
/// The application stays as it is, and operators change it as before.
///
/// # Errors
/// [`PortalError::NotFound`] if the tenant has no such application, [`PortalError::Unchanged`] if it has no such token.
pub async fn revoke_client_token(
    app: &App,
    tenant: Id<Tenant>,
    application: Id<Application>,
    by: By,
) -> Result<(), PortalError> {
    let own = app.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let found = tx.application_by_id(tenant, application).await?.ok_or(PortalError::NotFound)?;
                match tx.revoke_client_registration(tenant, application).await {
                    Ok(()) => {}
                    Err(StorageError::Conflict) => return Err(PortalError::Unchanged),
                    Err(error) => return Err(error.into()),
                }
                let (action, detail) = (Action::RegistrationTokenRevoked, serde_json::json!({"name": found.name}));
                record(&own, tx, tenant, &by, action, application.to_string(), detail).await?;
                Ok(())
            })
        })
        .await
}

/// The switch of a tenant and its newest initial access tokens.
///
/// # Errors
/// When the database does not answer.
pub async fn show(app: &App, tenant: Id<Tenant>) -> Result<(RegistrationSwitch, Vec<InitialAccessToken>), PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                Ok((tx.registration_switch(tenant).await?, tx.initial_access_tokens(tenant, SHOWN).await?))
            })
        })
        .await
}

/// Whether programs may register applications of a tenant, and how many have.
///
/// # Errors
/// When the database does not answer.
pub async fn standing(app: &App, tenant: Id<Tenant>) -> Result<RegistrationSwitch, PortalError> {
    app.store.read(move |tx| Box::pin(async move { Ok(tx.registration_switch(tenant).await?) })).await
}

/// What the portal's page of initial access tokens shows.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The switch.
    pub switch: RegistrationSwitch,
    /// The newest tokens.
    pub tokens: Vec<InitialAccessToken>,
    /// The flows that one can be for, by name.
    pub flows: Vec<UserFlow>,
}

/// The initial access tokens of a tenant, with the flows that they can be for.
///
/// # Errors
/// When the database does not answer.
pub async fn tokens(app: &App, tenant: Id<Tenant>) -> Result<Tokens, PortalError> {
    app.store
        .read(move |tx| {
            Box::pin(async move {
                Ok(Tokens {
                    switch: tx.registration_switch(tenant).await?,
                    tokens: tx.initial_access_tokens(tenant, SHOWN).await?,
                    flows: patient_flows(tx, tenant).await?,
                })
            })
        })
        .await
}
