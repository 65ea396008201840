//! Refresh: each token once; a second use ends the whole family (A29), but for an answer that was
//! just lost.
//!
//! Nearly every refresh is judged by one look and carried out by one statement, which holds only while what was seen
//! still stands ([`at_once`]). Whatever that does not settle is judged anew under a lock ([`attempt`]).

use lanyard_domain::{
    account::Account,
    application::Application,
    audit::{Action, Outcome},
    clock::Timestamp,
    consent::Agreed,
    grant::{Grant, RefreshToken},
};
use lanyard_oidc::{
    dpop::{self as dpop_rules, Proof},
    error::Refusal,
    token::{
        self, Redemption,
        refresh::{self as rules, Way},
    },
};
use lanyard_storage::{Exchange, GrantAtHand, StorageError};

use super::{
    Place, ProtocolError, dpop,
    redeem::{NextToken, Redeemed},
    standing::{self, Standing},
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
    // A proof is noted down in the transaction.
    if proof.is_none()
        && let Some(redeemed) = at_once(app, place, application, &request, client).await?
    {
        return Ok(redeemed);
    }
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

/// The refresh that nearly all are. `None`: it may be refused, or came at the same moment as something else.
///
/// # Errors
/// [`ProtocolError::Refused`] for an invented token; or the database does not answer.
pub(super) async fn at_once(
    app: &App,
    place: &Place,
    application: &Application,
    request: &rules::RefreshRequest,
    client: &Client,
) -> Result<Option<Redeemed>, ProtocolError> {
    // What a third party may have is read for itself.
    if application.settings.third_party {
        return Ok(None);
    }
    let hash = request.token.hash();
    let now = app.clock.now();
    let found = app.store.refresh_token_at_hand(hash).await;
    // An invented one makes no transaction.
    let Some((stored, at_hand)) = found.map_err(JourneyError::from)? else {
        return Err(ProtocolError::Refused(token::unknown_grant()));
    };
    // Of one configuration, all of it, and whether a browser is remembered still is read for itself.
    let configuration = at_hand.configuration;
    if configuration != place.configuration || at_hand.grant.authentication.remembered().is_some() {
        return Ok(None);
    }
    let Some(standing) = standing::at_hand(app, place, application) else { return Ok(None) };
    let agreed = standing.linked.then_some(Agreed::Everything);
    let around = Around { standing: &standing, agreed, recognised: true, proof: None, now };
    let found = Found { stored, successor: None, at_hand };
    let judged = match judge(place, application, request, found, around) {
        Ok(Ok(judged)) if judged.accepted.way == Way::First => judged,
        // Whatever is refused is looked at again, under a lock.
        Ok(_) | Err(_) => return Ok(None),
    };
    let next = NextToken::draw(app, place, application, &judged.grant, now);
    let event = audit::record(app, place.tenant.id, refreshed(&judged, application, client));
    let exchange = Exchange { hash, next: next.row.clone(), at: now, configuration, event };
    match app.store.exchange(exchange).await {
        Ok(()) => Ok(Some(judged.redeemed(next))),
        Err(StorageError::Conflict | StorageError::Raced) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

// What the database has of a refresh token.
struct Found {
    stored: RefreshToken,
    // What the token was exchanged for, if it was.
    successor: Option<RefreshToken>,
    at_hand: GrantAtHand,
}

// A refresh that is to be.
struct Judged {
    grant: Grant,
    account: Account,
    agreed: Agreed,
    apis: Vec<Application>,
    accepted: rules::Accepted,
}

impl Judged {
    fn redeemed(self, next: NextToken) -> Redeemed {
        let Self { grant, account, agreed, apis, accepted } = self;
        Redeemed { grant, account, agreed, scope: accepted.scope, apis, next: Some(next) }
    }
}

// Why it is not to be, and of what grant.
type Refused = (rules::RefreshRefusal, Box<Grant>);

// What else is asked of a refresh.
struct Around<'a> {
    standing: &'a Standing,
    // What of the person may go out to the application, if anything.
    agreed: Option<Agreed>,
    // The remembered browser that the grant rests on is remembered still, or it rests on none.
    recognised: bool,
    proof: Option<&'a Proof>,
    now: Timestamp,
}

fn judge(
    place: &Place,
    application: &Application,
    request: &rules::RefreshRequest,
    found: Found,
    around: Around<'_>,
) -> Result<Result<Judged, Refused>, Refusal> {
    let Found { stored, successor, at_hand: GrantAtHand { grant, account, .. } } = found;
    let Around { standing, agreed, recognised, proof, now } = around;
    let agreed = agreed.ok_or_else(token::unknown_grant)?;
    let by = Redemption {
        tenant: place.tenant.id,
        flow: place.flow.id,
        application,
        apis: &standing.apis,
        account: account.as_ref(),
        recognised,
        now,
    };
    let accepted = match rules::check(&stored, successor.as_ref(), &grant, request, &standing.demand, &by) {
        Ok(accepted) => accepted,
        Err(refusal) => return Ok(Err((refusal, Box::new(grant)))),
    };
    let Some(account) = account else { return Ok(Err((rules::RefreshRefusal::AccountGone, Box::new(grant)))) };
    dpop_rules::check_refresh(&grant.details, application, proof)?;
    Ok(Ok(Judged { grant, account, agreed, apis: standing.apis.clone(), accepted }))
}

fn refreshed(judged: &Judged, application: &Application, client: &Client) -> audit::Event {
    audit::Event::of(Action::TokenRefreshed, Outcome::Success)
        .by(judged.grant.account)
        .on(application.id)
        .from(client)
        .with(serde_json::json!({"again": judged.accepted.way != Way::First}))
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
                let hash = request.token.hash();
                // Locked: nobody else changes the grant and its tokens from here on.
                let Some((stored, at_hand)) = tx.lock_refresh_token(&hash).await? else {
                    return Err(ProtocolError::Refused(token::unknown_grant()));
                };
                let successor = match &stored.replaced_by {
                    Some(next) => tx.refresh_token(next).await?,
                    None => None,
                };
                let grant = &at_hand.grant;
                let standing = standing::standing(&own, tx, &place, &application, at_hand.configuration).await?;
                let agreed = match standing.linked {
                    true => consents::agreed(tx, &application, grant).await?,
                    false => None,
                };
                let recognised = standing::is_recognised(tx, grant, now).await?;
                let around = Around { standing: &standing, agreed, recognised, proof: proof.as_ref(), now };
                let found = Found { stored, successor, at_hand };
                let judged = match judge(&place, &application, &request, found, around)? {
                    Ok(judged) => judged,
                    Err((refusal, grant)) => {
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
                let next = NextToken::draw(&own, &place, &application, &judged.grant, now);
                // Nothing is read from here on: what changes goes to the database together.
                tx.gather();
                match judged.accepted.way {
                    Way::First => tx.exchange_refresh_token(&hash, &next.row, now).await?,
                    Way::Again { lost } => {
                        tx.replace_successor(&hash, &lost, &next.row.hash, now).await?;
                        tx.create_refresh_token(&next.row).await?;
                    }
                }
                audit::append(&own, tx, place.tenant.id, refreshed(&judged, &application, &client)).await?;
                tx.scatter().await?;
                Ok(Ok(judged.redeemed(next)))
            })
        })
        .await?;
    outcome.map_err(|refusal| ProtocolError::Refused(refusal.into()))
}
