//! `lanyard messages`: how the providers of mails, texts and calls are doing.

use clap::Args;
use lanyard_domain::clock::Timestamp;
use lanyard_messaging::{Channel, Provider};
use lanyard_storage::ProviderHealth;
use serde_json::json;

use super::{Common, Outcome, keys::moment, print};
use crate::{config::Config, state::App};

#[derive(Debug, Args)]
pub(super) struct MessagesArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

/// Says of each provider that is set up what the servers on this database found out about it.
pub(super) async fn run(config: Config, args: &MessagesArgs) -> Outcome {
    let started = super::open(config).await?;
    let app = &started.app;
    let health = app.store.read(|tx| Box::pin(async move { tx.provider_health().await })).await;
    let done = health.map_err(Into::into).and_then(|health| tell(app, &health, args.json));
    app.store.close().await;
    done
}

fn tell(app: &App, health: &[ProviderHealth], json: bool) -> Outcome {
    let mut providers: Vec<Provider> = Vec::new();
    for channel in [Channel::Email, Channel::Text] {
        providers.extend(app.transport.providers(channel));
    }
    if providers.is_empty() && !json {
        print::line("Nobody sends messages here: set up [smtp] and [twilio].")?;
    }
    let now = app.clock.now();
    for provider in providers {
        let name = provider.name();
        let own = health.iter().find(|health| health.name == name);
        if json { print::line(as_json(name, own))? } else { print::line(as_text(name, own, now))? }
    }
    Ok(())
}

fn as_json(name: &str, health: Option<&ProviderHealth>) -> serde_json::Value {
    json!({
        "provider": name,
        "failures_in_a_row": health.map_or(0, |health| health.failures),
        "asked_last_until": health.and_then(|health| health.open_until).map(moment),
        "last_failure": health.map(|health| &health.last_failure),
        "last_failure_at": health.map(|health| moment(health.last_failure_at)),
        "recovered_at": health.and_then(|health| health.recovered_at).map(moment),
    })
}

fn as_text(name: &str, health: Option<&ProviderHealth>, now: Timestamp) -> String {
    let Some(health) = health else { return format!("{name:<14} no failure so far") };
    let state = match health {
        ProviderHealth { failures: 0, .. } => "works".to_owned(),
        ProviderHealth { failures, open_until: Some(until), .. } if *until > now => {
            format!("{failures} failures in a row, asked last until {}", moment(*until))
        }
        ProviderHealth { failures, .. } => format!("{failures} failures in a row"),
    };
    format!("{name:<14} {state}; last failure {}: {}", moment(health.last_failure_at), health.last_failure)
}
