//! `lanyard tenant registration …`: whether programs may register applications (RFC 7591).

use clap::Subcommand;
use lanyard_domain::{id::Id, registration::InitialAccessToken};
use serde_json::json;

use super::{Failed, Outcome, by, said, tenant_of, with};
use crate::{
    cli::ServeArgs,
    service::portal::{
        PortalError, flows,
        registration::{self, TokenDraft},
    },
};

/// Dynamic client registration.
#[derive(Debug, Subcommand)]
pub(in super::super) enum RegistrationCommand {
    /// Let programs that have an initial access token register applications; off by default.
    On {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// At most so many applications, from 1 to 1000.
        #[arg(long, default_value_t = 50)]
        most: u32,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Let nobody register any more. What is registered stays, but cannot change itself.
    Off {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Show the switch and the newest initial access tokens.
    Show {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Make an initial access token; prints it, this once.
    Mint {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// The flow at which applications may be registered, and that they are linked to.
        #[arg(long)]
        flow: String,
        /// Whom it is for.
        #[arg(long)]
        label: String,
        /// For so many registrations, from 1 to 100.
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// For so many days, from 1 to 90.
        #[arg(long, default_value_t = 7)]
        days: u32,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Revoke an initial access token.
    Revoke {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// Its id, as `show` prints it.
        #[arg(long)]
        id: String,
        #[command(flatten)]
        server: ServeArgs,
    },
}

/// Carries out `command`.
///
/// # Errors
/// One line that says why nothing was done.
pub(super) async fn run(command: &RegistrationCommand) -> Outcome {
    match command {
        RegistrationCommand::On { tenant, most, server } => switch(tenant, Some(*most), server).await,
        RegistrationCommand::Off { tenant, server } => switch(tenant, None, server).await,
        RegistrationCommand::Show { tenant, server } => {
            with(server.load()?, |app| async move {
                let id = tenant_of(&app, tenant).await?.id;
                let (switch, tokens) = registration::show(&app, id).await.map_err(|error| failed(error, tenant))?;
                let tokens: Vec<_> = tokens.iter().map(shown).collect();
                Ok(json!({
                    "on": switch.on, "most": switch.most, "registered": switch.registered,
                    "initial_access_tokens": tokens,
                }))
            })
            .await
        }
        RegistrationCommand::Mint { tenant, flow, label, uses, days, server } => {
            with(server.load()?, |app| async move {
                let id = tenant_of(&app, tenant).await?.id;
                let found =
                    flows::show(&app, id, flow.to_ascii_lowercase()).await.map_err(|error| said(error, flow))?;
                let draft = TokenDraft { flow: found.flow.id, label: label.clone(), uses: *uses, days: *days };
                let made = registration::mint(&app, id, draft, by()).await;
                let (token, text) = made.map_err(|error| failed(error, tenant))?;
                let mut answer = shown(&token);
                answer["token"] = text.expose().into();
                Ok(answer)
            })
            .await
        }
        RegistrationCommand::Revoke { tenant, id: token, server } => {
            with(server.load()?, |app| async move {
                let id = tenant_of(&app, tenant).await?.id;
                let missing = || format!("{token}: there is no such token that still stands");
                let parsed: Id<InitialAccessToken> = token.parse().map_err(|_| missing())?;
                match registration::revoke(&app, id, parsed, by()).await {
                    Ok(()) => Ok(json!({"id": parsed, "revoked": true})),
                    Err(PortalError::Conflict) => Err(missing().into()),
                    Err(error) => Err(failed(error, tenant)),
                }
            })
            .await
        }
    }
}

async fn switch(tenant: &str, most: Option<u32>, server: &ServeArgs) -> Outcome {
    with(server.load()?, |app| async move {
        let id = tenant_of(&app, tenant).await?.id;
        let set = registration::switch(&app, id, most, by()).await;
        Ok(json!(set.map_err(|error| failed(error, tenant))?))
    })
    .await
}

fn failed(error: PortalError, tenant: &str) -> Failed {
    match error {
        PortalError::NotAllowed => {
            "a number or the label is out of bounds (this command with --help says which they are)".into()
        }
        error => said(error, tenant),
    }
}

fn shown(token: &InitialAccessToken) -> serde_json::Value {
    json!({
        "id": token.id, "flow": token.flow, "label": token.label, "uses_left": token.uses_left,
        "created_at": token.created_at.as_seconds(), "expires_at": token.expires_at.as_seconds(),
        "revoked": token.revoked_at.is_some(),
    })
}
