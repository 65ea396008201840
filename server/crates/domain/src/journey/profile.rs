//! Profile editing.

use super::{Context, Effect, Next, Person, Stage, Then, second_factor};
use crate::{
    attribute::Attributes,
    audit::{Action, Outcome},
};

/// The changed attributes.
pub(super) fn submit(context: &mut Context<'_, '_>, person: Person, attributes: Attributes) -> Next {
    let account = person.authentication.account();
    let asked = |name: &str| context.header.flow.settings.attributes.iter().any(|a| a.name == name);
    if attributes.keys().any(|name| !asked(name)) {
        return Err((Stage::EditProfile(person), super::Refusal::OutOfStep));
    }
    // A factor may have been bound, or demanded, since this page was reached.
    if second_factor::is_due(context, &person) {
        return Ok(second_factor::proceed(context, person));
    }
    context.tell(Effect::UpdateProfile { account, attributes });
    context.tell(Effect::Audit {
        action: Action::ProfileChanged,
        outcome: Outcome::Success,
        account: Some(account),
        detail: "profile",
    });
    Ok(second_factor::proceed(context, Person { then: Then::Finish, ..person }))
}
