//! What the tests of the journey share: toy tools, a modelled store that carries out effects as
//! the real one must ([`store`]), and short ways to make headers, accounts and factors.

mod store;

use sha2::{Digest, Sha256};

use super::{
    AccountFacts, CodeMac, CodePurpose, Event, FlowSnapshot, Header, JOURNEY_LIFE, Journey, NewDetails, Target, Totp,
};
use crate::{
    account::AccountKind,
    assurance::{Assurance, Demand, Method},
    attribute::{AttributeValue, Attributes},
    clock::{SECOND, Timestamp},
    email::EmailAddress,
    entropy::{self, Entropy, SeededEntropy},
    factor::{Factor, FactorSecret},
    grant::{AuthorizationRequest, RequestOptions, ResponseMode},
    id::Id,
    passkey::{Attestation, Challenge, CredentialId, MakeCheck, Passkey, PasskeyCreation},
    phone::PhoneNumber,
    recovery::{RecoveryCode, RecoveryCodes},
    secret::{Sealed, Token},
    user_flow::{
        Audience, CollectedAttribute, Enforcement, FlowSettings, FlowType, MfaPolicy, RememberSettings,
        SessionSettings, TokenSettings,
    },
};

pub(super) use store::{Cookie, Store, remembered};

/// When every test begins.
pub(super) const T0: Timestamp = Timestamp(1_800_000_000_000);
/// Six digits that the toy generators never draw in these tests.
pub(super) const WRONG: &str = "000000";

pub(super) fn id<T>(number: u128) -> Id<T> {
    Id::from_uuid(uuid::Uuid::from_u128(number))
}

pub(super) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(super) fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::from_e164(text).unwrap()
}

/// SHA-256 without a key: as good as a keyed one where nobody attacks the hash.
pub(super) struct ToyMac;

impl CodeMac for ToyMac {
    fn mac(&self, journey: Id<Journey>, purpose: CodePurpose, destination: &str, digits: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(journey.uuid().as_bytes());
        for part in [purpose.as_str(), destination, digits] {
            hash.update(part);
            hash.update([0]);
        }
        hash.finalize().into()
    }
}

/// Authenticator apps with a hash of seed and step instead of RFC 6238.
pub(super) struct ToyTotp;

pub(super) const fn app_step(now: Timestamp) -> i64 {
    now.0.div_euclid(30 * SECOND)
}

/// What the app with this seed shows in this step.
pub(super) fn app_digits(seed: &Sealed, step: i64) -> String {
    let mut hash = Sha256::new();
    hash.update(&seed.0);
    hash.update(step.to_be_bytes());
    let hash = hash.finalize();
    format!("{:06}", u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) % 1_000_000)
}

impl Totp for ToyTotp {
    fn new_seed(&self, entropy: &mut dyn Entropy) -> Sealed {
        Sealed(entropy::bytes::<8>(entropy).to_vec())
    }

    fn matched_step(&self, seed: &Sealed, digits: &str, now: Timestamp) -> Option<i64> {
        let present = app_step(now);
        [present, present - 1].into_iter().find(|step| app_digits(seed, *step) == digits)
    }
}

pub(super) const TENANT: u128 = 1;

/// The secret of every browser in these tests.
pub(super) fn browser() -> Token {
    Token::generate(&mut SeededEntropy::new(7))
}

/// "I have kept my codes".
pub(super) fn keep_codes() -> Event {
    Event::KeepRecoveryCodes { browser: browser() }
}

pub(super) fn policy(demand: &Demand) -> MfaPolicy {
    let enforcement = match (demand.level, demand.conditions) {
        (crate::assurance::Level::Aal1, _) => Enforcement::Off,
        (crate::assurance::Level::Aal2, Some(_)) => Enforcement::Conditional,
        (crate::assurance::Level::Aal2, None) => Enforcement::AlwaysOn,
    };
    let conditions = demand.conditions.unwrap_or_default();
    MfaPolicy { minimum: demand.minimum, conditions, ..MfaPolicy::new(enforcement, demand.methods.iter().copied()) }
}

pub(super) fn request() -> AuthorizationRequest {
    AuthorizationRequest {
        application: id(2),
        redirect_uri: "https://app.example/back".to_owned(),
        response_mode: ResponseMode::Query,
        scope: "openid".to_owned(),
        state: None,
        nonce: None,
        code_challenge: None,
        login_hint: None,
        fresh_login: false,
        start_with_sign_up: false,
        options: RequestOptions::default(),
    }
}

pub(super) fn header(number: u128, kind: FlowType, audience: Audience, demand: &Demand, now: Timestamp) -> Header {
    let attributes = vec![CollectedAttribute { name: "givenName".to_owned(), required: true }];
    let target = match audience {
        Audience::Patients => Target::Application(request()),
        Audience::Staff | Audience::Operators | Audience::SelfService => Target::Console { return_to: "/".to_owned() },
    };
    Header {
        id: id(number),
        tenant: id(TENANT),
        flow: FlowSnapshot {
            id: id(3),
            version: 1,
            kind,
            audience,
            settings: FlowSettings {
                mfa: policy(demand),
                attributes,
                claims: Vec::new(),
                tokens: TokenSettings::default(),
                session: SessionSettings {
                    remember: RememberSettings { on: demand.takes_remembered(), days: 30 },
                    ..SessionSettings::default()
                },
            },
        },
        demand: demand.clone(),
        target,
        browser: browser().hash(),
        created_at: now,
        expires_at: now.plus(JOURNEY_LIFE),
    }
}

pub(super) fn account(number: u128, address: &str, factors: Vec<FactorSecret>) -> AccountFacts {
    let factors = factors.into_iter().enumerate();
    AccountFacts {
        password_failures: 0,
        delete_at: None,
        passkey_declined_at: None,
        recovery_offer_from: None,
        created_at: T0.minus(crate::clock::DAY),
        id: id(number),
        kind: AccountKind::Patient,
        email: email(address),
        disabled: false,
        password_version: Some(1),
        minimum: Assurance::Aal1,
        factors: factors.map(|(at, secret)| factor(number, number * 100 + at as u128, secret)).collect(),
    }
}

fn factor(account: u128, number: u128, secret: FactorSecret) -> Factor {
    Factor {
        id: id(number),
        account: id(account),
        secret,
        name: "factor".to_owned(),
        created_at: T0,
        last_used_at: None,
        last_step: None,
        failures: 0,
        locked_until: None,
    }
}

pub(super) fn phone_factor(number: &str) -> FactorSecret {
    FactorSecret::Phone { number: phone(number), preferred: Method::TextMessage }
}

pub(super) fn app_factor(seed: u8) -> FactorSecret {
    FactorSecret::AuthenticatorApp { seed: Sealed(vec![seed; 8]) }
}

pub(super) fn passkey(key: u8) -> Passkey {
    let (credential, record) = (CredentialId(vec![key]), format!("key {key}"));
    Passkey { credential, record, synced: true, backed_up: false, copied_at: None }
}

pub(super) fn passkey_factor(key: u8) -> FactorSecret {
    FactorSecret::Passkey(passkey(key))
}

/// The nth recovery code of these tests.
pub(super) fn recovery_code(number: u64) -> RecoveryCode {
    RecoveryCode::generate(&mut SeededEntropy::new(700_000 + number))
}

/// A set of so many of them, from the first on.
pub(super) fn recovery_factor(codes: u64) -> FactorSecret {
    FactorSecret::RecoveryCodes(RecoveryCodes::of(&(0..codes).map(recovery_code).collect::<Vec<_>>()))
}

pub(super) fn recover(number: u64) -> Event {
    Event::SubmitRecoveryCode { code: recovery_code(number) }
}

/// An authenticator made a new key for the challenge that is open.
pub(super) fn new_passkey(journey: &Journey, key: u8, now: Timestamp) -> Event {
    let challenge = journey.ceremony(now).map_or(Challenge([0; 32]), |ceremony| ceremony.challenge);
    let attestation = Some(Attestation { passkey: passkey(key), counter: 0, make: MakeCheck::NotAsked });
    Event::CreatePasskey(Box::new(PasskeyCreation { challenge, attestation, name: "passkey".to_owned() }))
}

pub(super) fn attributes() -> Attributes {
    [("givenName".to_owned(), AttributeValue::String("Ada".to_owned()))].into_iter().collect()
}

pub(super) fn details() -> Event {
    Event::SubmitDetails(Box::new(NewDetails { email: None, phc: "new".to_owned(), attributes: attributes() }))
}

pub(super) fn code(digits: &str) -> Event {
    Event::SubmitCode { digits: digits.to_owned() }
}

pub(super) fn app_code(digits: &str) -> Event {
    Event::SubmitAppCode { digits: digits.to_owned(), name: "app".to_owned() }
}
