//! The modelled store: what a journey reads of it, and how effects change it, conditional as in the real one.

use super::{TENANT, id};
use crate::{
    account::Account,
    assurance::{Assurance, Demand, Method},
    clock::{Millis, Timestamp},
    consent::{ConsentFacts, Items},
    delays::GUESSES,
    email::EmailAddress,
    factor::{Factor, FactorSecret, NewFactor},
    id::Id,
    journey::{
        AccountFacts, CodePurpose, Destinations, Effect, Event, Facts, Journey, Notice, RememberedFacts, SEND_WINDOW,
        Whose,
    },
    passkey::{Assertion, Challenge, CredentialId, Passkey, PasskeyCheck},
    password::{PasswordCheck, next_version},
    remembered::{RememberedBrowser, Shown},
    secret::TokenHash,
};

/// A code on its way: what the owner of the mailbox or the phone reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::journey) struct Message {
    pub(in crate::journey) journey: Id<Journey>,
    pub(in crate::journey) to: String,
    pub(in crate::journey) method: Option<Method>,
    pub(in crate::journey) code: String,
    pub(in crate::journey) at: Timestamp,
    /// The machine took it once.
    pub(in crate::journey) taken: bool,
}

/// The transaction cannot be committed: somebody else was first.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::journey) struct Conflict;

/// The cookie of a remembered browser, as the store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::journey) struct Cookie {
    pub(in crate::journey) series: TokenHash,
    pub(in crate::journey) token: TokenHash,
}

impl Cookie {
    pub(in crate::journey) const fn new(number: u8) -> Self {
        Self { series: TokenHash([number; 32]), token: TokenHash([number; 32]) }
    }

    /// After its use, or after that of a lost one.
    pub(in crate::journey) fn next(mut self) -> Self {
        self.token.0[31] += 1;
        self
    }
}

/// The browser with `cookie` is remembered for the account of that number.
pub(in crate::journey) fn remembered(account: u128, cookie: Cookie, now: Timestamp) -> RememberedBrowser {
    RememberedBrowser {
        id: id(account * 1_000 + u128::from(cookie.series.0[0])),
        tenant: id(TENANT),
        account: id(account),
        series: cookie.series,
        token: cookie.token,
        previous: None,
        session: None,
        label: String::new(),
        network: String::new(),
        created_at: now,
        last_used_at: None,
        expires_at: now.plus(30 * crate::clock::DAY),
    }
}

/// The database, as far as a journey sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(in crate::journey) struct Store {
    pub(in crate::journey) accounts: Vec<AccountFacts>,
    pub(in crate::journey) outbox: Vec<Message>,
    /// Every send, codes and notices alike.
    pub(in crate::journey) sends: Vec<(CodePurpose, String, Timestamp)>,
    /// What the application asks for; empty: it is the tenant's own.
    pub(in crate::journey) asked: Items,
    /// What was agreed to.
    pub(in crate::journey) consents: Vec<(Id<Account>, Items)>,
    /// Whether browsers say that they can make passkeys.
    pub(in crate::journey) offers: bool,
    /// Every remembered browser.
    pub(in crate::journey) browsers: Vec<RememberedBrowser>,
    /// Whose passwords are too short to be the only factor.
    pub(in crate::journey) short: Vec<Id<Account>>,
}

impl Store {
    pub(in crate::journey) fn account(&self, id: Id<Account>) -> Option<&AccountFacts> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub(in crate::journey) fn account_mut(&mut self, id: Id<Account>) -> Option<&mut AccountFacts> {
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
    pub(in crate::journey) fn consent(&self, account: Option<&AccountFacts>) -> Option<ConsentFacts> {
        let of = |account: &AccountFacts| self.consents.iter().find(|(id, _)| *id == account.id);
        let agreed = account.and_then(of).map(|(_, items)| items.clone()).unwrap_or_default();
        (!self.asked.is_empty()).then(|| ConsentFacts { asked: self.asked.clone(), agreed })
    }

    /// What the service finds for the cookie that came with a step.
    pub(in crate::journey) fn shown(&self, cookie: Option<Cookie>) -> Option<RememberedFacts> {
        let cookie = cookie?;
        let browser = self.browsers.iter().find(|browser| browser.series == cookie.series)?.clone();
        Some(RememberedFacts { browser, secret: Some(cookie.token) })
    }

    /// The cookie that comes with the answer to a sign-in that was recognised by `cookie`.
    pub(in crate::journey) fn answered(&self, cookie: Option<Cookie>) -> Option<Cookie> {
        let found = cookie.and_then(|cookie| self.browsers.iter().find(|browser| browser.series == cookie.series));
        found.map(|browser| Cookie { token: browser.token, series: browser.series })
    }

    /// What the service finds for the session that a journey begins with.
    pub(in crate::journey) fn of_session(&self, session: &crate::session::Session) -> Option<RememberedFacts> {
        let wanted = session.authentication.remembered()?;
        let browser = self.browsers.iter().find(|browser| browser.id == wanted)?.clone();
        Some(RememberedFacts { browser, secret: None })
    }

    fn forget_all(&mut self, account: Id<Account>) {
        self.browsers.retain(|browser| browser.account != account);
    }

    /// The facts of a step, as the service reads them.
    pub(in crate::journey) fn facts(
        &self,
        journey: &Journey,
        event: Option<&Event>,
        demand: Demand,
        now: Timestamp,
    ) -> Facts {
        let whose = event.map_or_else(|| journey.subject(), |event| journey.whose(event));
        let account = self.find(&whose).cloned();
        let Destinations { email, phone } =
            event.map_or_else(Destinations::default, |event| journey.destinations(event, account.as_ref()));
        Facts {
            now,
            demand,
            email_sends: self.history(email.as_ref().map(|(p, to)| (*p, to.as_str())), now, SEND_WINDOW),
            phone_sends: self.history(phone.as_ref().map(|(p, to)| (*p, to.as_str())), now, SEND_WINDOW),
            phone_barred_until: None,
            phones_unserved: Vec::new(),
            can_make_passkey: self.offers,
            consent: self.consent(account.as_ref()),
            account,
            sign_in_locked_until: None,
            network_locked_until: None,
            signals: None,
            remembered: None,
        }
    }

    /// A check of a password that the person knows, or of one that is wrong.
    pub(in crate::journey) fn sign_in(&self, address: &EmailAddress, right: bool) -> Event {
        let account = self.accounts.iter().find(|account| account.email == *address);
        let matched = account.filter(|_| right).and_then(|a| a.password_version.map(|version| (a.id, version)));
        let long = matched.is_some_and(|(id, _)| !self.short.contains(&id));
        Event::SignIn { email: address.clone(), check: PasswordCheck::for_model(matched, long), keep: false }
    }

    /// What a check of an answer by `key` comes to, if it signed `challenge`; `ahead` is how far its
    /// counter went on.
    pub(in crate::journey) fn assertion(&self, challenge: Challenge, key: u8, ahead: i64) -> Event {
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
    pub(in crate::journey) fn apply(
        &mut self,
        journey: Id<Journey>,
        effects: &[Effect],
        now: Timestamp,
    ) -> Result<(), Conflict> {
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
                Notice::AlreadyRegistered => {
                    self.sends.push((CodePurpose::SignUp, to.as_str().to_owned(), now));
                }
                Notice::NoAccount => self.sends.push((CodePurpose::Reset, to.as_str().to_owned(), now)),
                Notice::FactorBound(_)
                | Notice::PasswordChanged
                | Notice::PasskeyCopied
                | Notice::BrowserRemembered
                | Notice::BrowserCopied
                | Notice::PasswordDisabled
                | Notice::RecoveryCodeUsed { .. }
                | Notice::IssuedCodeUsed
                | Notice::FactorDisabled(_) => {}
            },
            Effect::CreateAccount(new) => {
                if self.accounts.iter().any(|account| account.email == new.email) {
                    return Err(Conflict);
                }
                self.accounts.push(AccountFacts {
                    password_failures: 0,
                    delete_at: None,
                    passkey_declined_at: None,
                    recovery_offer_from: None,
                    created_at: now,
                    id: new.id,
                    kind: new.kind,
                    email: new.email.clone(),
                    disabled: false,
                    password_version: Some(next_version(None)),
                    minimum: Assurance::Aal1,
                    factors: new.factors.iter().map(|factor| bound(new.id, factor, now)).collect(),
                });
            }
            Effect::SetPassword { account, replaces, .. } => {
                self.forget_all(*account);
                // A new password is long wherever it may be the only factor.
                self.short.retain(|short| short != account);
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
            Effect::RecoveryCodeUsed { factor, at, account, .. } => {
                self.forget_all(*account);
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
            Effect::BrowserRecognised { browser, shown, replaces, .. } => {
                let live = |b: &&mut RememberedBrowser| b.id == *browser && b.token == *replaces && b.is_live(now);
                let found = self.browsers.iter_mut().find(live).ok_or(Conflict)?;
                let again = shown != replaces;
                if again && (found.previous != Some(*shown) || found.judge(shown, now) != Shown::Again) {
                    return Err(Conflict);
                }
                found.token.0[31] += 1;
                found.previous = Some(*shown);
                found.last_used_at = if again { found.last_used_at } else { Some(now) };
            }
            Effect::BrowserCopied { browser, .. } => self.browsers.retain(|found| found.id != *browser),
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
            Effect::OfferRecoveryCodesFrom { account, at } => {
                self.account_mut(*account).ok_or(Conflict)?.recovery_offer_from = Some(*at);
            }
            Effect::MakeRecoveryCodes { account, set } => {
                let id = *account;
                self.forget_all(id);
                let account = self.account_mut(id).ok_or(Conflict)?;
                let beside = account.factors.iter().any(|factor| factor.stands_alone() && !factor.is_dead());
                if !beside || account.factors.iter().any(|factor| !factor.stands_alone() && !factor.is_issued()) {
                    return Err(Conflict);
                }
                account.factors.push(bound(id, set, now));
                account.password_version = Some(next_version(account.password_version));
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
