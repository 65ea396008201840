//! The offer of recovery codes to who has just set up a factor (U20, U22).
//!
//! It is the last thing before the session: every demand was met, a new account stands by then, and whoever
//! leaves here has lost nothing but this sign-in. The page shows codes that open nothing and are kept nowhere
//! ([`RecoveryCodes::derive`]): they come out of the browser's secret, so that a reload shows the same ones. What
//! makes a set of them is the word of their owner that they are kept, by the rights that binding a factor takes
//! (N19). Neither answer changes what was proved.

use super::{
    AccountFacts, Context, Effect, Notice, Person, Refusal, Stage, Target, Then, complete, enrol::may_bind,
    offer::ASK_AGAIN, refusal::Next,
};
use crate::{
    assurance::Method,
    audit::{Action, Outcome},
    entropy,
    factor::{Factor, FactorSecret, NewFactor},
    id::Id,
    password::next_version,
    recovery::{CodeSeed, RecoveryCodes},
    secret::Token,
    user_flow::Audience,
};

/// Whether this person is to be asked: by a second factor that was just set up, or after an offer that was left
/// open or put off, and at once where a recovery code stood in for a lost one; where patients, staff and operators sign in, and codes are of use there. The account page
/// has an offer of its own.
pub(super) fn is_due(context: &Context<'_, '_>, person: &Person) -> bool {
    let header = context.header;
    let leads_on = matches!(header.target, Target::Application(_) | Target::Console { .. });
    let from = account(context, person).and_then(|account| account.recovery_offer_from);
    let lost = person.bound && person.authentication.second().contains(&Method::RecoveryCode);
    let now = lost || from.map_or(person.bound, |at| at <= context.now());
    let least = context.demand.minimum.max(header.flow.settings.mfa.second_factor().minimum);
    leads_on
        && now
        && header.flow.kind.signs_in()
        && header.flow.audience != Audience::SelfService
        && person.then == Then::Finish
        && person.session.is_none()
        && !person.authentication.second().is_empty()
        && Method::RecoveryCode.assurance() >= least
        && may_have(context, person)
        && may_bind(context, person)
}

fn account<'a>(context: &'a Context<'_, '_>, person: &Person) -> Option<&'a AccountFacts> {
    context.facts.account.as_ref().filter(|account| account.id == person.authentication.account())
}

// Codes stand beside a factor that opens something (one that was bound in this very step is not among the facts),
// and there is no set yet.
fn may_have(context: &Context<'_, '_>, person: &Person) -> bool {
    let of_new = person.new.as_deref().is_some_and(|new| new.factors.iter().any(|f| f.secret.recovery().is_none()));
    let opens = |factor: &Factor| factor.stands_alone() && !factor.is_dead();
    let set = |factor: &Factor| !factor.stands_alone() && !factor.is_issued();
    let beside = |account: &AccountFacts| {
        (person.bound || account.factors.iter().any(opens)) && !account.factors.iter().any(set)
    };
    of_new || (person.new.is_none() && account(context, person).is_some_and(beside))
}

/// Shows codes. An offer that is left open comes again.
pub(super) fn show(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let (account, at) = (person.authentication.account(), context.now());
    context.tell(Effect::OfferRecoveryCodesFrom { account, at });
    Stage::OfferRecoveryCodes { person, seed: CodeSeed(entropy::bytes(context.tools.entropy)) }
}

/// "Not now": on to where the person was going.
pub(super) fn decline(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let (account, at) = (person.authentication.account(), context.now().plus(ASK_AGAIN));
    context.tell(Effect::OfferRecoveryCodesFrom { account, at });
    complete::go_on(context, person)
}

/// "I have kept my codes": the set of what the page showed to `browser` is the account's from now on; the owner is
/// told (N20), and what other journeys know of the account is out of date.
pub(super) fn keep(context: &mut Context<'_, '_>, person: Person, seed: CodeSeed, browser: &Token) -> Next {
    let stay = |person, refusal| Err((Stage::OfferRecoveryCodes { person, seed }, refusal));
    if !context.header.browser.matches(&browser.hash()) {
        return stay(person, Refusal::OutOfStep);
    }
    let owner = account(context, &person).map(|account| (account.id, account.email.clone()));
    let (Some((account, to)), true) = (owner, may_have(context, &person) && may_bind(context, &person)) else {
        return stay(person, Refusal::MethodUnavailable);
    };
    let (set, _) = RecoveryCodes::derive(browser, &seed);
    let set = NewFactor {
        id: Id::new(context.now(), context.tools.entropy),
        secret: FactorSecret::RecoveryCodes(set),
        name: "Recovery codes".to_owned(),
        first_step: None,
    };
    context.tell(Effect::MakeRecoveryCodes { account, set });
    context.tell(Effect::SendNotice { to, notice: Notice::FactorBound(Method::RecoveryCode) });
    let (action, outcome, detail) = (Action::FactorBound, Outcome::Success, Method::RecoveryCode.as_str());
    context.tell(Effect::Audit { action, outcome, account: Some(account), detail });
    // This journey alone goes on.
    let password_version = Some(next_version(person.password_version));
    Ok(complete::go_on(context, Person { password_version, ..person }))
}
