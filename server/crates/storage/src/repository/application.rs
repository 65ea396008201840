//! Application registrations and their client secrets.

use async_trait::async_trait;
use lanyard_domain::{
    application::{Application, ApplicationKind, ClientSecret, Minimum},
    clock::Timestamp,
    id::Id,
    secret::TokenHash,
    tenant::Tenant,
};
use uuid::Uuid;

use super::{NameCursor, both, hit, name_key, name_start, token_hash, word};
use crate::error::{Result, StorageError};

/// Reads applications.
#[async_trait]
pub trait ApplicationReads {
    /// The application of this client id, if it belongs to `tenant`; its secrets oldest first.
    async fn application_by_id(&mut self, tenant: Id<Tenant>, id: Id<Application>) -> Result<Option<Application>>;
    /// At most `limit` applications of `tenant` in the order of their names, without the secrets.
    async fn list_applications(
        &mut self,
        tenant: Id<Tenant>,
        after: Option<&NameCursor<Application>>,
        limit: u32,
    ) -> Result<Vec<Application>>;
    /// How often the application was changed, from 1; `None` if `tenant` has no such application.
    async fn application_version(&mut self, tenant: Id<Tenant>, id: Id<Application>) -> Result<Option<i64>>;
}

/// Changes applications.
#[async_trait]
pub trait ApplicationWrites {
    /// Registers an application with its secrets.
    async fn create_application(&mut self, application: &Application) -> Result<()>;
    /// Stores name, reply URLs, minimum and settings; Conflict if its tenant has no such application.
    async fn update_application(&mut self, application: &Application) -> Result<()>;
    /// Makes the version after `replaces`, for a change that was made on it; Conflict if there is
    /// another one by now. The row stays held until the transaction ends, so that of two changes of
    /// one version one alone happens.
    async fn advance_application(&mut self, tenant: Id<Tenant>, id: Id<Application>, replaces: i64) -> Result<()>;
    /// Holds an application until the transaction ends, so that what is counted of it stays so; Conflict if the tenant
    /// has no such application.
    async fn lock_application(&mut self, tenant: Id<Tenant>, id: Id<Application>) -> Result<()>;
    /// Adds a client secret.
    async fn add_client_secret(&mut self, application: Id<Application>, secret: &ClientSecret) -> Result<()>;
    /// Removes a client secret; Conflict if it is gone already.
    async fn remove_client_secret(&mut self, application: Id<Application>, hash: &TokenHash) -> Result<()>;
}

#[derive(sqlx::FromRow)]
pub(super) struct ApplicationRow {
    id: Uuid,
    tenant_id: Uuid,
    name: String,
    kind: String,
    reply_urls: String,
    minimum: String,
    settings: String,
    created_at: i64,
}

impl TryFrom<ApplicationRow> for Application {
    type Error = StorageError;
    fn try_from(row: ApplicationRow) -> Result<Self> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            tenant: Id::from_uuid(row.tenant_id),
            name: row.name,
            kind: word(ApplicationKind::parse(&row.kind))?,
            reply_urls: serde_json::from_str(&row.reply_urls)?,
            minimum: word(Minimum::parse(&row.minimum))?,
            secrets: Vec::new(),
            settings: serde_json::from_str(&row.settings)?,
            created_at: Timestamp(row.created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct SecretRow {
    hash: Vec<u8>,
    hint: String,
    created_at: i64,
}

impl TryFrom<SecretRow> for ClientSecret {
    type Error = StorageError;
    fn try_from(row: SecretRow) -> Result<Self> {
        Ok(Self { hash: token_hash(&row.hash)?, hint: row.hint, created_at: Timestamp(row.created_at) })
    }
}

both!(ApplicationReads {
    async fn application_by_id(&mut self, tenant: Id<Tenant>, id: Id<Application>) -> Result<Option<Application>> {
        let row = sqlx::query_as::<_, ApplicationRow>(
            "SELECT id, tenant_id, name, kind, reply_urls, minimum, settings, created_at FROM applications \
             WHERE id = $1 AND tenant_id = $2",
        );
        let Some(row) = row.bind(id.uuid()).bind(tenant.uuid()).fetch_optional(&mut *self.db).await? else {
            return Ok(None);
        };
        let mut application = Application::try_from(row)?;
        let secrets = sqlx::query_as::<_, SecretRow>(
            "SELECT hash, hint, created_at FROM client_secrets WHERE application_id = $1 ORDER BY created_at",
        );
        application.secrets = super::collect(secrets.bind(id.uuid()).fetch_all(&mut *self.db).await?)?;
        Ok(Some(application))
    }

    async fn list_applications(
        &mut self,
        tenant: Id<Tenant>,
        after: Option<&NameCursor<Application>>,
        limit: u32,
    ) -> Result<Vec<Application>> {
        let (key, id) = name_start(after);
        let rows = sqlx::query_as::<_, ApplicationRow>(
            "SELECT id, tenant_id, name, kind, reply_urls, minimum, settings, created_at FROM applications \
             WHERE tenant_id = $1 AND (name_key, id) > ($2, $3) ORDER BY name_key, id LIMIT $4",
        );
        let rows = rows.bind(tenant.uuid()).bind(key).bind(id).bind(i64::from(limit));
        super::collect(rows.fetch_all(&mut *self.db).await?)
    }

    async fn application_version(&mut self, tenant: Id<Tenant>, id: Id<Application>) -> Result<Option<i64>> {
        let version = sqlx::query_scalar("SELECT version FROM applications WHERE id = $1 AND tenant_id = $2");
        Ok(version.bind(id.uuid()).bind(tenant.uuid()).fetch_optional(&mut *self.db).await?)
    }
});

both!(ApplicationWrites {
    async fn create_application(&mut self, application: &Application) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO applications (id, tenant_id, name, name_key, kind, reply_urls, minimum, settings, \
                created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        );
        let insert = insert.bind(application.id.uuid()).bind(application.tenant.uuid()).bind(&application.name);
        let insert = insert.bind(name_key(&application.name)).bind(application.kind.as_str());
        let insert = insert.bind(serde_json::to_string(&application.reply_urls)?).bind(application.minimum.as_str());
        let insert = insert.bind(serde_json::to_string(&application.settings)?);
        hit(insert.bind(application.created_at.0).execute(&mut *self.db).await?.rows_affected())?;
        for secret in &application.secrets {
            self.add_client_secret(application.id, secret).await?;
        }
        Ok(())
    }

    async fn update_application(&mut self, application: &Application) -> Result<()> {
        let update = sqlx::query(
            "UPDATE applications SET name = $3, name_key = $4, reply_urls = $5, minimum = $6, settings = $7 \
             WHERE id = $1 AND tenant_id = $2",
        );
        let update = update.bind(application.id.uuid()).bind(application.tenant.uuid()).bind(&application.name);
        let update = update.bind(name_key(&application.name)).bind(serde_json::to_string(&application.reply_urls)?);
        let update = update.bind(application.minimum.as_str()).bind(serde_json::to_string(&application.settings)?);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn advance_application(&mut self, tenant: Id<Tenant>, id: Id<Application>, replaces: i64) -> Result<()> {
        let update = sqlx::query(
            "UPDATE applications SET version = version + 1 WHERE id = $1 AND tenant_id = $2 AND version = $3",
        );
        let update = update.bind(id.uuid()).bind(tenant.uuid()).bind(replaces);
        hit(update.execute(&mut *self.db).await?.rows_affected())
    }

    async fn lock_application(&mut self, tenant: Id<Tenant>, id: Id<Application>) -> Result<()> {
        let update = sqlx::query("UPDATE applications SET version = version WHERE id = $1 AND tenant_id = $2");
        hit(update.bind(id.uuid()).bind(tenant.uuid()).execute(&mut *self.db).await?.rows_affected())
    }

    async fn add_client_secret(&mut self, application: Id<Application>, secret: &ClientSecret) -> Result<()> {
        let insert = sqlx::query(
            "INSERT INTO client_secrets (hash, application_id, hint, created_at) VALUES ($1, $2, $3, $4)",
        );
        let insert = insert.bind(&secret.hash.0[..]).bind(application.uuid()).bind(&secret.hint);
        hit(insert.bind(secret.created_at.0).execute(&mut *self.db).await?.rows_affected())
    }

    async fn remove_client_secret(&mut self, application: Id<Application>, hash: &TokenHash) -> Result<()> {
        let delete = sqlx::query("DELETE FROM client_secrets WHERE hash = $1 AND application_id = $2");
        hit(delete.bind(&hash.0[..]).bind(application.uuid()).execute(&mut *self.db).await?.rows_affected())
    }
});
