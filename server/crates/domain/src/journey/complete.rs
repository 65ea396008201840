//! The end of a journey: the completion, the session made from it, and the way back.
//!
//! [`Completion`] and [`Return`] have private fields and no public constructor, and both are
//! taken by value: what they stand for happens once.

use serde::{Deserialize, Serialize};

use super::{
    Context, Effect, Ended, Facts, Header, Person, Stage, Target, Then, offer, recovery_offer, remember, second_factor,
    sign_in,
};
use crate::{
    assurance::Authentication,
    audit::{Action, Outcome},
    clock::{Millis, Timestamp},
    consent::Items,
    entropy::Entropy,
    grant::{AuthorizationRequest, CODE_LIFE, Grant, GrantDetails},
    id::Id,
    password::next_version,
    remembered::RememberedBrowser,
    secret::{Token, TokenHash},
    session::{CONSOLE_LIFE, ConsoleKind, Session, SessionTerms},
    user_flow::{Audience, FlowType},
};

/// Every demand is met. The only thing a session can be made from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct Completion {
    authentication: Authentication,
    /// The session that led here, if no new sign-in was needed.
    session: Option<Id<Session>>,
    /// The person asked to stay signed in.
    #[serde(default)]
    keep: bool,
    /// The browser is remembered from now on.
    #[serde(default)]
    remember: bool,
}

/// The way back to the application, open once. The only thing that a code, or an ID token in the
/// answer itself, can be made from.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct Return {
    authentication: Authentication,
    session: Id<Session>,
}

/// What [`Completion::settle`] gives.
#[derive(Debug)]
pub struct Settled {
    /// The new session and the secret of its cookie; `None` when an existing one goes on.
    pub session: Option<(Session, Token)>,
    /// The browser that is remembered from now on, and the secret of its cookie; the words for it are the
    /// caller's to add.
    pub remembered: Option<(RememberedBrowser, Token)>,
    /// The way back.
    pub back: Return,
}

/// What [`Return::issue`] gives.
#[derive(Debug)]
pub struct Issued {
    /// The grant to store.
    pub grant: Grant,
    /// The authorization code, if the request asks for one.
    pub code: Option<Token>,
    /// The right to an ID token in the same answer, if the request asks for one.
    pub id_token: Option<FrontChannel>,
}

/// The right to sign one ID token into an authorization response (OpenID Connect Core, 3.2.2.5 and
/// 3.3.2.5). [`Return::issue`] alone makes one, and signing takes it by value. It is used after
/// the commit: nothing is signed inside a transaction.
#[derive(Debug)]
pub struct FrontChannel(Grant);

impl FrontChannel {
    /// What the ID token tells of; the right is used up.
    #[must_use]
    pub fn into_grant(self) -> Grant {
        self.0
    }
}

/// Somebody else signed in than the person whom the application asked for: the answer must not be
/// about them (OpenID Connect Core, 3.1.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("another person than the one asked for")]
pub struct OtherPerson;

// The end of a journey that met every demand, or the question that comes before it: nothing goes to
// an application of somebody else unless the person agreed to that very thing (U29).
pub(super) fn finish(context: &mut Context<'_, '_>, person: Person) -> Stage {
    // One offer a sign-in: who has just set up a factor needs a way in without it first.
    let codes_first = person.bound && recovery_offer::is_due(context, &person);
    if !codes_first && offer::is_due_to(context, &person) {
        return Stage::OfferPasskey(Person { offered: true, ..person });
    }
    finish_without_offer(context, person)
}

pub(super) fn finish_without_offer(context: &mut Context<'_, '_>, person: Person) -> Stage {
    match due(context.header, context.facts) {
        Some(asked) => Stage::Consent { person, asked },
        None => conclude(context, person, None),
    }
}

// What the person has yet to agree to; all that is asked, so that the page shows the whole of it.
// `prompt=consent` asks even where it was agreed to before.
fn due(header: &Header, facts: &Facts) -> Option<Items> {
    let consent = facts.consent.as_ref()?;
    let again = match &header.target {
        Target::Application(request) | Target::Device { request, .. } => request.options.consent,
        Target::Run { .. } | Target::Console { .. } => false,
    };
    (again || !consent.is_given()).then(|| consent.asked.clone())
}

/// The person agrees to what the page showed. More may be asked for by now: then the page comes
/// again. So does a second factor that is demanded, or was bound, since.
pub(super) fn agree(context: &mut Context<'_, '_>, person: Person, shown: Items) -> Stage {
    let authentication = remember::still(context.header, person.authentication, context.facts);
    let person = Person { authentication, ..person };
    if second_factor::is_due(context, &person) {
        return second_factor::proceed(context, person);
    }
    match &context.facts.consent {
        Some(consent) if !consent.asked.is_subset(&shown) => {
            let asked = consent.asked.clone();
            Stage::Consent { person, asked }
        }
        Some(consent) => {
            let all = shown.into_iter().chain(consent.agreed.iter().cloned()).collect();
            conclude(context, person, Some(all))
        }
        // The application was made the tenant's own meanwhile.
        None => conclude(context, person, None),
    }
}

// Everything is shown and agreed to: it is written down, and a new account comes into being. What may be offered
// then delays nothing but the session.
fn conclude(context: &mut Context<'_, '_>, person: Person, agreed: Option<Items>) -> Stage {
    if !is_met(context, &person) {
        return Stage::SignIn;
    }
    let offer = recovery_offer::is_due(context, &person);
    let account = person.authentication.account();
    let password_version = person.new.as_ref().map_or(person.password_version, |_| Some(next_version(None)));
    let (new, person) = (person.new, Person { new: None, password_version, ..person });
    if let Some(new) = new {
        context.tell(Effect::CreateAccount(new));
        context.tell(Effect::Audit {
            action: Action::SignUp,
            outcome: Outcome::Success,
            account: Some(account),
            detail: "email",
        });
    }
    if let (Some(items), Target::Application(request) | Target::Device { request, .. }) =
        (agreed, &context.header.target)
    {
        let application = request.application;
        context.tell(Effect::GiveConsent { account, application, items });
        let (action, outcome) = (Action::ConsentGiven, Outcome::Success);
        context.tell(Effect::Audit { action, outcome, account: Some(account), detail: "journey" });
    }
    match offer {
        true if person.offered => {
            context.tell(Effect::OfferRecoveryCodesFrom { account, at: context.now() });
            complete(context, person)
        }
        true => recovery_offer::show(context, person),
        false => complete(context, person),
    }
}

/// On from an offer that stood after everything else: what is demanded or asked by now, or the end.
pub(super) fn go_on(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let authentication = remember::still(context.header, person.authentication, context.facts);
    let person = Person { authentication, offered: true, ..person };
    if second_factor::is_due(context, &person) {
        return second_factor::proceed(context, person);
    }
    match &context.facts.consent {
        // Taken back meanwhile, or the application asks for more.
        Some(consent) if !consent.is_given() => Stage::Consent { person, asked: consent.asked.clone() },
        Some(_) | None => complete(context, person),
    }
}

fn is_met(context: &Context<'_, '_>, person: &Person) -> bool {
    let authentication = &person.authentication;
    let met = context.demand.is_met(authentication, authentication.level());
    met && !second_factor::renewal_is_due(context, person)
}

/// The one place that makes a completion out of a journey. The demand is checked here once more,
/// whatever the caller thinks.
pub(super) fn complete(context: &mut Context<'_, '_>, person: Person) -> Stage {
    if !is_met(context, &person) {
        return Stage::SignIn;
    }
    let remember = remember::conclude(context, &person);
    let authentication = &person.authentication;
    let (account, at) = (authentication.account(), authentication.at());
    let new_account = authentication.is_new_account();
    // Nobody signed in where a session led here and goes on.
    if person.session.is_none() {
        let (action, outcome) = (Action::SignIn, Outcome::Success);
        let detail = authentication.level().as_str();
        context.tell(Effect::SignedIn { account, at, new_account });
        context.tell(Effect::Audit { action, outcome, account: Some(account), detail });
    }
    let (session, keep) = (person.session, person.keep);
    Stage::Complete(Completion { authentication: person.authentication, session, keep, remember })
}

pub(super) fn cancel(context: &mut Context<'_, '_>) -> Stage {
    leave(context, Ended::Cancelled, "cancel")
}

/// The application handles a forgotten password itself.
pub(super) fn leave_for_reset(context: &mut Context<'_, '_>) -> Stage {
    leave(context, Ended::ForgotPassword, "forgot_password")
}

fn leave(context: &mut Context<'_, '_>, ended: Ended, detail: &'static str) -> Stage {
    let account = context.facts.account.as_ref().map(|a| a.id);
    context.tell(Effect::Audit { action: Action::JourneyCancelled, outcome: Outcome::Success, account, detail });
    Stage::Ended(ended)
}

/// Where a live session leads, if it leads anywhere but to the first page.
pub(super) fn from_session(header: &Header, session: Option<&Session>, facts: &Facts) -> Option<Stage> {
    let request = match &header.target {
        Target::Application(request) | Target::Run { request, .. } => request,
        // Whoever approves a device signs in for it: a link alone must never be enough (RFC 8628, 5.4).
        Target::Device { .. } | Target::Console { .. } => return None,
    };
    let session = session.filter(|session| !request.fresh_login && session.is_live(facts.now))?;
    let account = facts.account.as_ref().filter(|account| account.id == session.account && !account.disabled)?;
    let fits = session.console.is_none()
        && request.options.subject.is_none_or(|subject| subject == account.id)
        && session.tenant == header.tenant
        && session.authentication.account() == account.id
        && session.terms.admit(header.flow.settings.session.scope, request.application, header.flow.id)
        && sign_in::admits(header.flow.audience, account.kind);
    let authentication = remember::still(header, session.authentication_at(facts.now), facts);
    let demand = facts.demanded(header);
    if !fits || !demand.is_met(&authentication, authentication.level()) {
        return None;
    }
    let person = |authentication, then| Person {
        session: Some(session.id),
        ..Person::identified(authentication, then, account.password_version)
    };
    match header.flow.kind {
        FlowType::SignUpSignIn | FlowType::SignIn => Some(match due(header, facts) {
            Some(asked) => Stage::Consent { person: person(authentication, Then::Finish), asked },
            None => {
                let session = Some(session.id);
                Stage::Complete(Completion { authentication, session, keep: false, remember: false })
            }
        }),
        // Data may be changed only at the account's own level.
        FlowType::ProfileEditing
            if account.factors.is_empty() || session.level(facts.now) > crate::assurance::Level::Aal1 =>
        {
            Some(Stage::EditProfile(person(authentication, Then::EditProfile)))
        }
        FlowType::ProfileEditing | FlowType::PasswordReset => None,
    }
}

impl Completion {
    /// What was proved.
    #[must_use]
    pub const fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// The session that already stands, if single sign-on led here.
    #[must_use]
    pub const fn existing_session(&self) -> Option<Id<Session>> {
        self.session
    }

    /// Makes the session (unless one stands already) and opens the way back; where the person asked for it, the
    /// browser is remembered.
    #[must_use]
    pub fn settle(self, header: &Header, now: Timestamp, entropy: &mut dyn Entropy) -> Settled {
        if let Some(session) = self.session {
            let back = Return { authentication: self.authentication, session };
            return Settled { session: None, remembered: None, back };
        }
        // The audience alone decides: a journey through a patient flow never opens a console.
        let console = console_of(header.flow.audience);
        let (life, terms) = terms(header, console, self.keep);
        let token = Token::generate(entropy);
        let session = Session {
            id: Id::new(now, entropy),
            tenant: header.tenant,
            account: self.authentication.account(),
            token: token.hash(),
            console,
            terms,
            authentication: self.authentication.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(life),
            ended_at: None,
        };
        let remembered = self.remember.then(|| {
            let secret = Token::generate(entropy);
            let browser = RememberedBrowser {
                id: Id::new(now, entropy),
                tenant: header.tenant,
                account: session.account,
                series: secret.series(),
                token: secret.hash(),
                previous: None,
                session: Some(session.id),
                label: String::new(),
                network: String::new(),
                created_at: now,
                last_used_at: None,
                expires_at: now.plus(header.flow.settings.session.remember.life()),
            };
            (browser, secret)
        });
        let back = Return { authentication: self.authentication, session: session.id };
        Settled { session: Some((session, token)), remembered, back }
    }
}

impl Return {
    /// The session that stands behind it; it must still be live when the code is issued.
    #[must_use]
    pub const fn session(&self) -> Id<Session> {
        self.session
    }

    /// What was proved.
    #[must_use]
    pub const fn authentication(&self) -> &Authentication {
        &self.authentication
    }

    /// Makes what `request` asks for: the authorization code (256 bits, [`CODE_LIFE`], stored
    /// hashed), the right to an ID token, or both.
    ///
    /// An ID token alone leaves a grant as well, so that it is known which applications share the
    /// session; its code was never open and is told to nobody.
    ///
    /// # Errors
    /// [`OtherPerson`] when the request is for somebody else.
    pub fn issue(
        self,
        header: &Header,
        request: &AuthorizationRequest,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Issued, OtherPerson> {
        let kind = request.options.response_type;
        if request.options.subject.is_some_and(|subject| subject != self.authentication.account()) {
            return Err(OtherPerson);
        }
        let code = Token::generate(entropy);
        let (session, until) = (Some(self.session), if kind.has_code() { now.plus(CODE_LIFE) } else { now });
        let mut grant = self.grant(header, request, (code.hash(), until, session), now, entropy);
        grant.redeemed_at = (!kind.has_code()).then_some(now);
        let id_token = kind.has_id_token().then(|| FrontChannel(grant.clone()));
        Ok(Issued { grant, code: kind.has_code().then_some(code), id_token })
    }

    /// Makes what a waiting device fetches by its own code, until `until`. The grant's code is
    /// drawn and forgotten: nobody can redeem it as an authorization code. It does not end with the
    /// session of the browser that approved it.
    #[must_use]
    pub fn approve_device(
        self,
        header: &Header,
        request: &AuthorizationRequest,
        until: Timestamp,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Grant {
        let nobody = Token::generate(entropy).hash();
        self.grant(header, request, (nobody, until, None), now, entropy)
    }

    fn grant(
        self,
        header: &Header,
        request: &AuthorizationRequest,
        (code, code_expires_at, session): (TokenHash, Timestamp, Option<Id<Session>>),
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Grant {
        Grant {
            id: Id::new(now, entropy),
            tenant: header.tenant,
            flow: header.flow.id,
            application: request.application,
            account: self.authentication.account(),
            session,
            authentication: self.authentication,
            scope: request.scope.clone(),
            nonce: request.nonce.clone(),
            redirect_uri: request.redirect_uri.clone(),
            details: GrantDetails {
                id_token_claims: request.options.id_token_claims.clone(),
                userinfo_claims: request.options.userinfo_claims.clone(),
                dpop_jkt: request.options.dpop_jkt.clone(),
            },
            code_challenge: request.code_challenge.clone(),
            code,
            code_expires_at,
            redeemed_at: None,
            revoked_at: None,
            created_at: now,
        }
    }
}

// How long a new session lives, and on which terms.
fn terms(header: &Header, console: Option<ConsoleKind>, keep: bool) -> (Millis, SessionTerms) {
    let settings = &header.flow.settings.session;
    if console.is_some() {
        return (CONSOLE_LIFE, SessionTerms::default());
    }
    let application = match &header.target {
        Target::Application(request) | Target::Run { request, .. } | Target::Device { request, .. } => {
            Some(request.application)
        }
        Target::Console { .. } => None,
    };
    // The person agreed to so many days, no more: a kept session is not renewed on top.
    let kept = settings.kept_life().filter(|_| keep);
    let terms = SessionTerms {
        scope: settings.scope,
        application,
        flow: Some(header.flow.id),
        rolling: (settings.rolling && kept.is_none()).then(|| settings.life()),
        kept: kept.is_some(),
    };
    (kept.unwrap_or_else(|| settings.life()), terms)
}

/// The console that a flow for `audience` opens; `None`: single sign-on to applications.
#[must_use]
pub const fn console_of(audience: Audience) -> Option<ConsoleKind> {
    match audience {
        Audience::Patients => None,
        Audience::Staff => Some(ConsoleKind::Clinic),
        Audience::Operators => Some(ConsoleKind::Portal),
        Audience::SelfService => Some(ConsoleKind::Account),
    }
}
