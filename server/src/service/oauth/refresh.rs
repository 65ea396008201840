//! Refresh: each token once; a second use ends the whole family (A29), but for an answer that was
//! just lost.

use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
};
use lanyard_oidc::{
    dpop::{self as dpop_rules, Proof},
    token::{
        self, Redemption,
        refresh::{self as rules, Way},
    },
};
use lanyard_storage::{GrantAtHand, StorageError};

use super::{
    Place, ProtocolError, dpop,
    redeem::{NextToken, Redeemed},
    standing::{is_recognised, standing},
};
use crate::{
    http::client::Client,
    service::{audit, consents, journey::JourneyError},
    state::App,
};

pub(super) async fn by_refresh(
    app: &App,
    place: &Place,
    application: &Application,
    request: rules::RefreshRequest,
    (proof, client): (Option<Proof>, &Client),
) -> Result<Redeemed, ProtocolError> {
    // Under the lock nobody can have been first: the database gave one of two transactions up, or the
    // clocks disagree. That says nothing of the token: once more, and then 503, but never that the
    // grant is over, which an application takes for the end of its session.
    match attempt(app, place, application, request.clone(), (proof.clone(), client)).await {
        Err(error) if is_raced(&error) => {}
        decided => return decided,
    }
    match attempt(app, place, application, request, (proof, client)).await {
        Err(error) if is_raced(&error) => Err(StorageError::Raced.into()),
        decided => decided,
    }
}

const fn is_raced(error: &ProtocolError) -> bool {
    use StorageError::{Conflict, Raced};
    matches!(error, ProtocolError::Failed(JourneyError::Storage(Conflict | Raced)))
}

async fn attempt(
    app: &App,
    place: &Place,
    application: &Application,
    request: rules::RefreshRequest,
    (proof, client): (Option<Proof>, &Client),
) -> Result<Redeemed, ProtocolError> {
    let (own, place, application, client) = (app.clone(), place.clone(), application.clone(), client.clone());
    let outcome: Result<Redeemed, rules::RefreshRefusal> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                dpop::consume(tx, proof.as_ref()).await?;
                let unknown = || ProtocolError::Refused(token::unknown_grant());
                let hash = request.token.hash();
                // Locked: nobody else changes the grant and its tokens from here on.
                let Some((stored, at_hand)) = tx.lock_refresh_token(&hash).await? else { return Err(unknown()) };
                let GrantAtHand { grant, account, configuration } = at_hand;
                let successor = match &stored.replaced_by {
                    Some(next) => tx.refresh_token(next).await?,
                    None => None,
                };
                let standing = standing(&own, tx, &place, &application, configuration).await?;
                let agreed = match standing.linked {
                    true => consents::agreed(tx, &application, &grant).await?,
                    false => None,
                };
                let Some(agreed) = agreed else { return Err(unknown()) };
                let by = Redemption {
                    tenant: place.tenant.id,
                    flow: place.flow.id,
                    application: &application,
                    apis: &standing.apis,
                    account: account.as_ref(),
                    recognised: is_recognised(tx, &grant, now).await?,
                    now,
                };
                let judged = rules::check(&stored, successor.as_ref(), &grant, &request, &standing.demand, &by);
                let accepted = match judged {
                    Ok(accepted) => accepted,
                    Err(refusal) => {
                        if refusal.revokes() {
                            tx.revoke_grant(grant.id, now).await?;
                            let event = audit::Event::of(Action::RefreshReused, Outcome::Failure)
                                .by(grant.account)
                                .on(application.id)
                                .from(&client);
                            audit::append(&own, tx, place.tenant.id, event).await?;
                        }
                        return Ok(Err(refusal));
                    }
                };
                let Some(account) = account else { return Ok(Err(rules::RefreshRefusal::AccountGone)) };
                dpop_rules::check_refresh(&grant.details, &application, proof.as_ref())?;
                let next = NextToken::draw(&own, &place, &application, &grant, now);
                // Nothing is read from here on: what changes goes to the database together.
                tx.gather();
                match accepted.way {
                    Way::First => tx.exchange_refresh_token(&hash, &next.row, now).await?,
                    Way::Again { lost } => {
                        tx.replace_successor(&hash, &lost, &next.row.hash, now).await?;
                        tx.create_refresh_token(&next.row).await?;
                    }
                }
                let event = audit::Event::of(Action::TokenRefreshed, Outcome::Success)
                    .by(grant.account)
                    .on(application.id)
                    .from(&client)
                    .with(serde_json::json!({"again": accepted.way != Way::First}));
                audit::append(&own, tx, place.tenant.id, event).await?;
                tx.scatter().await?;
                let apis = standing.apis.clone();
                Ok(Ok(Redeemed { grant, account, agreed, scope: accepted.scope, apis, next: Some(next) }))
            })
        })
        .await?;
    outcome.map_err(|refusal| ProtocolError::Refused(refusal.into()))
}
