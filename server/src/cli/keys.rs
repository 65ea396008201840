//! `lanyard keys list|rotate|retire`.

use clap::{Args, Subcommand};
use lanyard_domain::{
    application::SigningAlgorithm,
    clock::Timestamp,
    tenant::{Tenant, TenantDomain},
};
use lanyard_oidc::jose::rotation::KeyState;
use lanyard_storage::{NameCursor, StorageError};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Common, Outcome, print};
use crate::{
    config::Config,
    service::key_rotation::{self, Retirement},
    state::App,
};

/// Tenants per look.
const BATCH: u32 = 100;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Show every key: what it is doing, and since or from when.
    List(Scope),
    /// Publish the next keys now; they begin to sign after the configured time.
    Rotate {
        #[command(flatten)]
        scope: Scope,
        /// Only this algorithm: RS256, ES256 or EdDSA.
        #[arg(long, value_parser = algorithm)]
        algorithm: Option<SigningAlgorithm>,
    },
    /// Let a key go: one that signs gets its successor first, one that has not signed yet is removed.
    Retire {
        /// The key's name (kid); one in 64 begins with a dash.
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        scope: Scope,
        /// The key is compromised: refuse at once whatever it signed. Everybody's tokens by it die.
        #[arg(long)]
        now: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Scope {
    #[command(flatten)]
    common: Common,
    /// The tenant's domain; all tenants without it.
    #[arg(long)]
    tenant: Option<String>,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

fn algorithm(text: &str) -> Result<SigningAlgorithm, &'static str> {
    SigningAlgorithm::parse(text).ok_or("must be RS256, ES256 or EdDSA")
}

impl KeysCommand {
    fn scope(&self) -> &Scope {
        match self {
            Self::List(scope) | Self::Rotate { scope, .. } | Self::Retire { scope, .. } => scope,
        }
    }

    pub(super) fn common(&self) -> &Common {
        &self.scope().common
    }
}

/// Carries out `command` against the configured database, beside running servers or without.
pub(super) async fn run(config: Config, command: &KeysCommand) -> Outcome {
    let started = super::open(config).await?;
    let (app, scope) = (&started.app, command.scope());
    let tenants = tenants(app, scope.tenant.as_deref()).await?;
    let done = match command {
        KeysCommand::List(_) => list(app, &tenants, scope.json).await,
        KeysCommand::Rotate { algorithm, .. } => rotate(app, &tenants, *algorithm, scope.json).await,
        KeysCommand::Retire { kid, now, .. } => retire(app, &tenants, kid, *now).await,
    };
    app.store.close().await;
    done
}

async fn tenants(app: &App, domain: Option<&str>) -> Result<Vec<Tenant>, Box<dyn std::error::Error>> {
    if let Some(text) = domain {
        let domain = TenantDomain::parse(text).map_err(|_| format!("{text} is no domain of a tenant"))?;
        let job = app.store.read(move |tx| Box::pin(async move { tx.tenant_by_domain(&domain).await }));
        let found: Option<Tenant> = job.await.map_err(|error: StorageError| error)?;
        return Ok(vec![found.ok_or_else(|| format!("there is no tenant {text}"))?]);
    }
    let mut all: Vec<Tenant> = Vec::new();
    loop {
        let after = all.last().map(|tenant| NameCursor::after(&tenant.name, tenant.id));
        let job = app.store.read(move |tx| Box::pin(async move { tx.list_tenants(after.as_ref(), BATCH).await }));
        let batch: Vec<Tenant> = job.await.map_err(|error: StorageError| error)?;
        if batch.is_empty() {
            return Ok(all);
        }
        all.extend(batch);
    }
}

async fn list(app: &App, tenants: &[Tenant], json: bool) -> Outcome {
    for tenant in tenants {
        for (key, state) in key_rotation::list(app, tenant.id).await? {
            let (domain, alg, signs) = (tenant.domain.as_str(), key.alg.as_str(), moment(key.signs_from));
            let (word, gone) = match state {
                KeyState::Next => ("next", None),
                KeyState::Current => ("current", None),
                KeyState::Retired { deleted_at } => ("retired", Some(moment(deleted_at))),
            };
            if json {
                let row = serde_json::json!({
                    "tenant": domain, "kid": key.id, "algorithm": alg, "state": word,
                    "signs_from": signs, "deleted_at": gone,
                });
                print::line(row)?;
            } else {
                let gone = gone.map(|at| format!(", deleted {at}")).unwrap_or_default();
                print::line(format_args!("{domain}  {alg:<5}  {word:<7}  {}  signs from {signs}{gone}", key.id))?;
            }
        }
    }
    Ok(())
}

async fn rotate(app: &App, tenants: &[Tenant], algorithm: Option<SigningAlgorithm>, json: bool) -> Outcome {
    // Every tenant gets its keys, whoever reads of it.
    let mut printed = Ok(());
    for tenant in tenants {
        for alg in SigningAlgorithm::ALL.into_iter().filter(|alg| algorithm.is_none_or(|only| only == *alg)) {
            let added = key_rotation::rotate(app, tenant.id, alg, app.clock.now(), "command").await?;
            let (domain, alg) = (tenant.domain.as_str(), alg.as_str());
            match added {
                Some(added) => {
                    let (kid, signs) = (added.kid, moment(added.signs_from));
                    let line = if json {
                        serde_json::json!({"tenant": domain, "kid": kid, "algorithm": alg, "signs_from": signs})
                            .to_string()
                    } else {
                        format!("{domain}  {alg:<5}  {kid}  signs from {signs}")
                    };
                    printed = printed.and_then(|()| print::line(line));
                }
                None => print::note(format_args!("{domain}  {alg:<5}  the next key is published already")),
            }
        }
    }
    Ok(printed?)
}

async fn retire(app: &App, tenants: &[Tenant], kid: &str, now: bool) -> Outcome {
    for tenant in tenants {
        let retirement = if now {
            key_rotation::revoke(app, tenant.id, kid).await?
        } else {
            key_rotation::retire(app, tenant.id, kid).await?
        };
        let words = match retirement {
            Retirement::Unknown => continue,
            Retirement::Withdrawn => "It is removed; it had not signed yet.".to_owned(),
            Retirement::Succeeded(next) => format!("{} follows it at {}.", next.kid, moment(next.signs_from)),
            Retirement::AlreadySucceeded => "The next key is published already and will follow it.".to_owned(),
            Retirement::AlreadyRetired => "It signs nothing more already, and is deleted by itself.".to_owned(),
            Retirement::Revoked => "It is deleted: running servers refuse it within seconds.".to_owned(),
        };
        print::line(words)?;
        return Ok(());
    }
    Err(format!("there is no key {kid}").into())
}

pub(super) fn moment(at: Timestamp) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at.as_seconds()).ok();
    moment.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}
