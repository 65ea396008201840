//! Signing keys of tenants, in generations (D12). The private half is sealed by the tenant's data
//! key (A41, C6).
//!
//! When a key signs and when it is deleted follows from the `signs_from` of its own and the next
//! generation alone; the unique number of a generation decides which of two processes rotates.

use async_trait::async_trait;
use lanyard_domain::{application::SigningAlgorithm, clock::Timestamp, id::Id, secret::Sealed, tenant::Tenant};
use uuid::Uuid;

use super::{both, collect, word};
use crate::error::{Result, StorageError};

/// A signing key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The `kid`.
    pub id: String,
    /// Whose tokens it signs.
    pub tenant: Id<Tenant>,
    /// The algorithm.
    pub alg: SigningAlgorithm,
    /// Its number among the keys of the algorithm; given by the database.
    pub generation: i64,
    /// When it begins to sign; published from the moment that it is stored.
    pub signs_from: Timestamp,
    /// The private key, sealed.
    pub private_key: Sealed,
    /// The public key as a JWK (JSON).
    pub public_jwk: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A key to be stored as the next generation.
#[derive(Debug, Clone)]
pub struct NewSigningKey {
    /// The `kid`.
    pub id: String,
    /// Whose tokens it signs.
    pub tenant: Id<Tenant>,
    /// The algorithm.
    pub alg: SigningAlgorithm,
    /// When it begins to sign.
    pub signs_from: Timestamp,
    /// The private key, sealed.
    pub private_key: Sealed,
    /// The public key as a JWK (JSON).
    pub public_jwk: String,
    /// The present moment.
    pub created_at: Timestamp,
}

/// Reads signing keys.
#[async_trait]
pub trait SigningKeyReads {
    /// Every key of `tenant`, all of them published; newest generation first.
    async fn signing_keys(&mut self, tenant: Id<Tenant>) -> Result<Vec<SigningKey>>;
    /// At most `limit` tenants without a key of `alg` that signs only after `due`: those whose
    /// newest key is that old, and those that have none.
    async fn tenants_to_rotate(&mut self, alg: SigningAlgorithm, due: Timestamp, limit: u32)
    -> Result<Vec<Id<Tenant>>>;
}

/// Changes signing keys.
#[async_trait]
pub trait SigningKeyWrites {
    /// Stores `key` as the next generation, if every key of its algorithm signs from `due` or
    /// earlier; whether it did. Of two processes that try at once one succeeds.
    async fn add_signing_key(&mut self, key: &NewSigningKey, due: Timestamp) -> Result<bool>;
    /// Lets a key that is to sign later sign from `at`; whether there was such a key.
    async fn advance_signing_key(&mut self, tenant: Id<Tenant>, alg: SigningAlgorithm, at: Timestamp) -> Result<bool>;
    /// Deletes a key, whatever it was doing; whether it was there.
    async fn delete_signing_key(&mut self, tenant: Id<Tenant>, id: &str) -> Result<bool>;
    /// Deletes the key if it is to sign later than `now`; whether it was.
    async fn withdraw_signing_key(&mut self, tenant: Id<Tenant>, id: &str, now: Timestamp) -> Result<bool>;
    /// Deletes at most `limit` keys whose successor signs from `before` or earlier; which.
    async fn delete_retired_signing_keys(&mut self, before: Timestamp, limit: u32)
    -> Result<Vec<(Id<Tenant>, String)>>;
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: String,
    tenant_id: Uuid,
    alg: String,
    generation: i64,
    signs_from: i64,
    private_key: Vec<u8>,
    public_jwk: String,
    created_at: i64,
}

impl TryFrom<KeyRow> for SigningKey {
    type Error = StorageError;
    fn try_from(row: KeyRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            tenant: Id::from_uuid(row.tenant_id),
            alg: word(SigningAlgorithm::parse(&row.alg))?,
            generation: row.generation,
            signs_from: Timestamp(row.signs_from),
            private_key: Sealed(row.private_key),
            public_jwk: row.public_jwk,
            created_at: Timestamp(row.created_at),
        })
    }
}

both!(SigningKeyReads {
    async fn signing_keys(&mut self, tenant: Id<Tenant>) -> Result<Vec<SigningKey>> {
        let rows = sqlx::query_as::<_, KeyRow>(
            "SELECT id, tenant_id, alg, generation, signs_from, private_key, public_jwk, created_at \
             FROM signing_keys WHERE tenant_id = $1 ORDER BY generation DESC, alg, id",
        );
        collect(rows.bind(tenant.uuid()).fetch_all(&mut *self.db).await?)
    }

    async fn tenants_to_rotate(
        &mut self,
        alg: SigningAlgorithm,
        due: Timestamp,
        limit: u32,
    ) -> Result<Vec<Id<Tenant>>> {
        let rows = sqlx::query_as::<_, (Uuid,)>(
            "SELECT t.id FROM tenants t WHERE NOT EXISTS (SELECT 1 FROM signing_keys k \
                WHERE k.tenant_id = t.id AND k.alg = $1 AND k.signs_from > $2) \
             ORDER BY t.id LIMIT $3",
        );
        let rows = rows.bind(alg.as_str()).bind(due.0).bind(i64::from(limit)).fetch_all(&mut *self.db).await?;
        Ok(rows.into_iter().map(|row| Id::from_uuid(row.0)).collect())
    }
});

both!(SigningKeyWrites {
    async fn add_signing_key(&mut self, key: &NewSigningKey, due: Timestamp) -> Result<bool> {
        // Two at once read the same newest generation; the unique index lets one of them in.
        let insert = sqlx::query(
            "INSERT INTO signing_keys (id, tenant_id, alg, generation, signs_from, private_key, public_jwk, created_at) \
             SELECT $1, t.id, $3, \
                (SELECT COALESCE(MAX(k.generation), 0) + 1 FROM signing_keys k WHERE k.tenant_id = t.id AND k.alg = $3), \
                $4, $5, $6, $7 \
             FROM tenants t WHERE t.id = $2 AND NOT EXISTS (SELECT 1 FROM signing_keys k \
                WHERE k.tenant_id = t.id AND k.alg = $3 AND k.signs_from > $8) \
             ON CONFLICT (tenant_id, alg, generation) DO NOTHING",
        );
        let insert = insert.bind(&key.id).bind(key.tenant.uuid()).bind(key.alg.as_str()).bind(key.signs_from.0);
        let insert = insert.bind(&key.private_key.0[..]).bind(&key.public_jwk).bind(key.created_at.0).bind(due.0);
        Ok(insert.execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn advance_signing_key(&mut self, tenant: Id<Tenant>, alg: SigningAlgorithm, at: Timestamp) -> Result<bool> {
        let update = sqlx::query(
            "UPDATE signing_keys SET signs_from = $3 WHERE tenant_id = $1 AND alg = $2 AND signs_from > $3",
        );
        Ok(update.bind(tenant.uuid()).bind(alg.as_str()).bind(at.0).execute(&mut *self.db).await?.rows_affected() > 0)
    }

    async fn delete_signing_key(&mut self, tenant: Id<Tenant>, id: &str) -> Result<bool> {
        let delete = sqlx::query("DELETE FROM signing_keys WHERE tenant_id = $1 AND id = $2");
        Ok(delete.bind(tenant.uuid()).bind(id).execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn withdraw_signing_key(&mut self, tenant: Id<Tenant>, id: &str, now: Timestamp) -> Result<bool> {
        let delete = sqlx::query("DELETE FROM signing_keys WHERE tenant_id = $1 AND id = $2 AND signs_from > $3");
        Ok(delete.bind(tenant.uuid()).bind(id).bind(now.0).execute(&mut *self.db).await?.rows_affected() == 1)
    }

    async fn delete_retired_signing_keys(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Id<Tenant>, String)>> {
        let rows = sqlx::query_as::<_, (Uuid, String)>(
            "DELETE FROM signing_keys WHERE id IN (SELECT k.id FROM signing_keys k JOIN signing_keys n \
                ON n.tenant_id = k.tenant_id AND n.alg = k.alg AND n.generation > k.generation \
                WHERE n.signs_from <= $1 ORDER BY k.id LIMIT $2) \
             RETURNING tenant_id, id",
        );
        let rows = rows.bind(before.0).bind(i64::from(limit)).fetch_all(&mut *self.db).await?;
        Ok(rows.into_iter().map(|(tenant, id)| (Id::from_uuid(tenant), id)).collect())
    }
});
