//! Remembered browsers in a journey: when one stands in for the second factor, and when a person may have
//! one remembered. It never is a factor (N22): the sign-in stays at AAL1 and says so.

use super::{Context, Effect, Event, Facts, Header, Next, Notice, Person, Refusal, Stage, Target, Then};
use crate::{
    assurance::{Authentication, Demand, Level},
    audit::{Action, Outcome},
    clock::Timestamp,
    factor::Factor,
    remembered::RememberedBrowser,
    user_flow::Audience,
};

// A request that asks for a level or for a fresh sign-in (`acr_values`, `max_age`, `prompt=login`) gets what
// it asks for. A device is approved by a whole sign-in. Whatever changes credentials or data is another type
// of flow, or asks for the account's own level besides.
pub(super) fn may_stand_in(header: &Header) -> bool {
    let request = match &header.target {
        Target::Application(request) | Target::Run { request, .. } => request,
        Target::Device { .. } | Target::Console { .. } => return false,
    };
    header.flow.audience == Audience::Patients
        && header.flow.kind.signs_in()
        && !request.fresh_login
        && request.options.acr.is_none_or(|level| level == Level::Aal1)
}

// The flow that is used says for how many days, also of a browser that another one remembered for longer.
fn counts(header: &Header, browser: &RememberedBrowser, now: Timestamp) -> bool {
    browser.is_live(now) && now.since(browser.created_at) < header.flow.settings.session.remember.life()
}

/// The sign-in of somebody who gave the right password, with the remembered browser that it came from, if it
/// counts here. Its secret is used up by that. A secret that was used up before stands for a copy: the
/// browser is forgotten.
pub(super) fn recognise(context: &mut Context<'_, '_>, authentication: Authentication, then: Then) -> Authentication {
    let facts = context.facts;
    let Some(shown) = &facts.remembered else { return authentication };
    let row = &shown.browser;
    let own = row.account == authentication.account() && row.tenant == context.header.tenant;
    if !own || !counts(context.header, row, context.now()) {
        return authentication;
    }
    let account = Some(row.account);
    let audit = |outcome, detail| Effect::Audit { action: Action::BrowserRecognised, outcome, account, detail };
    if !shown.secret.is_some_and(|secret| secret.matches(&row.token)) {
        context.tell(Effect::ForgetBrowser { account: row.account, browser: row.id });
        context.tell(audit(Outcome::Failure, "used_before"));
        return authentication;
    }
    // Without a factor there is none to stand in for, and recovery codes alone are none.
    let live = |factor: &Factor| factor.stands_alone() && !factor.is_dead();
    let bound = facts.account.as_ref().is_some_and(|a| a.factors.iter().any(live));
    if then != Then::Finish || !context.demand.takes_remembered() || !bound {
        return authentication;
    }
    context.tell(Effect::BrowserRecognised { browser: row.id, replaces: row.token, until: row.expires_at });
    context.tell(audit(Outcome::Success, "password"));
    authentication.with_remembered(row.id)
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

/// Whether the person at a challenge may have the browser remembered.
pub(super) fn may_ask(header: &Header, demand: &Demand, person: &Person) -> bool {
    header.flow.settings.session.remember.on
        && demand.takes_remembered()
        && person.then == Then::Finish
        && person.new_account().is_none()
        && person.authentication.has_password()
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
