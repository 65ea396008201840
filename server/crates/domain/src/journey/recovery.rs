//! A recovery code as the answer to a challenge.

use super::{
    Context, Effect, Person, Refusal, Stage,
    second_factor::{bound, counted, factor_of, failed, proceed},
};
use crate::{
    assurance::Method,
    delays::GUESSES,
    factor::Factor,
    id::Id,
    recovery::{Found, RecoveryCode},
};

/// Answers a challenge by a code of the set `id`, or of another one that the account has: its owner's own set and
/// the code that staff issued are asked for in one field.
///
/// A code that was used before is a slip of its owner, who knows it, and no guess.
pub(super) fn answer(
    context: &mut Context<'_, '_>,
    person: Person,
    id: Id<Factor>,
    code: &RecoveryCode,
) -> Result<Stage, (Person, Refusal)> {
    let now = context.now();
    let of_code = bound(context, &person).iter().find(|factor| {
        let codes = factor.secret.recovery();
        codes.is_some_and(|codes| codes.find(code) != Found::Unknown)
    });
    let factor = factor_of(context, &person, id).map(|asked| of_code.cloned().unwrap_or(asked));
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
        Found::Fresh(_) if codes.is_over(now) => {
            failed(context, &factor, Method::RecoveryCode, false);
            Err((person, Refusal::CodeExpired))
        }
        Found::Fresh(at) => {
            let (left, issued) = (codes.left().saturating_sub(1), codes.is_issued());
            context.tell(Effect::RecoveryCodeUsed { factor: factor.id, at, account, to, left, issued });
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
