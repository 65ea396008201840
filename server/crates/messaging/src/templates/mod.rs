//! From an occasion to a finished message: the templates, compiled in, and their filling.
//!
//! A plain template begins with a `Subject:` line. `.html` and `.xml` templates escape
//! every value; `.txt` ones can't need it. Values are checked and put on one line before
//! they get near a template (A49), and a name that a template uses but nobody passed is an
//! error, not an empty string.

mod occasion;
mod voice;

use std::sync::LazyLock;

use minijinja::value::merge_maps;
use minijinja::{Environment, UndefinedBehavior, Value, context};
use thiserror::Error;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::address::{is_e164, mask_phone, parse_email};
use crate::line::{MAX_NAME, single_line};
use crate::message::Message;
use crate::origin::{OriginError, PublicOrigin};

pub use occasion::{Change, CodePurpose, Occasion, Protection, SecondStep};

/// Why an occasion can't become a message.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// The recipient is not exactly one address or number.
    #[error("the recipient is not one address")]
    BadRecipient,
    /// A code that is not 4 to 10 digits.
    #[error("the code is not 4 to 10 digits")]
    BadCode,
    /// The clinic's name has no visible character.
    #[error("the tenant's name is empty")]
    NoTenant,
    /// The time is outside the calendar.
    #[error("the time is out of range")]
    BadTime,
    /// A link would leave the public origin.
    #[error(transparent)]
    Link(#[from] OriginError),
    /// A template is broken: a defect of this program.
    #[error("template {name} failed: {reason}")]
    Broken {
        /// Which template.
        name: &'static str,
        /// The engine's kind of error, without values.
        reason: String,
    },
}

macro_rules! sources {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!($name))),*] };
}

const SOURCES: [(&str, &str); 66] = sources![
    "base.html",
    "verify_email.txt",
    "verify_email.html",
    "reset_password.txt",
    "reset_password.html",
    "confirm_identity.txt",
    "confirm_identity.html",
    "change_email.txt",
    "change_email.html",
    "account_exists.txt",
    "account_exists.html",
    "address_wanted.txt",
    "address_wanted.html",
    "no_account.txt",
    "no_account.html",
    "second_step_added.txt",
    "second_step_added.html",
    "second_step_removed.txt",
    "second_step_removed.html",
    "second_step_disabled.txt",
    "second_step_disabled.html",
    "password_changed.txt",
    "password_changed.html",
    "password_disabled.txt",
    "password_disabled.html",
    "passkey_copied.txt",
    "passkey_copied.html",
    "email_changed.txt",
    "email_changed.html",
    "email_is_new.txt",
    "email_is_new.html",
    "secured.txt",
    "secured.html",
    "recovery_code_used.txt",
    "recovery_code_used.html",
    "reset.txt",
    "reset.html",
    "issued_code_used.txt",
    "issued_code_used.html",
    "account_stopped.txt",
    "account_stopped.html",
    "account_let_in.txt",
    "account_let_in.html",
    "reset_text.txt",
    "minimum_raised.txt",
    "minimum_raised.html",
    "minimum_lowered.txt",
    "minimum_lowered.html",
    "browser_remembered.txt",
    "browser_remembered.html",
    "browser_copied.txt",
    "browser_copied.html",
    "deletion_planned.txt",
    "deletion_planned.html",
    "deletion_undone.txt",
    "deletion_undone.html",
    "deletion_done.txt",
    "deletion_done.html",
    "staff_invitation.txt",
    "staff_invitation.html",
    "operator_invitation.txt",
    "operator_invitation.html",
    "guessing_detected.txt",
    "guessing_detected.html",
    "mfa_text.txt",
    "mfa_call.xml",
];

static TEMPLATES: LazyLock<Result<Environment<'static>, String>> = LazyLock::new(|| {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in SOURCES {
        env.add_template(name, source).map_err(|e| e.kind().to_string())?;
    }
    Ok(env)
});

/// The most characters of what is asked for from now on.
const MAX_RULE: usize = 160;

/// With so many recovery codes left, or fewer, the mail asks to make new ones (U22).
const FEW_LEFT: u32 = 3;

/// The plain and the HTML template of one email.
type Pair = (&'static str, &'static str);

/// Writes the message for `occasion`.
///
/// # Errors
/// Refuses a recipient that is not exactly one address, a code that is none, an empty
/// name and a link that would leave the public origin.
pub fn render(occasion: Occasion<'_>) -> Result<Message, TemplateError> {
    match occasion {
        Occasion::EmailCode { purpose, to, tenant, code, minutes } => {
            let values = context! { code => digits(code)?, lifetime => lifetime(minutes) };
            email(code_templates(purpose), to, tenant, values)
        }
        Occasion::AccountExists { to, tenant, origin, sign_in_path, reset_path } => {
            let values = context! {
                sign_in_link => link(origin, sign_in_path)?,
                reset_link => link(origin, reset_path)?,
            };
            email(("account_exists.txt", "account_exists.html"), to, tenant, values)
        }
        Occasion::AddressWanted { to, tenant, origin, sign_in_path } => {
            let values = context! { sign_in_link => link(origin, sign_in_path)? };
            email(("address_wanted.txt", "address_wanted.html"), to, tenant, values)
        }
        Occasion::NoAccount { to, tenant, origin, sign_up_path } => {
            let values = context! { sign_up_link => link(origin, sign_up_path)? };
            email(("no_account.txt", "no_account.html"), to, tenant, values)
        }
        Occasion::Protection(news) => protection(news),
        Occasion::AccountDeleted { to, tenant } => {
            email(("deletion_done.txt", "deletion_done.html"), to, tenant, context! {})
        }
        Occasion::StaffInvitation { to, tenant, origin, path, minutes } => {
            let values = context! { link => origin.link(path)?, lifetime => lifetime(minutes) };
            email(("staff_invitation.txt", "staff_invitation.html"), to, tenant, values)
        }
        Occasion::OperatorInvitation { to, tenant, origin, path, minutes } => {
            let values = context! { link => origin.link(path)?, lifetime => lifetime(minutes) };
            email(("operator_invitation.txt", "operator_invitation.html"), to, tenant, values)
        }
        Occasion::GuessingDetected { to, tenant, origin, portal_path, at_ms, many } => {
            let values = context! { many => many, when => when(at_ms)?, portal_link => origin.link(portal_path)? };
            email(("guessing_detected.txt", "guessing_detected.html"), to, tenant, values)
        }
        Occasion::MfaText { to_e164, tenant, origin, code, minutes } => {
            let values = context! {
                tenant => name(tenant)?, host => origin.host(),
                code => digits(code)?, lifetime => lifetime(minutes),
            };
            Ok(Message::Text { to_e164: number(to_e164)?, body: fill("mfa_text.txt", values)? })
        }
        Occasion::ResetText { to_e164, tenant, at_ms } => {
            let values = context! { tenant => name(tenant)?, when => when(at_ms)? };
            Ok(Message::Text { to_e164: number(to_e164)?, body: fill("reset_text.txt", values)? })
        }
        Occasion::MfaCall { to_e164, tenant, code, language } => {
            let twiml = call(&name(tenant)?, digits(code)?, language)?;
            Ok(Message::Call { to_e164: number(to_e164)?, twiml })
        }
    }
}

/// What every notice of a change says: when, from which device, how to repudiate it and where to go.
fn protection(news: Protection<'_>) -> Result<Message, TemplateError> {
    let (pair, step) = match news.change {
        Change::StepAdded(step) => (("second_step_added.txt", "second_step_added.html"), Some(step)),
        Change::StepRemoved(step) => (("second_step_removed.txt", "second_step_removed.html"), Some(step)),
        Change::StepDisabled(step) => (("second_step_disabled.txt", "second_step_disabled.html"), Some(step)),
        Change::PasswordChanged => (("password_changed.txt", "password_changed.html"), None),
        Change::PasswordDisabled => (("password_disabled.txt", "password_disabled.html"), None),
        Change::BrowserRemembered => (("browser_remembered.txt", "browser_remembered.html"), None),
        Change::BrowserCopied => (("browser_copied.txt", "browser_copied.html"), None),
        Change::PasskeyCopied => (("passkey_copied.txt", "passkey_copied.html"), None),
        Change::EmailChanged(_) => (("email_changed.txt", "email_changed.html"), None),
        Change::EmailIsNew => (("email_is_new.txt", "email_is_new.html"), None),
        Change::Secured(_) => (("secured.txt", "secured.html"), None),
        Change::DeletionPlanned(_) => (("deletion_planned.txt", "deletion_planned.html"), None),
        Change::DeletionUndone => (("deletion_undone.txt", "deletion_undone.html"), None),
        Change::Reset { .. } => (("reset.txt", "reset.html"), None),
        Change::IssuedCodeUsed => (("issued_code_used.txt", "issued_code_used.html"), None),
        Change::MinimumRaised(_) => (("minimum_raised.txt", "minimum_raised.html"), None),
        Change::MinimumLowered(_) => (("minimum_lowered.txt", "minimum_lowered.html"), None),
        Change::AccountStopped => (("account_stopped.txt", "account_stopped.html"), None),
        Change::AccountLetIn => (("account_let_in.txt", "account_let_in.html"), None),
        Change::RecoveryCodeUsed(_) => (("recovery_code_used.txt", "recovery_code_used.html"), None),
    };
    let left = match news.change {
        Change::RecoveryCodeUsed(left) => Some(left),
        _ => None,
    };
    let (off, recognised) = match news.change {
        Change::Reset { off, recognised } => {
            (off.iter().map(|step| step_words(*step)).collect(), single_line(recognised, MAX_NAME))
        }
        _ => (Vec::new(), String::new()),
    };
    let rule = match news.change {
        Change::MinimumRaised(rule) | Change::MinimumLowered(rule) | Change::Secured(Some(rule)) => {
            single_line(rule, MAX_RULE)
        }
        _ => String::new(),
    };
    let device = single_line(news.device, MAX_NAME);
    let end = if let Change::DeletionPlanned(at) = news.change { when(at)? } else { String::new() };
    let address =
        if let Change::EmailChanged(masked) = news.change { single_line(masked, MAX_NAME) } else { String::new() };
    let values = context! {
        step => step.map_or_else(String::new, step_words),
        end => end,
        address => address,
        off => off,
        recognised => recognised,
        rule => rule,
        left => left.map_or_else(String::new, left_words),
        few => left.is_some_and(|left| left <= FEW_LEFT),
        when => when(news.at_ms)?,
        device => if device.is_empty() { "unknown".to_owned() } else { device },
        not_me_link => link(news.origin, news.not_me_path)?,
        account_link => link(news.origin, news.account_path)?,
        quiet => quiet_words(news.quiet_hours),
        contact => news.contact.map_or_else(String::new, |contact| single_line(contact, MAX_NAME)),
    };
    email(pair, news.to, news.tenant, values)
}

// How long nothing can be taken away; empty: not at all.
fn quiet_words(hours: u32) -> String {
    match hours {
        0 => String::new(),
        1 => "hour".to_owned(),
        hours => format!("{hours} hours"),
    }
}

fn code_templates(purpose: CodePurpose) -> Pair {
    match purpose {
        CodePurpose::VerifyEmail => ("verify_email.txt", "verify_email.html"),
        CodePurpose::ResetPassword => ("reset_password.txt", "reset_password.html"),
        CodePurpose::ConfirmIdentity => ("confirm_identity.txt", "confirm_identity.html"),
        CodePurpose::ChangeEmail => ("change_email.txt", "change_email.html"),
    }
}

fn email(pair: Pair, to: &str, tenant: &str, values: Value) -> Result<Message, TemplateError> {
    let to = parse_email(to).ok_or(TemplateError::BadRecipient)?.to_string();
    let values = merge_maps([values, context! { tenant => name(tenant)? }]);
    let plain = fill(pair.0, values.clone())?;
    let html = fill(pair.1, values)?;
    let (subject, text) = plain
        .strip_prefix("Subject: ")
        .and_then(|rest| rest.split_once('\n'))
        .ok_or(TemplateError::Broken { name: pair.0, reason: "no subject".to_owned() })?;
    Ok(Message::Email { to, subject: subject.to_owned(), text: text.to_owned(), html })
}

/// The code three times, digit by digit with a pause of a second between digits (U16).
fn call(tenant: &str, code: &str, language: &str) -> Result<String, TemplateError> {
    let phrases = voice::phrases(language);
    let digits: Vec<String> = code.chars().map(String::from).collect();
    fill(
        "mfa_call.xml",
        context! {
            language => phrases.language,
            greeting => phrases.greeting.replace("{tenant}", tenant),
            leads => vec![phrases.lead, phrases.again, phrases.again],
            digits => digits,
            farewell => phrases.farewell,
        },
    )
}

fn fill(name: &'static str, values: Value) -> Result<String, TemplateError> {
    let broken = |reason: String| TemplateError::Broken { name, reason };
    let env = TEMPLATES.as_ref().map_err(|e| broken(e.clone()))?;
    env.get_template(name).and_then(|template| template.render(values)).map_err(|e| broken(e.kind().to_string()))
}

fn name(tenant: &str) -> Result<String, TemplateError> {
    let name = single_line(tenant, MAX_NAME);
    if name.is_empty() { Err(TemplateError::NoTenant) } else { Ok(name) }
}

fn digits(code: &str) -> Result<&str, TemplateError> {
    let fits = (4..=10).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    if fits { Ok(code) } else { Err(TemplateError::BadCode) }
}

fn number(to_e164: &str) -> Result<String, TemplateError> {
    if is_e164(to_e164) { Ok(to_e164.to_owned()) } else { Err(TemplateError::BadRecipient) }
}

/// An absent link is an empty string, which the templates' `if` takes as false.
fn link(origin: &PublicOrigin, path: Option<&str>) -> Result<String, OriginError> {
    path.map_or_else(|| Ok(String::new()), |path| origin.link(path))
}

fn step_words(step: SecondStep<'_>) -> String {
    match step {
        SecondStep::TextMessage("") => "text messages".to_owned(),
        SecondStep::PhoneCall("") => "phone calls".to_owned(),
        SecondStep::TextMessage(number) => format!("text messages to {}", mask_phone(number)),
        SecondStep::PhoneCall(number) => format!("phone calls to {}", mask_phone(number)),
        SecondStep::Passkey => "a passkey".to_owned(),
        SecondStep::RecoveryCodes => "recovery codes".to_owned(),
        SecondStep::AuthenticatorApp => "an authenticator app".to_owned(),
    }
}

fn left_words(left: u32) -> String {
    match left {
        0 => "You have no codes left.".to_owned(),
        1 => "You have 1 code left.".to_owned(),
        left => format!("You have {left} codes left."),
    }
}

/// `10 minutes`, `24 hours`, `7 days`: the largest unit that divides the span; days from
/// two on, because "24 hours" is the clearer word for one.
fn lifetime(minutes: u32) -> String {
    let (count, unit) = match minutes {
        m if m >= 2880 && m % 1440 == 0 => (m / 1440, "day"),
        m if m >= 60 && m % 60 == 0 => (m / 60, "hour"),
        m => (m, "minute"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

fn when(at_ms: i64) -> Result<String, TemplateError> {
    let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .ok()
        .and_then(|at| at.format(format).ok())
        .ok_or(TemplateError::BadTime)
}
