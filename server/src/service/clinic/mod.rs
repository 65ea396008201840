//! What clinic staff do: look at the list of patients and its figures, open a patient. Each look
//! leaves one audit event (C1, O11); reading costs the same however many patients there are.

mod cursor;
pub mod minimum;
pub mod reset;

use lanyard_app::api::{
    account::Visitor,
    clinic::{Day, Figures, MfaFilter, PatientListQuery, PatientListView, PatientRow, PatientView, SortBy},
};
use lanyard_crypto::MacUse;
use lanyard_domain::{
    account::{Account, AccountKind},
    attribute::{COUNTRY, GIVEN_NAME, SURNAME},
    audit::{Action, Outcome},
    id::Id,
    tenant::Tenant,
};
use lanyard_storage::{
    PATIENTS_TOTAL, PATIENTS_WITH_MFA, Patient, PatientOrder, PatientQuery, PatientSort, Position, ReadTx, StorageError,
};

use super::{account::words, audit, counters};
use crate::{http::client::Client, state::App};
use cursor::List;

/// Lines on a page.
const PAGE: u32 = 25;
/// Days of the chart, today included.
const DAYS: i64 = 14;

/// Who looks, and from where.
#[derive(Debug, Clone)]
pub struct Looker {
    /// The member of staff.
    pub account: Id<Account>,
    /// The tenant whose patients they may see.
    pub tenant: Id<Tenant>,
    /// Where they are.
    pub client: Client,
    /// The frame of the page.
    pub visitor: Visitor,
}

/// A page of the list with the figures, from one snapshot; one [`Action::PatientsListed`] event.
///
/// # Errors
/// When the database does not answer; then nothing is shown that was not recorded.
pub async fn list(app: &App, looker: Looker, mut query: PatientListQuery) -> Result<PatientListView, StorageError> {
    let key = app.master.mac_key(MacUse::Cursor);
    let scope = query.first_page().to_query();
    let place_of = List { tenant: looker.tenant, query: &scope };
    let asked = (!query.page.is_empty()).then(|| place_of.read(&key, &query.page));
    let cursor_refused = matches!(asked, Some(None));
    if cursor_refused {
        query = query.first_page();
    }
    let wanted = storage_query(looker.tenant, &query, asked.flatten().unwrap_or(Position::First));
    let (tenant, today) = (looker.tenant, app.clock.now().day());
    let now = app.clock.now();
    let (page, figures, waiting) = app
        .store
        .read(move |tx| {
            Box::pin(async move {
                let page = tx.list_patients(&wanted).await?;
                let figures = figures(tx, tenant, today).await?;
                Ok::<_, StorageError>((page, figures, reset::waiting(tx, tenant, now).await?))
            })
        })
        .await?;
    record_listing(app, &looker, &query, page.patients.len()).await?;
    let written = |place: Option<Position>| place.and_then(|place| place_of.write(&key, &place));
    Ok(PatientListView {
        visitor: looker.visitor,
        cursor_refused,
        figures,
        waiting,
        rows: page.patients.iter().map(row).collect(),
        previous: written(page.previous.map(Position::Before)),
        next: written(page.next.map(Position::After)),
        query,
    })
}

fn storage_query(tenant: Id<Tenant>, query: &PatientListQuery, position: Position) -> PatientQuery {
    let order = if query.is_search() {
        PatientOrder::Search(query.search.clone())
    } else {
        let by = match query.sort {
            SortBy::Name => PatientSort::Name,
            SortBy::Created => PatientSort::Created,
            SortBy::LastSignIn => PatientSort::LastSignIn,
        };
        PatientOrder::Sorted { by, descending: query.descending }
    };
    let has_mfa = match query.mfa {
        MfaFilter::All => None,
        MfaFilter::Enrolled => Some(true),
        MfaFilter::NotEnrolled => Some(false),
    };
    PatientQuery { tenant, order, has_mfa, position, limit: PAGE }
}

// What was searched for is personal data: the event says only that something was.
async fn record_listing(
    app: &App,
    looker: &Looker,
    query: &PatientListQuery,
    shown: usize,
) -> Result<(), StorageError> {
    let event = audit::Event::of(Action::PatientsListed, Outcome::Success)
        .by(looker.account)
        .from(&looker.client)
        .with(serde_json::json!({"shown": shown, "searched": query.is_search(), "mfa": query.mfa.as_str()}));
    let (own, tenant) = (app.clone(), looker.tenant);
    app.store.write(move |tx| Box::pin(async move { audit::append(&own, tx, tenant, event).await })).await
}

/// The counts of the tenant and of its last days, from counters.
async fn figures(tx: &mut (dyn ReadTx + '_), tenant: Id<Tenant>, today: i64) -> Result<Figures, StorageError> {
    let total = tx.counter_total(tenant, PATIENTS_TOTAL).await?;
    let enrolled = tx.counter_total(tenant, PATIENTS_WITH_MFA).await?;
    let first = today - DAYS + 1;
    let sign_ins = tx.counter_days(tenant, counters::SIGN_INS, first, today).await?;
    let failures = tx.counter_days(tenant, counters::SIGN_IN_FAILURES, first, today).await?;
    Ok(Figures { patients: count(total), enrolled: count(enrolled), days: days(first, today, &sign_ins, &failures) })
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

// Days on which nothing was counted are in the chart too.
fn days(first: i64, last: i64, sign_ins: &[(i64, i64)], failures: &[(i64, i64)]) -> Vec<Day> {
    let on = |counted: &[(i64, i64)], day: i64| {
        counted.iter().find(|(of, _)| *of == day).map_or(0, |(_, number)| count(*number))
    };
    (first..=last)
        .map(|day| Day { label: words::day(day), sign_ins: on(sign_ins, day), failures: on(failures, day) })
        .collect()
}

fn row(patient: &Patient) -> PatientRow {
    let account = &patient.account;
    PatientRow {
        id: account.id.to_string(),
        name: listed_name(account.text(SURNAME), account.text(GIVEN_NAME)),
        email: account.email.as_str().to_owned(),
        country: words::country(account.text(COUNTRY)),
        has_mfa: patient.has_mfa,
        created: words::short_date(account.created_at),
        last_sign_in: account.last_sign_in_at.map(words::short_date),
    }
}

/// The name as the list is ordered: "Surname, Given name".
fn listed_name(surname: &str, given: &str) -> String {
    [surname, given].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A patient of the tenant, with one [`Action::PatientViewed`] event in the transaction of the
/// read; `None` for anybody else, staff included, and then no event.
///
/// # Errors
/// When the database does not answer; then nothing is shown.
pub async fn open(app: &App, looker: Looker, id: Id<Account>) -> Result<Option<PatientView>, StorageError> {
    let (own, now) = (app.clone(), app.clock.now());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let tenant = looker.tenant;
                let found = tx.account_by_id(tenant, id).await?;
                let Some(account) = found.filter(|account| account.kind == AccountKind::Patient) else {
                    return Ok(None);
                };
                let custom = tx.custom_attributes(tenant).await?;
                let factors = tx.factors_of_account(id).await?;
                let minimum = tx.own_minimum(id).await?.unwrap_or_default();
                let sessions = tx.live_sessions_of_account(id, now).await?;
                let event = audit::Event::of(Action::PatientViewed, Outcome::Success)
                    .by(looker.account)
                    .on(id)
                    .from(&looker.client);
                audit::append(&own, tx, tenant, event).await?;
                Ok::<_, StorageError>(Some(PatientView {
                    visitor: looker.visitor,
                    id: id.to_string(),
                    name: account.full_name().unwrap_or_else(|| account.email.as_str().to_owned()),
                    email: account.email.as_str().to_owned(),
                    disabled: account.disabled_at.is_some(),
                    claims: words::claims(&account, &custom),
                    methods: factors
                        .iter()
                        .filter(|own| !own.is_issued())
                        .map(|factor| words::method(factor, now))
                        .collect(),
                    minimum: minimum.as_str().to_owned(),
                    created: words::moment(account.created_at),
                    last_sign_in: account.last_sign_in_at.map(words::moment),
                    live_sessions: words::live_sessions(&sessions, None, now).len(),
                }))
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o13_days_without_sign_ins_are_in_the_chart() {
        let days = days(20_000, 20_003, &[(20_001, 7)], &[(20_001, 1), (20_003, 2)]);
        let figures: Vec<_> = days.iter().map(|day| (day.sign_ins, day.failures)).collect();
        assert_eq!(figures, [(0, 0), (7, 1), (0, 0), (0, 2)]);
        assert_eq!(days[0].label, "4 Oct");
    }

    #[test]
    fn o7_names_are_listed_as_they_are_ordered() {
        assert_eq!(listed_name("Santos", "Maria"), "Santos, Maria");
        assert_eq!(listed_name("", "Maria"), "Maria");
        assert_eq!(listed_name("", ""), "");
    }

    #[test]
    fn o7_a_query_survives_the_address() {
        use crate::http::form::Fields;
        for search in ["", "ma", "Muñoz & Söhne", "a+b=c?d#e%20", "o'neil \"x\"", "李"] {
            for mfa in MfaFilter::EACH {
                for sort in ["", "-name", "created", "-created", "last-sign-in"] {
                    let query = PatientListQuery::read(|name| match name {
                        "q" => search,
                        "mfa" => mfa.as_str(),
                        "sort" => sort,
                        "page" => "abc_-",
                        _ => "",
                    });
                    let address = query.to_query();
                    let fields = Fields::parse(address.trim_start_matches('?').as_bytes()).unwrap();
                    assert_eq!(PatientListQuery::read(|name| fields.get(name)), query, "{address}");
                }
            }
        }
    }
}
