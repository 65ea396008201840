//! The journey as a page: what a person may see of a stage.

use std::collections::BTreeMap;

use lanyard_app::{
    api::journey::{
        AttributeField, AttributeFieldKind, CodeView, Delivery, JourneyView, Method, MethodChoice, OtherWay,
        OverReason, Problem, StageView,
    },
    components::codes::file_link,
    countries, paths,
};
use lanyard_crypto::{RelyingParty, TenantKeys};
use lanyard_domain::{
    assurance,
    attribute::{Attribute, AttributeKind, AttributeValue},
    clock::{MINUTE, Timestamp},
    factor::{Factor, FactorSecret},
    journey::{CODE_LIFE, CodeProof, DetailsStage, Ended, Journey, Person, Stage, Target},
    password::MIN_SINGLE_FACTOR,
    recovery::{RecoveryCode, RecoveryCodes},
    secret::Token,
    user_flow::FlowType,
};
use serde::{Deserialize, Serialize};

use super::{Scene, finish::may_be_told, input, passkeys, problems::seconds_until};
use crate::service::{account::words, consents, phone};

/// What the last thing sent came to; kept with the journey so that the page after a redirect can
/// say it. Never holds a password or a code.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Feedback {
    /// What was wrong.
    pub problems: Vec<Problem>,
    /// What was typed.
    pub values: BTreeMap<String, String>,
    /// Why the journey cannot go on, whatever its stage.
    #[serde(default)]
    pub over: Option<OverReason>,
    /// When the account of who signed in is deleted.
    #[serde(default)]
    pub deletion: Option<Timestamp>,
}

/// What a view is made from, next to the journey itself.
pub(super) struct Sight<'a> {
    /// Tenant, application, catalogue.
    pub scene: &'a Scene,
    /// For the form's `csrf` field.
    pub csrf: String,
    /// The browser's secret.
    pub browser: &'a Token,
    /// The present moment.
    pub now: Timestamp,
    /// The methods that can be set up, strongest first: demanded of this account, and with a provider.
    pub methods: Vec<assurance::Method>,
    /// The person's account, where the stage has one.
    pub account: Option<&'a lanyard_domain::journey::AccountFacts>,
    /// What was last typed, and what was wrong.
    pub feedback: Feedback,
    /// How the journey's newest message fares.
    pub delivery: Delivery,
    /// Asks for passkeys, where they can be had.
    pub passkeys: Option<&'a RelyingParty>,
    /// Opens the seed of an authenticator app being set up.
    pub keys: &'a TenantKeys,
    /// The account's attributes, for profile editing.
    pub attributes: lanyard_domain::attribute::Attributes,
    /// The scopes of web APIs in plain words.
    pub rights: consents::Rights,
}

/// The page of `journey`.
#[must_use]
pub(super) fn of(journey: &Journey, sight: Sight<'_>) -> JourneyView {
    let id = journey.header.id.to_string();
    let stage = match sight.feedback.over {
        Some(reason) => over(reason, sight.scene),
        None if journey.is_expired(sight.now) => over(OverReason::Expired, sight.scene),
        None => stage(journey, &id, &sight),
    };
    let waits = journey.postpone_until(sight.now, &sight.scene.demand, sight.account);
    let waits = waits.filter(|_| !matches!(stage, StageView::Over { .. }));
    let longer = longer_password(journey, &sight).filter(|_| !matches!(stage, StageView::Over { .. }));
    JourneyView {
        id,
        csrf: sight.csrf,
        tenant: sight.scene.tenant.name.clone(),
        application: sight.scene.application.as_ref().map(|application| application.name.clone()),
        stage,
        postpone_until: waits.map(words::day_of),
        longer_password: longer,
        problems: sight.feedback.problems,
        values: sight.feedback.values,
        demo: sight.scene.demo,
    }
}

// Said only where a longer one would bring something that the page then had (N1).
fn longer_password(journey: &Journey, sight: &Sight<'_>) -> Option<u32> {
    let has_box = match journey.stage() {
        Stage::Challenge { method, .. } => takes_digits(*method),
        _ => true,
    };
    let needed = has_box && journey.needs_long_password(sight.now, &sight.scene.demand, sight.account);
    needed.then(|| u32::try_from(MIN_SINGLE_FACTOR).ok()).flatten()
}

// As browsers show it, in ASCII letters: no other alphabet's look-alikes.
fn host_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    url.host_str().map(str::to_owned)
}

fn over(reason: OverReason, scene: &Scene) -> StageView {
    StageView::Over { reason, start_again: scene.start_again.clone() }
}

fn stage(journey: &Journey, id: &str, sight: &Sight<'_>) -> StageView {
    match journey.stage() {
        Stage::SignIn => StageView::SignIn {
            can_sign_up: journey.can_sign_up(),
            can_cancel: matches!(journey.header.target, Target::Application(_) | Target::Device { .. }),
            keep_days: match journey.header.target {
                Target::Application(_) | Target::Run { .. } => journey.header.flow.settings.session.keep_days,
                Target::Console { .. } | Target::Device { .. } => None,
            },
            passkey: journey.takes_passkeys().then(|| passkeys::request(journey, &[], sight)).flatten(),
        },
        Stage::SignUpEmail => StageView::SignUpEmail,
        Stage::SignUpCode { email, proof } => StageView::SignUpCode(code(proof, email.as_str(), sight)),
        Stage::Details(details) => details_view(journey, details, sight),
        Stage::ResetEmail => StageView::ResetEmail { can_sign_in: journey.header.flow.kind != FlowType::PasswordReset },
        Stage::ResetCode { email, proof, .. } => StageView::ResetCode(code(proof, email.as_str(), sight)),
        Stage::NewPassword(_) => StageView::NewPassword {
            email: sight.account.map(|account| account.email.as_str().to_owned()).unwrap_or_default(),
            min_length: sight.scene.min_password_length,
        },
        Stage::ConfirmEmail { proof, .. } => {
            let masked = sight.account.map(|account| account.email.masked()).unwrap_or_default();
            StageView::ConfirmEmail(code(proof, &masked, sight))
        }
        Stage::ChooseMethod(_) => StageView::ChooseMethod { methods: choices(&sight.methods) },
        Stage::EnrolPhone { person, method } => StageView::EnrolPhone {
            method: method_of(*method),
            methods: sight.methods.iter().filter(|m| m.is_phone()).map(|m| method_of(*m)).collect(),
            country: country_of(person, sight),
            countries: countries::options(),
            can_go_back: sight.methods.len() > 1,
        },
        Stage::EnrolPhoneCode { number, method, proof, .. } => {
            StageView::EnrolPhoneCode { method: method_of(*method), code: code(proof, number.as_str(), sight) }
        }
        Stage::EnrolApp { person, seed, .. } => enrol_app(person, seed, sight),
        Stage::EnrolPasskey(person) => match passkeys::creation(journey, person, sight) {
            Some(passkey) => StageView::EnrolPasskey { passkey, can_go_back: sight.methods.len() > 1 },
            None => StageView::ChooseMethod { methods: choices(&sight.methods) },
        },
        Stage::OfferPasskey(person) => StageView::OfferPasskey { passkey: passkeys::creation(journey, person, sight) },
        Stage::OfferRecoveryCodes { seed, .. } => {
            let (_, codes) = RecoveryCodes::derive(sight.browser, seed);
            let codes: Vec<String> = codes.iter().map(RecoveryCode::grouped).collect();
            let file = file_link(&sight.scene.tenant.name, &codes.join("\n"));
            StageView::OfferRecoveryCodes { codes, file }
        }
        Stage::Challenge { factor, method, proof, .. } => challenge(journey, *factor, *method, proof.as_ref(), sight),
        Stage::EditProfile(_) => StageView::EditProfile { attributes: fields(journey, sight) },
        Stage::Consent { person, asked } => {
            let of_new = person.new_account().map(|new| &new.email);
            let email = of_new.or_else(|| sight.account.map(|account| &account.email));
            let words = consents::words(asked, &sight.scene.catalogue, &sight.rights);
            let email = email.map(|email| email.as_str().to_owned()).unwrap_or_default();
            let host = match &journey.header.target {
                Target::Application(request) => host_of(&request.redirect_uri),
                Target::Run { .. } | Target::Console { .. } | Target::Device { .. } => None,
            };
            StageView::Consent { email, details: words.details, rights: words.rights, host }
        }
        // Whoever forgot that they asked for it learns of it while it can be undone.
        Stage::Returning(_) if sight.feedback.deletion.is_some() => {
            StageView::Done { location: paths::journey_deletion(id) }
        }
        Stage::Complete(_) | Stage::Returning(_) => StageView::Done { location: paths::journey_return(id) },
        Stage::Ended(Ended::Cancelled | Ended::ForgotPassword) => match &journey.header.target {
            Target::Application(request) if may_be_told(sight.scene, request) => {
                StageView::Done { location: paths::journey_return(id) }
            }
            Target::Device { .. } => StageView::Done { location: paths::journey_return(id) },
            Target::Application(_) | Target::Run { .. } | Target::Console { .. } => {
                over(OverReason::Cancelled, sight.scene)
            }
        },
        Stage::Ended(Ended::Used) => over(OverReason::Used, sight.scene),
    }
}

fn details_view(journey: &Journey, details: &DetailsStage, sight: &Sight<'_>) -> StageView {
    StageView::Details {
        email: details.email.as_ref().map(|email| email.as_str().to_owned()),
        ask_email: details.email.is_none(),
        min_length: sight.scene.min_password_length,
        attributes: fields(journey, sight),
    }
}

fn code(proof: &CodeProof, sent_to: &str, sight: &Sight<'_>) -> CodeView {
    CodeView {
        sent_to: sent_to.to_owned(),
        lives_minutes: u32::try_from(CODE_LIFE / MINUTE).unwrap_or(10),
        resend_in_seconds: seconds_until(proof.resend_from(), sight.now),
        locked_for_seconds: proof.lock(sight.now).map_or(0, |until| seconds_until(until, sight.now)),
        delivery: sight.delivery,
    }
}

/// A domain method as the page names it.
#[must_use]
pub(super) const fn method_of(method: assurance::Method) -> Method {
    match method {
        assurance::Method::Passkey => Method::Passkey,
        assurance::Method::AuthenticatorApp => Method::AuthenticatorApp,
        assurance::Method::TextMessage => Method::TextMessage,
        assurance::Method::PhoneCall => Method::PhoneCall,
        assurance::Method::RecoveryCode => Method::RecoveryCode,
    }
}

fn choices(methods: &[assurance::Method]) -> Vec<MethodChoice> {
    methods.iter().map(|method| MethodChoice { method: method_of(*method), restricted: method.is_phone() }).collect()
}

// National forms are read in the country that the person gave, else in the tenant's region.
fn country_of(person: &Person, sight: &Sight<'_>) -> String {
    let of_new = person.new_account().map(|new| &new.attributes);
    let given = of_new.and_then(|a| a.get(lanyard_domain::attribute::COUNTRY)).map(AttributeValue::display);
    let kept = || lanyard_domain::account::text_of(&sight.attributes, lanyard_domain::attribute::COUNTRY).to_owned();
    given.or_else(|| Some(kept()).filter(|c| !c.is_empty())).unwrap_or_else(|| sight.scene.tenant.region.clone())
}

fn enrol_app(person: &Person, seed: &lanyard_domain::secret::Sealed, sight: &Sight<'_>) -> StageView {
    let label = person
        .new_account()
        .map(|new| new.email.as_str())
        .or_else(|| sight.account.map(|account| account.email.as_str()))
        .unwrap_or_default();
    match lanyard_crypto::totp::provisioning(sight.keys, seed, &sight.scene.tenant.name, label) {
        Ok(shown) => StageView::EnrolApp {
            qr_svg: shown.qr_svg,
            uri: shown.uri,
            secret: shown.secret_groups,
            can_go_back: sight.methods.len() > 1,
        },
        // A seed that this key ring cannot open will never be proved: choose again.
        Err(_) => StageView::ChooseMethod { methods: choices(&sight.methods) },
    }
}

fn challenge(
    journey: &Journey,
    factor: lanyard_domain::id::Id<Factor>,
    method: assurance::Method,
    proof: Option<&CodeProof>,
    sight: &Sight<'_>,
) -> StageView {
    let factors = sight.account.map_or(&[][..], |account| &account.factors);
    let hint = |id| factors.iter().find(|f| f.id == id).map_or(String::new(), hint_of);
    let number = factors.iter().find(|f| f.id == factor).and_then(|f| f.secret.number());
    // Nothing was sent: the page says so, and offers the other ways at once.
    let served = number.is_none_or(|number| phone::is_served(&sight.scene.tenant.phone_countries, number));
    let delivery = if served { sight.delivery } else { Delivery::Failed };
    let ways = sight.account.map(|account| journey.ways(&sight.scene.demand, account, sight.now)).unwrap_or_default();
    let days = journey.remember_days(&sight.scene.demand, sight.account, sight.now);
    StageView::Challenge {
        remember_days: days.filter(|_| takes_digits(method)),
        method: method_of(method),
        code: proof.map(|proof| CodeView { delivery, ..code(proof, &hint(factor), sight) }),
        factor_name: hint(factor),
        passkey: (method == assurance::Method::Passkey).then(|| passkeys::request(journey, factors, sight)).flatten(),
        other_ways: ways
            .into_iter()
            .filter(|way| *way != (factor, method))
            .map(|(id, method)| OtherWay { method: method_of(method), hint: hint(id) })
            .collect(),
    }
}

// Whether the page has the field for six digits, and beside it the box of remembered browsers.
const fn takes_digits(method: assurance::Method) -> bool {
    match method {
        assurance::Method::AuthenticatorApp | assurance::Method::TextMessage | assurance::Method::PhoneCall => true,
        assurance::Method::Passkey | assurance::Method::RecoveryCode => false,
    }
}

fn hint_of(factor: &Factor) -> String {
    match &factor.secret {
        FactorSecret::Phone { number, .. } => number.masked(),
        FactorSecret::AuthenticatorApp { .. } | FactorSecret::Passkey(_) => factor.name.clone(),
        FactorSecret::RecoveryCodes(_) => String::new(),
    }
}

fn fields(journey: &Journey, sight: &Sight<'_>) -> Vec<AttributeField> {
    input::asked(sight.scene, journey)
        .map(|(attribute, required)| {
            let present = sight.attributes.get(&attribute.name).map(form_value).unwrap_or_default();
            let typed = sight.feedback.values.get(&attribute.name).cloned();
            field(attribute, required, typed.unwrap_or(present))
        })
        .collect()
}

/// The value as a form field holds it.
#[must_use]
pub fn form_value(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Boolean(yes) => yes.to_string(),
        AttributeValue::Integer(number) => number.to_string(),
        AttributeValue::String(text) => text.clone(),
    }
}

/// The form field of an attribute.
#[must_use]
pub fn field(attribute: &Attribute, required: bool, value: String) -> AttributeField {
    let kind = match &attribute.kind {
        AttributeKind::String => AttributeFieldKind::Text,
        AttributeKind::Boolean => AttributeFieldKind::Checkbox,
        AttributeKind::Integer => AttributeFieldKind::Integer,
        AttributeKind::Dropdown { options } => {
            AttributeFieldKind::Select { options: options.iter().map(|o| (o.clone(), o.clone())).collect() }
        }
        AttributeKind::Country => AttributeFieldKind::Select { options: countries::options() },
    };
    AttributeField { name: attribute.name.clone(), label: attribute.label.clone(), kind, required, value }
}
