//! Signing keys of tenants. The private half is sealed by the tenant's data key (A41, C6).

use async_trait::async_trait;
use lanyard_domain::{clock::Timestamp, id::Id, secret::Sealed, tenant::Tenant};
use uuid::Uuid;

use super::{both, collect, hit, time};
use crate::error::{Result, StorageError};

/// A signing key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The `kid`.
    pub id: String,
    /// Whose tokens it signs.
    pub tenant: Id<Tenant>,
    /// The JOSE algorithm: `RS256`, `ES256`.
    pub alg: String,
    /// The private key, sealed.
    pub private_key: Sealed,
    /// The public key as a JWK (JSON).
    pub public_jwk: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it signs nothing more.
    pub retired_at: Option<Timestamp>,
}

/// Reads signing keys.
#[async_trait]
pub trait SigningKeyReads {
    /// The keys of `tenant` that sign, and those retired after `retired_after`, which are still
    /// published (D12); newest first.
    async fn signing_keys(&mut self, tenant: Id<Tenant>, retired_after: Timestamp) -> Result<Vec<SigningKey>>;
}

/// Changes signing keys.
#[async_trait]
pub trait SigningKeyWrites {
    /// Stores a key.
    async fn create_signing_key(&mut self, key: &SigningKey) -> Result<()>;
    /// Retires a key of `tenant`; Conflict if it is retired or gone.
    async fn retire_signing_key(&mut self, tenant: Id<Tenant>, id: &str, at: Timestamp) -> Result<()>;
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: String,
    tenant_id: Uuid,
    alg: String,
    private_key: Vec<u8>,
    public_jwk: String,
    created_at: i64,
    retired_at: Option<i64>,
}

impl TryFrom<KeyRow> for SigningKey {
    type Error = StorageError;
    fn try_from(row: KeyRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            tenant: Id::from_uuid(row.tenant_id),
            alg: row.alg,
            private_key: Sealed(row.private_key),
            public_jwk: row.public_jwk,
            created_at: Timestamp(row.created_at),
            retired_at: time(row.retired_at),
        })
    }
}

both!(SigningKeyReads {
    async fn signing_keys(&mut self, tenant: Id<Tenant>, retired_after: Timestamp) -> Result<Vec<SigningKey>> {
        let rows = sqlx::query_as::<_, KeyRow>(
            "SELECT * FROM signing_keys WHERE tenant_id = $1 AND (retired_at IS NULL OR retired_at > $2) \
             ORDER BY created_at DESC, id",
        );
        collect(rows.bind(tenant.uuid()).bind(retired_after.0).fetch_all(&mut *self.db).await?)
    }
});

both!(SigningKeyWrites {
    async fn create_signing_key(&mut self, key: &SigningKey) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO signing_keys (id, tenant_id, alg, private_key, public_jwk, created_at, retired_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        );
        let insert = insert.bind(&key.id).bind(key.tenant.uuid()).bind(&key.alg).bind(&key.private_key.0[..]);
        let insert = insert.bind(&key.public_jwk).bind(key.created_at.0).bind(key.retired_at.map(|at| at.0));
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn retire_signing_key(&mut self, tenant: Id<Tenant>, id: &str, at: Timestamp) -> Result<()> {
        let update = sqlx::query(
            "UPDATE signing_keys SET retired_at = $3 WHERE id = $2 AND tenant_id = $1 AND retired_at IS NULL",
        );
        hit(update.bind(tenant.uuid()).bind(id).bind(at.0).execute(&mut *self.db).await?.rows_affected())
    }
});
