//! Less is asked of an account than before: somebody may have talked its clinic into it. "This wasn't me" asks for as
//! much again (A5). It only ever raises what is asked for, so that it gives nothing to whoever reads the mail.

use lanyard_app::api::account::NotMeThing;
use lanyard_domain::{account::Account, assurance::Assurance, audit::Action, clock::Timestamp, id::Id};
use lanyard_storage::{ReadTx, Repudiation, StorageError, WriteTx};

use super::{Chosen, LINK_LIFE, change_of, note};
use crate::{
    http::client::Client,
    service::{account::words::moment, minimum::is_reachable},
    state::App,
};

/// The field of the minimum on the page.
const MINIMUM: &str = "minimum";

/// What was asked of an account, and what is asked now, which is less.
pub(super) struct Lowered {
    before: Assurance,
    now: Assurance,
    // When its mail was written.
    at: Timestamp,
}

/// Whether less is asked of `account` than before, as a link tells that can be used at `now`.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn find(
    tx: &mut (dyn ReadTx + '_),
    account: Id<Account>,
    now: Timestamp,
) -> Result<Option<Lowered>, StorageError> {
    let Some(link) = tx.lowered_minimum(account, now).await? else { return Ok(None) };
    let present = tx.own_minimum(account).await?.ok_or(StorageError::Conflict)?;
    let lowered = Lowered { before: link.minimum, now: present, at: link.ends_at.minus(LINK_LIFE) };
    Ok(Some(lowered).filter(|lowered| lowered.now < lowered.before))
}

impl Lowered {
    // Since the change that the mail of `link` is about: as with factors, the page ticks it by itself.
    fn is_since(&self, link: &Repudiation) -> bool {
        self.at >= change_of(link)
    }

    /// What the page shows.
    pub(super) fn thing(&self, link: &Repudiation) -> NotMeThing {
        NotMeThing {
            field: MINIMUM.to_owned(),
            what: "Less is asked for when you sign in".to_owned(),
            at: Some(moment(self.at)),
            ticked: self.is_since(link),
        }
    }

    /// Whether the person says that this was not theirs, and it can be asked for here.
    pub(super) fn is_taken(&self, app: &App, link: &Repudiation, chosen: &Chosen) -> bool {
        chosen.takes(MINIMUM, self.is_since(link)) && is_reachable(app, self.before)
    }

    /// Asks for as much as before again; everybody is signed out already. What is asked now.
    ///
    /// # Errors
    /// A conflict if somebody changed it meanwhile; or the database does not answer.
    pub(super) async fn raise(
        self,
        app: &App,
        tx: &mut (dyn WriteTx + '_),
        (account, client): (&Account, &Client),
    ) -> Result<Assurance, StorageError> {
        tx.set_own_minimum(account.id, self.now, self.before).await?;
        let detail = serde_json::json!({"minimum": self.before, "before": self.now, "detail": "not_me"});
        note(app, tx, (account, client), Action::MinimumChanged, detail).await?;
        Ok(self.before)
    }
}
