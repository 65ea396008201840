//! A flow for the tests of this folder.

use super::{Audience, FlowName, FlowSettings, FlowType, MfaPolicy, SessionSettings, TokenSettings, UserFlow};
use crate::{clock::Timestamp, entropy::SeededEntropy, id::Id};

/// A flow by which patients sign in, with these settings and nothing else.
pub(super) fn sign_in_flow(mfa: MfaPolicy, session: SessionSettings) -> UserFlow {
    let random = &mut SeededEntropy::new(1);
    UserFlow {
        id: Id::new(Timestamp(0), random),
        tenant: Id::new(Timestamp(0), random),
        name: FlowName::parse("sign-in").unwrap(),
        kind: FlowType::SignIn,
        audience: Audience::Patients,
        settings: FlowSettings {
            mfa,
            attributes: Vec::new(),
            claims: Vec::new(),
            tokens: TokenSettings::default(),
            session,
        },
        version: 1,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}
