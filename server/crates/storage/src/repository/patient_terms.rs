//! What a patient is found and ordered by. Both are folded, so that the databases compare bytes.

use std::collections::BTreeSet;

use lanyard_domain::{
    account::text_of,
    attribute::{Attributes, GIVEN_NAME, SURNAME},
    email::EmailAddress,
    text::fold,
};
use uuid::Uuid;

/// The longest term and sort key in characters: an index entry must stay well below a page.
const MAX_CHARS: usize = 120;
/// Between surname and given name: sorts before every character that a name can hold.
const SEPARATOR: char = '\u{1}';
/// The greatest character there is: the upper bound of everything that begins with a prefix.
const GREATEST: char = '\u{10FFFF}';

/// Whose terms they are.
pub(super) struct Terms {
    pub(super) tenant: Uuid,
    pub(super) account: Uuid,
    pub(super) mfa_enrolled: i64,
}

/// Stores the terms of an account that has none. A macro, as it runs on either connection.
macro_rules! store_terms {
    ($tx:ident, $of:expr, $email:expr, $attributes:expr) => {{
        let of: Terms = $of;
        for term in super::patient_terms::terms($email, $attributes) {
            let insert = sqlx::query(
                "INSERT INTO patient_terms (tenant_id, term, account_id, mfa_enrolled) VALUES ($1, $2, $3, $4)",
            );
            let insert = insert.bind(of.tenant).bind(term).bind(of.account).bind(of.mfa_enrolled);
            insert.execute(&mut *$tx.db).await?;
        }
    }};
}
pub(super) use store_terms;

fn short(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}

/// The order of the list by name: surname, then given name.
pub(super) fn sort_name(attributes: &Attributes) -> String {
    let (surname, given) = (fold(text_of(attributes, SURNAME)), fold(text_of(attributes, GIVEN_NAME)));
    format!("{}{SEPARATOR}{}", short(&surname), short(&given))
}

/// What the patient is found by: the address, and the name begun from either end.
pub(super) fn terms(email: &EmailAddress, attributes: &Attributes) -> BTreeSet<String> {
    let (surname, given) = (fold(text_of(attributes, SURNAME)), fold(text_of(attributes, GIVEN_NAME)));
    let joined = |first: &str, then: &str| short(format!("{first} {then}").trim());
    let mut terms = BTreeSet::from([short(&fold(email.as_str()))]);
    if !surname.is_empty() {
        terms.insert(joined(&surname, &given));
    }
    if !given.is_empty() {
        terms.insert(joined(&given, &surname));
    }
    terms
}

/// The range of terms that begin with what was typed: from (included) and to (excluded).
pub(super) fn range(typed: &str) -> (String, String) {
    let words = typed.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let from = short(&fold(&words.collect::<Vec<_>>().join(" ")));
    let to = format!("{from}{GREATEST}");
    (from, to)
}
