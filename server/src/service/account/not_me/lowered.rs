//! Less is asked of an account than before: somebody may have talked its clinic into it. "This wasn't me" asks for as
//! much again as before the change that the mail is about (A5). It only ever raises what is asked for, so that it gives
//! nothing to whoever reads the mail.

use lanyard_app::api::account::NotMeThing;
use lanyard_domain::{account::Account, assurance::Assurance, audit::Action};
use lanyard_storage::{ReadTx, Repudiation, StorageError, WriteTx};

use super::{Chosen, LINK_LIFE, change_of, note};
use crate::{http::client::Client, service::minimum::is_reachable, state::App};

/// The field of the minimum on the page.
const MINIMUM: &str = "minimum";

/// What was asked of an account, and what is asked now, which is less.
pub(super) struct Lowered {
    before: Assurance,
    // Of its own, whatever its roles demand.
    now: Assurance,
}

/// Whether less is asked of `account` than before the change that the mail of `link` is about, whatever became of the
/// links of the mails in between; never more than can be reached here.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn find(
    app: &App,
    tx: &mut (dyn ReadTx + '_),
    (link, account): (&Repudiation, &Account),
) -> Result<Option<Lowered>, StorageError> {
    let Some(before) = tx.minimum_before(account.id, change_of(link).plus(LINK_LIFE)).await? else { return Ok(None) };
    let now = tx.own_minimum(account.id).await?.ok_or(StorageError::Conflict)?;
    // What its roles demand is asked for in any case.
    let less = account.minimum < before && is_reachable(app, before);
    Ok(less.then_some(Lowered { before, now }))
}

impl Lowered {
    /// What the page shows, ticked: it is since the change that the mail is about.
    pub(super) fn thing(&self) -> NotMeThing {
        let what = "Less is asked for when you sign in than before".to_owned();
        NotMeThing { field: MINIMUM.to_owned(), what, at: None, ticked: true }
    }

    /// Asks for as much as before again, if the person says so; everybody is signed out already. What is asked now.
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
        if !chosen.takes(MINIMUM, true) {
            return Ok(None);
        }
        tx.set_own_minimum(account.id, self.now, self.before).await?;
        let detail = serde_json::json!({"minimum": self.before, "before": self.now, "detail": "not_me"});
        note(app, tx, (account, client), Action::MinimumChanged, detail).await?;
        Ok(Some(self.before))
    }
}
