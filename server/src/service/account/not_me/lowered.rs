//! Less is asked of an account than before: somebody may have talked its clinic into it. "This wasn't me" asks for as
//! much again as before the change that the mail is about (A5), or before an older one of the last two weeks, if the
//! person says so. It only ever raises what is asked for, so that it gives nothing to whoever reads the mail.

use lanyard_app::api::account::NotMeThing;
use lanyard_domain::{account::Account, assurance::Assurance, audit::Action, clock::Timestamp};
use lanyard_storage::{ReadTx, Repudiation, StorageError, WriteTx};

use super::{Chosen, LINK_LIFE, change_of, listed_from, note};
use crate::{http::client::Client, service::minimum::is_reachable, state::App};

/// The field of the minimum on the page.
const MINIMUM: &str = "minimum";

/// What was asked of an account, and what is asked now, which is less.
pub(super) struct Lowered {
    before: Assurance,
    // Of its own, whatever its roles demand.
    now: Assurance,
    // Since the change that the mail of the link is about: as with factors, the page ticks it by itself.
    is_since: bool,
}

/// Whether less is asked of `account` than before the change that the mail of `link` is about, or else than two weeks
/// ago, whatever became of the links of the mails in between; never more than can be reached here.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn find(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    (link, account): (&Repudiation, &Account),
) -> Result<Option<Lowered>, StorageError> {
    let now = tx.own_minimum(account.id).await?.ok_or(StorageError::Conflict)?;
    // A link of this kind knows its own change; of another kind of change the moment is not as exact.
    let own = if link.minimum_before.is_some() { link.ends_at } else { change_of(link).plus(LINK_LIFE) };
    let listed: Timestamp = listed_from(link, app.clock.now()).plus(LINK_LIFE);
    for (from, is_since) in [(own, true), (listed, false)] {
        let Some(before) = tx.minimum_before(account.id, from).await? else { continue };
        let before = if is_reachable(app, before) { before } else { Assurance::Aal2Strict };
        if now < before {
            return Ok(Some(Lowered { before, now, is_since }));
        }
    }
    Ok(None)
}

impl Lowered {
    /// What the page shows.
    pub(super) fn thing(&self) -> NotMeThing {
        let what = "Less is asked for when you sign in than before".to_owned();
        NotMeThing { field: MINIMUM.to_owned(), what, at: None, ticked: self.is_since }
    }

    /// Asks for as much as before again, if the person says so; everybody is signed out already. What is asked now, by
    /// the account's roles as well.
    ///
    /// # Errors
    /// A conflict if somebody changed it meanwhile; or the database does not answer.
    pub(super) async fn raise(
        self,
        app: &App,
        tx: &mut (dyn WriteTx + '_),
        (account, client): (&Account, &Client),
        chosen: &Chosen,
    ) -> Result<Option<Assurance>, StorageError> {
        if !chosen.takes(MINIMUM, self.is_since) {
            return Ok(None);
        }
        tx.set_own_minimum(account.id, self.now, self.before).await?;
        let detail = serde_json::json!({"minimum": self.before, "before": self.now, "detail": "not_me"});
        note(app, tx, (account, client), Action::MinimumChanged, detail).await?;
        Ok(Some(self.before.max(account.minimum)))
    }
}
