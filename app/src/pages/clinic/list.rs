//! The list of patients: search, filter, sort and page stand in the address (O7).

use leptos::prelude::*;

use super::{activity, counted, frame, grouped, reset};
use crate::{
    api::clinic::{Figures, MfaFilter, PatientListQuery, PatientListView, PatientRow, SortBy},
    components::{
        Badge, Button, ButtonKind, ButtonLink, Column, DataTable, EmptyState, Notice, Pagination, SelectField, Sort,
        TextField, Tone,
    },
    pages::account::{time, time_or},
    paths,
};

/// The title of [`patients_page`], less the tenant.
pub const LIST_TITLE: &str = "Patients";

/// The body of `/clinic/{tenant}`.
pub fn patients_page(view: PatientListView) -> impl IntoView {
    let home = paths::clinic(&view.visitor.domain);
    let refused = view.cursor_refused.then(|| {
        view! {
            <Notice tone=Tone::Info title="This is the first page">
                <p>"The page you asked for can’t be found any more."</p>
            </Notice>
        }
    });
    let body = view! {
        <h1>{LIST_TITLE}</h1>
        {reset::waiting(&view.visitor.domain, view.waiting.clone())}
        {overview(&home, &view.figures)}
        {refused}
        {filters(&home, &view.query)}
        {results(&home, &view)}
    }
    .into_any();
    frame(&view.visitor, body)
}

fn overview(home: &str, figures: &Figures) -> AnyView {
    let without = figures.patients.saturating_sub(figures.enrolled);
    let share = (figures.enrolled.saturating_mul(100)).checked_div(figures.patients);
    let coverage = share.map_or_else(|| "No patients yet".to_owned(), |share| format!("{share} % of patients"));
    view! {
        <div class="overview">
            <ul class="counts">
                {tile(home, MfaFilter::All, figures.patients, "Patients", "Everyone with an account".to_owned())}
                {tile(home, MfaFilter::Enrolled, figures.enrolled, "With a second step", coverage)}
                {tile(home, MfaFilter::NotEnrolled, without, "Without a second step", "Password only".to_owned())}
            </ul>
            <section class="panel" aria-label="Sign-in activity">{activity::chart(figures.days.clone())}</section>
        </div>
    }
    .into_any()
}

fn tile(home: &str, mfa: MfaFilter, number: u64, label: &'static str, note: String) -> AnyView {
    let href = format!("{home}{}#search", PatientListQuery::only(mfa).to_query());
    view! {
        <li>
            <a class="count" href=href>
                <span class="count-number">{grouped(number)}</span>
                <span class="count-label">{label}</span>
                <span class="count-note">{note}</span>
            </a>
        </li>
    }
    .into_any()
}

fn filters(home: &str, query: &PatientListQuery) -> AnyView {
    let options = MfaFilter::EACH.map(|mfa| (mfa.as_str().to_owned(), mfa.label().to_owned())).to_vec();
    let sort = query.sort_value();
    let keep_sort = (!sort.is_empty()).then(|| view! { <input type="hidden" name="sort" value=sort /> });
    let clear = query.is_narrowed().then(|| {
        view! { <ButtonLink href=format!("{home}#search") label="Clear" kind=ButtonKind::Link /> }
    });
    view! {
        <search>
            <form id="search" class="filters" method="get" action=format!("{home}#search")>
                <TextField name="q" label="Search by email or name" value=query.search.clone() kind="search" autocomplete="off" />
                <SelectField name="mfa" label="Second step" options=options value=query.mfa.as_str() />
                {keep_sort}
                <Button label="Search" kind=ButtonKind::Secondary />
                {clear}
            </form>
        </search>
    }
    .into_any()
}

fn results(home: &str, view: &PatientListView) -> AnyView {
    if view.rows.is_empty() {
        return empty(home.to_owned(), &view.query);
    }
    let query = &view.query;
    let rows = view.rows.iter().cloned().map(|row| line(&view.visitor.domain, row)).collect();
    let note = if query.is_search() {
        "In the order of the match. Clear the search to sort the list. Times are in UTC."
    } else {
        "Times are in UTC."
    };
    let link =
        |cursor: &Option<String>| cursor.as_ref().map(|cursor| format!("{home}{}#search", query.at(cursor).to_query()));
    view! {
        <p class="muted list-note">{note}</p>
        <div class="patients">
            <DataTable caption="Patients" columns=columns(home, query) rows=rows />
        </div>
        <Pagination previous=link(&view.previous) next=link(&view.next) summary=summary(view) />
    }
    .into_any()
}

fn summary(view: &PatientListView) -> String {
    let shown = view.rows.len() as u64;
    let whole = view.previous.is_none() && view.next.is_none();
    if whole {
        counted(shown, "patient", "patients")
    } else if view.query.is_narrowed() {
        format!("{shown} on this page")
    } else {
        format!("{shown} of {} on this page", counted(view.figures.patients, "patient", "patients"))
    }
}

fn columns(home: &str, query: &PatientListQuery) -> Vec<Column> {
    let sortable = |label: &str, sort: SortBy| {
        if query.is_search() {
            return Column::plain(label);
        }
        let now = match (query.sort == sort, query.descending) {
            (false, _) => Sort::None,
            (true, false) => Sort::Ascending,
            (true, true) => Sort::Descending,
        };
        Column::sortable(label, format!("{home}{}#search", query.sorted_by(sort).to_query()), now)
    };
    vec![
        sortable("Name", SortBy::Name),
        Column::plain("Email address"),
        Column::plain("Country"),
        Column::plain("Second step"),
        sortable("Created", SortBy::Created),
        sortable("Last sign-in", SortBy::LastSignIn),
    ]
}

fn line(domain: &str, row: PatientRow) -> Vec<AnyView> {
    let name = if row.name.is_empty() { "No name given".to_owned() } else { row.name };
    let (text, tone) = if row.has_mfa { ("Set up", Tone::Success) } else { ("Not set up", Tone::Warning) };
    vec![
        view! { <a class="row-link" href=paths::clinic_patient(domain, &row.id)><bdi>{name}</bdi></a> }.into_any(),
        view! { <bdi>{row.email}</bdi> }.into_any(),
        row.country.into_any(),
        view! { <Badge text=text tone=tone /> }.into_any(),
        view! { <span class="when">{time(row.created)}</span> }.into_any(),
        view! { <span class="when">{time_or(row.last_sign_in, "Never")}</span> }.into_any(),
    ]
}

fn empty(home: String, query: &PatientListQuery) -> AnyView {
    if query.is_narrowed() {
        return view! {
            <EmptyState
                title="No patients match"
                text="Check the spelling. A search finds how an email address, a surname or a given name begins."
            >
                <ButtonLink href=home label="Show all patients" kind=ButtonKind::Secondary />
            </EmptyState>
        }
        .into_any();
    }
    if !query.page.is_empty() {
        return view! {
            <EmptyState title="Nothing on this page any more" text="The list got shorter in the meantime.">
                <ButtonLink href=home label="Go to the first page" kind=ButtonKind::Secondary />
            </EmptyState>
        }
        .into_any();
    }
    view! { <EmptyState title="No patients yet" text="Patients appear here as soon as they sign up." /> }.into_any()
}
