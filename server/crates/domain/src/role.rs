//! Roles: what an operator may administer. A role is granted to an account; nothing implies one.

use serde::{Deserialize, Serialize};

use crate::{account::Account, clock::Timestamp, id::Id, tenant::Tenant};

/// A role with its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "role", content = "tenant", rename_all = "snake_case")]
pub enum Role {
    /// Creates tenants and manages all of them.
    InstanceOperator,
    /// Manages one tenant.
    TenantOperator(Id<Tenant>),
    /// Looks at the patients of one tenant.
    ClinicStaff(Id<Tenant>),
}

/// A role that an account holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleGrant {
    /// Who holds it.
    pub account: Id<Account>,
    /// What it is.
    pub role: Role,
    /// Since when.
    pub granted_at: Timestamp,
    /// Who granted it, or invited them to it; `None` where the command line did.
    pub granted_by: Option<Id<Account>>,
}

impl Role {
    /// The name in the log, without the tenant.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InstanceOperator => "instance_operator",
            Self::TenantOperator(_) => "tenant_operator",
            Self::ClinicStaff(_) => "clinic_staff",
        }
    }

    /// Whether it lets its holder administer `tenant`.
    #[must_use]
    pub fn manages(self, tenant: Id<Tenant>) -> bool {
        match self {
            Self::InstanceOperator => true,
            Self::TenantOperator(own) => own == tenant,
            Self::ClinicStaff(_) => false,
        }
    }

    /// Whether it lets its holder look at the patients of `tenant`.
    #[must_use]
    pub fn sees_patients_of(self, tenant: Id<Tenant>) -> bool {
        match self {
            Self::ClinicStaff(own) => own == tenant,
            Self::InstanceOperator | Self::TenantOperator(_) => false,
        }
    }
}
