//! One move of a walk: the request, what it leaves in the store, and what the [`spec`] says of it.

use std::collections::BTreeSet;

use super::{
    super::{Effect, Event, Facts, Journey, Stage, Step, Target, Tools, testing::*},
    moves::Move,
    spec::{self, Ghost, Property},
    walk::Machine,
    world::{self, Kept, Scenario, Secrets, State},
};
use crate::{assurance::Level, device::DEVICE_CODE_LIFE, entropy::SeededEntropy, password::next_version};

/// The state after a move, unless it could not be made; or the property that it breaks, and how.
pub(super) type Outcome = Result<Option<State>, (Property, String)>;

/// Makes a move.
pub(super) fn play(
    scenario: &Scenario,
    machine: &dyn Machine,
    state: &State,
    next: Move,
    goals: &mut BTreeSet<String>,
) -> Outcome {
    // Most events are out of step: no copy of the world for those.
    if let Move::Send(seat, event) = next {
        let read = (state.seats[seat].journey.clone(), state.seats[seat].version);
        return send(scenario, machine, state, seat, read, event, goals);
    }
    let mut after = state.clone();
    match next {
        Move::Send(..) => return Ok(None),
        Move::Return(seat) => {
            let (journey, version) = (state.seats[seat].journey.clone(), state.seats[seat].version);
            return take_return(scenario, machine, after, seat, (journey, version), goals);
        }
        Move::Redeem(seat) => {
            // UPDATE … WHERE redeemed_at IS NULL
            if after.seats[seat].redeemed >= 1 {
                return Ok(None);
            }
            after.seats[seat].redeemed += 1;
        }
        Move::Hold(held) => {
            after.held = Some(*held);
            after.holds += 1;
        }
        Move::Release => {
            let Some(held) = after.held.take() else { return Ok(None) };
            let read = (held.journey, held.version);
            let released = match held.event {
                Some(event) => send(scenario, machine, &after, held.seat, read, event, goals),
                None => take_return(scenario, machine, after.clone(), held.seat, read, goals),
            };
            return released.map(|state| state.or(Some(after)));
        }
        Move::Again(seat) => return again(scenario, after, seat, goals),
        Move::Tick(span) => {
            after.now = after.now.plus(span);
            after.ticks += 1;
        }
        Move::Toggle => after.toggled = true,
        Move::Travel(seat) => after.seats[seat].away = true,
        Move::Lose(seat) => {
            let browser = &mut after.seats[seat];
            browser.cookie = browser.former.take();
        }
        Move::Disable => after.store.accounts[1].disabled = true,
        // Sessions stay, as where a role's minimum rises: what they are worth is judged where they are used.
        Move::Raise(to) => after.store.accounts.iter_mut().for_each(|account| account.minimum = to),
        Move::Withdraw(account) => {
            after.store.consents.retain(|(id, _)| *id != account);
            after.agreed.remove(&account);
            after.withdrawn = true;
        }
    }
    Ok(Some(after))
}

fn entropy(state: &State, seat: usize) -> SeededEntropy {
    // The same situation draws the same numbers, by whatever way it was reached.
    SeededEntropy::new(
        10_000 * u64::from(state.seats[seat].ceremonies)
            + 1_000 * seat as u64
            + 100 * u64::from(state.seats[seat].again)
            + u64::from(state.seats[seat].sends),
    )
}

fn send(
    scenario: &Scenario,
    machine: &dyn Machine,
    now: &State,
    seat: usize,
    (before, version): (Journey, u32),
    event: Event,
    goals: &mut BTreeSet<String>,
) -> Outcome {
    let demand = scenario.demand_now(now, seat);
    let mut facts = now.store.facts(&before, Some(&event), demand, now.now);
    facts.signals = Some(now.signals(seat, facts.account.as_ref().map(|account| account.id)));
    facts.remembered = now.store.shown(now.seats[seat].cookie);
    let mut entropy = entropy(now, seat);
    let mut tools = Tools { entropy: &mut entropy, codes: &ToyMac, totp: &ToyTotp };
    let step = machine.step(before.clone(), event.clone(), &facts, &mut tools);
    if !machine.wins(version, now.seats[seat].version) {
        return Ok(None);
    }
    if step.refusal.is_some() {
        spec::refused(&before, &step)?;
        let counted = step.effects.iter().any(|effect| matches!(effect, Effect::FactorFailed { .. }));
        if (step.journey == before && !counted) || now.mistakes >= scenario.mistakes {
            return Ok(None);
        }
        let mut state = now.clone();
        state.mistakes += 1;
        state.seats[seat].ceremonies += u8::from(draws(&before, &step.journey));
        state.seats[seat].journey = step.journey;
        state.seats[seat].version += 1;
        return Ok(state.store.apply(before.header.id, &step.effects, facts.now).ok().map(|()| state));
    }
    let mut state = now.clone();
    witness(&mut state, seat, &before, &event, &step)?;
    spec::effects(&state, seat, &step)?;
    let sends = state.store.sends.len();
    if state.store.apply(before.header.id, &step.effects, facts.now).is_err() {
        return Ok(None);
    }
    let sent = state.store.sends.len() - sends;
    aftermath(&mut state, seat, &step);
    let browser = &mut state.seats[seat];
    browser.version += 1;
    browser.steps += 1;
    browser.ceremonies += u8::from(draws(&before, &step.journey));
    browser.sends += u8::try_from(sent).unwrap_or(u8::MAX);
    browser.journey = step.journey;
    if !scenario.codes && !put_off(scenario, machine, &mut state, seat) {
        return Ok(None);
    }
    settle(scenario, &mut state, seat, goals)?;
    Ok(within(scenario, &state, seat).then_some(state))
}

// "Not now" to recovery codes, in worlds that are about something else; whether it could be committed.
fn put_off(scenario: &Scenario, machine: &dyn Machine, state: &mut State, seat: usize) -> bool {
    let journey = state.seats[seat].journey.clone();
    if !matches!(journey.stage(), Stage::OfferRecoveryCodes { .. }) {
        return true;
    }
    let mut facts = state.store.facts(&journey, Some(&Event::NotNow), scenario.demand_now(state, seat), state.now);
    facts.signals = Some(state.signals(seat, facts.account.as_ref().map(|account| account.id)));
    let mut entropy = entropy(state, seat);
    let mut tools = Tools { entropy: &mut entropy, codes: &ToyMac, totp: &ToyTotp };
    let id = journey.header.id;
    let step = machine.step(journey, Event::NotNow, &facts, &mut tools);
    state.seats[seat].journey = step.journey;
    state.store.apply(id, &step.effects, state.now).is_ok()
}

// A new challenge was drawn: the next one must be another.
fn draws(before: &Journey, after: &Journey) -> bool {
    after.ceremony.is_some() && after.ceremony != before.ceremony
}

/// What an accepted event has really shown.
fn witness(
    state: &mut State,
    seat: usize,
    before: &Journey,
    event: &Event,
    step: &Step,
) -> Result<(), (Property, String)> {
    let now = state.now;
    match event {
        Event::SubmitCode { digits } | Event::SubmitAppCode { digits, .. } => {
            spec::accepted_code(state, seat, before, digits, step)
        }
        Event::SubmitRecoveryCode { code } => spec::accepted_recovery(state, seat, before, code),
        Event::Remembering(event) => witness(state, seat, before, event, step),
        Event::SubmitPasskey(check) => spec::accepted_passkey(state, seat, before, check),
        Event::CreatePasskey(creation) => spec::accepted_creation(state, seat, before, creation.challenge, step),
        Event::Agree => {
            if let Stage::Consent { person, asked } = before.stage()
                && world::asked().is_subset(asked)
            {
                state.agreed.insert(person.authentication().account());
            }
            Ok(())
        }
        Event::SignIn { .. } if before.stage().authentication().is_some() => {
            spec::sent_again(state, seat, before, step)
        }
        Event::SignIn { check, email, .. } => {
            let right = check.matched().filter(|(id, version)| {
                let stored = state.store.account(*id);
                stored.is_some_and(|a| a.password_version == Some(*version) && a.email == *email && !a.disabled)
            });
            match right {
                Some((id, version)) => {
                    let remembered = spec::is_remembered(state, seat, id).then_some(id);
                    let (version, long) = (Some(version), !state.store.short.contains(&id));
                    let ghost = &mut state.seats[seat].ghost;
                    *ghost = Ghost { password: Some(id), version, at: now, remembered, long, ..Ghost::default() };
                    Ok(())
                }
                None => Err((Property::DemandsMet, "a wrong password was taken".to_owned())),
            }
        }
        Event::KeepRecoveryCodes { browser } => spec::accepted_codes(before, browser, step),
        Event::NotNow if matches!(before.stage(), Stage::OfferRecoveryCodes { .. }) => spec::unchanged(before, step),
        Event::NotNow => {
            let who = before.stage().person().map(|person| person.authentication().account());
            let offered = matches!(before.stage(), Stage::OfferPasskey(_));
            state.seats[seat].ghost.postponed = who.filter(|_| !offered);
            Ok(())
        }
        Event::SubmitDetails(_) => {
            let ghost = &mut state.seats[seat].ghost;
            let person = step.journey.stage().person().map(|person| person.authentication().account());
            let created = step.effects.iter().find_map(|effect| match effect {
                Effect::CreateAccount(new) => Some(new.id),
                _ => None,
            });
            (ghost.password, ghost.version, ghost.at) = (person.or(created), Some(next_version(None)), now);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What the effects changed for the sessions and the ghosts.
fn aftermath(state: &mut State, seat: usize, step: &Step) {
    for effect in &step.effects {
        match effect {
            Effect::SetPassword { account, .. } => {
                for browser in &mut state.seats {
                    browser.session = browser.session.take().filter(|kept| kept.session.account != *account);
                }
                let version = state.store.account(*account).and_then(|a| a.password_version);
                let ghost = &mut state.seats[seat].ghost;
                (ghost.password, ghost.version, ghost.reset) = (Some(*account), version, true);
            }
            Effect::BrowserRecognised { .. } => {
                let shown = state.seats[seat].cookie;
                let answered = state.store.answered(shown);
                let browser = &mut state.seats[seat];
                (browser.former, browser.cookie) = (shown, answered);
                let known = shown.and_then(|shown| state.secrets.iter_mut().find(|known| known.series == shown.series));
                if let (Some(known), Some(shown), Some(answered)) = (known, shown, answered) {
                    if known.given == shown.token {
                        known.used = Some((shown.token, state.now));
                    }
                    known.given = answered.token;
                }
            }
            Effect::CreateAccount(new) => state.seats[seat].ghost.entitled |= !new.factors.is_empty(),
            // Only who was on the way begins anew: this journey, and whoever had arrived, go on.
            Effect::MakeRecoveryCodes { account, .. } => {
                let version = state.store.account(*account).and_then(|a| a.password_version);
                for (at, browser) in state.seats.iter_mut().enumerate() {
                    let arrived = matches!(browser.journey.stage(), Stage::Returning(_));
                    let own = |ghost: &Ghost| ghost.password == Some(*account) || ghost.passkey == Some(*account);
                    if (arrived || at == seat) && own(&browser.ghost) {
                        browser.ghost.version = version;
                    }
                    if let Some(kept) = browser.session.as_mut().filter(|kept| own(&kept.ghost)) {
                        kept.ghost.version = version;
                    }
                }
            }
            Effect::BindFactor { account, first, .. } => {
                state.seats[seat].ghost.entitled = true;
                for browser in state.seats.iter_mut().filter(|_| *first) {
                    browser.session = browser.session.take().filter(|kept| kept.session.account != *account);
                }
            }
            _ => {}
        }
    }
}

/// The same transaction goes on from a completion to the session.
fn settle(
    scenario: &Scenario,
    state: &mut State,
    seat: usize,
    goals: &mut BTreeSet<String>,
) -> Result<(), (Property, String)> {
    let Stage::Complete(completion) = state.seats[seat].journey.stage() else { return Ok(()) };
    let (flow, kind, audience) = scenario.plan(state, seat);
    let demand = scenario.demand_now(state, seat).stricter(&state.seats[seat].journey.header.demand);
    let demand = scenario.judged(state, seat, demand);
    let authentication = completion.authentication().clone();
    state.seats[seat].ghost.quiet = spec::is_quiet(state, seat, authentication.account());
    spec::completed(state, seat, audience, &demand, &authentication)?;
    spec::consented(scenario, state, &authentication)?;
    let stored = state.store.account(authentication.account());
    let address = stored.map(|account| account.email.as_str().to_owned()).unwrap_or_default();
    let how = if completion.existing_session().is_some() { " by session" } else { "" };
    let who = scenario.seats[seat].who;
    goals.insert(format!("{who:?} {address} {flow:?} {kind:?} {:?}{how}", authentication.level()));

    let mut entropy = entropy(state, seat);
    let (now, places) = (state.now, state.places(seat));
    let browser = &mut state.seats[seat];
    let Ok((header, completion)) = browser.journey.clone().complete() else { return Ok(()) };
    let settled = completion.settle(&header, now, &mut entropy);
    if let Some((session, _)) = settled.session {
        if scenario.conditions.is_some() && session.authentication.level() == Level::Aal2 {
            state.known.extend(places.map(|place| (place, session.account)));
        }
        browser.session = Some(Kept { session, ghost: browser.ghost.clone() });
    }
    browser.journey = Journey::returning(header, settled.back);
    if let Some((row, _)) = settled.remembered {
        let cookie = Cookie { series: row.series, token: row.token };
        (browser.cookie, browser.former) = (Some(cookie), None);
        state.secrets.push(Secrets::of(cookie));
        state.store.browsers.push(row);
    }
    Ok(())
}

fn take_return(
    scenario: &Scenario,
    machine: &dyn Machine,
    mut state: State,
    seat: usize,
    (journey, version): (Journey, u32),
    goals: &mut BTreeSet<String>,
) -> Outcome {
    let demand = scenario.demand_now(&state, seat);
    let facts = state.store.facts(&journey, None, demand.clone(), state.now);
    let (Target::Application(request) | Target::Device { request, .. }) = &journey.header.target else {
        return Ok(None);
    };
    // The service asks both in the transaction that takes the way back.
    if !journey.still_holds(&facts) || state.seats[seat].session.is_none() {
        return Ok(None);
    }
    let (header, request) = (journey.header.clone(), request.clone());
    let Ok((left, back)) = machine.take_return(journey) else { return Ok(None) };
    if !machine.wins(version, state.seats[seat].version) {
        return Ok(None);
    }
    let (_, _, audience) = scenario.plan(&state, seat);
    let demand = scenario.judged(&state, seat, demand.stricter(&header.demand));
    spec::completed(&state, seat, audience, &demand, back.authentication())?;
    spec::consented(scenario, &state, back.authentication())?;
    let (now, mut entropy) = (state.now, entropy(&state, seat));
    let grant = if let Target::Device { .. } = header.target {
        goals.insert("device approved".to_owned());
        back.approve_device(&header, &request, now.plus(DEVICE_CODE_LIFE), now, &mut entropy)
    } else {
        let Ok(issued) = back.issue(&header, &request, now, &mut entropy) else { return Ok(None) };
        goals.insert("code issued".to_owned());
        issued.grant
    };
    let browser = &mut state.seats[seat];
    browser.codes += 1;
    if browser.codes > 1 || grant.redeemed_at.is_some() {
        return Err((Property::CodeOnce, "two authorization codes out of one journey".to_owned()));
    }
    browser.journey = left;
    browser.version += 1;
    Ok(Some(state))
}

fn again(scenario: &Scenario, mut state: State, seat: usize, goals: &mut BTreeSet<String>) -> Outcome {
    let now = state.now;
    state.seats[seat].again = true;
    let demand = scenario.demand_now(&state, seat);
    let header = scenario.header(seat, true, &demand, now);
    // A device is signed in by no session: its person signs in for it.
    let kept = state.seats[seat].session.clone().filter(|_| !scenario.device);
    let account = kept.as_ref().and_then(|kept| state.store.account(kept.session.account)).cloned();
    let consent = state.store.consent(account.as_ref());
    let signals = Some(state.signals(seat, account.as_ref().map(|account| account.id)));
    let remembered = kept.as_ref().and_then(|kept| state.store.of_session(&kept.session));
    let facts = Facts { signals, remembered, ..Facts::at(now, demand, account, consent) };
    let journey = Journey::begin(header, kept.as_ref().map(|kept| &kept.session), &facts);
    let journey = journey.with_ceremony(&mut entropy(&state, seat));
    let led = journey.stage().person().is_some() || matches!(journey.stage(), Stage::Complete(_));
    let browser = &mut state.seats[seat];
    browser.ghost = kept.filter(|_| led).map(|kept| Ghost::carried(&kept, &state.store, now)).unwrap_or_default();
    (browser.codes, browser.redeemed, browser.steps) = (0, 0, browser.steps + 1);
    browser.ceremonies += u8::from(journey.ceremony.is_some());
    browser.journey = journey;
    browser.version += 1;
    settle(scenario, &mut state, seat, goals)?;
    Ok(within(scenario, &state, seat).then_some(state))
}

fn within(scenario: &Scenario, state: &State, seat: usize) -> bool {
    let (browser, together) = (&state.seats[seat], state.seats.iter().map(|seat| seat.steps).sum::<u8>());
    browser.steps <= scenario.steps && together <= scenario.together && browser.sends <= scenario.sends
}
