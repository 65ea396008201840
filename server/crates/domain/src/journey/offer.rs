//! The offer of a passkey to who has just signed in with a password and a second factor (U25).
//!
//! It stands where the journey would end, after everything that is demanded was shown, and takes the very
//! rights that binding a factor takes (N19). Whoever does not want one goes on to where they were going,
//! through the same gates, and is asked again after [`ASK_AGAIN`].

use super::{
    Context, Effect, Person, Stage, Target, complete,
    enrol::may_bind,
    passkey,
    second_factor::{bound, is_due, proceed},
};
use crate::{
    assurance::Method,
    clock::{DAY, Millis},
};

/// How long nobody is asked again who did not want a passkey.
pub const ASK_AGAIN: Millis = 30 * DAY;

/// Whether this person is to be asked: an existing account without a passkey, signed in by password and
/// second factor in a browser that can make one, where the flow lets passkeys sign in.
pub(super) fn is_due_to(context: &Context<'_, '_>, person: &Person) -> bool {
    let Some(account) = context.facts.account.as_ref().filter(|a| a.id == person.authentication.account()) else {
        return false;
    };
    let leads_on = matches!(context.header.target, Target::Application(_) | Target::Console { .. });
    let lately = account.passkey_declined_at.is_some_and(|at| context.now().since(at) < ASK_AGAIN);
    let second = person.authentication.second();
    context.facts.can_make_passkey
        && leads_on
        && !lately
        && !person.offered
        && person.new.is_none()
        && person.session.is_none()
        && !second.is_empty()
        && !second.contains(&Method::Passkey)
        && !bound(context, person).iter().any(|factor| factor.secret.passkey().is_some())
        && passkey::signs_in(context.header)
        && context.demand.methods.contains(&Method::Passkey)
        && may_bind(context, person)
}

/// "Not now": on to where the person was going.
pub(super) fn decline(context: &mut Context<'_, '_>, person: Person) -> Stage {
    let account = person.authentication.account();
    context.tell(Effect::PasskeyDeclined { account });
    if is_due(context, &person) {
        return proceed(context, person);
    }
    complete::finish_without_offer(context, person)
}
