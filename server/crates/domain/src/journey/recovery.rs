//! A recovery code as the answer to a challenge.

use super::{
    Context, Effect, Person, Refusal, Stage,
    second_factor::{counted, factor_of, failed, proceed},
};
use crate::{
    assurance::Method,
    delays::GUESSES,
    factor::Factor,
    id::Id,
    recovery::{Found, RecoveryCode},
};

/// Answers a challenge by a code of the set `id`.
///
/// A code that was used before is a slip of its owner, who knows it, and no guess.
pub(super) fn answer(
    context: &mut Context<'_, '_>,
    person: Person,
    id: Id<Factor>,
    code: &RecoveryCode,
) -> Result<Stage, (Person, Refusal)> {
    let now = context.now();
    let factor = factor_of(context, &person, id);
    let owner = context.facts.account.as_ref().map(|account| (account.id, account.email.clone()));
    let (Some(factor), Some((account, to))) = (factor, owner) else { return Err((person, Refusal::MethodUnavailable)) };
    let Some(codes) = factor.secret.recovery() else { return Err((person, Refusal::MethodUnavailable)) };
    if factor.is_disabled() {
        return Err((person, Refusal::FactorDisabled));
    }
    if let Some(until) = factor.lock(now) {
        return Err((person, Refusal::FactorLocked { until }));
    }
    match codes.find(code) {
        Found::Fresh(at) => {
            let left = codes.left().saturating_sub(1);
            context.tell(Effect::RecoveryCodeUsed { factor: id, at, account, to, left });
            let authentication = person.authentication.with_second(Method::RecoveryCode, now);
            Ok(proceed(context, Person { authentication, session: None, ..person }))
        }
        Found::Used => {
            failed(context, &factor, Method::RecoveryCode, false);
            Err((person, Refusal::CodeUsed))
        }
        Found::Unknown => {
            failed(context, &factor, Method::RecoveryCode, true);
            Err((person, counted(Refusal::CodeWrong { tries_left: GUESSES.tries_left(0) }, &factor, now)))
        }
    }
}
