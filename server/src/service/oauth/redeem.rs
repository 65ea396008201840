//! The token endpoint: prove the client, judge the code, claim it once, sign.

use lanyard_domain::{
    account::Account,
    application::Application,
    audit::{Action, Outcome},
    clock::Timestamp,
    consent::Agreed,
    grant::{Grant, RefreshToken},
    id::Id,
    secret::Token,
};
use lanyard_oidc::{
    claims::Issuance,
    dpop::{self as dpop_rules, Proof},
    params::Params,
    scope::{self, Scopes},
    token::{self, ApplicationToken, GrantRequest, Keys, Redemption, Refresh, TokenResponse, code, refresh as rules},
};
use lanyard_storage::{GrantAtHand, StorageError};

use super::{
    Place, ProtocolError, client, client_credentials, device, dpop, refresh,
    standing::{is_recognised, standing},
};
use crate::{
    http::client::Client,
    service::{audit, consents, journey::JourneyError, signing},
    state::App,
};

/// What a redemption yields, before it is signed.
pub(super) struct Redeemed {
    pub(super) grant: Grant,
    pub(super) account: Account,
    // What of the person may go out.
    pub(super) agreed: Agreed,
    pub(super) scope: String,
    // The web APIs that the application's permissions name.
    pub(super) apis: Vec<Application>,
    pub(super) next: Option<NextToken>,
}

/// The next refresh token of a family.
pub(super) struct NextToken {
    token: Token,
    pub(super) row: RefreshToken,
}

impl NextToken {
    pub(super) fn draw(app: &App, place: &Place, application: &Application, grant: &Grant, now: Timestamp) -> Self {
        let token = Token::generate(app.entropy().as_mut());
        let row = RefreshToken {
            hash: token.hash(),
            grant: grant.id,
            created_at: now,
            expires_at: rules::expires_at(application, grant, &place.flow.settings.tokens, now),
            used_at: None,
            replaced_by: None,
        };
        Self { token, row }
    }
}

/// What the token endpoint answers.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub enum TokenAnswer {
    /// The tokens of a person's sign-in.
    Person(Box<TokenResponse>),
    /// A token of the application's own.
    Application(ApplicationToken),
}

impl TokenAnswer {
    pub(super) fn of(answer: TokenResponse) -> Self {
        Self::Person(Box::new(answer))
    }
}

/// Answers a token request at `place`.
///
/// # Errors
/// [`ProtocolError::Refused`] in the protocol's words.
pub async fn token(
    app: &App,
    place: &Place,
    params: &Params,
    authorization: Option<&str>,
    call: &dpop::Call,
    from: &Client,
) -> Result<TokenAnswer, ProtocolError> {
    let request = token::parse(params)?;
    let application = client::authenticated(app, place, params, authorization, from).await?;
    let answered = by_grant(app, place, (&application, request), call, from).await;
    client::telling_of_proof(app, place, application.id, from, answered).await
}

async fn by_grant(
    app: &App,
    place: &Place,
    (application, request): (&Application, GrantRequest),
    call: &dpop::Call,
    from: &Client,
) -> Result<TokenAnswer, ProtocolError> {
    let proof = dpop::proof(app, call, None)?;
    let redeemed = match request {
        GrantRequest::Code(request) => {
            token::may_redeem(application)?;
            by_code(app, place, application, request, (proof.clone(), from)).await?
        }
        GrantRequest::Refresh(request) => {
            token::may_redeem(application)?;
            refresh::by_refresh(app, place, application, request, (proof.clone(), from)).await?
        }
        GrantRequest::ClientCredentials(scope) => {
            let issued = client_credentials::by_client(app, place, application, scope, (proof, from)).await?;
            return Ok(TokenAnswer::Application(issued));
        }
        GrantRequest::Device(code) => device::by_device(app, place, application, code, (proof.clone(), from)).await?,
    };
    answer(app, place, application, &redeemed, proof.as_ref()).await.map(TokenAnswer::of)
}

/// Signs the tokens that were granted. It takes about a millisecond: outside the transaction, after the commit.
///
/// # Errors
/// When the keys cannot be read or do not sign.
pub(super) async fn answer(
    app: &App,
    place: &Place,
    application: &Application,
    redeemed: &Redeemed,
    proof: Option<&Proof>,
) -> Result<TokenResponse, ProtocolError> {
    let signing = signing::of(app, place.tenant.id).await?;
    let now = app.clock.now();
    let flow = redeemed.agreed.limit(&place.flow);
    let issuance = Issuance {
        issuer: &place.issuer,
        flow: &flow,
        application,
        account: &redeemed.account,
        grant: &redeemed.grant,
        scope: &redeemed.scope,
        apis: &redeemed.apis,
        key: proof.map(|proof| proof.thumbprint.as_str()),
        now,
    };
    let serial = Id::<Grant>::new(now, app.entropy().as_mut()).uuid();
    let refresh = redeemed.next.as_ref();
    let refresh = refresh.map(|next| Refresh { token: &next.token, life: next.row.expires_at.since(now) });
    let keys = Keys {
        access: signing.key(issuance.audience().settings.signing)?,
        id: signing.key(application.settings.signing)?,
    };
    TokenResponse::issue(&issuance, keys, serial, refresh)
        .map_err(|error| JourneyError::Internal(format!("signing: {error}")).into())
}

async fn by_code(
    app: &App,
    place: &Place,
    application: &Application,
    request: code::CodeRequest,
    (proof, client): (Option<Proof>, &Client),
) -> Result<Redeemed, ProtocolError> {
    let (own, place, application, client) = (app.clone(), place.clone(), application.clone(), client.clone());
    let outcome: Result<Redeemed, code::CodeRefusal> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let now = own.clock.now();
                dpop::consume(tx, proof.as_ref()).await?;
                let found = tx.grant_at_hand(place.tenant.id, &request.code.hash()).await?;
                let Some(GrantAtHand { grant, account, configuration }) = found else {
                    return Err(ProtocolError::Refused(token::unknown_grant()));
                };
                let standing = standing(&own, tx, &place, &application, configuration).await?;
                // An application that was unlinked gets nothing more from this flow, and one that
                // is somebody else's by now nothing that nobody agreed to.
                let agreed = match standing.linked {
                    true => consents::agreed(tx, &application, &grant).await?,
                    false => None,
                };
                let Some(agreed) = agreed else { return Err(ProtocolError::Refused(token::unknown_grant())) };
                let by = Redemption {
                    tenant: place.tenant.id,
                    flow: place.flow.id,
                    application: &application,
                    apis: &standing.apis,
                    account: account.as_ref(),
                    recognised: is_recognised(tx, &grant, now).await?,
                    now,
                };
                let mut judged = code::check(&grant, &request, &by);
                if judged.is_ok() {
                    dpop_rules::check_code(&grant.details, &application, proof.as_ref())?;
                }
                // The claim itself decides who is first, whatever the check saw (failure 12).
                if judged.is_ok() && !claimed(tx.redeem_grant(grant.id, now).await)? {
                    // What stands there now says why. If nothing does, it is our clock's fault and
                    // not the client's: no reason to end what somebody holds.
                    let now_there = tx.grant_by_code(place.tenant.id, &request.code.hash()).await?;
                    judged = now_there.map_or(Ok(()), |grant| code::check(&grant, &request, &by));
                    judged = judged.and(Err(code::CodeRefusal::Expired));
                }
                if let Err(refusal) = judged {
                    // Once: whoever holds a used code may send it any number of times.
                    if refusal.revokes() && tx.revoke_grant(grant.id, now).await? {
                        let event = audit::Event::of(Action::CodeReused, Outcome::Failure)
                            .by(grant.account)
                            .on(application.id)
                            .from(&client);
                        audit::append(&own, tx, place.tenant.id, event).await?;
                    }
                    return Ok(Err(refusal));
                }
                let Some(account) = account else { return Ok(Err(code::CodeRefusal::AccountGone)) };
                let event = audit::Event::of(Action::CodeRedeemed, Outcome::Success).from(&client);
                let to = (&place, &application, standing.apis.clone());
                Ok(Ok(give(&own, tx, to, (grant, account, agreed), (proof.as_ref(), event)).await?))
            })
        })
        .await?;
    outcome.map_err(|refusal| ProtocolError::Refused(refusal.into()))
}

/// What comes out of a grant that was just redeemed, in the same transaction: its scopes as they
/// still are, the bond to a key, the event, and the first refresh token if one was asked for.
pub(super) async fn give(
    app: &App,
    tx: &mut (dyn lanyard_storage::WriteTx + '_),
    (place, application, apis): (&Place, &Application, Vec<Application>),
    (mut grant, account, agreed): (Grant, Account, Agreed),
    (proof, event): (Option<&Proof>, audit::Event),
) -> Result<Redeemed, StorageError> {
    let scope = Scopes::new(application, &apis).still(&grant.scope);
    bind(tx, &mut grant, application, proof).await?;
    // Nothing is read from here on: what changes goes to the database together.
    tx.gather();
    audit::append(app, tx, place.tenant.id, event.by(grant.account).on(application.id)).await?;
    let next = if scope::contains(&scope, scope::OFFLINE_ACCESS) {
        let next = NextToken::draw(app, place, application, &grant, app.clock.now());
        tx.create_refresh_token(&next.row).await?;
        Some(next)
    } else {
        None
    };
    tx.scatter().await?;
    Ok(Redeemed { grant, account, agreed, scope, apis, next })
}

/// Binds the refresh tokens of a public application to the key of its first token request (RFC
/// 9449, 5).
async fn bind(
    tx: &mut (dyn lanyard_storage::WriteTx + '_),
    grant: &mut Grant,
    application: &Application,
    proof: Option<&Proof>,
) -> Result<(), StorageError> {
    match proof {
        Some(proof) if application.kind.is_public() && grant.details.dpop_jkt.is_none() => {
            grant.details.dpop_jkt = Some(proof.thumbprint.clone());
            tx.set_grant_details(grant.id, &grant.details).await
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether a conditional change hit; a lost race is no error.
pub(super) fn claimed(result: Result<(), StorageError>) -> Result<bool, StorageError> {
    match result {
        Ok(()) => Ok(true),
        Err(StorageError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}
