//! Remembered browsers in a journey: when one stands in for the second factor, and when a person may have
//! one remembered. It never is a factor (N22): the sign-in stays at AAL1 and says so.

use super::{Context, Effect, Event, Facts, Header, Next, Notice, Person, Refusal, Stage, Then, alone};
use crate::{
    assurance::{Authentication, Demand},
    audit::{Action, Outcome},
    clock::Timestamp,
    factor::Factor,
    remembered::{RememberedBrowser, Shown},
    secret::TokenHash,
};

/// Whether one may stand in in the journey of `header`: where a password may be the only factor. A request for a
/// fresh sign-in (`max_age`, `prompt=login`) gets what it asks for.
pub(super) fn may_stand_in(header: &Header) -> bool {
    alone::request(header).is_some_and(|request| !request.fresh_login)
}

// The flow that is used says for how many days, also of a browser that another one remembered for longer.
fn counts(header: &Header, browser: &RememberedBrowser, now: Timestamp) -> bool {
    browser.is_live(now) && now.since(browser.created_at) < header.flow.settings.session.remember.life()
}

/// The sign-in of somebody who gave the right password, with the remembered browser that it came from, if it
/// counts here. Its secret is used up by that. A secret that was used up before stands for a copy: the
/// browser is forgotten, what it opened ends, and its owner is told. Beside a password that is too short to be
/// the only factor it does not count, and is not used up (N1).
pub(super) fn recognise(context: &mut Context<'_, '_>, authentication: Authentication, then: Then) -> Authentication {
    let facts = context.facts;
    let Some(shown) = &facts.remembered else { return authentication };
    let row = &shown.browser;
    let own = row.account == authentication.account() && row.tenant == context.header.tenant;
    if !own || !counts(context.header, row, context.now()) {
        return authentication;
    }
    let Some(secret) = shown.secret else { return authentication };
    if row.judge(&secret, context.now()) == Shown::Copied {
        copied(context, row);
        return authentication;
    }
    // Without a factor there is none to stand in for, and recovery codes alone are none.
    let live = |factor: &Factor| factor.stands_alone() && !factor.is_dead();
    let bound = facts.account.as_ref().is_some_and(|a| a.factors.iter().any(live));
    let counts = context.demand.takes_remembered() && authentication.has_long_password();
    if then != Then::Finish || !counts || !bound {
        return authentication;
    }
    use_up(context, row, secret, "password");
    authentication.with_remembered(row.id)
}

fn use_up(context: &mut Context<'_, '_>, row: &RememberedBrowser, shown: TokenHash, detail: &'static str) {
    context.tell(Effect::BrowserRecognised { browser: row.id, shown, replaces: row.token, until: row.expires_at });
    context.tell(audit(row, Outcome::Success, detail));
}

fn copied(context: &mut Context<'_, '_>, row: &RememberedBrowser) {
    context.tell(Effect::BrowserCopied { account: row.account, browser: row.id });
    context.tell(audit(row, Outcome::Failure, "used_before"));
    let owner = context.facts.account.as_ref().filter(|account| account.id == row.account);
    if let Some(to) = owner.map(|account| account.email.clone()) {
        context.tell(Effect::SendNotice { to, notice: Notice::BrowserCopied });
    }
}

const fn audit(row: &RememberedBrowser, outcome: Outcome, detail: &'static str) -> Effect {
    Effect::Audit { action: Action::BrowserRecognised, outcome, account: Some(row.account), detail }
}

/// The sign-in of a journey that went on, sent again from the page before: the answer was lost, and with it the
/// next secret of the remembered browser that stood in. This is the journey of that browser and of its person, so
/// that nothing is proved anew: it gets another secret while the one it has may come again, and nothing else.
pub(super) fn sent_again(context: &mut Context<'_, '_>, stage: Stage) -> Next {
    let (facts, header) = (context.facts, context.header);
    let lost = stage.authentication().zip(facts.remembered.as_ref()).and_then(|(authentication, shown)| {
        let row = &shown.browser;
        let own = authentication.remembered() == Some(row.id) && authentication.account() == row.account;
        let again = |secret: &TokenHash| row.judge(secret, facts.now) == Shown::Again;
        shown.secret.filter(|secret| own && counts(header, row, facts.now) && again(secret)).map(|secret| (row, secret))
    });
    let Some((row, secret)) = lost else { return Err((stage, Refusal::OutOfStep)) };
    use_up(context, row, secret, "sent_again");
    Ok(stage)
}

/// A sign-in that was begun before, in this journey or by a session: a remembered browser that was forgotten
/// since, or is over, stands in for nothing any more.
pub(super) fn still(header: &Header, authentication: Authentication, facts: &Facts) -> Authentication {
    let live = |browser: &RememberedBrowser| {
        Some(browser.id) == authentication.remembered()
            && browser.account == authentication.account()
            && counts(header, browser, facts.now)
    };
    if facts.remembered.as_ref().is_some_and(|shown| live(&shown.browser)) {
        authentication
    } else {
        authentication.without_remembered()
    }
}

/// Whether the person at a challenge may have the browser remembered, if the password is long enough.
pub(super) fn would_ask(header: &Header, demand: &Demand, person: &Person) -> bool {
    header.flow.settings.session.remember.on && demand.takes_remembered() && alone::is_by_password(person)
}

/// Whether the person at a challenge may have the browser remembered: beside a short password it would count for
/// nothing (N1).
pub(super) fn may_ask(header: &Header, demand: &Demand, person: &Person) -> bool {
    would_ask(header, demand, person) && person.authentication.has_long_password()
}

/// A code with "Remember this browser". The wish is kept until every demand is met, and forgotten with a code
/// that is refused. Where it was not offered the code counts all the same.
pub(super) fn asked(context: &mut Context<'_, '_>, stage: Stage, event: Event) -> Next {
    match (stage, event) {
        (Stage::Challenge { person, factor, method, proof }, event @ Event::SubmitCode { .. }) => {
            let remember = may_ask(context.header, &context.demand, &person);
            let asking = Stage::Challenge { person: Person { remember, ..person }, factor, method, proof };
            super::table::transition(context, asking, event).map_err(|(stage, refusal)| (unasked(stage), refusal))
        }
        (stage, _) => Err((stage, Refusal::OutOfStep)),
    }
}

fn unasked(stage: Stage) -> Stage {
    match stage {
        Stage::Challenge { person, factor, method, proof } => {
            Stage::Challenge { person: Person { remember: false, ..person }, factor, method, proof }
        }
        other => other,
    }
}

/// Whether the browser of a person who met every demand is remembered from now on; its owner is told (U24).
pub(super) fn conclude(context: &mut Context<'_, '_>, person: &Person) -> bool {
    let proved = !person.authentication.second().is_empty() && person.session.is_none();
    if !person.remember || !proved || !may_ask(context.header, &context.demand, person) {
        return false;
    }
    let id = person.authentication.account();
    let Some(to) = context.facts.account.as_ref().filter(|a| a.id == id).map(|a| a.email.clone()) else {
        return false;
    };
    context.tell(Effect::SendNotice { to, notice: Notice::BrowserRemembered });
    let (action, outcome) = (Action::BrowserRemembered, Outcome::Success);
    context.tell(Effect::Audit { action, outcome, account: Some(id), detail: "journey" });
    true
}
