//! The tenants' signing keys, ready for use: made with the tenant, sealed at rest, opened once per
//! process, and held against the database every few seconds.
//!
//! Which key signs follows from the clock and what is stored (`lanyard_oidc::jose::rotation`), so
//! that a rotation reaches every process in time. What must be noticed soon is that a key was
//! taken away: the copy of a process is never older than twice [`rotation::CACHE_LIFE`].

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::body::Bytes;
use lanyard_crypto::{Purpose, TenantKeys};
use lanyard_domain::{application::SigningAlgorithm, clock::Timestamp, entropy::Entropy, id::Id, tenant::Tenant};
use lanyard_oidc::jose::{
    Generated, JwkSet, PublicJwk, SigningKey, Verifier,
    rotation::{self, Generation, KeyState},
};
use lanyard_storage::{NewSigningKey, SigningKey as Stored, StorageError};

use super::journey::JourneyError;
use crate::state::App;

pub use lanyard_oidc::jose::KeyError;

/// A key that was just made and is stored nowhere yet.
#[derive(Debug)]
pub struct NewKey(Generated);

impl NewKey {
    /// Makes a key. RSA takes some 100 ms, so never within a transaction.
    ///
    /// # Errors
    /// [`KeyError`] when the library refuses.
    pub fn generate(app: &App, algorithm: SigningAlgorithm) -> Result<Self, KeyError> {
        SigningKey::generate(algorithm, app.config.keys.rsa_bits).map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.0.public.kid
    }

    /// The key as it is stored: sealed by the tenant's own key, bound to its `kid`.
    ///
    /// # Errors
    /// When the public half cannot be written as JSON.
    pub fn seal(
        &self,
        tenant: Id<Tenant>,
        keys: &TenantKeys,
        signs_from: Timestamp,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<NewSigningKey, StorageError> {
        let Self(key) = self;
        Ok(NewSigningKey {
            id: key.public.kid.clone(),
            tenant,
            alg: key.public.alg,
            signs_from,
            private_key: keys.seal(Purpose::SigningKey, &key.public.kid, &key.pkcs8, entropy),
            public_jwk: serde_json::to_string(&key.public).map_err(|_| StorageError::Inconsistent("a public key"))?,
            created_at: now,
        })
    }
}

/// The keys of a tenant, ready for use.
#[derive(Debug)]
pub struct TenantSigning {
    // One for each algorithm, in the order of `SigningAlgorithm::ALL`.
    current: [Option<Arc<SigningKey>>; 3],
    /// What the keys endpoint answers, as bytes made once.
    pub jwks: Bytes,
    /// Verifies our own tokens, whichever published key signed them.
    pub verifier: Verifier,
}

impl TenantSigning {
    /// The key that signs now with `algorithm`.
    ///
    /// # Errors
    /// [`JourneyError::Internal`] if the tenant has none; start-up and the rotation make it.
    pub fn key(&self, algorithm: SigningAlgorithm) -> Result<&SigningKey, JourneyError> {
        let found = self.current.iter().flatten().find(|key| key.algorithm() == algorithm);
        found.map(AsRef::as_ref).ok_or_else(|| internal(&format!("no {} key", algorithm.as_str())))
    }
}

/// Opened keys by tenant.
#[derive(Debug, Default)]
pub struct SigningKeys {
    entries: RwLock<HashMap<Id<Tenant>, Entry>>,
    // How often the keys of a tenant were forgotten: what was read before that is not kept.
    forgotten: RwLock<HashMap<Id<Tenant>, u64>>,
    // The same for all tenants together.
    changes: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    signing: Arc<TenantSigning>,
    // What it was made of; the same again needs no work.
    made_of: Vec<(String, Generation)>,
    current: Vec<String>,
    checked_at: Timestamp,
    // A request is looking at the database.
    renewing: bool,
}

impl Entry {
    // A clock that was set back makes no copy young again.
    fn is_within(&self, life: lanyard_domain::clock::Millis, now: Timestamp) -> bool {
        (0..life).contains(&now.since(self.checked_at))
    }
}

impl SigningKeys {
    // The copy at hand, if it is good; else the caller renews it. While one request renews it the
    // others go on with the old copy, for a while.
    fn at_hand(&self, tenant: Id<Tenant>, now: Timestamp) -> Option<Arc<TenantSigning>> {
        let fresh = |entry: &Entry| entry.is_within(rotation::CACHE_LIFE, now);
        {
            let all = self.entries.read().unwrap_or_else(PoisonError::into_inner);
            let entry = all.get(&tenant)?;
            if fresh(entry) {
                return Some(Arc::clone(&entry.signing));
            }
        }
        let mut all = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = all.get_mut(&tenant)?;
        if fresh(entry) || (entry.renewing && entry.is_within(2 * rotation::CACHE_LIFE, now)) {
            return Some(Arc::clone(&entry.signing));
        }
        entry.renewing = true;
        None
    }

    /// Forgets the copy of `tenant`: something was changed by this very process.
    pub fn forget(&self, tenant: Id<Tenant>) {
        let mut all = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        *self.forgotten.write().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default() += 1;
        self.changes.fetch_add(1, Ordering::SeqCst);
        all.remove(&tenant);
    }

    /// How often this process changed keys: what was made of them before is old by then.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    fn forgotten(&self, tenant: Id<Tenant>) -> u64 {
        self.forgotten.read().unwrap_or_else(PoisonError::into_inner).get(&tenant).copied().unwrap_or_default()
    }

    // Keeps what was made of rows that were read when `forgotten(tenant)` stood at `seen`. A renewal that was
    // under way while a key was revoked must not bring it back.
    fn keep(&self, tenant: Id<Tenant>, entry: Entry, seen: u64) {
        let mut all = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if self.forgotten(tenant) == seen {
            all.insert(tenant, entry);
        }
    }

    fn failed(&self, tenant: Id<Tenant>) {
        if let Some(entry) = self.entries.write().unwrap_or_else(PoisonError::into_inner).get_mut(&tenant) {
            entry.renewing = false;
        }
    }
}

/// The signing keys of `tenant`.
///
/// # Errors
/// [`JourneyError::NotFound`] if it has none.
pub async fn of(app: &App, tenant: Id<Tenant>) -> Result<Arc<TenantSigning>, JourneyError> {
    let now = app.clock.now();
    if let Some(found) = app.signing.at_hand(tenant, now) {
        return Ok(found);
    }
    let renewed = renew(app, tenant, now).await;
    if renewed.is_err() {
        app.signing.failed(tenant);
    }
    renewed
}

async fn renew(app: &App, tenant: Id<Tenant>, now: Timestamp) -> Result<Arc<TenantSigning>, JourneyError> {
    let seen = app.signing.forgotten(tenant);
    let rows = app.store.read(move |tx| Box::pin(async move { tx.signing_keys(tenant).await })).await;
    let rows = rows.map_err(|error: StorageError| JourneyError::from(error))?;
    if rows.is_empty() {
        return Err(JourneyError::NotFound);
    }
    let made_of: Vec<_> = rows.iter().map(|row| (row.id.clone(), generation(row))).collect();
    let signers = SigningAlgorithm::ALL.map(|algorithm| signer(&rows, algorithm, now));
    let current: Vec<_> = signers.iter().flatten().map(|row| row.id.clone()).collect();
    let before = {
        let mut all = app.signing.entries.write().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(&tenant) {
            Some(entry) if entry.made_of == made_of && entry.current == current => {
                (entry.checked_at, entry.renewing) = (now, false);
                return Ok(Arc::clone(&entry.signing));
            }
            Some(entry) => Some(Arc::clone(&entry.signing)),
            None => None,
        }
    };
    let signing = Arc::new(open(app, tenant, &rows, signers, before.as_deref()).await?);
    let entry = Entry { signing: Arc::clone(&signing), made_of, current, checked_at: now, renewing: false };
    app.signing.keep(tenant, entry, seen);
    Ok(signing)
}

// Opening an RSA key costs more than a signature: what is open stays open.
async fn open(
    app: &App,
    tenant: Id<Tenant>,
    rows: &[Stored],
    signers: [Option<&Stored>; 3],
    before: Option<&TenantSigning>,
) -> Result<TenantSigning, JourneyError> {
    let keys = app.tenant_keys_of(tenant).await?;
    let mut current = [None, None, None];
    for (slot, row) in current.iter_mut().zip(signers) {
        let Some(row) = row else { continue };
        let open = before.and_then(|old| old.current.iter().flatten().find(|key| key.public().kid == row.id));
        *slot = Some(match open {
            Some(key) => Arc::clone(key),
            None => {
                let pkcs8 = keys.open(Purpose::SigningKey, &row.id, &row.private_key);
                let pkcs8 = pkcs8.map_err(|_| internal("cannot be opened"))?;
                Arc::new(SigningKey::from_pkcs8(row.alg, &pkcs8).map_err(|error| internal(&error.to_string()))?)
            }
        });
    }
    // Those that sign come first: some clients look no further.
    let mut published: Vec<&Stored> = rows.iter().collect();
    let signs = |row: &Stored| signers.iter().flatten().any(|signer| signer.id == row.id);
    published.sort_by_key(|row| (!signs(row), row.alg, -row.generation));
    let read = |row: &&Stored| serde_json::from_str::<PublicJwk>(&row.public_jwk).map_err(|_| internal("is no JWK"));
    let set = JwkSet { keys: published.iter().map(read).collect::<Result<_, _>>()? };
    Ok(TenantSigning {
        current,
        jwks: serde_json::to_vec(&set).map_err(|error| internal(&error.to_string()))?.into(),
        verifier: Verifier::new(&set).map_err(|error| internal(&error.to_string()))?,
    })
}

/// The place of a stored key in its order.
#[must_use]
pub const fn generation(row: &Stored) -> Generation {
    Generation { number: row.generation, signs_from: row.signs_from }
}

/// What a stored key is doing at `now`, among `rows`, the keys of its tenant.
#[must_use]
pub fn state_of(row: &Stored, rows: &[Stored], now: Timestamp) -> KeyState {
    rotation::state(generation(row), &generations(rows, row.alg), now)
}

fn generations(rows: &[Stored], algorithm: SigningAlgorithm) -> Vec<Generation> {
    rows.iter().filter(|row| row.alg == algorithm).map(generation).collect()
}

/// The key among `rows` that signs at `now` with `algorithm`.
#[must_use]
pub fn signer(rows: &[Stored], algorithm: SigningAlgorithm, now: Timestamp) -> Option<&Stored> {
    let current = rotation::current(&generations(rows, algorithm), now)?;
    rows.iter().find(|row| row.alg == algorithm && row.generation == current.number)
}

fn internal(what: &str) -> JourneyError {
    JourneyError::Internal(format!("signing key: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_domain::entropy::SeededEntropy;

    #[test]
    fn a26_a_renewal_under_way_does_not_bring_a_revoked_key_back() {
        let (keys, now) = (SigningKeys::default(), Timestamp(1));
        let tenant = Id::new(now, &mut SeededEntropy::new(1));
        let entry = || Entry {
            signing: Arc::new(TenantSigning {
                current: [None, None, None],
                jwks: Bytes::new(),
                verifier: Verifier::new(&JwkSet { keys: Vec::new() }).unwrap(),
            }),
            made_of: Vec::new(),
            current: Vec::new(),
            checked_at: now,
            renewing: false,
        };
        let seen = || keys.forgotten(tenant);
        let before = seen();
        keys.forget(tenant);
        keys.keep(tenant, entry(), before);
        assert!(keys.at_hand(tenant, now).is_none(), "read before the key went");
        keys.keep(tenant, entry(), seen());
        assert!(keys.at_hand(tenant, now).is_some());
    }
}
