//! Dynamic client registration: the tenant's switch, initial access tokens, and the applications
//! that were registered with them (RFC 7591, 7592).

use async_trait::async_trait;
use lanyard_domain::{
    application::Application,
    clock::Timestamp,
    id::Id,
    registration::{ClientRegistration, InitialAccessToken, RegistrationSwitch},
    secret::TokenHash,
    tenant::Tenant,
    user_flow::UserFlow,
};
use uuid::Uuid;

use super::{both, collect, hit, optional, time, token_hash};
use crate::error::{Result, StorageError};

/// Reads registrations.
#[async_trait]
pub trait RegistrationReads {
    /// The switch of a tenant; off where it was never touched.
    async fn registration_switch(&mut self, tenant: Id<Tenant>) -> Result<RegistrationSwitch>;
    /// The initial access tokens of a tenant, the newest first, at most `limit`.
    async fn initial_access_tokens(&mut self, tenant: Id<Tenant>, limit: u32) -> Result<Vec<InitialAccessToken>>;
    /// The initial access token of this hash, whether it still stands or not, if it is the tenant's.
    async fn initial_access_token(
        &mut self,
        tenant: Id<Tenant>,
        hash: &TokenHash,
    ) -> Result<Option<InitialAccessToken>>;
    /// The registration of an application at this tenant and flow, if `token` is the hash of its
    /// registration access token.
    async fn client_registration(
        &mut self,
        at: (Id<Tenant>, Id<UserFlow>),
        application: Id<Application>,
        token: &TokenHash,
    ) -> Result<Option<ClientRegistration>>;
    /// Whether an application of `tenant` has a registration access token, by which it changes itself.
    async fn manages_itself(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<bool>;
}

/// Changes registrations.
#[async_trait]
pub trait RegistrationWrites {
    /// Sets the switch of a tenant; whether that changed anything.
    async fn set_registration_switch(&mut self, tenant: Id<Tenant>, on: bool, most: u32) -> Result<bool>;
    /// Stores an initial access token.
    async fn create_initial_access_token(&mut self, token: &InitialAccessToken) -> Result<()>;
    /// Revokes an initial access token of `tenant`; Conflict if there is none that stands.
    async fn revoke_initial_access_token(
        &mut self,
        tenant: Id<Tenant>,
        id: Id<InitialAccessToken>,
        at: Timestamp,
    ) -> Result<()>;
    /// Takes one use of the initial access token of this hash; Conflict if it has none left, is of
    /// another tenant or flow, revoked, or not in time.
    async fn use_initial_access_token(
        &mut self,
        at: (Id<Tenant>, Id<UserFlow>),
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Id<InitialAccessToken>>;
    /// Counts one more registration; Conflict where it is switched off, or there are as many as may be.
    async fn count_registration(&mut self, tenant: Id<Tenant>) -> Result<()>;
    /// Remembers that an application was registered by a program.
    async fn create_client_registration(&mut self, registration: &ClientRegistration) -> Result<()>;
    /// Holds the registration of an application, if it has one, until the transaction ends: what is read of both
    /// afterwards stays so. Every change that a client makes of itself begins so, before anything else is held.
    async fn lock_client_registration(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<()>;
    /// The same for a registration as it was read. Conflict if it is another one by now: taken over by an operator,
    /// updated, or revoked.
    async fn hold_client_registration(&mut self, registration: &ClientRegistration) -> Result<()>;
    /// Makes an application the operators' own, if a program registered it: it changes and deletes itself no more, and
    /// what its program knows of it stays. Before the application itself is touched, as above.
    async fn take_over_registration(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<()>;
    /// Notes what an update registered and the version of the application that it made; Conflict if the
    /// registration access token is not its own.
    async fn update_client_registration(&mut self, registration: &ClientRegistration) -> Result<()>;
    /// Revokes the registration access token of an application: it stays, and changes itself no more. Conflict if
    /// it has none.
    async fn revoke_client_registration(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<()>;
    /// Deletes an application that a program registered and no operator has changed since, with its
    /// secrets, links, consents and registration, and ends its grants; Conflict if it is not so.
    async fn delete_registered_application(&mut self, registration: &ClientRegistration, at: Timestamp) -> Result<()>;
    /// Deletes at most `limit` initial access tokens that ended before `before`; how many.
    async fn delete_old_initial_access_tokens(&mut self, before: Timestamp, limit: u32) -> Result<u64>;
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: Uuid,
    tenant_id: Uuid,
    flow_id: Uuid,
    hash: Vec<u8>,
    label: String,
    uses_left: i64,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
}

impl TryFrom<TokenRow> for InitialAccessToken {
    type Error = StorageError;
    fn try_from(row: TokenRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            flow: Id::from_uuid(row.flow_id),
            hash: token_hash(&row.hash)?,
            label: row.label,
            uses_left: count(row.uses_left)?,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            revoked_at: time(row.revoked_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct RegistrationRow {
    application_id: Uuid,
    tenant_id: Uuid,
    flow_id: Uuid,
    token: Vec<u8>,
    method: String,
    version: i64,
}

impl TryFrom<RegistrationRow> for ClientRegistration {
    type Error = StorageError;
    fn try_from(row: RegistrationRow) -> Result<Self> {
        Ok(Self {
            application: Id::from_uuid(row.application_id),
            tenant: Id::from_uuid(row.tenant_id),
            flow: Id::from_uuid(row.flow_id),
            token: token_hash(&row.token)?,
            method: row.method,
            version: row.version,
        })
    }
}

fn count(stored: i64) -> Result<u32> {
    u32::try_from(stored).map_err(|_| StorageError::Inconsistent("a count of registrations"))
}

both!(RegistrationReads {
    async fn registration_switch(&mut self, tenant: Id<Tenant>) -> Result<RegistrationSwitch> {
        let row = sqlx::query_as::<_, (i64, i64, i64)>(
            "SELECT switched_on, most, registered FROM registration_switches WHERE tenant_id = $1",
        );
        match row.bind(tenant.uuid()).fetch_optional(&mut *self.db).await? {
            Some((on, most, registered)) => {
                Ok(RegistrationSwitch { on: on != 0, most: count(most)?, registered: count(registered)? })
            }
            None => Ok(RegistrationSwitch::default()),
        }
    }

    async fn initial_access_tokens(&mut self, tenant: Id<Tenant>, limit: u32) -> Result<Vec<InitialAccessToken>> {
        let rows = sqlx::query_as::<_, TokenRow>(
            "SELECT * FROM initial_access_tokens WHERE tenant_id = $1 ORDER BY created_at DESC, id LIMIT $2",
        );
        collect(rows.bind(tenant.uuid()).bind(i64::from(limit)).fetch_all(&mut *self.db).await?)
    }

    async fn initial_access_token(
        &mut self,
        tenant: Id<Tenant>,
        hash: &TokenHash,
    ) -> Result<Option<InitialAccessToken>> {
        let row =
            sqlx::query_as::<_, TokenRow>("SELECT * FROM initial_access_tokens WHERE hash = $1 AND tenant_id = $2");
        optional(row.bind(&hash.0[..]).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }

    async fn client_registration(
        &mut self,
        (tenant, flow): (Id<Tenant>, Id<UserFlow>),
        application: Id<Application>,
        token: &TokenHash,
    ) -> Result<Option<ClientRegistration>> {
        let row = sqlx::query_as::<_, RegistrationRow>(
            "SELECT * FROM client_registrations \
             WHERE application_id = $1 AND tenant_id = $2 AND flow_id = $3 AND token = $4",
        );
        let row = row.bind(application.uuid()).bind(tenant.uuid()).bind(flow.uuid()).bind(&token.0[..]);
        optional(row.fetch_optional(&mut *self.db).await?)
    }

    async fn manages_itself(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<bool> {
        let count = sqlx::query_scalar::<_, i64>(
            "SELECT COUNT(*) FROM client_registrations WHERE application_id = $1 AND tenant_id = $2",
        );
        Ok(count.bind(application.uuid()).bind(tenant.uuid()).fetch_one(&mut *self.db).await? > 0)
    }
});

both!(RegistrationWrites {
    async fn set_registration_switch(&mut self, tenant: Id<Tenant>, on: bool, most: u32) -> Result<bool> {
        let set = sqlx::query(
            "INSERT INTO registration_switches (tenant_id, switched_on, most, registered) VALUES ($1, $2, $3, 0) \
             ON CONFLICT (tenant_id) DO UPDATE SET switched_on = $2, most = $3 \
             WHERE registration_switches.switched_on <> $2 OR registration_switches.most <> $3",
        );
        let set = set.bind(tenant.uuid()).bind(i64::from(on)).bind(i64::from(most));
        Ok(set.execute(&mut *self.db).await?.rows_affected() > 0)
    }

    async fn create_initial_access_token(&mut self, token: &InitialAccessToken) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO initial_access_tokens (id, tenant_id, flow_id, hash, label, uses_left, created_at, \
                expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        );
        let insert = insert.bind(token.id.uuid()).bind(token.tenant.uuid()).bind(token.flow.uuid());
        let insert = insert.bind(&token.hash.0[..]);
        let insert = insert.bind(&token.label).bind(i64::from(token.uses_left));
        let insert = insert.bind(token.created_at.0).bind(token.expires_at.0);
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn revoke_initial_access_token(
        &mut self,
        tenant: Id<Tenant>,
        id: Id<InitialAccessToken>,
        at: Timestamp,
    ) -> Result<()> {
        let update = sqlx::query(
            "UPDATE initial_access_tokens SET revoked_at = $3 \
             WHERE id = $1 AND tenant_id = $2 AND revoked_at IS NULL AND expires_at > $3",
        );
        let update = update.bind(id.uuid()).bind(tenant.uuid()).bind(at.0);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn use_initial_access_token(
        &mut self,
        (tenant, flow): (Id<Tenant>, Id<UserFlow>),
        hash: &TokenHash,
        now: Timestamp,
    ) -> Result<Id<InitialAccessToken>> {
        let used = sqlx::query_as::<_, (Uuid,)>(
            "UPDATE initial_access_tokens SET uses_left = uses_left - 1 \
             WHERE hash = $1 AND tenant_id = $2 AND flow_id = $3 AND uses_left > 0 AND revoked_at IS NULL \
                AND expires_at > $4 RETURNING id",
        );
        let used = used.bind(&hash.0[..]).bind(tenant.uuid()).bind(flow.uuid()).bind(now.0);
        let used = used.fetch_optional(&mut *self.db).await?;
        used.map(|(id,)| Id::from_uuid(id)).ok_or(StorageError::Conflict)
    }

    async fn count_registration(&mut self, tenant: Id<Tenant>) -> Result<()> {
        let update = sqlx::query(
            "UPDATE registration_switches SET registered = registered + 1 \
             WHERE tenant_id = $1 AND switched_on = 1 AND registered < most",
        );
        hit(update.bind(tenant.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn create_client_registration(&mut self, registration: &ClientRegistration) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO client_registrations (application_id, tenant_id, flow_id, token, method, version) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let insert = insert.bind(registration.application.uuid()).bind(registration.tenant.uuid());
        let insert = insert.bind(registration.flow.uuid()).bind(&registration.token.0[..]).bind(&registration.method);
        let insert = insert.bind(registration.version);
        hit(insert.execute(&mut *self.db).await?.rows_affected())
    }

    async fn lock_client_registration(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<()> {
        let lock = sqlx::query(
            "UPDATE client_registrations SET version = version WHERE application_id = $1 AND tenant_id = $2",
        );
        lock.bind(application.uuid()).bind(tenant.uuid()).execute(&mut *self.db).await?;
        Ok(())
    }

    async fn hold_client_registration(&mut self, registration: &ClientRegistration) -> Result<()> {
        let update = sqlx::query(
            "UPDATE client_registrations SET version = version \
             WHERE application_id = $1 AND tenant_id = $2 AND token = $3 AND version = $4",
        );
        let update = update.bind(registration.application.uuid()).bind(registration.tenant.uuid());
        let update = update.bind(&registration.token.0[..]).bind(registration.version);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn take_over_registration(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<()> {
        // No application is ever at version 0.
        let update =
            sqlx::query("UPDATE client_registrations SET version = 0 WHERE application_id = $1 AND tenant_id = $2");
        update.bind(application.uuid()).bind(tenant.uuid()).execute(&mut *self.db).await?;
        Ok(())
    }

    async fn update_client_registration(&mut self, registration: &ClientRegistration) -> Result<()> {
        let update = sqlx::query(
            "UPDATE client_registrations SET method = $3, version = $4 \
             WHERE application_id = $1 AND tenant_id = $2 AND token = $5",
        );
        let update = update.bind(registration.application.uuid()).bind(registration.tenant.uuid());
        let update = update.bind(&registration.method).bind(registration.version);
        let update = update.bind(&registration.token.0[..]);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn revoke_client_registration(&mut self, tenant: Id<Tenant>, application: Id<Application>) -> Result<()> {
        let delete = sqlx::query("DELETE FROM client_registrations WHERE application_id = $1 AND tenant_id = $2");
        let delete = delete.bind(application.uuid()).bind(tenant.uuid());
        hit(delete.execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_registered_application(&mut self, registration: &ClientRegistration, at: Timestamp) -> Result<()> {
        let (application, tenant) = (registration.application.uuid(), registration.tenant.uuid());
        // The count before the application, as whoever registers takes it first: neither waits for the other in a
        // circle, whatever of its own a client holds by then. If the application then turns out to be another one, the transaction is given up with it.
        let count = sqlx::query("UPDATE registration_switches SET registered = registered - 1 WHERE tenant_id = $1 AND registered > 0");
        hit(count.bind(tenant).execute(&mut *self.db).await?.rows_affected())?;
        self.hold_client_registration(registration).await?;
        // The row that decides: whoever changes it at the same moment waits, or has won.
        let lock = sqlx::query("UPDATE applications SET version = version WHERE id = $1 AND tenant_id = $2 AND version = $3");
        let lock = lock.bind(application).bind(tenant).bind(registration.version);
        hit(lock.execute(&mut *self.db).await?.rows_affected())?;
        let revoke = sqlx::query("UPDATE grants SET revoked_at = $2 WHERE application_id = $1 AND revoked_at IS NULL");
        revoke.bind(application).bind(at.0).execute(&mut *self.db).await?;
        for part in ["DELETE FROM client_secrets WHERE application_id = $1", "DELETE FROM flow_links WHERE application_id = $1"] {
            sqlx::query(part).bind(application).execute(&mut *self.db).await?;
        }
        let delete = sqlx::query("DELETE FROM applications WHERE id = $1 AND tenant_id = $2");
        hit(delete.bind(application).bind(tenant).execute(&mut *self.db).await?.rows_affected())
    }

    async fn delete_old_initial_access_tokens(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let delete = sqlx::query(
            "DELETE FROM initial_access_tokens WHERE id IN \
                (SELECT id FROM initial_access_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
        );
        Ok(delete.bind(before.0).bind(i64::from(limit)).execute(&mut *self.db).await?.rows_affected())
    }
});
