//! The page of a change of address or number: the form, or the code that is waited for.
//!
//! What it takes in is answered in [`super::contact`]; nothing is changed here.

use lanyard_app::{
    api::account::{ContactPage, ContactProblem, ContactStep, ContactView},
    countries,
};
use lanyard_domain::{
    account::Account,
    assurance::Method,
    clock::Timestamp,
    contact::{Contact, ContactChange, ContactKind},
    factor::{Factor, FactorSecret},
    id::Id,
};
use lanyard_storage::{ReadTx, StorageError};

use super::{
    Owner,
    contact::{field_of, may_change_email},
    words::moment,
};
use crate::{http::form::Fields, service::journey::form_value, state::App};

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// That of the address.
    Email,
    /// That of a phone; `None`: of the one whose change waits for a code.
    Phone(Option<Id<Factor>>),
}

impl Wanted {
    /// Of what kind it is.
    #[must_use]
    pub const fn kind(self) -> ContactKind {
        match self {
            Self::Email => ContactKind::Email,
            Self::Phone(_) => ContactKind::Phone,
        }
    }
}

/// The page: the code where one is waited for, else the form with what was typed. `None` if there is nothing
/// to change.
///
/// # Errors
/// When the database does not answer.
pub async fn view(
    app: &App,
    owner: Owner,
    wanted: Wanted,
    (typed, problem): (Fields, Option<ContactProblem>),
) -> Result<Option<ContactView>, StorageError> {
    if wanted == Wanted::Email && !may_change_email(owner.account.kind) {
        return Ok(None);
    }
    let (id, tenant, now) = (owner.account.id, owner.account.tenant, app.clock.now());
    let (present, factors, waits, cooling) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let present = tx.account_by_id(tenant, id).await?;
                let factors = tx.factors_of_account(id).await?;
                let cooling = tx.cooling_until(id, now).await?;
                Ok::<_, StorageError>((present, factors, pending(tx, id, wanted.kind(), now).await?, cooling))
            })
        })
        .await?;
    let present = present.map_or(owner.account.email, |present| present.email);
    // The address is all that such an account has beside its password: its code comes first.
    let alone = factors.is_empty();
    let waits = waits.filter(|change| wanted != Wanted::Email || change.is_behind(alone.then_some(&present)));
    let fresh = if alone { owner.recent } else { owner.fresh };
    let page = match wanted {
        Wanted::Email => ContactPage::Email { present: present.as_str().to_owned(), both: alone },
        Wanted::Phone(factor) => {
            let factor = factor.or(waits.as_ref().and_then(|change| match change.contact() {
                Contact::Phone { replaces, .. } => Some(*replaces),
                Contact::Email { .. } => None,
            }));
            let Some(phone) = factors.iter().find(|own| Some(own.id) == factor) else { return Ok(None) };
            let FactorSecret::Phone { number, preferred } = &phone.secret else { return Ok(None) };
            let method = Method::parse(typed.get("method")).filter(|method| method.is_phone());
            ContactPage::Phone {
                factor: phone.id.to_string(),
                present: number.masked(),
                call: method.unwrap_or(*preferred) == Method::PhoneCall,
                countries: countries::options(),
            }
        }
    };
    let step = match waits {
        _ if cooling.is_some() => ContactStep::CoolingDown { until: moment(cooling.unwrap_or(now)) },
        _ if !fresh || !owner.authentication.measures_up_to(&factors) => ContactStep::SignInAgain,
        Some(change) => {
            let (to, of) = (shown(&change), change.purpose().as_str().to_owned());
            if change.asks_present() { ContactStep::PresentCode { to, of } } else { ContactStep::Code { to, of } }
        }
        None => ContactStep::Form {
            typed: typed.get(field_of(wanted.kind())).to_owned(),
            country: match typed.get("country") {
                "" => owner.account.attributes.get("country").map(form_value).unwrap_or_default(),
                country => country.to_owned(),
            },
        },
    };
    Ok(Some(ContactView { visitor: owner.visitor, page, step, problem }))
}

/// The change of this kind that waits for its code.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn pending(
    tx: &mut (dyn ReadTx + '_),
    account: Id<Account>,
    kind: ContactKind,
    now: Timestamp,
) -> Result<Option<ContactChange>, StorageError> {
    let found = tx.contact_change(account, kind).await?.map(|(_, change)| change);
    Ok(found.filter(|change| change.is_open(now)))
}

/// Where the code goes that is waited for, as the page of whoever asked for the change may show it.
#[must_use]
pub(super) fn shown(change: &ContactChange) -> String {
    match change.contact() {
        Contact::Email { .. } => change.destination().to_owned(),
        Contact::Phone { number, .. } => number.masked(),
    }
}
