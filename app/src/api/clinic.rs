//! The clinic's list of patients and a patient as data, and the list's query as it stands in the
//! address (O7): `?q=…&mfa=…&sort=…&page=…`, each part left out where it says nothing.

use super::{
    account::{ClaimView, MethodView, Moment, Visitor},
    reset::WaitingRow,
};

/// The longest search, in characters; what is typed beyond is cut off.
pub const MAX_SEARCH: usize = 120;

/// Which patients by second step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MfaFilter {
    /// All of them.
    #[default]
    All,
    /// Those who have set one up.
    Enrolled,
    /// Those who have not.
    NotEnrolled,
}

impl MfaFilter {
    /// Every filter, in the order of the form.
    pub const EACH: [Self; 3] = [Self::All, Self::Enrolled, Self::NotEnrolled];

    /// The value in the address.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Enrolled => "enrolled",
            Self::NotEnrolled => "not-enrolled",
        }
    }

    /// The label in the form.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Enrolled => "Set up",
            Self::NotEnrolled => "Not set up",
        }
    }
}

/// What the list is ordered by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SortBy {
    /// Surname, then given name.
    #[default]
    Name,
    /// When the account was created.
    Created,
    /// The last sign-in.
    LastSignIn,
}

impl SortBy {
    /// Every order.
    pub const EACH: [Self; 3] = [Self::Name, Self::Created, Self::LastSignIn];

    /// The value in the address; `-` in front of it turns it round.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Created => "created",
            Self::LastSignIn => "last-sign-in",
        }
    }

    /// Whether the greatest comes first when a person chooses this order: the latest date, but
    /// the first name.
    #[must_use]
    pub const fn begins_descending(self) -> bool {
        match self {
            Self::Name => false,
            Self::Created | Self::LastSignIn => true,
        }
    }
}

/// The list's query. Whatever stands in an address makes one: what is not understood says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatientListQuery {
    /// What an address, a surname or a given name begins with; empty for no search.
    pub search: String,
    /// By second step.
    pub mfa: MfaFilter,
    /// The order, where nothing is searched for.
    pub sort: SortBy,
    /// Greatest first.
    pub descending: bool,
    /// The cursor of a later page, as the server wrote it; empty for the first.
    pub page: String,
}

impl PatientListQuery {
    /// Reads the query out of an address; `get` gives the decoded value of a name, or nothing.
    #[must_use]
    pub fn read<'a>(get: impl Fn(&str) -> &'a str) -> Self {
        let given = get("sort");
        let (bare, descending) = given.strip_prefix('-').map_or((given, false), |bare| (bare, true));
        let sort = SortBy::EACH.into_iter().find(|sort| sort.as_str() == bare);
        Self {
            search: search_of(get("q")),
            mfa: MfaFilter::EACH.into_iter().find(|mfa| mfa.as_str() == get("mfa")).unwrap_or_default(),
            sort: sort.unwrap_or_default(),
            descending: descending && sort.is_some(),
            page: get("page").to_owned(),
        }
    }

    /// Whether something is searched for: then the results are in the order of the match.
    #[must_use]
    pub fn is_search(&self) -> bool {
        !self.search.is_empty()
    }

    /// Whether the list is narrowed down.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        self.is_search() || self.mfa != MfaFilter::All
    }

    /// The value of `sort` in the address; empty for the order by name.
    #[must_use]
    pub fn sort_value(&self) -> String {
        match (self.sort, self.descending) {
            (SortBy::Name, false) => String::new(),
            (sort, descending) => format!("{}{}", if descending { "-" } else { "" }, sort.as_str()),
        }
    }

    /// The same list from its first page on.
    #[must_use]
    pub fn first_page(&self) -> Self {
        Self { page: String::new(), ..self.clone() }
    }

    /// The same list at this cursor.
    #[must_use]
    pub fn at(&self, page: &str) -> Self {
        Self { page: page.to_owned(), ..self.clone() }
    }

    /// The first page ordered by `sort`; turned round if it is ordered by it now.
    #[must_use]
    pub fn sorted_by(&self, sort: SortBy) -> Self {
        let descending = if self.sort == sort { !self.descending } else { sort.begins_descending() };
        Self { sort, descending, ..self.first_page() }
    }

    /// The first page of these patients by second step.
    #[must_use]
    pub fn only(mfa: MfaFilter) -> Self {
        Self { mfa, ..Self::default() }
    }

    /// The query as it stands in an address: empty, or begun with `?`. One query has one form.
    #[must_use]
    pub fn to_query(&self) -> String {
        let sort = self.sort_value();
        let parts = [("q", self.search.as_str()), ("mfa", self.mfa.as_str()), ("sort", &sort), ("page", &self.page)];
        let said: Vec<String> = parts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        if said.is_empty() { String::new() } else { format!("?{}", said.join("&")) }
    }
}

/// What is searched for: cut to [`MAX_SEARCH`]; nothing, if only spaces and commas were typed.
fn search_of(typed: &str) -> String {
    let cut: String = typed.trim().chars().take(MAX_SEARCH).collect();
    if cut.chars().all(|c| c.is_whitespace() || c == ',') { String::new() } else { cut.trim_end().to_owned() }
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientRow {
    /// Its id.
    pub id: String,
    /// The name as the list is ordered: "Surname, Given name"; empty if none was given.
    pub name: String,
    /// The address.
    pub email: String,
    /// The country's name; empty if none was given.
    pub country: String,
    /// Whether a second step is set up.
    pub has_mfa: bool,
    /// When the account was created.
    pub created: Moment,
    /// The last sign-in.
    pub last_sign_in: Option<Moment>,
}

/// What happened on a day (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The day for people: "3 Jul".
    pub label: String,
    /// Completed sign-ins.
    pub sign_ins: u64,
    /// Wrong passwords.
    pub failures: u64,
}

/// The figures above the list, from counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Patients of the tenant.
    pub patients: u64,
    /// Those who have set up a second step.
    pub enrolled: u64,
    /// The last days, oldest first.
    pub days: Vec<Day>,
}

/// What `/clinic/{tenant}` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientListView {
    /// The frame.
    pub visitor: Visitor,
    /// The query as it was understood.
    pub query: PatientListQuery,
    /// Whether the cursor was none of ours, so that this is the first page instead.
    pub cursor_refused: bool,
    /// The figures.
    pub figures: Figures,
    /// Requests that wait for a second member of staff.
    pub waiting: Vec<WaitingRow>,
    /// The lines.
    pub rows: Vec<PatientRow>,
    /// The cursor of the previous page.
    pub previous: Option<String>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

/// What `/clinic/{tenant}/patients/{id}` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientView {
    /// The frame.
    pub visitor: Visitor,
    /// The id.
    pub id: String,
    /// The full name; the address if none was given.
    pub name: String,
    /// The address.
    pub email: String,
    /// Whether the account may not sign in.
    pub disabled: bool,
    /// The claims that an application can receive.
    pub claims: Vec<ClaimView>,
    /// The second-step methods.
    pub methods: Vec<MethodView>,
    /// What every sign-in must show, whatever the application asks: one of [`super::minimum::MINIMUMS`].
    pub minimum: String,
    /// When the account was created.
    pub created: Moment,
    /// The last sign-in.
    pub last_sign_in: Option<Moment>,
    /// How many sessions are live.
    pub live_sessions: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &'static str)]) -> PatientListQuery {
        PatientListQuery::read(|name| pairs.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value))
    }

    #[test]
    fn o7_a_query_has_one_form_in_the_address() {
        assert_eq!(read(&[]).to_query(), "");
        assert_eq!(read(&[("q", ""), ("mfa", ""), ("sort", "")]).to_query(), "", "an empty form says nothing");
        let all = read(&[("q", " Muñoz & Söhne "), ("mfa", "not-enrolled"), ("sort", "-created"), ("page", "abc_-")]);
        assert_eq!(all.to_query(), "?q=Mu%C3%B1oz%20%26%20S%C3%B6hne&mfa=not-enrolled&sort=-created&page=abc_-");
        assert_eq!(all.first_page().page, "");
    }

    #[test]
    fn o7_what_is_not_understood_says_nothing() {
        assert_eq!(read(&[("mfa", "maybe"), ("sort", "-shoe-size"), ("x", "y")]), PatientListQuery::default());
        assert_eq!(read(&[("q", " , ,\u{a0}")]), PatientListQuery::default(), "no search for nothing");
        assert_eq!(read(&[("sort", "-")]), PatientListQuery::default());
    }

    #[test]
    fn f53_an_overlong_search_is_cut() {
        let long: &'static str = Box::leak("é".repeat(10_000).into_boxed_str());
        assert_eq!(read(&[("q", long)]).search.chars().count(), MAX_SEARCH);
    }

    #[test]
    fn o7_a_second_press_on_a_head_turns_the_order_round() {
        let by_name = read(&[("page", "somewhere")]);
        assert_eq!(by_name.sorted_by(SortBy::Name).to_query(), "?sort=-name");
        let newest = by_name.sorted_by(SortBy::Created);
        assert_eq!(newest.to_query(), "?sort=-created", "dates begin with the latest");
        assert_eq!(newest.sorted_by(SortBy::Created).to_query(), "?sort=created");
        assert_eq!(newest.sorted_by(SortBy::Name).to_query(), "", "names begin with A");
    }
}
