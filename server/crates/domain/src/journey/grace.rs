//! "Not now": setting up a second factor is put off for as long as the flow's grace period lets. The sign-in
//! stays at AAL1 and says so.

use super::{Context, Header, Person, Refusal, Stage, alone, refusal::Next, second_factor::proceed};
use crate::audit::{Action, Outcome};

/// Whether anybody may wait in the journey of `header` at all: where a password may be the only factor.
pub(super) fn may_wait(header: &Header) -> bool {
    alone::request(header).is_some()
}

/// Whether a person at this stage is about to set up a second factor.
pub(super) const fn is_setting_up(stage: &Stage) -> bool {
    matches!(
        stage,
        Stage::ConfirmEmail { .. }
            | Stage::ChooseMethod(_)
            | Stage::EnrolPhone { .. }
            | Stage::EnrolPhoneCode { .. }
            | Stage::EnrolApp { .. }
            | Stage::EnrolPasskey(_)
    )
}

/// Whether this person may put it off, if the account may and the password is long enough: who has just signed in
/// with the password that was there before, and for nothing else.
pub(super) fn would_postpone(person: &Person) -> bool {
    alone::is_by_password(person) && person.session.is_none() && person.authentication.second().is_empty()
}

/// Whether this person may put it off, if the account may: a short password never is the only factor (N1).
pub(super) fn may_postpone(person: &Person) -> bool {
    would_postpone(person) && person.authentication.has_long_password()
}

/// "Not now": on to where the person was going. Where nothing waits, or no more, it is out of step.
pub(super) fn postpone(context: &mut Context<'_, '_>, stage: Stage) -> Next {
    let may = context.demand.waits_until().is_some() && stage.person().is_some_and(may_postpone);
    let (person, proof) = match stage {
        Stage::ConfirmEmail { person, proof } | Stage::EnrolPhoneCode { person, proof, .. } if may => {
            (person, Some(proof))
        }
        Stage::ChooseMethod(person)
        | Stage::EnrolPhone { person, .. }
        | Stage::EnrolApp { person, .. }
        | Stage::EnrolPasskey(person)
            if may =>
        {
            (person, None)
        }
        stage => return Err((stage, Refusal::OutOfStep)),
    };
    if let Some(proof) = proof {
        context.set_aside(proof);
    }
    context.tell(super::Effect::Audit {
        action: Action::EnrolmentPostponed,
        outcome: Outcome::Success,
        account: Some(person.authentication.account()),
        detail: "not_now",
    });
    let authentication = person.authentication.with_postponed();
    Ok(proceed(context, Person { authentication, ..person }))
}
