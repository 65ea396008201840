//! `lanyard app register|set|secret|revoke-registration|show|list`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Subcommand;
use lanyard_domain::{
    application::Application,
    id::Id,
    tenant::Tenant,
    user_flow::{Audience, UserFlow},
};
use serde_json::{Value, json};

use super::{Failed, Outcome, by, problems, said, set, tenant_of, with};
use crate::{
    cli::ServeArgs,
    http::portal::{applications::endpoints, forms},
    service::portal::{
        PortalError,
        applications::{self, Shown},
        listing::Wanted,
        registration,
    },
    state::App,
};

const SETTINGS: &str = "\
Settings (fields of the portal's form; what the kind of application cannot have stays off):
  name  minimum=strongest_linked|none|mfa  reply_urls (lines: \\n between them)  signing=RS256|ES256|EdDSA
  hybrid  implicit_id_token  third_party  handles_password_reset  client_credentials  device
  require_pushed_requests  require_dpop  require_dpop_nonce   (=true or =false)
  post_logout_urls (lines)  front_channel_logout  back_channel_logout  client_keys (a JWK set)
  app_id_uri  scopes (lines: name, space, description)  permit-API-SCOPE=true";
const NAMES: [&str; 19] = [
    "name",
    "minimum",
    "reply_urls",
    "signing",
    "hybrid",
    "implicit_id_token",
    "third_party",
    "handles_password_reset",
    "post_logout_urls",
    "front_channel_logout",
    "back_channel_logout",
    "client_keys",
    "client_credentials",
    "device",
    "require_pushed_requests",
    "require_dpop",
    "require_dpop_nonce",
    "app_id_uri",
    "scopes",
];

/// Applications.
#[derive(Debug, Subcommand)]
pub(in super::super) enum ApplicationCommand {
    /// Register an application; prints it, with the discovery address of each linked flow.
    Register {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// The name that people see.
        #[arg(long)]
        name: String,
        /// web, single_page, native or web_api.
        #[arg(long)]
        kind: String,
        /// A reply URL; may be repeated.
        #[arg(long = "reply-url")]
        reply_urls: Vec<String>,
        /// What every sign-in must reach: strongest_linked, none or mfa.
        #[arg(long, default_value = "strongest_linked")]
        minimum: String,
        /// The name of a user flow to link; may be repeated.
        #[arg(long = "flow")]
        flows: Vec<String>,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Change settings of an application, link and unlink user flows; prints it.
    #[command(after_help = SETTINGS)]
    Set {
        /// The application's (client) id.
        id: String,
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// A setting, name=value; may be repeated.
        #[arg(long = "set")]
        settings: Vec<String>,
        /// The name of a user flow to link; may be repeated.
        #[arg(long)]
        link: Vec<String>,
        /// The name of a user flow to unlink; may be repeated.
        #[arg(long)]
        unlink: Vec<String>,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Make a client secret for a web application; prints it, this once.
    Secret {
        /// The application's (client) id.
        id: String,
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Revoke the token by which an application that a program registered changes itself (RFC 7592).
    RevokeRegistration {
        /// The application's (client) id.
        id: String,
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Print an application.
    Show {
        /// The application's (client) id.
        id: String,
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// List the applications of a tenant (50 at most, by name).
    List {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        #[command(flatten)]
        server: ServeArgs,
    },
}

/// Carries out `command`.
///
/// # Errors
/// One line that says why nothing was done.
pub(in super::super) async fn run(command: &ApplicationCommand) -> Outcome {
    match command {
        ApplicationCommand::Register { tenant, name, kind, reply_urls, minimum, flows, server } => {
            let form = [("name", name), ("kind", kind), ("minimum", minimum), ("reply_urls", &reply_urls.join("\n"))];
            let mut form: BTreeMap<String, String> = form.map(|(name, value)| (name.to_owned(), value.clone())).into();
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                let linkable = applications::linkable(&app, tenant.id).await?;
                for flow in named(&linkable, flows)? {
                    form.insert(format!("flow-{flow}"), "true".to_owned());
                }
                let fields = set(&mut form, &[], |_| false)?;
                let draft = forms::new_application(&fields).map_err(problems)?;
                let id = applications::register(&app, tenant.id, draft, by()).await;
                show(&app, &tenant, id.map_err(|error| said(error, name))?).await
            })
            .await
        }
        ApplicationCommand::Set { id, tenant, settings, link, unlink, server } => {
            with(server.load()?, |app| async move {
                let (tenant, id) = (tenant_of(&app, tenant).await?, parse(id)?);
                change(&app, &tenant, id, settings, (link, unlink)).await?;
                show(&app, &tenant, id).await
            })
            .await
        }
        ApplicationCommand::Secret { id, tenant, server } => {
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                match applications::create_secret(&app, tenant.id, parse(id)?, by()).await {
                    Ok(secret) => Ok(json!({"id": id, "secret": secret.expose()})),
                    Err(PortalError::NotAllowed) => {
                        Err(format!("{id}: single-page and native applications can keep no secret, and get none")
                            .into())
                    }
                    Err(error) => Err(said(error, id)),
                }
            })
            .await
        }
        ApplicationCommand::RevokeRegistration { id, tenant, server } => {
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                match registration::revoke_client_token(&app, tenant.id, parse(id)?, by()).await {
                    Ok(()) => Ok(json!({"id": id, "revoked": true})),
                    Err(PortalError::Unchanged) => Err(format!("{id}: has no registration access token").into()),
                    Err(error) => Err(said(error, id)),
                }
            })
            .await
        }
        ApplicationCommand::Show { id, tenant, server } => {
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                show(&app, &tenant, parse(id)?).await
            })
            .await
        }
        ApplicationCommand::List { tenant, server } => {
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                let page = applications::list(&app, tenant.id, Wanted::default()).await?;
                Ok(page.rows.iter().map(shown).collect())
            })
            .await
        }
    }
}

fn parse(id: &str) -> Result<Id<Application>, Failed> {
    id.parse().map_err(|_| format!("{id}: not an application's id").into())
}

// The ids of the flows of these names.
fn named(flows: &[UserFlow], names: &[String]) -> Result<BTreeSet<Id<UserFlow>>, Failed> {
    names
        .iter()
        .map(|name| {
            let found = flows.iter().find(|flow| flow.name.key() == name.to_ascii_lowercase());
            found.map(|flow| flow.id).ok_or_else(|| format!("there is no user flow {name}").into())
        })
        .collect()
}

async fn change(
    app: &App,
    tenant: &Tenant,
    id: Id<Application>,
    settings: &[String],
    (link, unlink): (&[String], &[String]),
) -> Result<(), Failed> {
    let what = id.to_string();
    let now = applications::show(app, tenant.id, id).await.map_err(|error| said(error, &what))?;
    let mut form = forms::application_values(&now.registered);
    for flow in named(&now.flows, link)? {
        form.values.insert(format!("flow-{flow}"), "true".to_owned());
    }
    for flow in named(&now.flows, unlink)? {
        form.values.remove(&format!("flow-{flow}"));
    }
    let known = |name: &str| NAMES.contains(&name) || name.starts_with("permit-");
    let fields = set(&mut form.values, settings, known)?;
    let edit = forms::application_edit(&fields, now.registered.application.kind, &now.apis).map_err(problems)?;
    applications::change(app, tenant.id, id, edit, by()).await.map_err(|error| said(error, &what))?;
    Ok(())
}

async fn show(app: &App, tenant: &Tenant, id: Id<Application>) -> Result<Value, Failed> {
    let found = applications::show(app, tenant.id, id).await.map_err(|error| said(error, &id.to_string()))?;
    let Shown { registered, .. } = found;
    let mut value = shown(&registered.application);
    let flows = registered.linked.iter().filter(|flow| flow.audience == Audience::Patients).map(|flow| {
        let at = endpoints(app, flow);
        json!({"name": flow.name, "issuer": at.issuer, "discovery": at.discovery})
    });
    value["flows"] = flows.collect();
    Ok(value)
}

fn shown(own: &Application) -> Value {
    let secrets: Vec<&str> = own.secrets.iter().map(|secret| secret.hint.as_str()).collect();
    json!({
        "id": own.id, "name": own.name, "kind": own.kind, "reply_urls": own.reply_urls, "minimum": own.minimum,
        "settings": own.settings, "secrets_end_with": secrets,
    })
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{
        application::{ApiPermission, ApiScope, ApplicationKind, ApplicationSettings, Minimum, SigningAlgorithm},
        clock::Timestamp,
        reply_url::ReplyUrl,
    };
    use uuid::Uuid;

    use super::*;
    use crate::service::portal::applications::Registered;

    // Everything is on and nothing is left to a default: a new setting does not compile until it is here.
    fn everything() -> Registered {
        let url = ReplyUrl::parse("https://app.example/back", ApplicationKind::Web).unwrap();
        let settings = ApplicationSettings {
            signing: SigningAlgorithm::RS256,
            hybrid: true,
            implicit_id_token: true,
            third_party: true,
            handles_password_reset: true,
            post_logout_urls: vec![url.clone()],
            front_channel_logout: Some("https://app.example/out".into()),
            back_channel_logout: Some("https://app.example/out".into()),
            client_keys: Some("{}".into()),
            client_credentials: true,
            device: true,
            require_pushed_requests: true,
            require_dpop: true,
            require_dpop_nonce: true,
            app_id_uri: Some("https://api.example".into()),
            scopes: vec![ApiScope { name: "read".into(), description: "Records".into() }],
            permissions: vec![ApiPermission { api: Id::from_uuid(Uuid::from_u128(3)), scopes: vec!["read".into()] }],
        };
        let application = Application {
            id: Id::from_uuid(Uuid::from_u128(1)),
            tenant: Id::from_uuid(Uuid::from_u128(2)),
            name: "App".into(),
            kind: ApplicationKind::Web,
            reply_urls: vec![url],
            minimum: Minimum::StrongestLinked,
            secrets: Vec::new(),
            settings,
            created_at: Timestamp(0),
        };
        Registered { application, version: 1, linked: Vec::new() }
    }

    #[test]
    fn every_setting_of_the_form_can_be_set_and_is_in_the_help() {
        let form = forms::application_values(&everything());
        let fields = form.values.keys().map(String::as_str);
        // What the form was drawn from, and what has its own way (`--link`, `permit-…`).
        let own: BTreeSet<&str> =
            fields.filter(|name| !matches!(*name, "version" | "shown") && !name.starts_with("permit-")).collect();
        assert_eq!(own, BTreeSet::from(NAMES));
        for name in NAMES {
            assert!(SETTINGS.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name), "{name}");
        }
    }
}
