//! The repositories: for each noun a trait for reading, a trait for writing, and the SQL.
//!
//! `both!` stamps one body for both databases; the SQL in it is in the dialect that both share
//! (`$1`, `RETURNING`, `ON CONFLICT`, row values). Every change is one conditional statement
//! whose count of rows decides: one, or [`StorageError::Conflict`].

mod account;
mod account_facts;
mod allowance;
mod application;
mod attribute;
mod audit;
mod client_assertion;
mod consent;
mod contact;
mod cool_down;
mod counter;
mod device_code;
mod dpop_proof;
mod factor;
mod flow_link;
mod grant;
mod invitation;
mod journey;
mod known_place;
mod message_provider;
mod meta;
mod minimum;
mod outbox;
mod passkey;
mod patient;
mod patient_terms;
mod pushed_request;
mod recovery;
mod redemption;
mod refresh_token;
mod registration;
mod relying_party;
mod remembered;
mod repudiation;
mod reset;
mod role;
mod send;
mod session;
mod signing_key;
mod step;
mod tenant;
mod throttle;
mod user_flow;

pub use account::{AccountReads, AccountWrites};
pub use account_facts::AccountFactsReads;
pub use allowance::{AllowanceReads, AllowanceWrites};
pub use application::{ApplicationReads, ApplicationWrites};
pub use attribute::{AttributeReads, AttributeWrites};
pub use audit::{AuditCursor, AuditReads, AuditWanted, AuditWrites, EACH_KIND, Note};
pub(crate) use audit::{Notes, event_columns};
pub use client_assertion::ClientAssertionWrites;
pub use consent::{Access, ConsentReads, ConsentWrites};
pub use contact::{ContactReads, ContactWrites};
pub use cool_down::{CoolDownReads, CoolDownWrites};
pub use counter::{CounterReads, CounterWrites, PATIENTS_TOTAL, PATIENTS_WITH_MFA};
pub use device_code::{DeviceCodeReads, DeviceCodeWrites};
pub use dpop_proof::DpopProofWrites;
pub use factor::{FactorReads, FactorWrites};
pub use flow_link::{FlowLinkReads, FlowLinkWrites};
pub use grant::{GrantReads, GrantWrites};
pub use invitation::{InvitationReads, InvitationWrites};
pub use journey::{JourneyReads, JourneySave, JourneyWrites, StoredJourney};
pub use known_place::{KnownPlaceReads, KnownPlaceWrites};
pub use message_provider::{MessageProviderReads, MessageProviderWrites, ProviderFailure, ProviderHealth};
pub use meta::{META_DEMO, META_KEY_CHECK, MetaReads, MetaWrites};
pub(crate) use minimum::minimum_columns;
pub use minimum::{MinimumReads, MinimumWrites, PATIENTS_WITH_MINIMUM};
pub(crate) use outbox::waiting;
pub use outbox::{ClaimedMessage, MessageKind, MessageStatus, NewMessage, OutboxReads, OutboxWrites, Wanted};
pub use passkey::{PasskeyReads, PasskeyWrites};
pub use patient::{
    Patient, PatientCursor, PatientKey, PatientOrder, PatientPage, PatientQuery, PatientReads, PatientSort, Position,
};
pub use pushed_request::{PushedAt, PushedRequest, PushedRequestReads, PushedRequestWrites};
pub use recovery::RecoveryWrites;
pub use redemption::{Exchange, GrantAtHand, RedemptionReads, RedemptionWrites};
pub(crate) use redemption::{Exchanges, Looks, at_hand_columns, select_refresh, use_token};
pub use refresh_token::{RefreshTokenReads, RefreshTokenWrites};
pub use registration::{RegistrationReads, RegistrationWrites};
pub use relying_party::{RelyingParty, RelyingPartyReads, RelyingPartyWrites};
pub use remembered::{RememberedReads, RememberedWrites};
pub use repudiation::{Repudiation, RepudiationReads, RepudiationWrites};
pub use reset::{ResetReads, ResetWrites};
pub use role::{RoleReads, RoleWrites};
pub use send::{SendReads, SendWrites};
pub use session::{SessionReads, SessionWrites};
pub use signing_key::{NewSigningKey, SigningKey, SigningKeyReads, SigningKeyWrites};
pub use step::{JourneyAtHand, SignInKeys, StepFacts, StepReads, StepWants};
pub use tenant::{TenantReads, TenantWrites};
pub use throttle::{Throttle, ThrottleReads, ThrottleWrites};
pub use user_flow::{FlowReads, FlowWrites};
#[cfg(test)]
pub(crate) use {
    account::DUE_DELETIONS,
    audit::{CHANGES, HISTORY, ONWARDS},
    grant::REVOKE_OF_BROWSER,
    redemption::LOOK_UP,
    session::OF_BROWSER,
};

use lanyard_domain::{clock::Timestamp, id::Id, secret::TokenHash};
use uuid::Uuid;

use crate::error::{Constraint, Result, StorageError};

#[cfg(test)]
pub(crate) use patient::plans;

/// Stamps the implementation of a repository trait for both databases.
macro_rules! both {
    ($name:ident { $($body:tt)* }) => {
        #[async_trait::async_trait]
        impl $name for $crate::sqlite::SqliteTx<'_> { $($body)* }
        #[async_trait::async_trait]
        impl $name for $crate::postgres::PostgresTx<'_> { $($body)* }
    };
}
pub(crate) use both;

/// Sends changes to the database together rather than one by one.
///
/// Between [`Gathering::gather`] and [`Gathering::scatter`] a change that gives nothing back may be
/// held back: its error, the Conflict of a missed row included, is then that of `scatter`, or of the
/// next statement that is not held back. The order stays, and nothing ever reads past what is held.
#[async_trait::async_trait]
pub trait Gathering {
    /// Holds changes back from now on, where the database gains by it.
    fn gather(&mut self);
    /// Sends what was held back.
    async fn scatter(&mut self) -> Result<()>;
}

macro_rules! transaction {
    ($($(#[$doc:meta])* $name:ident: $($base:ident),*;)*) => {$(
        $(#[$doc])*
        pub trait $name: Send $(+ $base)* {}
        impl<T: Send + ?Sized $(+ $base)*> $name for T {}
    )*};
}

transaction! {
    /// What a job may do that only reads.
    ReadTx: MetaReads, TenantReads, ApplicationReads, FlowReads, FlowLinkReads, AttributeReads, AccountReads,
        FactorReads, RoleReads, InvitationReads, SessionReads, JourneyReads, GrantReads, RefreshTokenReads,
        ThrottleReads, AllowanceReads, SendReads, OutboxReads, AuditReads, CounterReads, SigningKeyReads, PatientReads, RelyingPartyReads,
        StepReads, AccountFactsReads, ConsentReads, DeviceCodeReads, PushedRequestReads, RedemptionReads,
        RegistrationReads, PasskeyReads, RepudiationReads, ResetReads, ContactReads, KnownPlaceReads, RememberedReads,
        CoolDownReads, MessageProviderReads, MinimumReads;
    /// What a job may do that changes something: everything.
    WriteTx: ReadTx, Gathering, MetaWrites, TenantWrites, ApplicationWrites, FlowWrites, FlowLinkWrites, AttributeWrites,
        AccountWrites, FactorWrites, RoleWrites, InvitationWrites, SessionWrites, JourneyWrites, GrantWrites,
        RefreshTokenWrites, RelyingPartyWrites, ThrottleWrites, AllowanceWrites, SendWrites, OutboxWrites, AuditWrites, CounterWrites,
        SigningKeyWrites, ClientAssertionWrites, PushedRequestWrites, DpopProofWrites, ConsentWrites, DeviceCodeWrites,
        RedemptionWrites, RegistrationWrites, PasskeyWrites, RepudiationWrites, ContactWrites, KnownPlaceWrites, RecoveryWrites,
        RememberedWrites, CoolDownWrites, ResetWrites, MessageProviderWrites,
        MinimumWrites;
}

/// Where a list that is ordered by name goes on: after this entry.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(bound = "")]
pub struct NameCursor<T> {
    /// The folded name of the last entry shown.
    pub key: String,
    /// Its id.
    pub id: Id<T>,
}

impl<T> NameCursor<T> {
    /// The cursor that goes on after the entry of this `name` and `id`.
    #[must_use]
    pub fn after(name: &str, id: Id<T>) -> Self {
        Self { key: name_key(name), id }
    }
}

/// The first place of a list ordered by name.
pub(crate) fn name_start<T>(after: Option<&NameCursor<T>>) -> (&str, Uuid) {
    after.map_or(("", Uuid::nil()), |cursor| (&cursor.key, cursor.id.uuid()))
}

/// The form of a name that lists are ordered by.
pub(crate) fn name_key(name: &str) -> String {
    lanyard_domain::text::fold(name)
}

/// A conditional change that must have hit its one row.
pub(crate) fn hit(rows: u64) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StorageError::Conflict) }
}

/// An insert that `ON CONFLICT DO NOTHING` may have left out.
pub(crate) fn unique(rows: u64, constraint: Constraint) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StorageError::Unique(constraint)) }
}

/// A row turned into what it stands for, if there is one.
pub(crate) fn optional<R, T: TryFrom<R, Error = StorageError>>(row: Option<R>) -> Result<Option<T>> {
    row.map(T::try_from).transpose()
}

/// Rows turned into what they stand for.
pub(crate) fn collect<R, T: TryFrom<R, Error = StorageError>>(rows: Vec<R>) -> Result<Vec<T>> {
    rows.into_iter().map(T::try_from).collect()
}

/// A hash read from its column.
pub(crate) fn token_hash(bytes: &[u8]) -> Result<TokenHash> {
    bytes.try_into().map(TokenHash).map_err(|_| StorageError::Inconsistent("a hash of another length"))
}

/// A word of one of our enums, read from its column.
pub(crate) fn word<T>(parsed: Option<T>) -> Result<T> {
    parsed.ok_or(StorageError::Inconsistent("an unknown word"))
}

/// A moment that may be absent.
pub(crate) fn time(column: Option<i64>) -> Option<Timestamp> {
    column.map(Timestamp)
}
