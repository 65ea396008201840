//! The answer to an application: issued in the transaction, signed after its commit.

use lanyard_domain::{
    account::Account,
    application::Application,
    audit::{Action, Outcome},
    consent::{Agreed, Items},
    grant::AuthorizationRequest,
    id::Id,
    journey::{Header, Issued, Journey, OtherPerson, Return},
    tenant::Tenant,
    user_flow::UserFlow,
};
use lanyard_oidc::{
    error::Refusal,
    front_channel::{self, Recipient},
    response,
};
use lanyard_storage::WriteTx;

use super::JourneyError;
use crate::{
    http::client::Client,
    service::{audit, consents, signing},
    state::App,
};

/// A finished authorization response.
#[derive(Debug)]
pub struct Reply(pub response::AuthorizationResponse);

/// What a transaction issued.
pub(super) struct Issue {
    issued: Issued,
    // Whom the ID token tells of; read only where there is one.
    account: Option<Account>,
    // What of them may go out.
    agreed: Agreed,
}

/// Where an answer comes from and goes to.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) tenant: Id<Tenant>,
    pub(super) flow: &'a UserFlow,
    pub(super) application: &'a Application,
    pub(super) request: &'a AuthorizationRequest,
}

/// Uses the way back up for what `request` asks for, and stores it with its audit event.
///
/// # Errors
/// When the database does not answer. [`OtherPerson`] is no such error: nothing was stored.
pub(super) async fn issue(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    back: Return,
    header: &Header,
    request: &AuthorizationRequest,
    client: &Client,
) -> Result<Result<Issue, OtherPerson>, JourneyError> {
    let issued = match back.issue(header, request, app.clock.now(), app.entropy().as_mut()) {
        Ok(issued) => issued,
        Err(other) => return Ok(Err(other)),
    };
    tx.create_grant(&issued.grant).await?;
    tx.note_relying_party(&issued.grant).await?;
    let action = if issued.code.is_some() { Action::CodeIssued } else { Action::IdTokenIssued };
    let event =
        audit::Event::of(action, Outcome::Success).by(issued.grant.account).on(request.application).from(client);
    audit::append(app, tx, header.tenant, event).await?;
    // Nothing, until a consent says what.
    let (mut account, mut agreed) = (None, Agreed::Only(Items::new()));
    if issued.id_token.is_some() {
        account = tx.account_by_id(header.tenant, issued.grant.account).await?;
        let application = tx.application_by_id(header.tenant, request.application).await?;
        let application = application.ok_or(JourneyError::NotFound)?;
        agreed = consents::agreed(tx, &application, &issued.grant).await?.unwrap_or(agreed);
    }
    Ok(Ok(Issue { issued, account, agreed }))
}

/// The answer with what was issued; signs, so never within a transaction.
///
/// # Errors
/// When the key cannot be had or does not sign.
pub(super) async fn deliver(app: &App, way: Way<'_>, issue: Issue) -> Result<Reply, JourneyError> {
    let issuer = app.issuer(way.flow);
    let Issued { code, id_token, .. } = issue.issued;
    let id_token = match (id_token, &issue.account) {
        (None, _) => None,
        (Some(_), None) => return Err(JourneyError::NotFound),
        (Some(right), Some(account)) => {
            let signing = signing::of(app, way.tenant).await?;
            let flow = issue.agreed.limit(way.flow);
            let to = Recipient { issuer: &issuer, flow: &flow, application: way.application, account };
            let key = signing.key(way.application.settings.signing)?;
            let token = front_channel::id_token(right, &to, code.as_ref(), key, app.clock.now());
            Some(token.map_err(|error| JourneyError::Internal(format!("signing: {error}")))?)
        }
    };
    Ok(Reply(response::Back::from(way.request).with(&issuer, code.as_ref(), id_token)))
}

/// The answer with an error.
pub(super) fn refuse(app: &App, flow: &UserFlow, request: &AuthorizationRequest, refusal: &Refusal) -> Reply {
    let now = app.clock.now();
    let correlation = Id::<Journey>::new(now, app.entropy().as_mut()).uuid();
    let issuer = app.issuer(flow);
    Reply(response::Back::from(request).with_error(&issuer, refusal, correlation, now))
}
