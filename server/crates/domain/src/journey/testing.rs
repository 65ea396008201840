//! What the tests of the journey share: toy tools, a modelled store that carries out effects as
//! the real one must, and short ways to make headers, accounts and factors.

use sha2::{Digest, Sha256};

use super::{
    AccountFacts, CodeMac, CodePurpose, Destinations, Effect, Event, Facts, FlowSnapshot, Header, JOURNEY_LIFE,
    Journey, NewDetails, RememberedFacts, Target, Totp, Whose,
};
use crate::{
    account::{Account, AccountKind},
    assurance::{Demand, Method},
    attribute::{AttributeValue, Attributes},
    clock::{Millis, SECOND, Timestamp},
    consent::{ConsentFacts, Items},
    delays::GUESSES,
    email::EmailAddress,
    entropy::{self, Entropy, SeededEntropy},
    factor::{Factor, FactorSecret, NewFactor},
    grant::{AuthorizationRequest, RequestOptions, ResponseMode},
    id::Id,
    passkey::{Assertion, Attestation, Challenge, CredentialId, MakeCheck, Passkey, PasskeyCheck, PasskeyCreation},
    password::{PasswordCheck, next_version},
    phone::PhoneNumber,
    recovery::{RecoveryCode, RecoveryCodes},
    remembered::RememberedBrowser,
    secret::{Sealed, TokenHash},
    user_flow::{
        Audience, CollectedAttribute, Enforcement, FlowSettings, FlowType, MfaPolicy, RememberSettings,
        SessionSettings, TokenSettings,
    },
};

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
        browser: TokenHash([7; 32]),
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
        created_at: T0.minus(crate::clock::DAY),
        id: id(number),
        kind: AccountKind::Patient,
        email: email(address),
        disabled: false,
        password_version: Some(1),
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

/// A code on its way: what the owner of the mailbox or the phone reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Message {
    pub(super) journey: Id<Journey>,
    pub(super) to: String,
    pub(super) method: Option<Method>,
    pub(super) code: String,
    pub(super) at: Timestamp,
    /// The machine took it once.
    pub(super) taken: bool,
}

/// The transaction cannot be committed: somebody else was first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflict;

/// The cookie of a remembered browser, as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cookie {
    pub(super) series: TokenHash,
    pub(super) token: TokenHash,
}

impl Cookie {
    pub(super) const fn new(number: u8) -> Self {
        Self { series: TokenHash([number; 32]), token: TokenHash([number; 32]) }
    }

    /// After its use.
    pub(super) fn next(mut self) -> Self {
        self.token.0[31] += 1;
        self
    }
}

/// The browser with `cookie` is remembered for the account of that number.
pub(super) fn remembered(account: u128, cookie: Cookie, now: Timestamp) -> RememberedBrowser {
    RememberedBrowser {
        id: id(account * 1_000 + u128::from(cookie.series.0[0])),
        tenant: id(TENANT),
        account: id(account),
        series: cookie.series,
        token: cookie.token,
        label: String::new(),
        network: String::new(),
        created_at: now,
        last_used_at: None,
        expires_at: now.plus(30 * crate::clock::DAY),
    }
}

/// The database, as far as a journey sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) accounts: Vec<AccountFacts>,
    pub(super) outbox: Vec<Message>,
    /// Every send, codes and notices alike.
    pub(super) sends: Vec<(CodePurpose, String, Timestamp)>,
    /// What the application asks for; empty: it is the tenant's own.
    pub(super) asked: Items,
    /// What was agreed to.
    pub(super) consents: Vec<(Id<Account>, Items)>,
    /// Whether browsers say that they can make passkeys.
    pub(super) offers: bool,
    /// Every remembered browser.
    pub(super) browsers: Vec<RememberedBrowser>,
}

impl Store {
    pub(super) fn account(&self, id: Id<Account>) -> Option<&AccountFacts> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub(super) fn account_mut(&mut self, id: Id<Account>) -> Option<&mut AccountFacts> {
        self.accounts.iter_mut().find(|account| account.id == id)
    }

    fn find(&self, whose: &Whose) -> Option<&AccountFacts> {
        match whose {
            Whose::Nobody => None,
            Whose::Account(id) => self.account(*id),
            Whose::Address(address) => self.accounts.iter().find(|account| account.email == *address),
        }
    }

    fn history(&self, to: Option<(CodePurpose, &str)>, now: Timestamp, window: Millis) -> Vec<Timestamp> {
        let sends = self.sends.iter().filter(|(purpose, at, _)| Some((*purpose, at.as_str())) == to);
        sends.map(|(_, _, at)| *at).filter(|at| now.since(*at) < window).collect()
    }

    /// How the application stands with `account`, as the service reads it.
    pub(super) fn consent(&self, account: Option<&AccountFacts>) -> Option<ConsentFacts> {
        let of = |account: &AccountFacts| self.consents.iter().find(|(id, _)| *id == account.id);
        let agreed = account.and_then(of).map(|(_, items)| items.clone()).unwrap_or_default();
        (!self.asked.is_empty()).then(|| ConsentFacts { asked: self.asked.clone(), agreed })
    }

    /// What the service finds for the cookie that came with a step.
    pub(super) fn shown(&self, cookie: Option<Cookie>) -> Option<RememberedFacts> {
        let cookie = cookie?;
        let browser = self.browsers.iter().find(|browser| browser.series == cookie.series)?.clone();
        Some(RememberedFacts { browser, secret: Some(cookie.token) })
    }

    /// What the service finds for the session that a journey begins with.
    pub(super) fn of_session(&self, session: &crate::session::Session) -> Option<RememberedFacts> {
        let wanted = session.authentication.remembered()?;
        let browser = self.browsers.iter().find(|browser| browser.id == wanted)?.clone();
        Some(RememberedFacts { browser, secret: None })
    }

    fn forget_all(&mut self, account: Id<Account>) {
        self.browsers.retain(|browser| browser.account != account);
    }

    /// The facts of a step, as the service reads them.
    pub(super) fn facts(&self, journey: &Journey, event: Option<&Event>, demand: Demand, now: Timestamp) -> Facts {
        let whose = event.map_or_else(|| journey.subject(), |event| journey.whose(event));
        let account = self.find(&whose).cloned();
        let Destinations { email, phone } =
            event.map_or_else(Destinations::default, |event| journey.destinations(event, account.as_ref()));
        Facts {
            now,
            demand,
            email_sends: self.history(email.as_ref().map(|(p, to)| (*p, to.as_str())), now, super::SEND_WINDOW),
            phone_sends: self.history(phone.as_ref().map(|(p, to)| (*p, to.as_str())), now, super::SEND_WINDOW),
            phone_barred_until: None,
            phones_unserved: Vec::new(),
            can_make_passkey: self.offers,
            consent: self.consent(account.as_ref()),
            account,
            sign_in_locked_until: None,
            signals: None,
            remembered: None,
        }
    }

    /// A check of a password that the person knows, or of one that is wrong.
    pub(super) fn sign_in(&self, address: &EmailAddress, right: bool) -> Event {
        let account = self.accounts.iter().find(|account| account.email == *address);
        let matched = account.filter(|_| right).and_then(|a| a.password_version.map(|version| (a.id, version)));
        Event::SignIn { email: address.clone(), check: PasswordCheck::for_model(matched), keep: false }
    }

    /// What a check of an answer by `key` comes to, if it signed `challenge`; `ahead` is how far its
    /// counter went on.
    pub(super) fn assertion(&self, challenge: Challenge, key: u8, ahead: i64) -> Event {
        let mut factors = self.accounts.iter().flat_map(|account| &account.factors);
        let stored = factors.find(|f| f.secret.passkey().is_some_and(|p| p.credential == CredentialId(vec![key])));
        let assertion = stored.map(|factor| Assertion {
            factor: factor.id,
            account: factor.account,
            counter: u32::try_from(factor.last_step.unwrap_or_default() + ahead).unwrap_or_default(),
            backed_up: false,
        });
        Event::SubmitPasskey(PasskeyCheck { challenge, assertion })
    }

    /// Carries out all effects or none.
    pub(super) fn apply(&mut self, journey: Id<Journey>, effects: &[Effect], now: Timestamp) -> Result<(), Conflict> {
        let before = self.clone();
        let applied = effects.iter().try_for_each(|effect| self.apply_one(journey, effect, now));
        if applied.is_err() {
            *self = before;
        }
        applied
    }

    fn send(
        &mut self,
        journey: Id<Journey>,
        (purpose, to): (CodePurpose, &str),
        method: Option<Method>,
        code: &str,
        now: Timestamp,
    ) {
        self.sends.push((purpose, to.to_owned(), now));
        let (to, code) = (to.to_owned(), code.to_owned());
        self.outbox.push(Message { journey, to, method, code, at: now, taken: false });
    }

    fn factor(&mut self, id: Id<Factor>) -> Result<&mut Factor, Conflict> {
        self.accounts.iter_mut().flat_map(|a| a.factors.iter_mut()).find(|f| f.id == id).ok_or(Conflict)
    }

    fn passkey(&mut self, id: Id<Factor>) -> Result<&mut Passkey, Conflict> {
        match &mut self.factor(id)?.secret {
            FactorSecret::Passkey(passkey) => Ok(passkey),
            FactorSecret::Phone { .. } | FactorSecret::AuthenticatorApp { .. } | FactorSecret::RecoveryCodes(_) => {
                Err(Conflict)
            }
        }
    }

    fn apply_one(&mut self, journey: Id<Journey>, effect: &Effect, now: Timestamp) -> Result<(), Conflict> {
        match effect {
            Effect::SendEmailCode { to, purpose, code } => {
                self.send(journey, (*purpose, to.as_str()), None, code.expose(), now);
            }
            Effect::SendPhoneCode { to, purpose, method, code } => {
                self.send(journey, (*purpose, to.as_str()), Some(*method), code.expose(), now);
            }
            Effect::SendNotice { to, notice } => match notice {
                super::Notice::AlreadyRegistered => {
                    self.sends.push((CodePurpose::SignUp, to.as_str().to_owned(), now));
                }
                super::Notice::NoAccount => self.sends.push((CodePurpose::Reset, to.as_str().to_owned(), now)),
                super::Notice::FactorBound(_)
                | super::Notice::PasswordChanged
                | super::Notice::PasskeyCopied
                | super::Notice::BrowserRemembered
                | super::Notice::PasswordDisabled
                | super::Notice::RecoveryCodeUsed { .. }
                | super::Notice::IssuedCodeUsed
                | super::Notice::FactorDisabled(_) => {}
            },
            Effect::CreateAccount(new) => {
                if self.accounts.iter().any(|account| account.email == new.email) {
                    return Err(Conflict);
                }
                self.accounts.push(AccountFacts {
                    password_failures: 0,
                    delete_at: None,
                    passkey_declined_at: None,
                    created_at: now,
                    id: new.id,
                    kind: new.kind,
                    email: new.email.clone(),
                    disabled: false,
                    password_version: Some(next_version(None)),
                    factors: new.factors.iter().map(|factor| bound(new.id, factor, now)).collect(),
                });
            }
            Effect::SetPassword { account, replaces, .. } => {
                self.forget_all(*account);
                let account = self.account_mut(*account).ok_or(Conflict)?;
                if account.password_version != *replaces {
                    return Err(Conflict);
                }
                account.password_version = Some(next_version(*replaces));
            }
            Effect::BindFactor { account, factor, .. } => {
                let id = *account;
                // A unique index.
                let same = |stored: &Factor| {
                    stored.secret.passkey().map(|p| &p.credential) == factor.secret.passkey().map(|p| &p.credential)
                };
                let all = || self.accounts.iter().flat_map(|account| &account.factors);
                if factor.secret.passkey().is_some() && all().any(same) {
                    return Err(Conflict);
                }
                self.forget_all(id);
                self.account_mut(id).ok_or(Conflict)?.factors.push(bound(id, factor, now));
            }
            Effect::FactorUsed { factor, step, .. } => {
                let factor = self.factor(*factor)?;
                if step.is_some_and(|step| factor.last_step.is_some_and(|last| step <= last)) {
                    return Err(Conflict);
                }
                factor.last_step = step.or(factor.last_step);
                factor.last_used_at = Some(now);
                (factor.failures, factor.locked_until) = (0, None);
            }
            Effect::RecoveryCodeUsed { factor, at, .. } => {
                let factor = self.factor(*factor)?;
                let FactorSecret::RecoveryCodes(codes) = &mut factor.secret else { return Err(Conflict) };
                if codes.used & (1 << at) != 0 {
                    return Err(Conflict);
                }
                codes.used |= 1 << at;
                factor.last_used_at = Some(now);
                (factor.failures, factor.locked_until) = (0, None);
            }
            Effect::PasskeyBackedUp { factor, backed_up } => self.passkey(*factor)?.backed_up = *backed_up,
            Effect::PasskeyCopied { factor, account, .. } => {
                self.forget_all(*account);
                self.passkey(*factor)?.copied_at = Some(now);
            }
            Effect::BrowserRecognised { browser, replaces, .. } => {
                let live = |b: &&mut RememberedBrowser| b.id == *browser && b.token == *replaces && b.is_live(now);
                let found = self.browsers.iter_mut().find(live).ok_or(Conflict)?;
                found.token.0[31] += 1;
                found.last_used_at = Some(now);
            }
            Effect::ForgetBrowser { browser, .. } => self.browsers.retain(|found| found.id != *browser),
            Effect::FactorFailed { factor } => {
                let factor = self.factor(*factor)?;
                factor.failures += 1;
                if let Some(wait) = GUESSES.after(factor.failures) {
                    factor.locked_until = Some(now.plus(wait));
                }
            }
            Effect::GiveConsent { account, items, .. } => {
                self.consents.retain(|(id, _)| id != account);
                self.consents.push((*account, items.clone()));
            }
            Effect::PasskeyDeclined { account } => {
                self.account_mut(*account).ok_or(Conflict)?.passkey_declined_at = Some(now);
            }
            Effect::FactorDisabled { account, .. } => self.forget_all(*account),
            Effect::SignInFailed { .. }
            | Effect::SignInSucceeded { .. }
            | Effect::UpdateProfile { .. }
            | Effect::SignedIn { .. }
            | Effect::Audit { .. } => {}
        }
        Ok(())
    }
}

fn bound(account: Id<Account>, new: &NewFactor, now: Timestamp) -> Factor {
    Factor {
        id: new.id,
        account,
        secret: new.secret.clone(),
        name: new.name.clone(),
        created_at: now,
        last_used_at: None,
        last_step: new.first_step,
        failures: 0,
        locked_until: None,
    }
}
