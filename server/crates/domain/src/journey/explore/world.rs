//! The bounded world of the walk: two seats (a browser with a person in front of it), a store,
//! one application with a strong flow (MFA on) and a weak one (MFA off, until it is toggled).

use std::{
    collections::BTreeSet,
    hash::{Hash, Hasher},
};

use super::{
    super::{AccountFacts, Event, Header, Journey, Target, testing::*},
    spec::Ghost,
};
use crate::{
    account::Account,
    application::Minimum,
    assurance::{Assurance, Demand, Method},
    clock::{MINUTE, Millis, SECOND, Timestamp},
    consent::{Item, Items},
    entropy::SeededEntropy,
    factor::{FactorSecret, MAX_CONSECUTIVE},
    id::Id,
    secret::TokenHash,
    session::Session,
    user_flow::{Audience, Conditions, FlowType, Grace, Signals},
};

pub(super) const A: &str = "a@example.com";
pub(super) const B: &str = "b@example.com";
pub(super) const NEW: &str = "new@example.com";
pub(super) const EVIL: &str = "mallory@example.com";
/// B's phone, bound.
pub(super) const PHONE_B: &str = "+491700000001";
/// Another phone of the owner.
pub(super) const PHONE_OWN: &str = "+491700000002";
pub(super) const PHONE_EVIL: &str = "+491700000003";
/// The seed of B's app, where B has one.
pub(super) const SEED_B: u8 = 9;
/// B's passkey, where B has one; a key of the owner that is not bound; the intruder's.
pub(super) const KEY_B: u8 = 1;
pub(super) const KEY_OWN: u8 = 2;
pub(super) const KEY_EVIL: u8 = 3;

/// The cookies of the remembered browsers.
pub(super) const COOKIE_B: Cookie = Cookie::new(1);
pub(super) const COOKIE_EVIL: Cookie = Cookie::new(2);

/// Resend, a dead code, a dead journey.
pub(super) const TICKS: [Millis; 3] = [31 * SECOND, 11 * MINUTE, 61 * MINUTE];

/// The application's two flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Flow {
    Strong,
    Weak,
}

/// Who sits in front of a browser. Both know the passwords of A and B. The owner reads the
/// mailboxes and holds the phones and the app of both; the intruder has only what is his own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Owner,
    Intruder,
}

impl Who {
    pub(super) fn reads(self, destination: &str) -> bool {
        match self {
            Self::Owner => [A, B, NEW, PHONE_B, PHONE_OWN].contains(&destination),
            Self::Intruder => [EVIL, PHONE_EVIL].contains(&destination),
        }
    }

    pub(super) const fn new_address(self) -> &'static str {
        match self {
            Self::Owner => NEW,
            Self::Intruder => EVIL,
        }
    }

    /// The keys on this person's authenticators.
    pub(super) const fn keys(self) -> &'static [u8] {
        match self {
            Self::Owner => &[KEY_B, KEY_OWN],
            Self::Intruder => &[KEY_EVIL],
        }
    }

    pub(super) const fn new_phone(self) -> &'static str {
        match self {
            Self::Owner => PHONE_OWN,
            Self::Intruder => PHONE_EVIL,
        }
    }
}

/// What a seat begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) who: Who,
    pub(super) flow: Flow,
    pub(super) kind: FlowType,
    pub(super) audience: Audience,
    /// A second journey in the same browser, with whatever session the first one left.
    pub(super) again: Option<(Flow, FlowType)>,
}

/// Whether B has recovery codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    None,
    /// Beside the other factors: all that the store lets come about.
    Beside,
    /// And nothing else, as the store never has it: the machine by itself must not be fooled.
    Alone,
    /// Staff turned the phone off and issued a code.
    Issued,
}

/// The codes of B's set.
pub(super) const RECOVERY_CODES: u64 = 2;

/// The bounds of one walk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) seats: [Plan; 2],
    pub(super) minimum: Minimum,
    pub(super) strong_methods: &'static [Method],
    /// The minimum assurance of the strong flow.
    pub(super) least: Assurance,
    /// The weak flow asks for a second factor under these; seats may move to another network.
    pub(super) conditions: Option<Conditions>,
    pub(super) b_has_app: bool,
    /// B has recovery codes beside the phone, and the owner knows them; alone: and nothing but them.
    pub(super) recovery: Recovery,
    /// Both flows take passkeys, B has one, and everybody has authenticators.
    pub(super) passkeys: bool,
    /// Both flows take passkeys, B has none, and every browser says that it can make one.
    pub(super) offers: bool,
    /// Recovery codes are offered, to B at each sign-in as well; elsewhere everybody says "Not now" at once.
    pub(super) codes: bool,
    /// Steps that advance, for each seat.
    pub(super) steps: u8,
    /// And for both seats together.
    pub(super) together: u8,
    /// Sends for each seat.
    pub(super) sends: u8,
    /// Wrong tries that are kept, in all; every one is tried and judged.
    pub(super) mistakes: u8,
    /// Moves of the clock.
    pub(super) ticks: u8,
    /// Whether MFA of the weak flow may be switched on.
    pub(super) toggle: bool,
    /// Whether B may be disabled.
    pub(super) disable: bool,
    /// Requests that read a version and commit later.
    pub(super) holds: u8,
    /// The person signs a device in.
    pub(super) device: bool,
    /// The application belongs to somebody else; the owner may withdraw a consent once.
    pub(super) third_party: bool,
    /// The strong flow takes remembered browsers: the owner's is remembered for B, the intruder's for an
    /// account of his own.
    pub(super) remembered: bool,
    /// The second browser begins with a copy of the first one's cookie.
    pub(super) copied: bool,
    /// Every account's own minimum may be raised to this.
    pub(super) raise: Option<Assurance>,
    /// The answer to a sign-in of a remembered browser may be lost, and with it the next cookie.
    pub(super) lost: bool,
    /// The passwords of A and B are too short to be the only factor.
    pub(super) short: bool,
    /// Who was there before may put off a second factor at the strong flow for so long; the intruder has an
    /// account that came later.
    pub(super) grace: Option<Millis>,
}

/// A session with what the ghost knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) session: Session,
    pub(super) ghost: Ghost,
}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.session.id, &self.session.authentication, self.session.last_seen_at, &self.ghost).hash(state);
    }
}

/// One browser.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Seat {
    pub(super) journey: Journey,
    pub(super) version: u32,
    pub(super) ghost: Ghost,
    pub(super) session: Option<Kept>,
    /// Authorization codes out of the present journey, and how often one was redeemed.
    pub(super) codes: u8,
    pub(super) redeemed: u8,
    /// Whether the second journey was begun.
    pub(super) again: bool,
    pub(super) steps: u8,
    pub(super) sends: u8,
    /// It moved to another network.
    pub(super) away: bool,
    /// Ceremonies that came after the first one.
    pub(super) ceremonies: u8,
    /// The cookie of a remembered browser.
    pub(super) cookie: Option<Cookie>,
    /// The one before it, while the answer with the present one may yet be lost.
    pub(super) former: Option<Cookie>,
}

/// What was handed out and shown of one remembered browser's secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Secrets {
    pub(super) series: TokenHash,
    /// The last one that was handed out.
    pub(super) given: TokenHash,
    /// The last one that was shown for the first time, and when.
    pub(super) used: Option<(TokenHash, Timestamp)>,
}

impl Secrets {
    pub(super) const fn of(cookie: Cookie) -> Self {
        Self { series: cookie.series, given: cookie.token, used: None }
    }
}

/// A request that has read its journey and not committed yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Held {
    pub(super) seat: usize,
    pub(super) version: u32,
    pub(super) journey: Journey,
    /// `None`: it takes the way back.
    pub(super) event: Option<Event>,
}

/// The whole world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) now: Timestamp,
    /// Who sits where.
    pub(super) who: [Who; 2],
    pub(super) toggled: bool,
    pub(super) store: Store,
    pub(super) seats: [Seat; 2],
    pub(super) held: Option<Held>,
    pub(super) mistakes: u8,
    pub(super) ticks: u8,
    pub(super) holds: u8,
    /// Who agreed to give data to the application, by what was pressed and not by what is stored.
    pub(super) agreed: BTreeSet<Id<Account>>,
    /// The challenges that were answered and taken.
    pub(super) signed: BTreeSet<[u8; 32]>,
    /// The recovery codes that were taken, by their hash.
    pub(super) recovered: BTreeSet<[u8; 32]>,
    pub(super) withdrawn: bool,
    /// The secrets of remembered browsers, by what went to and fro.
    pub(super) secrets: Vec<Secrets>,
    /// Where accounts signed in with a second factor: browsers by seat, networks by seat and place, countries by
    /// place.
    pub(super) known: BTreeSet<(Place, Id<Account>)>,
}

/// A browser, a network, or a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Browser(usize),
    Network(usize, bool),
    Country(bool),
}

impl State {
    /// The browser, the network and the country of a seat. At home both people are in the same one.
    pub(super) fn places(&self, seat: usize) -> [Place; 3] {
        let away = self.seats[seat].away;
        [Place::Browser(seat), Place::Network(seat, away), Place::Country(away)]
    }

    /// What a server knows of `account` at a seat.
    pub(super) fn signals(&self, seat: usize, account: Option<Id<Account>>) -> Signals {
        let known = self.places(seat).map(|place| account.is_some_and(|id| self.known.contains(&(place, id))));
        let [browser_known, network_known, country_known] = known;
        Signals { browser_known, network_known, country_known, last_strong_at: None }
    }
}

/// What the application of somebody else asks for.
pub(super) fn asked() -> Items {
    [Item::Claim("given_name".to_owned()), Item::Scope("offline_access".to_owned())].into()
}

impl Scenario {
    /// What the server demands of a journey through `flow` now: the flow's policy, raised to the
    /// application's minimum. The built-in self-service flow is nobody's application.
    pub(super) fn demand(&self, toggled: bool, flow: Flow, audience: Audience) -> Demand {
        let strong = Demand::mfa(self.strong_methods.iter().copied()).with_minimum(self.least);
        let weak = match self.conditions {
            _ if toggled => strong.clone(),
            Some(conditions) => strong.clone().under(conditions),
            None => Demand::single_factor(),
        };
        if audience == Audience::SelfService {
            return Demand::single_factor();
        }
        let minimum = self.minimum.assurance([strong.floor(), weak.floor()]);
        match flow {
            Flow::Strong => {
                let grace = self.grace.map(|span| Grace { since: T0, until: T0.plus(span) });
                let strong = strong.at_least(minimum).remembering(self.remembered);
                // A minimum of the application leaves none.
                strong.with_grace(grace.filter(|_| self.minimum == Minimum::None))
            }
            Flow::Weak => weak.at_least(minimum),
        }
    }

    pub(super) fn plan(&self, state: &State, seat: usize) -> (Flow, FlowType, Audience) {
        let plan = &self.seats[seat];
        match plan.again.filter(|_| state.seats[seat].again) {
            Some((flow, kind)) => (flow, kind, plan.audience),
            None => (plan.flow, plan.kind, plan.audience),
        }
    }

    /// What a completion is judged by: a remembered browser, and who waits, count where people sign in, and
    /// nowhere else.
    pub(super) fn judged(&self, state: &State, seat: usize, demand: Demand) -> Demand {
        let (flow, kind, audience) = self.plan(state, seat);
        let signs_in = matches!(kind, FlowType::SignIn | FlowType::SignUpSignIn);
        let may = self.remembered && flow == Flow::Strong && signs_in && audience == Audience::Patients;
        let both = may && !self.device && demand.takes_remembered();
        let waits = signs_in && audience == Audience::Patients && !self.device;
        let grace = demand.grace().filter(|_| waits);
        demand.remembering(both).with_grace(grace)
    }

    pub(super) fn demand_now(&self, state: &State, seat: usize) -> Demand {
        let (flow, _, audience) = self.plan(state, seat);
        self.demand(state.toggled, flow, audience)
    }

    /// The header of a seat's first or second journey.
    pub(super) fn header(&self, seat: usize, again: bool, demand: &Demand, now: Timestamp) -> Header {
        let plan = &self.seats[seat];
        let kind = plan.again.filter(|_| again).map_or(plan.kind, |(_, kind)| kind);
        let number = 1_000 + seat as u128 * 10 + u128::from(again);
        let mut header = header(number, kind, plan.audience, demand, now);
        if self.passkeys || self.offers {
            header.flow.settings.mfa.methods.insert(Method::Passkey);
        }
        if self.device
            && let Target::Application(request) = header.target
        {
            let device = TokenHash([seat as u8 + 1; 32]);
            header.target = Target::Device { request, device };
        }
        header
    }

    pub(super) fn start(&self) -> State {
        let mut factors = if self.recovery == Recovery::Alone { Vec::new() } else { vec![phone_factor(PHONE_B)] };
        if self.recovery != Recovery::None {
            let mut codes = recovery_factor(RECOVERY_CODES);
            if let (Recovery::Issued, FactorSecret::RecoveryCodes(codes)) = (self.recovery, &mut codes) {
                codes.until = Some(Timestamp(i64::MAX));
            }
            factors.push(codes);
        }
        if self.b_has_app {
            factors.push(app_factor(SEED_B));
        }
        if self.passkeys {
            factors.push(passkey_factor(KEY_B));
        }
        let mut accounts = vec![account(10, A, Vec::new()), account(20, B, factors)];
        if self.recovery == Recovery::Issued {
            accounts[1].factors[0].failures = MAX_CONSECUTIVE;
        }
        if self.codes {
            accounts[1].recovery_offer_from = Some(T0);
        }
        let mut browsers = Vec::new();
        if self.remembered {
            accounts.push(account(30, EVIL, vec![phone_factor(PHONE_EVIL)]));
            browsers = vec![remembered(20, COOKIE_B, T0), remembered(30, COOKIE_EVIL, T0)];
        }
        if self.grace.is_some() {
            // Made when a second factor was demanded already.
            let newcomer = AccountFacts { created_at: T0, ..account(30, EVIL, Vec::new()) };
            accounts.push(newcomer);
        }
        let cookies = [COOKIE_B, if self.copied { COOKIE_B } else { COOKIE_EVIL }];
        let asked = if self.third_party { asked() } else { Items::new() };
        let short = if self.short { vec![id(10), id(20)] } else { Vec::new() };
        let store = Store { accounts, asked, browsers, short, offers: self.offers, ..Store::default() };
        let seat = |at: usize| {
            let demand = self.demand(false, self.seats[at].flow, self.seats[at].audience);
            let header = self.header(at, false, &demand, T0);
            let facts = super::super::Facts::at(T0, demand, None, store.consent(None));
            Seat {
                journey: Journey::begin(header, None, &facts)
                    .with_ceremony(&mut SeededEntropy::new(900_000 + at as u64)),
                version: 0,
                ghost: Ghost::default(),
                session: None,
                codes: 0,
                redeemed: 0,
                again: false,
                steps: 0,
                sends: 0,
                away: false,
                ceremonies: 0,
                cookie: self.remembered.then(|| cookies[at]),
                former: None,
            }
        };
        let seats = [seat(0), seat(1)];
        State {
            now: T0,
            who: [self.seats[0].who, self.seats[1].who],
            toggled: false,
            store,
            seats,
            held: None,
            mistakes: 0,
            ticks: 0,
            holds: 0,
            agreed: BTreeSet::new(),
            signed: BTreeSet::new(),
            recovered: BTreeSet::new(),
            withdrawn: false,
            secrets: [COOKIE_B, COOKIE_EVIL].into_iter().filter(|_| self.remembered).map(Secrets::of).collect(),
            known: BTreeSet::new(),
        }
    }
}
