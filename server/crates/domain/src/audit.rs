//! Audit events (C1): who did what, on whom, when, from where, with what result.
//!
//! An event is written in the transaction of the change that it tells of, and never changed.

use serde::{Deserialize, Serialize};

use crate::{account::Account, clock::Timestamp, id::Id, tenant::Tenant};

/// What happened. The database keeps the snake_case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // the names say it
pub enum Action {
    SignIn,
    SignUp,
    SignOut,
    PasswordChecked,
    PasswordReset,
    EmailCodeSent,
    EmailProved,
    FactorBound,
    EnrolmentPostponed,
    FactorRemoved,
    FactorRenamed,
    FactorDisabled,
    MinimumChanged,
    FactorChallenged,
    FactorChecked,
    RecoveryCodeUsed,
    ResetAsked,
    ResetApproved,
    ResetRefused,
    ResetIssued,
    BrowserRemembered,
    BrowserRecognised,
    BrowserForgotten,
    ProfileChanged,
    EmailChanged,
    DataExported,
    AccountSecured,
    AccountDisabled,
    AccountEnabled,
    DeletionRequested,
    DeletionUndone,
    AccountDeleted,
    JourneyCancelled,
    CodeIssued,
    IdTokenIssued,
    ConsentGiven,
    ConsentWithdrawn,
    SessionEnded,
    CodeRedeemed,
    CodeReused,
    TokenRefreshed,
    RefreshReused,
    TokenRevoked,
    ApplicationTokenIssued,
    ClientAuthenticationFailed,
    TenantCreated,
    TenantChanged,
    ApplicationRegistered,
    ApplicationChanged,
    ClientSecretCreated,
    ClientSecretRemoved,
    FlowCreated,
    FlowChanged,
    FlowRun,
    AttributeDefined,
    InvitationSent,
    InvitationUsed,
    InvitationWithdrawn,
    RoleGranted,
    RoleRevoked,
    PatientViewed,
    PatientsListed,
    GuessingDetected,
    MessageFailed,
    ProviderFailing,
    ProviderRecovered,
    SigningKeyCreated,
    SigningKeyRevoked,
    SigningKeyDeleted,
    DeviceApproved,
    DeviceDenied,
    DeviceCodeReused,
    ApplicationDeleted,
    RegistrationSwitched,
    InitialAccessTokenCreated,
    InitialAccessTokenRevoked,
    InitialAccessTokenRefused,
    RegistrationTokenRevoked,
    ProofRefused,
    FailuresLeftOut,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Outcome {
    Success,
    Failure,
}

/// An audit event. `detail` never holds a password, code, token or seed (C5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Stable id.
    pub id: Id<AuditEvent>,
    /// The tenant on whose account or setting it was done.
    pub tenant: Id<Tenant>,
    /// When (UTC).
    pub at: Timestamp,
    /// Who did it; `None` while nobody is known yet, or for the system itself.
    pub actor: Option<Id<Account>>,
    /// What was done.
    pub action: Action,
    /// On whom or what: the text form of an id.
    pub target: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The network address of the request.
    pub ip: Option<String>,
    /// The id of the request, as in the log and on error pages.
    pub request: Option<String>,
    /// More, as closed words: the method, the reason of a refusal, the flow.
    pub detail: serde_json::Value,
}
