//! The command line: `serve`, `operator`, `tenant`, `app`, `account`, `flow`, `keys`, `messages`, `audit`,
//! `config check|show`.
//!
//! Exit codes: 0 done, 1 it could not be done (one line on stderr says why), 2 wrong usage (clap).

// `println!` panics when nobody reads: `print` is for that.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod audit;
mod keys;
mod manage;
mod messages;
mod operator;
mod print;
mod serve;

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    config::{Config, ConfigError},
    files,
    start::{self, StartError, Started},
};

const EXAMPLES: &str = "\
Examples:
  lanyard serve                          SQLite under ./data, on http://localhost:8080
  lanyard serve --demo                   a demonstration clinic with an inbox, on loopback only
  lanyard serve --tls                    https with a generated development certificate
  LANYARD_DATABASE_URL=postgres://… LANYARD_MASTER_KEY_FILE=/etc/lanyard/key lanyard serve
  lanyard app register --tenant clinic.example --name Portal --kind single_page \\
    --reply-url https://app.clinic.example/ --flow B2C_1_signup
  lanyard operator invite                print a one-time link for one more operator
  lanyard keys list                      which keys sign, and since when
  lanyard messages                       how those who send mails and texts are doing
  lanyard audit --tenant clinic.example  what happened there since yesterday
  lanyard config check                   say what is wrong with the configuration, if anything";

const OPERATOR_EXAMPLES: &str = "\
Examples (with the flags that the server was started with, or it is another database or address):
  lanyard operator invite
  lanyard operator invite --demo --tls
  lanyard operator list
  lanyard operator revoke olive@harbour.example";

const TENANT_EXAMPLES: &str = "\
Examples (with the flags that the server was started with, such as --demo):
  lanyard tenant create --name \"Harbour Clinic\" --domain harbour.example --region GB
  lanyard tenant list
  lanyard tenant texts --tenant harbour.example --countries \"Canada, US\"
  lanyard tenant cool-down --tenant harbour.example --hours 24
  lanyard tenant resets --tenant harbour.example --second-approver true
  lanyard tenant passkeys --tenant harbour.example --make \"AAGUID name\" --roots FILE
  lanyard tenant minimums --tenant harbour.example --staff phishing_resistant
  `lanyard tenant registration --help` has those of registration.";

const REGISTRATION_EXAMPLES: &str = "\
Examples (with the flags that the server was started with, such as --demo):
  lanyard tenant registration on --tenant harbour.example --most 20
  lanyard tenant registration mint --tenant harbour.example --flow B2C_1_signup --label Partner
  lanyard tenant registration show --tenant harbour.example
  lanyard tenant registration revoke --tenant harbour.example --id TOKEN_ID
  lanyard tenant registration off --tenant harbour.example";

const ACCOUNT_EXAMPLES: &str = "\
Examples (with the flags that the server was started with, such as --demo):
  lanyard account disable --tenant harbour.example sam@harbour.example
  lanyard account enable --tenant harbour.example sam@harbour.example
  lanyard account enable --tenant harbour.example sam@harbour.example --address sam@elsewhere.example
  lanyard account disable --tenant lanyard.system olive@harbour.example
  lanyard account require --tenant harbour.example sam@harbour.example --minimum aal2_legacy";

const MESSAGES_EXAMPLES: &str = "\
Examples (with the flags that the server was started with, such as --data-dir):
  lanyard messages
  lanyard messages --json";

const CONFIG_EXAMPLES: &str = "\
Examples (with the flags that the server is started with):
  lanyard config check
  lanyard config check --config /etc/lanyard/lanyard.toml
  LANYARD_LISTEN=0.0.0.0:8080 lanyard config show";

const APPLICATION_EXAMPLES: &str = "\
Examples (with the flags that the server was started with, such as --demo):
  lanyard app register --tenant harbour.example --name Web --kind web \\
    --reply-url https://app.harbour.example/signed-in --flow B2C_1_signup
  lanyard app secret --tenant harbour.example CLIENT_ID
  lanyard app set --tenant harbour.example CLIENT_ID --set client_credentials=true
  `lanyard app set --help` lists the settings.";

const FLOW_EXAMPLES: &str = "\
Examples (with the flags that the server was started with, such as --demo):
  lanyard flow create --tenant harbour.example --name B2C_1_signup
  lanyard flow set --tenant harbour.example B2C_1_signup --set token_minutes=15
  lanyard flow mfa --tenant harbour.example B2C_1_signup --to off --dry-run
  `lanyard flow set --help` lists the settings.";

const KEYS_EXAMPLES: &str = "\
Examples (with the flags that the server was started with, such as --demo):
  lanyard keys list --tenant harbour.example
  lanyard keys rotate --algorithm RS256
  lanyard keys retire --now KID";

/// Self-hosted customer identity with multi-factor authentication for healthcare.
#[derive(Debug, Parser)]
#[command(name = "lanyard", version, about, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    #[command(after_help = EXAMPLES)]
    Serve(ServeArgs),
    /// Operators of the whole instance: invite, list, revoke.
    #[command(subcommand, after_help = OPERATOR_EXAMPLES)]
    Operator(OperatorCommand),
    /// Tenants: create, list, and what holds for all of one: countries of texts, waits, resets, passkeys, minimums,
    /// registration.
    #[command(subcommand, after_help = TENANT_EXAMPLES)]
    Tenant(manage::TenantCommand),
    /// Applications: register, change, show, list, make secrets, revoke registration tokens.
    #[command(subcommand, after_help = APPLICATION_EXAMPLES)]
    App(manage::ApplicationCommand),
    /// Accounts: stop one, let it be signed in to again, say what it must show.
    #[command(subcommand, after_help = ACCOUNT_EXAMPLES)]
    Account(manage::AccountCommand),
    /// User flows: create, change, list, and when they ask for a second factor.
    #[command(subcommand, after_help = FLOW_EXAMPLES)]
    Flow(manage::FlowCommand),
    /// Signing keys: list, rotate, retire.
    #[command(subcommand, after_help = KEYS_EXAMPLES)]
    Keys(keys::KeysCommand),
    /// How the providers of mails, texts and calls are doing.
    #[command(after_help = MESSAGES_EXAMPLES)]
    Messages(messages::MessagesArgs),
    /// The audit log of a tenant: JSON lines, oldest first.
    #[command(after_help = audit::EXAMPLES)]
    Audit(audit::AuditArgs),
    /// The configuration: check, show.
    #[command(subcommand, after_help = CONFIG_EXAMPLES)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Print a one-time link with which one more operator can sign up.
    Invite(ServeArgs),
    /// List the operators of the whole instance.
    List(ServeArgs),
    /// Take the role away from one who leaves; their sessions end at once.
    Revoke {
        /// The address of the operator's account.
        email: String,
        #[command(flatten)]
        server: ServeArgs,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say what is wrong, if anything.
    Check(ServeArgs),
    /// Print what is in force, secrets redacted.
    Show(ServeArgs),
}

/// Flags that several commands share.
#[derive(Debug, Args)]
struct Common {
    /// A TOML file; without it `lanyard.toml` is read if it is there.
    #[arg(long, env = "LANYARD_CONFIG")]
    config: Option<PathBuf>,
    /// Where keys and the embedded database live.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Demo mode: loopback only, its own database, an inbox instead of real messages.
    #[arg(long)]
    demo: bool,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    common: Common,
    /// Where to listen, such as 127.0.0.1:8080; port 0 takes any free one.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// The address that people use, such as https://id.clinic.example.
    #[arg(long)]
    public_origin: Option<String>,
    /// Serve https: with the files below, or with a generated development certificate.
    #[arg(long)]
    tls: bool,
    /// Certificate chain, PEM.
    #[arg(long, requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// Private key, PEM.
    #[arg(long, requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
}

impl Common {
    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref(), &self.flags())
    }

    fn flags(&self) -> serde_json::Value {
        let mut flags = serde_json::Map::new();
        if let Some(dir) = &self.data_dir {
            flags.insert("data_dir".into(), dir.display().to_string().into());
        }
        if self.demo {
            flags.insert("demo".into(), true.into());
        }
        flags.into()
    }
}

impl ServeArgs {
    fn load(&self) -> Result<Config, ConfigError> {
        let mut flags = self.common.flags();
        if let Some(listen) = self.listen {
            flags["listen"] = listen.to_string().into();
        }
        if let Some(origin) = &self.public_origin {
            flags["public_origin"] = origin.clone().into();
        }
        if self.tls || self.tls_certificate.is_some() {
            flags["tls"] = serde_json::json!({"enabled": true});
        }
        if let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) {
            flags["tls"]["certificate_file"] = certificate.display().to_string().into();
            flags["tls"]["key_file"] = key.display().to_string().into();
        }
        Config::load(self.common.config.as_deref(), &flags)
    }
}

/// Reads the command line and carries it out.
#[must_use]
pub fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.downcast_ref::<print::PrintError>().is_some_and(print::PrintError::is_closed) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            print::note(format_args!("lanyard: {error}"));
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

// Opens what `config` names for a command beside the server. A database that only this command would
// know is seldom what was meant.
async fn open(config: Config) -> Result<Started, StartError> {
    if let Some(file) = config.sqlite_file().filter(|file| !file.exists()) {
        let file = file.display();
        print::note(format_args!(
            "There was no database {file}: it is made now. A server with other flags has another one."
        ));
    }
    start::open(config).await
}

fn run(command: &Command) -> Outcome {
    match command {
        Command::Serve(args) => block_on(serve::serve(args.load()?)),
        Command::Operator(OperatorCommand::Invite(args)) => block_on(operator::invite(args.load()?)),
        Command::Operator(OperatorCommand::List(args)) => block_on(manage::list_operators(args.load()?)),
        Command::Operator(OperatorCommand::Revoke { email, server }) => {
            block_on(manage::revoke_operator(server.load()?, email))
        }
        Command::Tenant(command) => block_on(manage::tenant(command)),
        Command::App(command) => block_on(manage::application(command)),
        Command::Account(command) => block_on(manage::account(command)),
        Command::Flow(command) => block_on(manage::flow(command)),
        Command::Keys(command) => block_on(keys::run(command.common().load()?, command)),
        Command::Messages(args) => block_on(messages::run(args.common.load()?, args)),
        Command::Audit(args) => block_on(audit::run(args.common.load()?, args)),
        Command::Config(ConfigCommand::Check(args)) => {
            let config = args.load()?;
            start::check_key(&config)?;
            start::check_providers(&config)?;
            block_on(serve::check_tls(&config))?;
            print::line("The configuration is fine.")?;
            for remark in config.remarks() {
                print::line(format_args!("But: {remark}"))?;
            }
            for file in files::of_database(&config) {
                if let Some(mode) = files::open_to_others(&file) {
                    let file = file.display();
                    print::line(format_args!(
                        "But: {file} has mode {mode:04o}, so that others can read it: set it to 0600 (the server does, where it is its own)"
                    ))?;
                }
            }
            Ok(())
        }
        Command::Config(ConfigCommand::Show(args)) => Ok(print::line(serde_json::to_string_pretty(&args.load()?)?)?),
    }
}

fn block_on(task: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(task)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn examples(command: &clap::Command, all: &mut Vec<String>) {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let text = text.split("\\\n").map(str::trim).collect::<Vec<_>>().join(" ");
        for line in text.lines().filter(|line| !line.trim_start().starts_with('`')) {
            let Some(at) = line.find("lanyard ") else { continue };
            all.push(line[at..].to_owned());
        }
        command.get_subcommands().for_each(|own| examples(own, all));
    }

    // As a shell would.
    fn words(line: &str) -> Vec<String> {
        let parts = line.split('"').enumerate();
        let words = parts.flat_map(|(n, part)| match n % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(ToOwned::to_owned).collect(),
        });
        words.collect()
    }

    #[test]
    fn every_example_of_the_help_is_a_command() {
        let mut all = Vec::new();
        examples(&Cli::command(), &mut all);
        assert!(all.len() > 30, "{all:?}");
        for line in all {
            // What stands further right is said of the command.
            let command = line.split("  ").next().unwrap_or_default();
            let read = Cli::try_parse_from(words(command));
            assert!(read.is_ok(), "{command}: {}", read.map(|_| ()).unwrap_err());
            assert!(!command.contains('<'), "a shell redirects: {command}");
        }
    }
}
