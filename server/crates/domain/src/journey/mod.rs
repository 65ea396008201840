//! The journey: one person's run through one user flow, from the first page to the code.
//!
//! A pure state machine. A [`Stage`] carries its own data; [`Journey::step`] consumes the
//! journey and an [`Event`] and gives the next one, or the same stage and a [`Refusal`]. What
//! must happen outside (send a code, create the account) comes back as [`Effect`]s, which the
//! service carries out in the transaction that stores the journey. Nothing but this module can
//! make a [`Completion`], and only a completion becomes a session or an authorization code.
//!
//! The tests in `explore/` walk this very code exhaustively.

// A refusal gives the stage back by value, once a request: a box would buy nothing.
#![allow(clippy::result_large_err)]

mod alone;
mod code;
mod complete;
mod context;
mod effect;
mod enrol;
mod event;
mod facts;
mod grace;
mod new_password;
mod offer;
mod passkey;
mod profile;
mod recovery;
mod recovery_offer;
mod refusal;
mod remember;
mod second_factor;
mod sign_in;
mod sign_up;
mod stage;
mod table;

#[cfg(test)]
mod explore;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use code::{
    CODE_DIGITS, CODE_LIFE, CODE_LOCK, CodeMac, CodeProof, CodePurpose, MAX_TRIES, RESEND_AFTER, SEND_LIMIT,
    SEND_WINDOW,
};
pub use complete::{Completion, FrontChannel, Issued, OtherPerson, Return, Settled, console_of};
pub use effect::{Effect, Notice};
pub use event::{Event, NewDetails};
pub use facts::{AccountFacts, Destinations, Facts, RememberedFacts, Tools, Totp, Whose};
pub use offer::ASK_AGAIN;
pub use refusal::{Refusal, Step};
pub use stage::{DetailsStage, Ended, NewAccount, Person, Stage, Then};

use std::collections::BTreeSet;

use context::Context;
use refusal::Next;
use serde::{Deserialize, Serialize};
use table::{can_sign_up, transition};

use crate::{
    account::Account,
    assurance::Demand,
    clock::{MINUTE, Millis, Timestamp},
    consent::ConsentFacts,
    entropy::Entropy,
    factor::Factor,
    grant::AuthorizationRequest,
    id::Id,
    invitation::Invitation,
    passkey::Ceremony,
    secret::TokenHash,
    session::Session,
    tenant::Tenant,
    user_flow::{Audience, FlowSettings, FlowType, UserFlow},
};

/// How long a journey lives, whatever happens in it.
pub const JOURNEY_LIFE: Millis = 60 * MINUTE;

/// What a journey leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Target {
    /// An application: ends in an authorization code.
    Application(AuthorizationRequest),
    /// "Run user flow" in the portal: ends in a code that the server redeems to show the tokens.
    Run {
        /// The request, as an application would have made it.
        request: AuthorizationRequest,
        /// The operator who runs it.
        operator: Id<Account>,
    },
    /// A device that waits (RFC 8628): ends in a grant that the device fetches. Nothing but the
    /// return of a completed journey approves it.
    Device {
        /// What the device asked for; it has no reply URL.
        request: AuthorizationRequest,
        /// The hash of the device code.
        device: TokenHash,
    },
    /// The console of the flow's audience: ends in a console session.
    Console {
        /// The path to go on to: one of our own, begun with a single `/`.
        return_to: String,
    },
}

/// The flow as it stood when the journey began.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FlowSnapshot {
    /// The flow.
    pub id: Id<UserFlow>,
    /// Its version then.
    pub version: i64,
    /// What it is for.
    pub kind: FlowType,
    /// Whom it lets in.
    pub audience: Audience,
    /// Its settings then.
    pub settings: FlowSettings,
}

impl From<&UserFlow> for FlowSnapshot {
    fn from(flow: &UserFlow) -> Self {
        Self {
            id: flow.id,
            version: flow.version,
            kind: flow.kind,
            audience: flow.audience,
            settings: flow.settings.clone(),
        }
    }
}

/// What stays the same through the whole journey.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct Header {
    /// Its id; stands in the address of every page.
    pub id: Id<Journey>,
    /// The tenant.
    pub tenant: Id<Tenant>,
    /// The flow as it was.
    pub flow: FlowSnapshot,
    /// What the flow and the application demanded when it began.
    pub demand: Demand,
    /// What it leads to.
    pub target: Target,
    /// The browser it belongs to: hash of the journey cookie.
    pub browser: TokenHash,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A journey: a header, a stage, and the codes that were used up on the way.
///
/// Not `Clone`: a stage is consumed by the step that leaves it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Clone, Hash))]
pub struct Journey {
    /// What stays the same.
    pub header: Header,
    stage: Stage,
    spent: Vec<code::Mac>,
    /// Proofs of stages that were left: whoever comes back finds the count of wrong tries, the
    /// lock and the codes that still live (N11, U13).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aside: Vec<CodeProof>,
    /// What an authenticator may sign now. There is one at the stages that take it, and at no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ceremony: Option<Ceremony>,
}

impl Journey {
    /// A journey at its first page.
    ///
    /// A live `session` of a person who may use this flow, at the level that is demanded, leads
    /// straight on ([`complete`]); otherwise it is ignored.
    #[must_use]
    pub fn begin(header: Header, session: Option<&Session>, facts: &Facts) -> Self {
        let stage = complete::from_session(&header, session, facts).unwrap_or_else(|| Self::first_stage(&header));
        Self::at(header, stage)
    }

    const fn at(header: Header, stage: Stage) -> Self {
        Self { header, stage, spent: Vec::new(), aside: Vec::new(), ceremony: None }
    }

    /// The journey with what its first page needs of randomness: the challenge of "Sign in with a
    /// passkey", so that the page itself stores nothing.
    #[must_use]
    pub fn with_ceremony(self, entropy: &mut dyn Entropy) -> Self {
        let wanted = passkey::is_wanted(&self.header, &self.stage);
        let ceremony = wanted.then(|| Ceremony::begin(self.header.created_at, entropy));
        Self { ceremony, ..self }
    }

    /// What an authenticator may sign at `now`.
    #[must_use]
    pub fn ceremony(&self, now: Timestamp) -> Option<&Ceremony> {
        self.ceremony.as_ref().filter(|ceremony| ceremony.is_open(now))
    }

    /// Whether the flow lets people sign in with a passkey alone.
    #[must_use]
    pub fn takes_passkeys(&self) -> bool {
        passkey::signs_in(&self.header)
    }

    /// A journey that begins with an invitation: the link stands for the proof of the address.
    /// One that is used, too old or for another place leads to the first page.
    #[must_use]
    pub fn begin_invited(header: Header, invitation: &Invitation) -> Self {
        let fits = invitation.tenant == header.tenant && sign_in::admits(header.flow.audience, invitation.kind);
        if !fits || !invitation.is_open(header.created_at) {
            let stage = Self::first_stage(&header);
            return Self::at(header, stage);
        }
        let stage = Stage::Details(DetailsStage {
            email: invitation.email.clone(),
            email_proved: invitation.email.is_some(),
            kind: invitation.kind,
            invitation: Some(invitation.id),
        });
        Self::at(header, stage)
    }

    fn first_stage(header: &Header) -> Stage {
        let sign_up_first = match &header.target {
            Target::Application(request) | Target::Run { request, .. } | Target::Device { request, .. } => {
                request.start_with_sign_up
            }
            Target::Console { .. } => false,
        };
        match header.flow.kind {
            FlowType::SignUpSignIn if sign_up_first => Stage::SignUpEmail,
            FlowType::SignUpSignIn | FlowType::SignIn | FlowType::ProfileEditing => Stage::SignIn,
            FlowType::PasswordReset => Stage::ResetEmail,
        }
    }

    /// The stage it stands at.
    #[must_use]
    pub const fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Whether it is over at `now`, whatever its stage.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.header.expires_at || now < self.header.created_at
    }

    /// Whether this flow lets people create an account.
    #[must_use]
    pub fn can_sign_up(&self) -> bool {
        can_sign_up(&self.header)
    }

    /// Whose facts the step for `event` needs.
    #[must_use]
    pub fn whose(&self, event: &Event) -> Whose {
        match event {
            _ if self.stage.person().is_some() => self.stage.subject(),
            Event::SignIn { email, check, .. } => {
                check.matched().map_or_else(|| Whose::Address(email.clone()), |(account, _)| Whose::Account(account))
            }
            Event::SubmitPasskey(check) => {
                check.assertion.as_ref().map_or(Whose::Nobody, |assertion| Whose::Account(assertion.account))
            }
            Event::RequestCode { email } => Whose::Address(email.clone()),
            _ => self.stage.subject(),
        }
    }

    /// Whom the journey is about as it stands, before any event.
    #[must_use]
    pub fn subject(&self) -> Whose {
        self.stage.subject()
    }

    /// Whether a completion or a way back still holds, given the facts of [`Journey::subject`]:
    /// not too old, the account may sign in, what was proved is what is demanded *now*, and the
    /// person still agrees to what the application gets. To be
    /// asked in the transaction that settles the one or issues a code for the other: the toggle
    /// may have moved, or the account been disabled, since the last step.
    #[must_use]
    pub fn still_holds(&self, facts: &Facts) -> bool {
        let authentication = match &self.stage {
            Stage::Complete(completion) => completion.authentication(),
            Stage::Returning(back) => back.authentication(),
            _ => return false,
        };
        // Conditions were judged where the person signed in; those that came since were not.
        let demand = demand_of(&self.header, &facts.demand).after(&self.header.demand);
        let demand = facts::for_account(demand, &self.header, facts.now, facts.account.as_ref());
        let account = facts.account.as_ref().filter(|a| a.id == authentication.account() && !a.disabled);
        !self.is_expired(facts.now)
            && account.is_some()
            && demand.is_met(authentication, authentication.level())
            && facts.consent.as_ref().is_none_or(ConsentFacts::is_given)
    }

    /// Where codes of the step for `event` may go, given the facts of [`Journey::whose`].
    #[must_use]
    pub fn destinations(&self, event: &Event, account: Option<&AccountFacts>) -> Destinations {
        let at_sign_up = matches!(self.stage, Stage::SignUpEmail | Stage::SignUpCode { .. });
        let own = if at_sign_up { CodePurpose::SignUp } else { CodePurpose::Reset };
        let email = match event {
            Event::RequestCode { email } => Some((own, email.clone())),
            _ => self
                .stage
                .address()
                .map(|email| (own, email))
                .or_else(|| account.map(|a| (CodePurpose::ConfirmEmail, a.email.clone()))),
        };
        let phone = match (event, &self.stage) {
            (Event::EnterPhone { number, .. }, _) => Some((CodePurpose::EnrolPhone, number.clone())),
            (_, Stage::EnrolPhoneCode { number, .. }) => Some((CodePurpose::EnrolPhone, number.clone())),
            _ => account.and_then(second_factor::phone_of).map(|number| (CodePurpose::Challenge, number)),
        };
        Destinations { email, phone }
    }

    /// The factors and methods that the person at a challenge may answer with, the one that
    /// would be asked first at the front; empty where nobody is known.
    #[must_use]
    pub fn ways(
        &self,
        now_demanded: &Demand,
        account: &AccountFacts,
        now: Timestamp,
    ) -> Vec<(Id<Factor>, crate::assurance::Method)> {
        let demand = self.demanded(now_demanded, now, Some(account));
        match self.stage.person() {
            Some(person) if person.authentication().account() == account.id => {
                second_factor::ways_among(&demand, &account.factors, person, now)
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// For how many days the person at a challenge may have the browser remembered; `None`: it is not offered.
    #[must_use]
    pub fn remember_days(&self, now_demanded: &Demand, account: Option<&AccountFacts>, now: Timestamp) -> Option<u32> {
        let demand = self.demanded(now_demanded, now, account);
        let asked = matches!(self.stage, Stage::Challenge { .. });
        let person = self.stage.person().filter(|_| asked)?;
        let may = remember::may_ask(&self.header, &demand, person);
        may.then_some(self.header.flow.settings.session.remember.days)
    }

    /// Whether the person at this page would be offered to have the browser remembered, or to put setting up a
    /// second factor off, if only the password were long enough to be the only factor (N1).
    #[must_use]
    pub fn needs_long_password(&self, now: Timestamp, now_demanded: &Demand, account: Option<&AccountFacts>) -> bool {
        let Some(person) = self.stage.person().filter(|person| !person.authentication().has_long_password()) else {
            return false;
        };
        let demand = self.demanded(now_demanded, now, account);
        match &self.stage {
            Stage::Challenge { .. } => remember::would_ask(&self.header, &demand, person),
            stage => grace::is_setting_up(stage) && demand.waits_until().is_some() && grace::would_postpone(person),
        }
    }

    /// Until when the person at a page of setting up may put it off, given what the flow and the application
    /// demand now; `None`: they may not.
    #[must_use]
    pub fn postpone_until(
        &self,
        now: Timestamp,
        now_demanded: &Demand,
        account: Option<&AccountFacts>,
    ) -> Option<Timestamp> {
        let demand = self.demanded(now_demanded, now, account);
        let person = self.stage.person().filter(|_| grace::is_setting_up(&self.stage))?;
        let own = account.is_some_and(|account| account.id == person.authentication().account());
        demand.waits_until().filter(|_| own && grace::may_postpone(person))
    }

    /// The methods that the person may set up, given what the flow and the application demand now, as
    /// [`Journey::step`] would let them: the view offers no other.
    #[must_use]
    pub fn offered(
        &self,
        now_demanded: &Demand,
        account: Option<&AccountFacts>,
        now: Timestamp,
    ) -> BTreeSet<crate::assurance::Method> {
        self.header.offered(&self.demanded(now_demanded, now, account))
    }

    // Conditions are left as they are: what the view shows is shown where they fired.
    fn demanded(&self, now_demanded: &Demand, now: Timestamp, account: Option<&AccountFacts>) -> Demand {
        facts::for_account(demand_of(&self.header, now_demanded), &self.header, now, account)
    }

    /// The next stage, or the same one and a refusal.
    #[must_use]
    pub fn step(self, event: Event, facts: &Facts, tools: &mut Tools<'_>) -> Step {
        let Self { header, stage, mut spent, mut aside, ceremony } = self;
        let before = stage.name();
        let demand = facts.demanded(&header);
        let mut context = Context {
            header: &header,
            facts,
            tools,
            demand,
            effects: Vec::new(),
            spent: &mut spent,
            aside: &mut aside,
            ceremony,
        };
        let next = if facts.now >= header.expires_at || facts.now < header.created_at {
            Err((stage, Refusal::JourneyExpired))
        } else if let Some(refusal) =
            stage.person().filter(|_| !matches!(event, Event::Cancel)).and_then(|p| gone(p, facts))
        {
            Err((stage, refusal))
        } else {
            transition(&mut context, stage, event)
        };
        let (stage, refusal) = match next {
            Ok(stage) => (stage, None),
            Err((stage, refusal)) => (stage, Some(refusal)),
        };
        // A ceremony belongs to the stage that it began at; one that is used up or over makes room.
        let Context { tools, effects, ceremony, .. } = context;
        let kept = ceremony.filter(|kept| stage.name() == before && kept.is_open(facts.now));
        let wanted = passkey::is_wanted(&header, &stage);
        let ceremony = wanted.then(|| kept.unwrap_or_else(|| Ceremony::begin(facts.now, tools.entropy)));
        Step { journey: Self { header, stage, spent, aside, ceremony }, effects, refusal }
    }

    /// Takes the completion out of a journey that has one; the journey is left [`Ended::Used`].
    ///
    /// # Errors
    /// Gives the journey back when it is not complete.
    pub fn complete(self) -> Result<(Header, Completion), Box<Self>> {
        match self.stage {
            Stage::Complete(completion) => Ok((self.header, completion)),
            stage => Err(Box::new(Self { stage, ..self })),
        }
    }

    /// The journey after [`Completion::settle`]: the way back to the application is open once.
    #[must_use]
    pub const fn returning(header: Header, back: Return) -> Self {
        Self::at(header, Stage::Returning(back))
    }

    /// Takes the way back out of a settled journey. What is left stands at [`Ended::Used`] and is
    /// to be stored by compare-and-set, so that one request alone wins.
    ///
    /// # Errors
    /// Gives the journey back when there is no way back to take.
    pub fn take_return(self) -> Result<(Self, Return), Box<Self>> {
        match self.stage {
            Stage::Returning(back) => Ok((Self::at(self.header, Stage::Ended(Ended::Used)), back)),
            stage => Err(Box::new(Self { stage, ..self })),
        }
    }
}

/// What is demanded of a journey: what the flow and the application demand now, and what they demanded when
/// it began. What may stand in for a second factor has a place in it where both let it, and the request too.
/// Conditions, and whether an account may wait, are left to whoever judges them ([`Facts::demanded`]).
fn demand_of(header: &Header, now: &Demand) -> Demand {
    let demand = now.clone().stricter(&header.demand);
    let remembered = demand.takes_remembered() && remember::may_stand_in(header);
    let grace = demand.grace().filter(|_| grace::may_wait(header));
    demand.remembering(remembered).with_grace(grace)
}

// Whoever is known must still be there, allowed in, and have the password that stood when they
// were identified: a reset elsewhere ends what was begun with the old one. Fails closed when the
// facts are about somebody else.
fn gone(person: &Person, facts: &Facts) -> Option<Refusal> {
    if person.new.is_some() {
        return None;
    }
    match &facts.account {
        Some(account) if account.id == person.authentication.account() && !account.disabled => {
            (account.password_version != person.password_version).then_some(Refusal::PasswordChangedMeanwhile)
        }
        Some(_) | None => Some(Refusal::AccountUnavailable),
    }
}
