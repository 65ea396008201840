//! `lanyard flow create|set|mfa|list`.

use clap::Subcommand;
use lanyard_app::api::portal::MfaMode;
use lanyard_domain::{
    claims,
    tenant::Tenant,
    user_flow::{Affected, UserFlow},
};
use serde_json::{Value, json};

use super::{Failed, Outcome, by, problems, said, set, tenant_of, with};
use crate::{
    cli::ServeArgs,
    http::portal::{applications::endpoints, forms, mfa},
    service::portal::{attributes, flows, listing::Wanted, tenants},
    state::App,
};

const SETTINGS: &str = "\
Settings (fields of the portal's form):
  token_minutes  refresh_days  refresh_window_days  issuer=flow|tenant  flow_claim=tfp|acr  strict_errors
  session_minutes  session_end=absolute|rolling  session_scope=tenant|application|flow|none  keep_days
  id_token_in_logout  remember  remember_days
  minimum=aal1|aal2_legacy|aal2_strict|phishing_resistant  grace_days
  method-METHOD  collect-ATTRIBUTE  required-ATTRIBUTE  claim-CLAIM   (=true or =false)";
const NAMES: [&str; 15] = [
    "token_minutes",
    "refresh_days",
    "refresh_window_days",
    "issuer",
    "flow_claim",
    "strict_errors",
    "session_minutes",
    "session_end",
    "session_scope",
    "keep_days",
    "id_token_in_logout",
    "minimum",
    "grace_days",
    "remember",
    "remember_days",
];
const MFA_SETTINGS: &str = "\
Settings (fields of the portal's form):
  when_new_browser  when_new_network  when_new_country  (=true or =false)  when_days   (conditional)
  minimum=aal1|aal2_legacy|aal2_strict|phishing_resistant
  grace_days   (who was there before may put it off for so long; 0: not at all)
  method-METHOD   (=true or =false)";
const MFA_NAMES: [&str; 6] =
    ["when_new_browser", "when_new_network", "when_new_country", "when_days", "minimum", "grace_days"];
const PREFIXES: [&str; 4] = ["method-", "collect-", "required-", "claim-"];

/// User flows.
#[derive(Debug, Subcommand)]
pub(in super::super) enum FlowCommand {
    /// Create a user flow; prints it, with issuer and discovery address.
    Create {
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// Its name, such as B2C_1_signup.
        #[arg(long)]
        name: String,
        /// sign_up_sign_in, sign_in, profile_editing or password_reset.
        #[arg(long, default_value = "sign_up_sign_in")]
        kind: String,
        /// on, conditional (in a new browser, or 30 days later) or off.
        #[arg(long, default_value = "on")]
        mfa: String,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Change settings of a user flow; prints it.
    #[command(after_help = SETTINGS)]
    Set {
        /// The flow's name.
        name: String,
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// A setting, name=value; may be repeated.
        #[arg(long = "set", required = true)]
        settings: Vec<String>,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// Say when a user flow asks for a second factor; prints it.
    #[command(after_help = MFA_SETTINGS)]
    Mfa {
        /// The flow's name.
        name: String,
        /// The tenant's domain.
        #[arg(long)]
        tenant: String,
        /// on, conditional or off.
        #[arg(long)]
        to: String,
        /// A setting, name=value; may be repeated.
        #[arg(long = "set")]
        settings: Vec<String>,
        /// Change nothing; print how many patients would be affected.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        server: ServeArgs,
    },
    /// List the user flows of a tenant (50 at most, by name).
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
pub(in super::super) async fn run(command: &FlowCommand) -> Outcome {
    match command {
        FlowCommand::Create { tenant, name, kind, mfa, server } => {
            // As the portal's form has it.
            let mfa = match mode(mfa)? {
                MfaMode::On => "always_on".to_owned(),
                other @ (MfaMode::Conditional | MfaMode::Off) => other.as_str().to_owned(),
            };
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                let catalogue = claims::catalogue(&attributes::custom(&app, tenant.id).await?);
                let form = forms::new_flow_values().with("name", name.clone());
                let mut form = form.with("kind", kind.clone()).with("mfa", mfa);
                let fields = set(&mut form.values, &[], |_| false)?;
                let draft = forms::new_flow(&fields, &catalogue).map_err(problems)?;
                let key = flows::create(&app, tenant.id, draft, by()).await.map_err(|error| said(error, name))?;
                show(&app, &tenant, key).await
            })
            .await
        }
        FlowCommand::Set { name, tenant, settings, server } => {
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                let key = name.to_ascii_lowercase();
                change(&app, &tenant, &key, settings).await?;
                show(&app, &tenant, key).await
            })
            .await
        }
        FlowCommand::Mfa { name, tenant, to, settings, dry_run, server } => {
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                let key = name.to_ascii_lowercase();
                if let Some(affected) = switch(&app, &tenant, (&key, to), settings, *dry_run).await? {
                    return Ok(affected);
                }
                show(&app, &tenant, key).await
            })
            .await
        }
        FlowCommand::List { tenant, server } => {
            with(server.load()?, |app| async move {
                let tenant = tenant_of(&app, tenant).await?;
                let (page, _) = flows::list(&app, tenant.id, Wanted::default()).await?;
                Ok(page.rows.iter().map(|flow| shown(&app, flow)).collect())
            })
            .await
        }
    }
}

// The word that the settings of a flow have for it is one, too.
fn mode(text: &str) -> Result<MfaMode, Failed> {
    let found = if text == "always_on" { Some(MfaMode::On) } else { MfaMode::parse(text) };
    Ok(found.ok_or_else(|| format!("{text}: on, conditional or off"))?)
}

async fn change(app: &App, tenant: &Tenant, key: &str, settings: &[String]) -> Result<(), Failed> {
    let now = flows::show(app, tenant.id, key.to_owned()).await.map_err(|error| said(error, key))?;
    let catalogue = claims::catalogue(&now.custom);
    let mut form = forms::flow_values(&now.flow);
    let known = |name: &str| NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let fields = set(&mut form.values, settings, known)?;
    let edit = forms::settings_edit(&fields, &catalogue).map_err(problems)?;
    flows::change(app, tenant.id, key.to_owned(), now.flow.version, edit, by())
        .await
        .map_err(|error| said(error, key))?;
    Ok(())
}

// Whom it would touch, where nothing else is asked for.
async fn switch(
    app: &App,
    tenant: &Tenant,
    (key, to): (&str, &str),
    settings: &[String],
    dry_run: bool,
) -> Result<Option<Value>, Failed> {
    let to = mode(to)?;
    let now = flows::show(app, tenant.id, key.to_owned()).await.map_err(|error| said(error, key))?.flow;
    let mut form = mfa::values(&now);
    let known = |name: &str| MFA_NAMES.contains(&name) || name.starts_with("method-");
    let fields = set(&mut form.values, settings, known)?;
    let edit = mfa::edit_of(to, &fields).map_err(problems)?;
    if dry_run {
        let policy = edit.apply(&now, app.clock.now()).map_err(|error| said(error, key))?.mfa;
        let remark = flows::remark(&app.config, &policy);
        let Affected { patients, without, weaker, waiting, raised } = tenants::dry_run(app, tenant.id, policy).await?;
        let touched =
            json!({"patients": patients, "without": without, "weaker": weaker, "waiting": waiting, "raised": raised});
        return Ok(Some(remarked(touched, remark)));
    }
    flows::change(app, tenant.id, key.to_owned(), now.version, edit, by()).await.map_err(|error| said(error, key))?;
    Ok(None)
}

async fn show(app: &App, tenant: &Tenant, key: String) -> Result<Value, Failed> {
    let found = flows::show(app, tenant.id, key).await?;
    Ok(shown(app, &found.flow))
}

fn shown(app: &App, flow: &UserFlow) -> Value {
    let at = endpoints(app, flow);
    let flow_as_it_is = json!({
        "id": flow.id, "name": flow.name, "kind": flow.kind, "version": flow.version, "settings": flow.settings,
        "issuer": at.issuer, "discovery": at.discovery,
    });
    remarked(flow_as_it_is, flows::remark(&app.config, &flow.settings.mfa))
}

// What does not work as one would expect is said beside the rest.
fn remarked(mut answer: Value, remark: Option<&str>) -> Value {
    if let Some(remark) = remark {
        answer["remark"] = remark.into();
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lanyard_domain::{
        assurance::Assurance,
        clock::Timestamp,
        id::Id,
        user_flow::{
            Audience, Conditions, Enforcement, FlowClaim, FlowName, FlowSettings, FlowType, IssuerMode, MfaPolicy,
            RememberSettings, SessionScope, SessionSettings, TokenSettings,
        },
    };
    use uuid::Uuid;

    use super::*;

    // Nothing is left to a default: a new setting does not compile until it is here.
    fn everything() -> UserFlow {
        UserFlow {
            id: Id::from_uuid(Uuid::from_u128(1)),
            tenant: Id::from_uuid(Uuid::from_u128(2)),
            name: FlowName::parse("B2C_1_x").unwrap(),
            kind: FlowType::SignUpSignIn,
            audience: Audience::Patients,
            settings: FlowSettings {
                mfa: MfaPolicy {
                    enforcement: Enforcement::AlwaysOn,
                    methods: BTreeSet::new(),
                    minimum: Assurance::Aal2Strict,
                    conditions: Conditions {
                        new_browser: true,
                        new_network: true,
                        new_country: true,
                        strong_days: Some(30),
                    },
                    grace_days: 14,
                    since: Some(Timestamp(0)),
                },
                attributes: Vec::new(),
                claims: Vec::new(),
                tokens: TokenSettings {
                    minutes: 60,
                    refresh_days: 14,
                    refresh_window_days: Some(90),
                    issuer: IssuerMode::Flow,
                    flow_claim: FlowClaim::Tfp,
                    strict_errors: true,
                },
                session: SessionSettings {
                    minutes: 60,
                    rolling: true,
                    scope: SessionScope::Tenant,
                    keep_days: Some(30),
                    id_token_in_logout: true,
                    remember: RememberSettings { on: true, days: 30 },
                },
            },
            version: 1,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
        }
    }

    #[test]
    fn every_setting_of_the_form_can_be_set_and_is_in_the_help() {
        let form = forms::flow_values(&everything());
        let own: BTreeSet<&str> = form.values.keys().map(String::as_str).filter(|name| *name != "version").collect();
        assert_eq!(own, BTreeSet::from(NAMES));
        for name in NAMES.into_iter().chain(PREFIXES) {
            assert!(SETTINGS.contains(name), "{name}");
        }
        let form = mfa::values(&everything());
        let others = |name: &&str| *name != "version" && !name.starts_with("method-");
        let own: BTreeSet<&str> = form.values.keys().map(String::as_str).filter(others).collect();
        assert_eq!(own, BTreeSet::from(MFA_NAMES));
        for name in MFA_NAMES {
            assert!(MFA_SETTINGS.contains(name), "{name}");
        }
    }
}
