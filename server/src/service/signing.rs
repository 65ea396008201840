//! The tenants' signing keys: made with the tenant, sealed at rest, opened once per process.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use lanyard_crypto::{Purpose, TenantKeys};
use lanyard_domain::{clock::Timestamp, entropy::Entropy, id::Id, tenant::Tenant};
use lanyard_oidc::jose::{Generated, JwkSet, PublicJwk, SigningKey, Verifier};
use lanyard_storage::{StorageError, WriteTx};

use super::journey::JourneyError;
use crate::state::App;

pub use lanyard_oidc::jose::KeyError;

/// A key that was just made and is stored nowhere yet.
#[derive(Debug)]
pub struct NewKey(Generated);

impl NewKey {
    /// Makes a key; takes some 100 ms, so never within a transaction.
    ///
    /// # Errors
    /// [`KeyError`] when the library refuses.
    pub fn generate() -> Result<Self, KeyError> {
        SigningKey::generate().map(Self)
    }
}

/// Stores `key` for `tenant`, sealed by the tenant's own key.
///
/// # Errors
/// When the database does not take it.
pub async fn store(
    tx: &mut (dyn WriteTx + '_),
    tenant: &Tenant,
    keys: &TenantKeys,
    key: NewKey,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<(), StorageError> {
    let NewKey(key) = key;
    let public = serde_json::to_string(&key.public).map_err(|_| StorageError::Inconsistent("a public key"))?;
    let sealed = keys.seal(Purpose::SigningKey, &key.public.kid, &key.pkcs8, entropy);
    tx.create_signing_key(&lanyard_storage::SigningKey {
        id: key.public.kid.clone(),
        tenant: tenant.id,
        alg: key.public.alg.clone(),
        private_key: sealed,
        public_jwk: public,
        created_at: now,
        retired_at: None,
    })
    .await
}

/// The keys of a tenant, ready for use.
#[derive(Debug)]
pub struct TenantSigning {
    /// The one that signs now.
    pub key: SigningKey,
    /// What the keys endpoint answers, as bytes made once.
    pub jwks: Vec<u8>,
    /// Verifies our own tokens.
    pub verifier: Verifier,
}

/// Opened keys by tenant.
#[derive(Debug, Default)]
pub struct SigningKeys(RwLock<HashMap<Id<Tenant>, Arc<TenantSigning>>>);

/// The signing keys of `tenant`.
///
/// # Errors
/// [`JourneyError::NotFound`] if it has none.
pub async fn of(app: &App, tenant: Id<Tenant>) -> Result<Arc<TenantSigning>, JourneyError> {
    let at_hand = app.signing.0.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).cloned();
    if let Some(found) = at_hand {
        return Ok(found);
    }
    // A retired key stays published until nothing that it signed is still good.
    let retired_after = app.clock.now().minus(2 * lanyard_domain::grant::TOKEN_LIFE);
    let rows = app.store.read(move |tx| Box::pin(async move { tx.signing_keys(tenant, retired_after).await })).await;
    let rows = rows.map_err(|error: StorageError| JourneyError::from(error))?;
    let newest = rows.iter().filter(|row| row.retired_at.is_none()).max_by_key(|row| row.created_at);
    let newest = newest.ok_or(JourneyError::NotFound)?;
    let keys = app.tenant_keys_of(tenant).await?;
    let internal = |what: &str| JourneyError::Internal(format!("signing key: {what}"));
    let pkcs8 =
        keys.open(Purpose::SigningKey, &newest.id, &newest.private_key).map_err(|_| internal("cannot be opened"))?;
    let set = JwkSet {
        keys: rows
            .iter()
            .map(|row| serde_json::from_str::<PublicJwk>(&row.public_jwk).map_err(|_| internal("is no JWK")))
            .collect::<Result<_, _>>()?,
    };
    let signing = Arc::new(TenantSigning {
        key: SigningKey::from_pkcs8(&pkcs8).map_err(|error| internal(&error.to_string()))?,
        jwks: serde_json::to_vec(&set).map_err(|error| internal(&error.to_string()))?,
        verifier: Verifier::new(&set).map_err(|error| internal(&error.to_string()))?,
    });
    let mut opened = app.signing.0.write().unwrap_or_else(PoisonError::into_inner);
    Ok(Arc::clone(opened.entry(tenant).or_insert(signing)))
}
