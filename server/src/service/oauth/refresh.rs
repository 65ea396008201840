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

use super::{
    Place, ProtocolError,
    client::{apis_of, is_entitled},
    dpop,
    redeem::{NextToken, Redeemed, claimed, demand_now},
};
use crate::{http::client::Client, service::{audit, consents}, state::App};

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
                let hash = request.token.hash();
                // First the lock: what is read after it stays as it is.
                let Some(grant) = tx.lock_grant_of_refresh_token(&hash).await? else { return Err(unknown()) };
                let Some(stored) = tx.refresh_token(&hash).await? else { return Err(unknown()) };
                let successor = match &stored.replaced_by {
                    Some(next) => tx.refresh_token(next).await?,
                    None => None,
                };
                if !is_entitled(tx, &application, &grant).await? {
                    return Err(unknown());
                }
                let account = tx.account_by_id(grant.tenant, grant.account).await?;
                let apis = apis_of(tx, &application).await?;
                let demand = demand_now(tx, &place, &application).await?;
                let by = Redemption {
                    tenant: place.tenant.id,
                    flow: place.flow.id,
                    application: &application,
                    apis: &apis,
                    account: account.as_ref(),
                    now,
                };
                let next = NextToken::draw(&own, &place, &application, &grant, now);
                let mut judged = rules::check(&stored, successor.as_ref(), &grant, &request, &demand, &by);
                if let Ok(accepted) = &judged {
                    dpop_rules::check_refresh(&grant.details, &application, proof.as_ref())?;
                    let taken = match accepted.way {
                        Way::First => tx.use_refresh_token(&hash, &next.row.hash, now).await,
                        Way::Again { lost } => tx.replace_successor(&hash, &lost, &next.row.hash, now).await,
                    };
                    // Under the lock nobody was first; the clocks disagree, or the token has just
                    // expired. The family need not die of that.
                    if !claimed(taken)? {
                        judged = Err(rules::RefreshRefusal::Expired);
                    }
                }
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
                tx.create_refresh_token(&next.row).await?;
                let event = audit::Event::of(Action::TokenRefreshed, Outcome::Success)
                    .by(grant.account)
                    .on(application.id)
                    .from(&client)
                    .with(serde_json::json!({"again": accepted.way != Way::First}));
                audit::append(&own, tx, place.tenant.id, event).await?;
                let agreed = consents::agreed(tx, &application, grant.account).await?;
                Ok(Ok(Redeemed { grant, account, agreed, scope: accepted.scope, apis, next: Some(next) }))
            })
        })
        .await?;
    outcome.map_err(|refusal| ProtocolError::Refused(refusal.into()))
}
