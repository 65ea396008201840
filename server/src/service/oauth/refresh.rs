//! Refresh: each token once; a second use ends the whole family (A29).

use lanyard_domain::{
    application::Application,
    audit::{Action, Outcome},
};
use lanyard_oidc::dpop::{self as dpop_rules, Proof};
use lanyard_oidc::token::{self, Redemption, refresh as rules};

use super::{
    Place, ProtocolError, dpop,
    redeem::{Redeemed, claimed, demand_now, next_token},
};
use crate::{http::client::Client, service::audit, state::App};

pub(super) async fn by_refresh(
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
                let Some(stored) = tx.refresh_token(&request.token.hash()).await? else { return Err(unknown()) };
                let Some(grant) = tx.grant_by_id(stored.grant).await? else { return Err(unknown()) };
                if !tx.is_linked(application.id, place.flow.id).await? {
                    return Err(unknown());
                }
                let account = tx.account_by_id(grant.tenant, grant.account).await?;
                let demand = demand_now(tx, &place, &application).await?;
                let by = Redemption {
                    tenant: place.tenant.id,
                    flow: place.flow.id,
                    application: &application,
                    account: account.as_ref(),
                    now,
                };
                let mut judged = rules::check(&stored, &grant, &request, &demand, &by);
                if judged.is_ok() {
                    dpop_rules::check_refresh(&grant.details, &application, proof.as_ref())?;
                }
                if judged.is_ok() && !claimed(tx.use_refresh_token(&stored.hash, now).await)? {
                    judged = Err(rules::RefreshRefusal::Reused);
                }
                let scope = match judged {
                    Ok(scope) => scope,
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
                let next = next_token(&own, tx, &grant, &application, now).await?;
                let event = audit::Event::of(Action::TokenRefreshed, Outcome::Success)
                    .by(grant.account)
                    .on(application.id)
                    .from(&client);
                audit::append(&own, tx, place.tenant.id, event).await?;
                Ok(Ok(Redeemed { grant, account, scope, next: Some(next) }))
            })
        })
        .await?;
    outcome.map_err(|refusal| ProtocolError::Refused(refusal.into()))
}
