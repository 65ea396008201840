//! Who has a post in a tenant, as rows.

use lanyard_app::api::portal::{HolderRow, InvitationRow};
use lanyard_domain::account::Account;

use super::words;
use crate::service::portal::posts::Holders;

/// Those who have it.
pub(super) fn holders(list: &Holders) -> Vec<HolderRow> {
    list.holders.iter().map(|holder| row(&holder.account, words::day(holder.since))).collect()
}

/// One of them.
pub(super) fn row(account: &Account, since: String) -> HolderRow {
    let email = account.email.as_str().to_owned();
    HolderRow { id: account.id.to_string(), name: account.full_name().unwrap_or_else(|| email.clone()), email, since }
}

/// Those who are invited.
pub(super) fn invited(list: &Holders) -> Vec<InvitationRow> {
    let row = |invitation: &lanyard_domain::invitation::Invitation| InvitationRow {
        id: invitation.id.to_string(),
        email: invitation.email.as_ref().map_or_else(String::new, |email| email.as_str().to_owned()),
        expires: words::moment(invitation.expires_at),
    };
    list.invited.iter().map(row).collect()
}
