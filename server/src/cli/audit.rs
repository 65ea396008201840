//! `lanyard audit`: the audit log of a tenant, JSON lines, oldest first.

use clap::Args;
use lanyard_domain::{
    audit::{Action, AuditEvent},
    clock::{DAY, Timestamp},
    id::Id,
};
use lanyard_storage::{AuditCursor, AuditWanted, StorageError};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Common, Outcome, manage, print};
use crate::{config::Config, state::App};

pub(super) const EXAMPLES: &str = "\
Examples (with the flags that the server was started with, such as --demo):
  lanyard audit --tenant harbour.example
  lanyard audit --tenant harbour.example --since 7 --action account_disabled
  lanyard audit --tenant harbour.example --since 2026-11-01T00:00:00Z --limit 1000
  lanyard audit --tenant harbour.example --after ID     what came after the event that was read last
  lanyard audit --tenant lanyard.system                 what concerns the whole instance and its operators";

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// The tenant's domain; lanyard.system for what concerns the whole instance.
    #[arg(long)]
    tenant: String,
    /// Since this moment (RFC 3339, such as 2026-11-01T00:00:00Z), or for so many days.
    #[arg(long, default_value = "1", conflicts_with = "after")]
    since: String,
    /// What came after the event with this id, the last that was read.
    #[arg(long)]
    after: Option<String>,
    /// Events of this action alone, such as sign_in.
    #[arg(long)]
    action: Option<String>,
    /// At most so many events, from 1 to 1000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Prints events of the log.
pub(super) async fn run(config: Config, args: &AuditArgs) -> Outcome {
    let started = super::open(config).await?;
    let app = &started.app;
    let read = events(app, args).await;
    app.store.close().await;
    for event in read? {
        print::line(as_json(&event))?;
    }
    Ok(())
}

async fn events(app: &App, args: &AuditArgs) -> Result<Vec<AuditEvent>, Box<dyn std::error::Error>> {
    let tenant = manage::any_tenant_of(app, &args.tenant).await?.id;
    let action = args.action.as_deref().map(action).transpose()?;
    let after = match &args.after {
        None => AuditCursor::before(since(&args.since, app.clock.now())?),
        Some(text) => {
            let unknown = || format!("--after: {text} is no event of this tenant");
            let id: Id<AuditEvent> = text.parse().map_err(|_| unknown())?;
            let found = app.store.read(move |tx| Box::pin(async move { tx.audit_cursor(tenant, id).await })).await;
            let found: Result<Option<AuditCursor>, StorageError> = found;
            found?.ok_or_else(unknown)?
        }
    };
    let wanted = AuditWanted { after, action, limit: args.limit };
    let page = app.store.read(move |tx| Box::pin(async move { tx.audit_after(tenant, &wanted).await })).await;
    let page: Result<Vec<AuditEvent>, StorageError> = page;
    Ok(page?)
}

// The words of the log; the error names them all.
fn action(text: &str) -> Result<Action, String> {
    serde_json::from_value(text.into()).map_err(|error| format!("--action: {error}"))
}

fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(days) = text.parse::<u16>() {
        return Ok(now.minus(i64::from(days) * DAY));
    }
    let moment = OffsetDateTime::parse(text, &Rfc3339);
    let moment =
        moment.map_err(|_| format!("--since: {text} is neither a moment such as 2026-11-01T00:00:00Z nor days"))?;
    let millis = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000));
    millis.map(Timestamp).map_err(|_| format!("--since: {text} is out of range"))
}

// To the millisecond, by which the log is ordered, always in three digits, so that text sorts as time does.
fn moment(at: Timestamp) -> String {
    let second =
        OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).ok().and_then(|at| at.format(&Rfc3339).ok());
    second.map(|text| format!("{}.{:03}Z", text.trim_end_matches('Z'), at.0.rem_euclid(1000))).unwrap_or_default()
}

fn as_json(event: &AuditEvent) -> serde_json::Value {
    json!({
        "id": event.id, "at": moment(event.at), "action": event.action, "outcome": event.outcome, "actor": event.actor,
        "target": event.target, "ip": event.ip, "request": event.request, "detail": event.detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_or_days_say_since_when() {
        let now = Timestamp(10 * DAY);
        assert_eq!(since("7", now), Ok(Timestamp(3 * DAY)));
        assert_eq!(since("0", now), Ok(now));
        assert_eq!(since("1970-01-02T01:00:00.5+01:00", now), Ok(Timestamp(DAY + 500)));
        for bad in ["", "-1", "yesterday", "2026-11-01", "99999999"] {
            assert!(since(bad, now).is_err(), "{bad}");
        }
        assert_eq!(action("sign_in"), Ok(Action::SignIn));
        assert!(action("sign-in").unwrap_err().contains("sign_out"));
    }
}
