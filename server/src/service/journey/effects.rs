//! Carries out the effects of a step, in the step's own transaction.

use lanyard_crypto::TenantKeys;
use lanyard_domain::{
    account::{Account, AccountKind},
    assurance::Method,
    audit::{Action, Outcome},
    clock::Timestamp,
    consent::Consent,
    factor::MAX_CONSECUTIVE,
    id::Id,
    journey::{CodePurpose, Effect, Journey, NewAccount, Notice},
    role::{Role, RoleGrant},
    secret::Token,
};
use lanyard_storage::WriteTx;

use super::{
    JourneyError, Scene, budget,
    facts::send_key,
    guessing::{self, Source},
    messages::{self, Outgoing},
};
use crate::{
    http::client::Client,
    service::{audit, counters, sign_out},
    state::App,
};

/// What effects are carried out with.
pub(super) struct Hands<'a> {
    pub(super) app: &'a App,
    pub(super) scene: &'a Scene,
    pub(super) keys: &'a TenantKeys,
    pub(super) client: &'a Client,
    /// From where a password was typed.
    pub(super) source: &'a Source,
    pub(super) now: Timestamp,
    pub(super) journey: Id<Journey>,
    /// The tenant is beset by guesses ([`guessing`]).
    pub(super) beset: bool,
    /// The next secret of the remembered browser that the step came from.
    pub(super) next: Option<&'a Token>,
}

impl Hands<'_> {
    // Any byte that differs between requests: writers then do not queue for one counter row.
    fn spread(&self) -> u8 {
        self.journey.uuid().as_bytes()[15]
    }
}

/// Whether carrying out `effects` puts something into the outbox.
pub(super) fn send_something(effects: &[Effect]) -> bool {
    let sends = |effect: &Effect| {
        matches!(
            effect,
            Effect::SendEmailCode { .. }
                | Effect::SendPhoneCode { .. }
                | Effect::SendNotice { .. }
                | Effect::FactorDisabled { .. }
                | Effect::PasskeyCopied { .. }
                | Effect::RecoveryCodeUsed { .. }
        )
    };
    effects.iter().any(sends)
}

/// Carries out `effects` in order.
///
/// # Errors
/// The first that fails; the caller's transaction is then rolled back as a whole.
pub(super) async fn apply(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    effects: Vec<Effect>,
) -> Result<(), JourneyError> {
    for effect in effects {
        one(hands, tx, effect).await?;
    }
    Ok(())
}

async fn one(hands: &Hands<'_>, tx: &mut (dyn WriteTx + '_), effect: Effect) -> Result<(), JourneyError> {
    let (tenant, now) = (hands.scene.tenant.id, hands.now);
    match effect {
        Effect::SendEmailCode { to, purpose, code } => {
            send(hands, tx, (purpose, to.as_str()), Outgoing::EmailCode { to: &to, purpose, code: &code }).await?;
        }
        Effect::SendPhoneCode { to, purpose, method, code } => {
            budget::spend(hands.app, tx, tenant, &hands.client.network(), now).await?;
            send(hands, tx, (purpose, to.as_str()), Outgoing::PhoneCode { to: &to, method, code: &code }).await?;
        }
        Effect::SendNotice { to, notice } => {
            let outgoing = Outgoing::Notice { to: &to, notice };
            match in_place_of(notice) {
                Some(purpose) => send(hands, tx, (purpose, to.as_str()), outgoing).await?,
                None => messages::enqueue(hands, tx, outgoing).await?,
            }
        }
        Effect::CreateAccount(new) => create(hands, tx, *new).await?,
        Effect::SetPassword { account, replaces, phc } => {
            tx.set_password(account, replaces, &phc).await?;
            tx.note_recovery(account, now).await?;
            sign_out::end_all(hands.app, tx, account, None, now).await?;
            tx.revoke_grants_of_account(account, now).await?;
        }
        Effect::BindFactor { account, factor, first } => {
            tx.bind_factor(account, &factor, now).await?;
            tx.forget_all_remembered(account).await?;
            // Whatever was signed in before is below the account's own level from here on.
            if first {
                sign_out::end_all(hands.app, tx, account, None, now).await?;
                tx.revoke_grants_of_account(account, now).await?;
            }
        }
        Effect::GiveConsent { account, application, items } => {
            tx.set_consent(&Consent { account, application, items, given_at: now }).await?;
        }
        Effect::FactorUsed { factor, step, .. } => {
            tx.factor_used(factor, step, now).await?;
        }
        Effect::RecoveryCodeUsed { factor, at, account, to, left, issued } => {
            tx.use_recovery_code(factor, at, now).await?;
            tx.note_recovery(account, now).await?;
            // What was lost may be the browser as well.
            tx.forget_all_remembered(account).await?;
            tx.forget_places(account).await?;
            let mut detail = serde_json::json!({"left": left, "flow": hands.scene.flow.name.as_str()});
            if issued {
                detail["issued"] = true.into();
            }
            audit(hands, tx, Action::RecoveryCodeUsed, Outcome::Success, Some(account), detail).await?;
            let notice = if issued { Notice::IssuedCodeUsed } else { Notice::RecoveryCodeUsed { left } };
            messages::enqueue(hands, tx, Outgoing::Notice { to: &to, notice }).await?;
        }
        Effect::PasskeyBackedUp { factor, backed_up } => tx.set_backed_up(factor, backed_up).await?,
        Effect::PasskeyCopied { factor, account, to } => {
            tx.set_copied(factor, now).await?;
            // Nobody can tell which of the sessions the copy opened.
            sign_out::end_all(hands.app, tx, account, None, now).await?;
            tx.revoke_grants_of_account(account, now).await?;
            messages::enqueue(hands, tx, Outgoing::Notice { to: &to, notice: Notice::PasskeyCopied }).await?;
        }
        Effect::PasskeyDeclined { account } => tx.note_passkey_declined(account, now).await?,
        Effect::OfferRecoveryCodesFrom { account, at } => tx.offer_recovery_codes_from(account, at).await?,
        Effect::MakeRecoveryCodes { account, set } => {
            tx.replace_recovery_codes(account, &set, None, now).await?;
            tx.forget_all_remembered(account).await?;
            tx.outdate_journeys(account).await?;
        }
        Effect::FactorFailed { factor } => tx.factor_failed(factor, now).await?,
        Effect::FactorDisabled { account, to, method } => {
            tx.forget_all_remembered(account).await?;
            tx.forget_places(account).await?;
            let detail = serde_json::json!({"detail": method.as_str()});
            audit(hands, tx, Action::FactorDisabled, Outcome::Success, Some(account), detail).await?;
            let notice = Notice::FactorDisabled(method);
            messages::enqueue(hands, tx, Outgoing::Notice { to: &to, notice }).await?;
        }
        Effect::SignInFailed { email } => {
            // The account's row first, which is held: the order of everybody. The tenant's is last of all.
            if tx.password_failed(tenant, &email).await? == Some(MAX_CONSECUTIVE) {
                messages::enqueue(hands, tx, Outgoing::Notice { to: &email, notice: Notice::PasswordDisabled }).await?;
            }
            counters::sign_in_failed(tx, tenant, now, hands.spread()).await?;
            guessing::count(hands, tx, &email).await?;
        }
        Effect::SignInSucceeded { email, counted } => {
            if let Some(account) = counted {
                tx.clear_password_failures(account).await?;
            }
            guessing::succeeded(hands, tx, &email).await?;
        }
        Effect::BrowserRecognised { browser, shown, replaces, .. } => {
            let next = hands.next.ok_or_else(|| JourneyError::Internal("a browser without its cookie".to_owned()))?;
            let (network, both) = (hands.client.network(), [&shown, &replaces]);
            tx.renew_remembered(browser, both, &next.hash(), &network, now).await?;
        }
        Effect::BrowserCopied { account, browser } => {
            tx.forget_remembered(account, browser).await?;
            let ended = sign_out::end_opened_by(hands.app, tx, browser, now).await?;
            let detail = serde_json::json!({
                "detail": "copied", "sessions": ended.sessions, "grants": ended.grants,
                "flow": hands.scene.flow.name.as_str(),
            });
            audit(hands, tx, Action::BrowserForgotten, Outcome::Success, Some(account), detail).await?;
        }
        Effect::UpdateProfile { account, attributes } => update_profile(hands, tx, account, attributes).await?,
        Effect::SignedIn { account, at, .. } => {
            tx.note_sign_in(account, at).await?;
            counters::signed_in(tx, tenant, now, hands.spread()).await?;
        }
        Effect::Audit { action, outcome, account, detail } => {
            let detail = serde_json::json!({"detail": detail, "flow": hands.scene.flow.name.as_str()});
            audit(hands, tx, action, outcome, account, detail).await?;
        }
    }
    Ok(())
}

// The first factor of an account, the account itself, its role: all in the step's transaction.
async fn create(hands: &Hands<'_>, tx: &mut (dyn WriteTx + '_), new: NewAccount) -> Result<(), JourneyError> {
    let (tenant, now) = (hands.scene.tenant.id, hands.now);
    let (id, kind, invitation) = (new.id, new.kind, new.invitation);
    tx.create_account(tenant, &new, now).await?;
    if let Some(invitation) = invitation {
        let invitation = tx.use_invitation(tenant, invitation, now).await?;
        let (role, granted_by) = (invitation.role, invitation.invited_by);
        tx.grant_role(&RoleGrant { account: id, role, granted_at: now, granted_by }).await?;
        let (target, used) = (Some(id), serde_json::json!({"invitation": invitation.id}));
        audit(hands, tx, Action::InvitationUsed, Outcome::Success, target, used).await?;
        let detail = serde_json::json!({
            "role": role.as_str(), "invitation": invitation.id, "invited_by": invitation.invited_by,
        });
        audit(hands, tx, Action::RoleGranted, Outcome::Success, target, detail.clone()).await?;
        // The account of who manages a clinic lives elsewhere, and the clinic's own log says who does (C7).
        if let Role::TenantOperator(clinic) = role {
            let event = audit::Event::of(Action::RoleGranted, Outcome::Success).by(id).on(id);
            audit::append(hands.app, tx, clinic, event.from(hands.client).with(detail)).await?;
        }
    }
    for factor in &new.factors {
        let methods: Vec<&str> = factor.secret.methods().iter().map(|m: &Method| m.as_str()).collect();
        audit(hands, tx, Action::FactorBound, Outcome::Success, Some(id), serde_json::json!({"methods": methods}))
            .await?;
    }
    if kind == AccountKind::Patient {
        counters::patient_created(tx, tenant, now, hands.spread()).await?;
    }
    Ok(())
}

async fn update_profile(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    account: Id<Account>,
    changed: lanyard_domain::attribute::Attributes,
) -> Result<(), JourneyError> {
    let Some(present) = tx.account_by_id(hands.scene.tenant.id, account).await? else {
        return Err(JourneyError::NotFound);
    };
    let asked: Vec<&str> = hands.scene.flow.settings.attributes.iter().map(|a| a.name.as_str()).collect();
    // What the flow asks for and the person left empty is taken away; the rest stays.
    let mut merged = present.attributes;
    merged.retain(|name, _| !asked.contains(&name.as_str()));
    merged.extend(changed);
    tx.set_attributes(account, &merged).await?;
    Ok(())
}

// What a notice is sent in place of; it then counts like the code.
const fn in_place_of(notice: Notice) -> Option<CodePurpose> {
    match notice {
        Notice::AlreadyRegistered => Some(CodePurpose::SignUp),
        Notice::NoAccount => Some(CodePurpose::Reset),
        Notice::FactorBound(_)
        | Notice::FactorDisabled(_)
        | Notice::PasswordChanged
        | Notice::PasskeyCopied
        | Notice::RecoveryCodeUsed { .. }
        | Notice::IssuedCodeUsed
        | Notice::BrowserRemembered
        | Notice::BrowserCopied
        | Notice::PasswordDisabled => None,
    }
}

// Every send is noted under its purpose and destination.
async fn send(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    (purpose, destination): (CodePurpose, &str),
    outgoing: Outgoing<'_>,
) -> Result<(), JourneyError> {
    let key = send_key(hands.app, hands.scene.tenant.id, purpose.as_str(), destination);
    tx.note_send(&key, hands.now).await?;
    messages::enqueue(hands, tx, outgoing).await
}

async fn audit(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    action: Action,
    outcome: Outcome,
    account: Option<Id<Account>>,
    detail: serde_json::Value,
) -> Result<(), JourneyError> {
    let mut event = audit::Event::of(action, outcome).from(hands.client).with(detail);
    if let Some(account) = account {
        event = event.by(account).on(account);
    }
    Ok(audit::append(hands.app, tx, hands.scene.tenant.id, event).await?)
}
