//! What a form sent, as an event of the journey.
//!
//! Everything slow or outside the transaction happens here: reading fields, the password policy,
//! hashing. What is wrong with a field is a [`Problem`]; the journey itself judges the rest.

use std::collections::BTreeMap;

use lanyard_app::api::journey::{Problem, ProblemCode};
use lanyard_domain::{
    account::Account,
    assurance::Method,
    attribute::{self, Attribute, AttributeValue, Attributes},
    email::EmailAddress,
    id::Id,
    journey::{CODE_DIGITS, Event, Journey, NewDetails, Stage, Target},
    password::{Password, Policy, StoredPassword},
    phone::{PhoneCountries, PhoneNumber, PhoneProblem},
    recovery::RecoveryCode,
    secret::Token,
};

use super::{Scene, passkeys, problems};
use crate::{http::form::Fields, service::phone, state::App};

/// The event, or what is wrong with the fields.
pub(super) enum Input {
    /// Ready for the journey.
    Event(Event),
    /// Nothing happens; the page says why.
    Problems(Vec<Problem>),
}

pub(super) fn one(field: &str, code: ProblemCode) -> Input {
    Input::Problems(vec![problems::at(field, code)])
}

const SIGN_IN: &str = "sign-in";

/// The address whose password is wanted to read the event called `name`, if it is well formed.
pub(super) fn password_of(name: &str, fields: &Fields) -> Option<EmailAddress> {
    if name == SIGN_IN { email(fields).ok() } else { None }
}

/// Reads the event called `name` out of `fields`, for `journey` as it stands in `browser`; `stored` as
/// [`password_of`] asked for.
///
/// # Errors
/// [`super::JourneyError`] when the database or the hashing queue does not answer.
pub(super) async fn read(
    app: &App,
    scene: &Scene,
    (journey, browser): (&Journey, &Token),
    (name, fields): (&str, &Fields),
    stored: Option<(Id<Account>, StoredPassword)>,
) -> Result<Input, super::JourneyError> {
    let event = match name {
        SIGN_IN => return sign_in(app, scene, fields, stored).await,
        "submit-details" => return details(app, scene, journey, fields).await,
        "submit-new-password" => return new_password(app, scene, journey, fields).await,
        "go-sign-up" => Event::GoSignUp,
        "go-sign-in" => Event::GoSignIn,
        "go-forgot-password" if hands_back_reset(scene, journey) => Event::LeaveForReset,
        "go-forgot-password" => Event::GoForgotPassword,
        "submit-passkey" => return passkeys::answered(app, scene, journey, fields).await,
        "create-passkey" => return Ok(passkeys::created(app, scene, journey, fields)),
        "renew-passkey" => Event::RenewPasskey,
        "resend" => Event::Resend,
        "agree" => Event::Agree,
        "not-now" => Event::NotNow,
        "keep-recovery-codes" => Event::KeepRecoveryCodes { browser: browser.clone() },
        "back" => Event::Back,
        "cancel" => Event::Cancel,
        "request-code" => match email(fields) {
            // Nothing is begun that cannot be ended (product.md, "Names and addresses").
            Ok(_) if !app.channels.email => return Ok(one("email", ProblemCode::EmailUnavailable)),
            Ok(email) => Event::RequestCode { email },
            Err(problem) => return Ok(Input::Problems(vec![problem])),
        },
        "submit-code" => match code(fields) {
            Ok(digits) if remembers(journey, fields) => Event::Remembering(Box::new(Event::SubmitCode { digits })),
            Ok(digits) => Event::SubmitCode { digits },
            Err(problem) => return Ok(Input::Problems(vec![problem])),
        },
        "submit-recovery-code" => match recovery_code(fields) {
            Ok(code) => Event::SubmitRecoveryCode { code },
            Err(problem) => return Ok(Input::Problems(vec![problem])),
        },
        "submit-app-code" => match code(fields) {
            Ok(digits) => Event::SubmitAppCode { digits, name: device_name(fields) },
            Err(problem) => return Ok(Input::Problems(vec![problem])),
        },
        "choose-method" => match Method::parse(fields.get("method")) {
            Some(method) => Event::ChooseMethod { method },
            None => return Ok(one("method", ProblemCode::MethodMissing)),
        },
        "enter-phone" => match phone_number(scene, fields) {
            Ok(event) => event,
            Err(problems) => return Ok(Input::Problems(problems)),
        },
        "submit-profile" => match attributes(scene, journey, fields) {
            Ok(attributes) => Event::SubmitProfile { attributes },
            Err(problems) => return Ok(Input::Problems(problems)),
        },
        _ => return Err(super::JourneyError::NotFound),
    };
    Ok(Input::Event(event))
}

// The application has said that it leads people to its own reset (`wire.md`, AADB2C90118). The page
// is the same: its link only leads elsewhere.
fn hands_back_reset(scene: &Scene, journey: &Journey) -> bool {
    let handles = scene.application.as_ref().is_some_and(|application| application.settings.handles_password_reset);
    handles && matches!(journey.header.target, Target::Application(_))
}

/// The address that was typed.
pub(in crate::service) fn email(fields: &Fields) -> Result<EmailAddress, Problem> {
    let typed = fields.get("email");
    if typed.trim().is_empty() {
        return Err(problems::at("email", ProblemCode::EmailMissing));
    }
    EmailAddress::parse(typed).map_err(|_| problems::at("email", ProblemCode::EmailInvalid))
}

// Stray spaces, dashes and brackets are a copier's mistake, not a wrong code (U4).
pub(in crate::service) fn code(fields: &Fields) -> Result<String, Problem> {
    let digits: String = fields.get("code").chars().filter(|c| !c.is_whitespace() && !"-–—()[]".contains(*c)).collect();
    if digits.is_empty() {
        return Err(problems::at("code", ProblemCode::CodeMissing));
    }
    if digits.len() != CODE_DIGITS as usize || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(problems::at("code", ProblemCode::CodeLength));
    }
    Ok(digits)
}

fn recovery_code(fields: &Fields) -> Result<RecoveryCode, Problem> {
    let typed = fields.get("code");
    if typed.trim().is_empty() {
        return Err(problems::at("code", ProblemCode::CodeMissing));
    }
    RecoveryCode::read(typed).ok_or_else(|| problems::at("code", ProblemCode::RecoveryCodeForm))
}

// "Remember this browser", at the one stage that offers it.
fn remembers(journey: &Journey, fields: &Fields) -> bool {
    matches!(journey.stage(), Stage::Challenge { .. }) && fields.ticked("remember")
}

fn device_name(fields: &Fields) -> String {
    lanyard_domain::text::clean(fields.get("name"), 60).unwrap_or_else(|_| "Authenticator app".to_owned())
}

/// The number that was typed, in the form of its country (U17), if codes go to its country (A14).
pub(in crate::service) fn phone_of(countries: &PhoneCountries, fields: &Fields) -> Result<PhoneNumber, Problem> {
    let typed = fields.get("phone").trim();
    if typed.is_empty() {
        return Err(problems::at("phone", ProblemCode::PhoneMissing));
    }
    let parsed = phone::parse(typed, fields.get("country"));
    let served = |number: PhoneNumber| match phone::is_served(countries, &number) {
        true => Ok(number),
        false => Err(PhoneProblem::Country),
    };
    parsed.and_then(served).map_err(|problem| problems::at("phone", problems::of_phone(problem)))
}

fn phone_number(scene: &Scene, fields: &Fields) -> Result<Event, Vec<Problem>> {
    let method = Method::parse(fields.get("method")).filter(|method| method.is_phone());
    let number = phone_of(&scene.tenant.phone_countries, fields);
    match (number, method) {
        (Ok(number), Some(method)) => Ok(Event::EnterPhone { number, method }),
        (number, method) => {
            let missing = method.is_none().then(|| problems::at("method", ProblemCode::MethodMissing));
            Err(number.err().into_iter().chain(missing).collect())
        }
    }
}

async fn sign_in(
    app: &App,
    scene: &Scene,
    fields: &Fields,
    stored: Option<(Id<Account>, StoredPassword)>,
) -> Result<Input, super::JourneyError> {
    let typed = fields.get("password");
    let (email, password) = (email(fields), Password::new(typed));
    let (email, password) = match (email, password) {
        (Ok(email), Ok(password)) => (email, password),
        (email, password) => {
            let wrong = password.err().map(|problem| problems::of_password(problem, scene.min_password_length));
            return Ok(Input::Problems(email.err().into_iter().chain(wrong).collect()));
        }
    };
    // The account may be absent: the check then costs the same (A6).
    let check = app.passwords.check(password, stored).await.map_err(|_| super::JourneyError::Busy)?;
    Ok(Input::Event(Event::SignIn { email, check, keep: fields.get("keep") == "true" }))
}

async fn details(app: &App, scene: &Scene, journey: &Journey, fields: &Fields) -> Result<Input, super::JourneyError> {
    let Stage::Details(stage) = journey.stage() else { return Ok(one("", ProblemCode::OutOfStep)) };
    let mut wrong = Vec::new();
    let asked = if stage.email.is_none() { email(fields).map_err(|problem| wrong.push(problem)).ok() } else { None };
    let attributes = attributes(scene, journey, fields).map_err(|problems| wrong.extend(problems)).unwrap_or_default();
    let known = stage.email.as_ref().or(asked.as_ref());
    let password = checked_password(app, scene, fields, known, &attributes);
    match password {
        // In the order of the page: address, password, attributes.
        Err(problem) => {
            let position = usize::from(wrong.first().is_some_and(|p| p.field == "email"));
            wrong.insert(position, problem);
            Ok(Input::Problems(wrong))
        }
        Ok(_) if !wrong.is_empty() => Ok(Input::Problems(wrong)),
        Ok(password) => {
            let phc = app.passwords.hash(password).await.map_err(|_| super::JourneyError::Busy)?;
            Ok(Input::Event(Event::SubmitDetails(Box::new(NewDetails { email: asked, phc, attributes }))))
        }
    }
}

async fn new_password(
    app: &App,
    scene: &Scene,
    journey: &Journey,
    fields: &Fields,
) -> Result<Input, super::JourneyError> {
    let Stage::NewPassword(person) = journey.stage() else { return Ok(one("", ProblemCode::OutOfStep)) };
    let account = super::facts::account(app, scene.tenant.id, person.authentication().account()).await?;
    let email = account.as_ref().map(|account| account.email.clone());
    let present = account.map(|account| account.attributes).unwrap_or_default();
    match checked_password(app, scene, fields, email.as_ref(), &present) {
        Err(problem) => Ok(Input::Problems(vec![problem])),
        Ok(password) => {
            let phc = app.passwords.hash(password).await.map_err(|_| super::JourneyError::Busy)?;
            Ok(Input::Event(Event::SubmitNewPassword { phc }))
        }
    }
}

fn checked_password(
    app: &App,
    scene: &Scene,
    fields: &Fields,
    email: Option<&EmailAddress>,
    attributes: &Attributes,
) -> Result<Password, Problem> {
    let min_length = scene.min_password_length;
    let given = lanyard_domain::account::text_of(attributes, attribute::GIVEN_NAME);
    let surname = lanyard_domain::account::text_of(attributes, attribute::SURNAME);
    let address = email.map_or("", EmailAddress::as_str);
    let local = address.split('@').next().unwrap_or_default();
    let context = [address, local, given, surname, scene.tenant.name.as_str(), scene.tenant.domain.as_str(), "lanyard"];
    let policy = Policy { min_length, blocklist: app.blocklist.as_ref(), context: &context };
    let password =
        Password::new(fields.get("password")).map_err(|problem| problems::of_password(problem, min_length))?;
    policy.check(&password).map_err(|problem| problems::of_password(problem, min_length))?;
    Ok(password)
}

/// The attributes that the flow asks for. A field that it does not ask for is ignored, so that no
/// edit of a form writes one (A48).
fn attributes(scene: &Scene, journey: &Journey, fields: &Fields) -> Result<Attributes, Vec<Problem>> {
    let mut found: BTreeMap<String, AttributeValue> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (attribute, required) in asked(scene, journey) {
        match attribute.read(fields.0.get(&attribute.name).map(String::as_str), required) {
            Ok(Some(value)) => {
                found.insert(attribute.name.clone(), value);
            }
            Ok(None) => {}
            Err(problem) => wrong.push(problems::of_attribute(problem, attribute)),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

/// The attributes that the journey's flow asks for, with whether each is required.
pub(super) fn asked<'a>(scene: &'a Scene, journey: &'a Journey) -> impl Iterator<Item = (&'a Attribute, bool)> {
    journey.header.flow.settings.attributes.iter().filter_map(|collected| {
        let attribute = scene.catalogue.iter().find(|attribute| attribute.name == collected.name)?;
        Some((attribute, collected.required))
    })
}
