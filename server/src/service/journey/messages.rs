//! Codes and notices as finished messages in the outbox, sealed.
//!
//! Nothing is sent here: a slow or dead provider never holds a request. The delivery job takes
//! over after the commit.

use lanyard_domain::{
    assurance::Method,
    clock::{DAY, MINUTE, Millis},
    cool_down::CoolDown,
    email::EmailAddress,
    journey::{CODE_LIFE, CodePurpose, Notice},
    phone::PhoneNumber,
    secret::SecretString,
};
use lanyard_messaging::{self as messaging, Change, Occasion, Protection, SecondStep};
use lanyard_storage::WriteTx;

use super::{JourneyError, effects::Hands};
use crate::service::{account::not_me, outbox};

/// How long a notice is worth sending.
const NOTICE_LIFE: Millis = DAY;

/// What is to go out.
pub(super) enum Outgoing<'a> {
    /// A code by email.
    EmailCode { to: &'a EmailAddress, purpose: CodePurpose, code: &'a SecretString },
    /// A code by text or call.
    PhoneCode { to: &'a PhoneNumber, method: Method, code: &'a SecretString },
    /// A message without a code.
    Notice { to: &'a EmailAddress, notice: Notice },
}

/// Puts `outgoing` into the outbox.
///
/// # Errors
/// When the database does not answer, or the message cannot be made.
pub(super) async fn enqueue(
    hands: &Hands<'_>,
    tx: &mut (dyn WriteTx + '_),
    outgoing: Outgoing<'_>,
) -> Result<(), JourneyError> {
    let life = match outgoing {
        Outgoing::EmailCode { .. } | Outgoing::PhoneCode { .. } => CODE_LIFE,
        Outgoing::Notice { .. } => NOTICE_LIFE,
    };
    // A change of what protects the account can be repudiated by whoever reads the mail (U24).
    let not_me = match &outgoing {
        Outgoing::Notice { to, notice } if can_be_repudiated(*notice) => {
            let (tenant, domain) = (hands.scene.tenant.id, hands.scene.tenant.domain.as_str());
            match tx.account_by_email(tenant, to).await? {
                Some((account, _)) => Some(not_me::link(hands.app, tx, (tenant, domain), account.id).await?),
                None => None,
            }
        }
        Outgoing::EmailCode { .. } | Outgoing::PhoneCode { .. } | Outgoing::Notice { .. } => None,
    };
    let quiet_hours = match &outgoing {
        Outgoing::Notice { notice: Notice::PasswordChanged | Notice::RecoveryCodeUsed { .. }, .. } => {
            tx.cool_down(hands.scene.tenant.id).await?.map_or(0, CoolDown::hours)
        }
        Outgoing::EmailCode { .. } | Outgoing::PhoneCode { .. } | Outgoing::Notice { .. } => 0,
    };
    let message = messaging::render(occasion(hands, &outgoing, (not_me.as_deref(), quiet_hours)))
        .map_err(|error| JourneyError::Internal(format!("message: {error}")))?;
    let letter = outbox::Letter {
        tenant: hands.scene.tenant.id,
        journey: Some(hands.journey),
        message: &message,
        expires_at: hands.now.plus(life),
    };
    outbox::enqueue(hands.app, tx, hands.keys, letter).await
}

const fn can_be_repudiated(notice: Notice) -> bool {
    matches!(
        notice,
        Notice::PasswordChanged
            | Notice::FactorBound(_)
            | Notice::RecoveryCodeUsed { .. }
            | Notice::IssuedCodeUsed
            | Notice::FactorDisabled(_)
            | Notice::PasswordDisabled
            | Notice::BrowserRemembered
            | Notice::BrowserCopied
    )
}

fn occasion<'a>(hands: &'a Hands<'_>, outgoing: &Outgoing<'a>, told: (Option<&'a str>, u32)) -> Occasion<'a> {
    let tenant = hands.scene.tenant.name.as_str();
    let origin = &hands.app.links;
    let minutes = u32::try_from(CODE_LIFE / MINUTE).unwrap_or(10);
    match *outgoing {
        Outgoing::EmailCode { to, purpose, code } => {
            Occasion::EmailCode { purpose: purpose_of(purpose), to: to.as_str(), tenant, code: code.expose(), minutes }
        }
        Outgoing::PhoneCode { to, method: Method::PhoneCall, code } => {
            Occasion::MfaCall { to_e164: to.as_str(), tenant, code: code.expose(), language: "en" }
        }
        Outgoing::PhoneCode {
            to,
            method: Method::TextMessage | Method::AuthenticatorApp | Method::Passkey | Method::RecoveryCode,
            code,
        } => Occasion::MfaText { to_e164: to.as_str(), tenant, origin, code: code.expose(), minutes },
        Outgoing::Notice { to, notice } => notice_of(hands, to, notice, told),
    }
}

fn notice_of<'a>(
    hands: &'a Hands<'_>,
    to: &'a EmailAddress,
    notice: Notice,
    (not_me_path, quiet_hours): (Option<&'a str>, u32),
) -> Occasion<'a> {
    // The account page, where one can sign in and reset. Not where this journey began: that address
    // carries what a stranger may have chosen.
    let own = Some(hands.scene.account_path.as_str());
    let (tenant, origin, to) = (hands.scene.tenant.name.as_str(), &hands.app.links, to.as_str());
    let change = match notice {
        Notice::AlreadyRegistered => {
            return Occasion::AccountExists { to, tenant, origin, sign_in_path: own, reset_path: None };
        }
        Notice::NoAccount => return Occasion::NoAccount { to, tenant, origin, sign_up_path: None },
        Notice::FactorBound(method) => Change::StepAdded(step_of(method)),
        Notice::FactorDisabled(method) => Change::StepDisabled(step_of(method)),
        Notice::PasswordChanged => Change::PasswordChanged,
        Notice::PasswordDisabled => Change::PasswordDisabled,
        Notice::PasskeyCopied => Change::PasskeyCopied,
        Notice::IssuedCodeUsed => Change::IssuedCodeUsed,
        Notice::RecoveryCodeUsed { left } => Change::RecoveryCodeUsed(left),
        Notice::BrowserRemembered => Change::BrowserRemembered,
        Notice::BrowserCopied => Change::BrowserCopied,
    };
    Occasion::Protection(Protection {
        to,
        tenant,
        origin,
        change,
        at_ms: hands.now.0,
        device: hands.client.browser.as_deref().unwrap_or_default(),
        not_me_path,
        quiet_hours,
        account_path: own,
        contact: None,
    })
}

const fn step_of(method: Method) -> SecondStep<'static> {
    match method {
        Method::Passkey => SecondStep::Passkey,
        Method::AuthenticatorApp => SecondStep::AuthenticatorApp,
        Method::TextMessage => SecondStep::TextMessage(""),
        Method::PhoneCall => SecondStep::PhoneCall(""),
        Method::RecoveryCode => SecondStep::RecoveryCodes,
    }
}

const fn purpose_of(purpose: CodePurpose) -> messaging::CodePurpose {
    match purpose {
        CodePurpose::SignUp | CodePurpose::ChangeEmail => messaging::CodePurpose::VerifyEmail,
        CodePurpose::Reset => messaging::CodePurpose::ResetPassword,
        CodePurpose::LeaveEmail => messaging::CodePurpose::ChangeEmail,
        CodePurpose::ConfirmEmail | CodePurpose::EnrolPhone | CodePurpose::Challenge => {
            messaging::CodePurpose::ConfirmIdentity
        }
    }
}
