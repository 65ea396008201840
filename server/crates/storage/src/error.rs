//! What can go wrong in storage.

use sqlx::{error::ErrorKind, migrate::MigrateError};

/// The result of a storage operation.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// A uniqueness rule of the schema that a caller may run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Constraint {
    /// Two tenants with one domain.
    #[error("the domain of a tenant")]
    TenantDomain,
    /// Two flows of a tenant with one name, whatever its case.
    #[error("the name of a user flow")]
    FlowName,
    /// Two custom attributes of a tenant with one name.
    #[error("the name of an attribute")]
    AttributeName,
    /// Two accounts of a tenant with one address.
    #[error("the email address of an account")]
    AccountEmail,
    /// A passkey that some account has already.
    #[error("the credential of a passkey")]
    Credential,
    /// A role that the account holds already.
    #[error("a role held")]
    RoleHeld,
    /// A meta key that is set already.
    #[error("a meta key")]
    MetaKey,
}

/// Why a storage operation failed. After [`StorageError::Raced`], [`StorageError::Unavailable`] or
/// [`StorageError::Driver`] the transaction is lost: a job must pass the error on.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Something else has that name already. The transaction can go on.
    #[error("not unique: {0}")]
    Unique(Constraint),
    /// The row is not in the state that the change asks for: somebody else was first. The
    /// transaction can go on.
    #[error("changed by somebody else in the meantime")]
    Conflict,
    /// The database gave the transaction up, which got in the way of another one: nothing was
    /// decided, and it may be tried again.
    #[error("two transactions got in each other's way")]
    Raced,
    /// The database holds, or was asked for, what cannot be.
    #[error("inconsistent: {0}")]
    Inconsistent(&'static str),
    /// The database did not answer, in time or at all: nothing was acknowledged.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database refused for another reason.
    #[error("database error")]
    Driver(#[source] sqlx::Error),
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is of no kind that we know.
    #[error("the database address must begin with sqlite: or postgres: {0}")]
    Address(String),
    /// A migration was applied that this program does not know: the database is of a later release.
    #[error("the database was made by a newer version of Lanyard (schema {found}, this one knows {known})")]
    FromTheFuture {
        /// The highest migration applied.
        found: i64,
        /// The highest migration known.
        known: i64,
    },
    /// The file could not be created or protected.
    #[error("the database file cannot be created")]
    File(#[from] std::io::Error),
    /// The migrations could not be applied.
    #[error("the database schema cannot be brought up to date")]
    Migrate(#[from] MigrateError),
    /// The database could not be reached.
    #[error("the database cannot be opened")]
    Driver(#[from] sqlx::Error),
}

// PostgreSQL: serialization_failure and deadlock_detected.
const RETRYABLE: [&str; 2] = ["40001", "40P01"];
// PostgreSQL: classes of connection exceptions, insufficient resources and operator intervention.
const UNAVAILABLE: [&str; 3] = ["08", "53", "57"];

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        if matches!(
            error,
            E::Io(_) | E::Tls(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::BeginFailed | E::Protocol(_)
        ) {
            return Self::Unavailable(error.to_string());
        }
        // A change, gathered with others, that missed its row.
        if matches!(error, E::RowNotFound) {
            return Self::Conflict;
        }
        let Some(database) = error.as_database_error() else { return Self::Driver(error) };
        let code = database.code().unwrap_or_default();
        if RETRYABLE.contains(&code.as_ref()) {
            Self::Raced
        } else if code.len() == 5 && UNAVAILABLE.iter().any(|class| code.starts_with(class)) {
            Self::Unavailable(error.to_string())
        } else if database.kind() == ErrorKind::ForeignKeyViolation {
            Self::Inconsistent("a reference to a row that is not there")
        } else {
            Self::Driver(error)
        }
    }
}

impl From<serde_json::Error> for StorageError {
    fn from(_: serde_json::Error) -> Self {
        Self::Inconsistent("JSON of another form")
    }
}
