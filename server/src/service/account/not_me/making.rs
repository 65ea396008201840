//! The links themselves: each works once, for two weeks, and knows what the change was that its mail tells of.

use lanyard_app::paths;
use lanyard_domain::{account::Account, assurance::Assurance, clock::Millis, id::Id, secret::Token, tenant::Tenant};
use lanyard_storage::{Repudiation, StorageError, WriteTx};

use crate::{service::account::deletion, state::App};

/// How long such a link works: as long as a deletion that a stranger asked for can be undone.
pub const LINK_LIFE: Millis = deletion::DELAY;

// What a link undoes beside what all of them do.
#[derive(Clone, Copy)]
enum Undoes {
    Nothing,
    Address,
    MinimumSince(Assurance),
}

/// Makes a link for a mail to the address that `account` has now: its path. Using it leaves the address.
///
/// # Errors
/// When the database does not answer.
pub async fn link(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    of: (Id<Tenant>, &str),
    account: Id<Account>,
) -> Result<String, StorageError> {
    make(app, tx, of, (account, Undoes::Nothing)).await
}

/// Makes the link for the mail about the change of the address that `account` still has: using it brings that
/// address back.
///
/// # Errors
/// When the database does not answer.
pub(in super::super) async fn link_back(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    of: (Id<Tenant>, &str),
    account: Id<Account>,
) -> Result<String, StorageError> {
    make(app, tx, of, (account, Undoes::Address)).await
}

/// Makes the link for the mail that the own minimum of `account` was changed, which was `before`: using it asks for that
/// again, if it is less now; so does a link of earlier, for what was asked then.
///
/// # Errors
/// When the database does not answer.
pub async fn link_of_minimum(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    of: (Id<Tenant>, &str),
    (account, before): (Id<Account>, Assurance),
) -> Result<String, StorageError> {
    make(app, tx, of, (account, Undoes::MinimumSince(before))).await
}

async fn make(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    (tenant, domain): (Id<Tenant>, &str),
    (account, undoes): (Id<Account>, Undoes),
) -> Result<String, StorageError> {
    let token = Token::generate(app.entropy().as_mut());
    let present = tx.account_by_id(tenant, account).await?.ok_or(StorageError::Conflict)?;
    let link = Repudiation {
        account,
        address: Some(present.email),
        brings_back: matches!(undoes, Undoes::Address),
        minimum_before: if let Undoes::MinimumSince(before) = undoes { Some(before) } else { None },
        ends_at: app.clock.now().plus(LINK_LIFE),
    };
    tx.create_repudiation(tenant, &token.hash(), &link).await?;
    Ok(paths::not_me(domain, token.expose()))
}
