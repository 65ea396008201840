//! What people do about themselves at `/account`: look at what the server holds, change their
//! details. Only what the tenant's flows ask patients for can be changed here (A48).

mod access;
pub mod browsers;
pub mod contact;
mod contact_change;
mod contact_code;
mod contact_page;
pub mod data;
pub mod deletion;
pub mod factors;
pub mod history;
pub mod not_me;
pub(in crate::service) mod notices;
pub mod passkeys;
mod profile;
pub mod recovery;
pub mod words;

use lanyard_app::api::account::{AccountView, Done, Visitor};
use lanyard_domain::{
    account::Account,
    assurance::Authentication,
    attribute::Attribute,
    clock::SECOND,
    contact::ContactKind,
    id::Id,
    session::{ConsoleKind, NOTED_EVERY, Session},
    tenant::Tenant,
};
use lanyard_storage::StorageError;

pub(in crate::service) use access::lock;
pub use access::{end_sessions, remove_access};
pub use profile::{Change, change, form};

use crate::state::App;

/// Who looks at their own account.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The account, as it was when the request came.
    pub account: Account,
    /// The session that shows the page.
    pub session: Id<Session>,
    /// Whether that session is at AAL2 now: only then may it change factors (N19).
    pub strong: bool,
    /// Whether it is fresh and at AAL2 (A20).
    pub fresh: bool,
    /// Whether it is fresh, at whatever level.
    pub recent: bool,
    /// How that session signed in.
    pub authentication: Authentication,
    /// The frame of the page.
    pub visitor: Visitor,
}

/// Everything that the page shows, from one snapshot.
///
/// # Errors
/// When the database does not answer.
pub async fn overview(app: &App, owner: Owner, done: Option<Done>) -> Result<AccountView, StorageError> {
    let (now, account) = (app.clock.now(), owner.account);
    let (tenant, id) = (account.tenant, account.id);
    let (account, custom, factors, sessions, browsers, apps, deletion, cooling, pending) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let fresh = tx.account_by_id(tenant, id).await?.unwrap_or(account);
                let custom = custom(tx.custom_attributes(tenant).await?);
                let factors = tx.factors_of_account(id).await?;
                let sessions = tx.live_sessions_of_account(id, now).await?;
                let browsers = tx.remembered_of_account(id, now).await?;
                let apps = access::apps(tx, tenant, id, &custom, now).await?;
                let deletion = tx.deletion_of(id).await?;
                let cooling = tx.cooling_until(id, now).await?;
                let mut pending = Vec::new();
                for kind in [ContactKind::Email, ContactKind::Phone] {
                    pending.extend(contact::pending(tx, id, kind, now).await?);
                }
                Ok::<_, StorageError>((fresh, custom, factors, sessions, browsers, apps, deletion, cooling, pending))
            })
        })
        .await?;
    let may_change = owner.fresh && owner.authentication.measures_up_to(&factors);
    Ok(AccountView {
        visitor: owner.visitor,
        done,
        pending: pending.iter().map(words::pending).collect(),
        may_change_email: contact::may_change_email(account.kind),
        claims: words::claims(&account, &custom),
        may_add_passkey: may_change && app.passkeys.is_some() && !factors.is_empty(),
        may_change_factors: may_change,
        cooling_until: cooling.map(words::moment),
        signed_in_weakly: owner.fresh && !may_change,
        methods: factors.iter().filter(|f| f.stands_alone()).map(|factor| words::method(factor, now)).collect(),
        recovery: factors.iter().find_map(|factor| words::recovery(factor, now)),
        may_have_recovery: recovery::may_have(&factors),
        sessions: words::live_sessions(&sessions, Some(owner.session), now),
        browsers: browsers::words(&browsers),
        apps,
        deletion: deletion.map(words::moment),
        may_delete: deletion::may_ask(account.kind),
    })
}

fn custom(attributes: Vec<Attribute>) -> Vec<Attribute> {
    attributes.into_iter().filter(Attribute::is_custom).collect()
}

/// For how many seconds a page of `console` may stand idle: its session may be as old as the last note of
/// its use.
#[must_use]
pub fn idle_seconds(console: ConsoleKind) -> u32 {
    u32::try_from((console.idle() - NOTED_EVERY) / SECOND).unwrap_or_default()
}

/// The frame of a console's pages.
#[must_use]
pub fn visitor(app: &App, console: ConsoleKind, tenant: &Tenant, name: String, csrf: &str) -> Visitor {
    Visitor {
        tenant: tenant.name.clone(),
        domain: tenant.domain.as_str().to_owned(),
        name,
        csrf: csrf.to_owned(),
        idle_seconds: idle_seconds(console),
        demo: app.config.demo,
    }
}
