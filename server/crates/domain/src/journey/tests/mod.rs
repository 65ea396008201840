//! The rules that bind the journey, one named test each. A [`Desk`] is one journey in front of
//! the modelled store.

mod answers;
mod asked;
mod codes;
mod consent;
mod factors;
mod grace;
mod minimum;
mod offers;
mod order;
mod own_minimum;
mod passkeys;
mod passwords;
mod recovery;
mod recovery_offer;
mod remember;
mod sessions;

use super::{
    AccountFacts, CodePurpose, Context, Effect, Event, Facts, Header, Journey, Notice, Refusal, Stage, Step, Tools,
    testing::*,
};
use crate::{
    assurance::{Assurance, Demand, Level, Method},
    clock::{Millis, Timestamp},
    entropy::SeededEntropy,
    factor::FactorSecret,
    session::Session,
    user_flow::{Audience, FlowType},
};

const A: &str = "a@example.com";
const B: &str = "b@example.com";
const NEW: &str = "new@example.com";
const PHONE: &str = "+491700000001";
const OTHER_PHONE: &str = "+491700000002";
const SEED: u8 = 9;

fn off() -> Demand {
    Demand::single_factor()
}

fn on() -> Demand {
    Demand::mfa(Method::ALL)
}

/// One journey, the store and the clock.
struct Desk {
    now: Timestamp,
    demand: Demand,
    store: Store,
    journey: Journey,
    /// What the last event wanted done.
    effects: Vec<Effect>,
    locked_until: Option<Timestamp>,
    network_locked_until: Option<Timestamp>,
    barred_until: Option<Timestamp>,
    draws: u64,
    /// The cookie of a remembered browser.
    cookie: Option<Cookie>,
    /// Whether the offer of recovery codes stays on the page; else the person says "Not now".
    codes: bool,
}

impl Desk {
    /// A has a password; B a password and a phone.
    fn new(kind: FlowType, demand: &Demand) -> Self {
        Self::with(kind, Audience::Patients, demand, vec![phone_factor(PHONE)])
    }

    fn with(kind: FlowType, audience: Audience, demand: &Demand, factors_of_b: Vec<FactorSecret>) -> Self {
        let accounts = vec![account(10, A, Vec::new()), account(20, B, factors_of_b)];
        let store = Store { accounts, ..Store::default() };
        let mut desk = Self {
            now: T0,
            demand: demand.clone(),
            store,
            journey: Journey::begin(header(500, kind, audience, demand, T0), None, &no_facts(demand)),
            effects: Vec::new(),
            locked_until: None,
            network_locked_until: None,
            barred_until: None,
            draws: 0,
            cookie: None,
            codes: false,
        };
        desk.begin(500, kind, audience);
        desk
    }

    /// A fresh journey on the same store.
    fn begin(&mut self, number: u128, kind: FlowType, audience: Audience) {
        let header = header(number, kind, audience, &self.demand, self.now);
        self.journey =
            Journey::begin(header, None, &no_facts(&self.demand)).with_ceremony(&mut SeededEntropy::new(number as u64));
    }

    fn begin_with(&mut self, header: Header, session: &Session) {
        let mut facts = no_facts(&self.demand);
        (facts.now, facts.account) = (self.now, self.store.account(session.account).cloned());
        facts.consent = self.store.consent(facts.account.as_ref());
        facts.remembered = self.store.of_session(session);
        self.journey = Journey::begin(header, Some(session), &facts);
    }

    fn step(&mut self, event: Event) -> Step {
        let mut facts = self.store.facts(&self.journey, Some(&event), self.demand.clone(), self.now);
        facts.sign_in_locked_until = self.locked_until;
        facts.network_locked_until = self.network_locked_until;
        facts.phone_barred_until = self.barred_until;
        facts.remembered = self.store.shown(self.cookie);
        self.draws += 1;
        let mut entropy = SeededEntropy::new(self.draws);
        let mut tools = Tools { entropy: &mut entropy, codes: &ToyMac, totp: &ToyTotp };
        self.journey.clone().step(event, &facts, &mut tools)
    }

    /// Sends an event; a refusal must leave the stage alone.
    fn send(&mut self, event: Event) -> Option<Refusal> {
        let before = self.stage();
        let step = self.step(event);
        self.store.apply(self.journey.header.id, &step.effects, self.now).unwrap();
        self.journey = step.journey;
        self.effects = step.effects;
        if self.has(|effect| matches!(effect, Effect::BrowserRecognised { .. })) {
            self.cookie = self.store.answered(self.cookie);
        }
        if step.refusal.is_some() {
            assert_eq!(self.stage(), before, "a refused event advanced");
        }
        if !self.codes && self.stage() == "offer_recovery_codes" {
            let told = std::mem::take(&mut self.effects);
            self.send(Event::NotNow);
            self.effects.splice(..0, told);
        }
        step.refusal
    }

    /// Sends an event that must be taken.
    #[track_caller]
    fn ok(&mut self, event: Event) -> &mut Self {
        let (name, stage) = (event.name(), self.stage());
        let refusal = self.send(event);
        assert_eq!(refusal, None, "{name} at {stage}");
        self
    }

    fn sign_in(&mut self, address: &str) -> &mut Self {
        let event = self.store.sign_in(&email(address), true);
        self.ok(event)
    }

    fn request(&mut self, address: &str) -> &mut Self {
        self.ok(Event::RequestCode { email: email(address) })
    }

    fn enter_phone(&mut self, number: &str, method: Method) -> &mut Self {
        self.ok(Event::EnterPhone { number: phone(number), method })
    }

    fn pass(&mut self, span: Millis) -> &mut Self {
        self.now = self.now.plus(span);
        self
    }

    fn stage(&self) -> &'static str {
        self.journey.stage().name()
    }

    /// The newest code that went to `to`.
    #[track_caller]
    fn code_to(&self, to: &str) -> String {
        self.store.outbox.iter().rev().find(|message| message.to == to).expect("a code was sent").code.clone()
    }

    /// Submits the newest code that went to `to`.
    #[track_caller]
    fn prove(&mut self, to: &str) -> &mut Self {
        let digits = self.code_to(to);
        self.ok(code(&digits))
    }

    fn app_digits(&self) -> String {
        app_digits(&crate::secret::Sealed(vec![SEED; 8]), app_step(self.now))
    }

    fn notices(&self) -> Vec<Notice> {
        let notice = |effect: &Effect| match effect {
            Effect::SendNotice { notice, .. } => Some(*notice),
            _ => None,
        };
        self.effects.iter().filter_map(notice).collect()
    }

    fn has(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(wanted)
    }

    /// The level of the completion it stands at.
    #[track_caller]
    fn level(&self) -> Level {
        match self.journey.stage() {
            Stage::Complete(completion) => completion.authentication().level(),
            other => panic!("not complete but at {}", other.name()),
        }
    }

    /// Makes the session of the completion it stands at.
    fn settle(&mut self) -> Session {
        let (header, completion) = self.journey.clone().complete().expect("complete");
        let settled = completion.settle(&header, self.now, &mut SeededEntropy::new(77));
        self.journey = Journey::returning(header, settled.back);
        if let Some((browser, _)) = settled.remembered {
            self.cookie = Some(Cookie { series: browser.series, token: browser.token });
            self.store.browsers.push(browser);
        }
        settled.session.expect("a new session").0
    }
}

fn no_facts(demand: &Demand) -> Facts {
    Facts::at(T0, demand.clone(), None, None)
}

// What a transition of a sign-in finds that is about `account`.
fn in_context<T>(account: AccountFacts, demand: &Demand, look: impl FnOnce(&mut Context<'_, '_>) -> T) -> T {
    let header = header(500, FlowType::SignIn, Audience::Patients, demand, T0);
    let facts = Facts { account: Some(account), ..no_facts(demand) };
    let mut entropy = SeededEntropy::new(1);
    let mut tools = Tools { entropy: &mut entropy, codes: &ToyMac, totp: &ToyTotp };
    let (mut spent, mut aside) = (Vec::new(), Vec::new());
    look(&mut Context {
        header: &header,
        facts: &facts,
        tools: &mut tools,
        demand: demand.clone(),
        effects: Vec::new(),
        spent: &mut spent,
        aside: &mut aside,
        ceremony: None,
    })
}

/// A new account up to its details.
fn sign_up(desk: &mut Desk) -> &mut Desk {
    desk.ok(Event::GoSignUp).request(NEW).prove(NEW).ok(details())
}
