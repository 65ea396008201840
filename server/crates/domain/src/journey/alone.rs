//! Where a password may be the only factor that is asked for, though a second one is demanded: beside a
//! remembered browser ([`super::remember`]) and in a grace period ([`super::grace`]). What both ask of a journey
//! and of its person is written here, once.

use super::{Header, Person, Target, Then};
use crate::{assurance::Level, grant::AuthorizationRequest, user_flow::Audience};

/// The request of a journey in which it may: patients sign in by the flow. A request that asks for a level gets
/// it, a device is approved by a whole sign-in, and whatever changes credentials or data is another type of flow,
/// or asks for the account's own level besides.
pub(super) fn request(header: &Header) -> Option<&AuthorizationRequest> {
    let request = match &header.target {
        Target::Application(request) | Target::Run { request, .. } => request,
        Target::Device { .. } | Target::Console { .. } => return None,
    };
    let asks_for_more = request.options.acr.is_some_and(|level| level > Level::Aal1);
    let signs_in = header.flow.audience == Audience::Patients && header.flow.kind.signs_in();
    (signs_in && !asks_for_more).then_some(request)
}

/// Whether this person came by the password that was there before, to sign in and for nothing else.
pub(super) fn is_by_password(person: &Person) -> bool {
    person.then == Then::Finish
        && person.new_account().is_none()
        && !person.reset
        && person.authentication.has_password()
}
