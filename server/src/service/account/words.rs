//! Accounts in plain words: moments, claims, methods, sessions. The clinic's pages use them too.

use lanyard_app::{
    api::account::{ClaimView, MethodView, Moment, PasskeyView, PendingView, RecoveryView, SessionView},
    countries,
};
use lanyard_domain::{
    account::Account,
    attribute::{self, Attribute, AttributeKind},
    claims::{self, IDENTITY_PROVIDER, NEW_USER},
    clock::Timestamp,
    contact::{ContactChange, ContactKind},
    factor::{Factor, FactorSecret},
    id::Id,
    recovery::FEW,
    session::{ConsoleKind, Session},
};
use time::OffsetDateTime;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn date(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.as_seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn month(at: OffsetDateTime) -> &'static str {
    MONTHS[usize::from(u8::from(at.month())) - 1]
}

fn iso(at: OffsetDateTime) -> String {
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second())
}

/// "3 July 2026, 14:05 UTC".
#[must_use]
pub fn moment(at: Timestamp) -> Moment {
    let at = date(at);
    let text = format!("{} {} {}, {:02}:{:02} UTC", at.day(), month(at), at.year(), at.hour(), at.minute());
    Moment { iso: iso(at), text }
}

/// "3 July 2026", for a day that something ends on (UTC).
#[must_use]
pub fn day_of(at: Timestamp) -> String {
    let at = date(at);
    format!("{} {} {}", at.day(), month(at), at.year())
}

/// "3 Jul 2026", for lists that say once that times are in UTC.
#[must_use]
pub fn short_date(at: Timestamp) -> Moment {
    let at = date(at);
    Moment { iso: iso(at), text: format!("{} {} {}", at.day(), &month(at)[..3], at.year()) }
}

/// "3 Jul", for a day of the counters (days since 1970, UTC).
#[must_use]
pub fn day(day: i64) -> String {
    let at = date(Timestamp(day.saturating_mul(lanyard_domain::clock::DAY)));
    format!("{} {}", at.day(), &month(at)[..3])
}

/// The country of a two-letter code: its name, or the code itself if it is unknown.
#[must_use]
pub fn country(code: &str) -> String {
    countries::name(code).map_or_else(|| code.to_owned(), str::to_owned)
}

/// The claims about the account itself, in the order of the catalogue. What depends on a single
/// sign-in (identity provider, "user is new") is none of them; nor is what has no value.
#[must_use]
pub fn claims(account: &Account, custom: &[Attribute]) -> Vec<ClaimView> {
    let built_in = attribute::built_in();
    let is_country =
        |name: &str| built_in.iter().chain(custom).any(|a| a.name == name && a.kind == AttributeKind::Country);
    let catalogue = claims::catalogue(custom)
        .into_iter()
        .filter(|claim| ![IDENTITY_PROVIDER, NEW_USER].contains(&claim.name.as_str()));
    catalogue
        .filter_map(|claim| {
            let selected = [claim.name];
            let value = claims::select(account, &selected, "", false).remove(&selected[0])?;
            let [name] = selected;
            let text = text_of(&value);
            let named = claim.attribute.is_some_and(|attribute| is_country(&attribute));
            Some(ClaimView { label: claim.label, name, value: if named { country(&text) } else { text } })
        })
        .collect()
}

fn text_of(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "Yes".to_owned(),
        Value::Bool(false) => "No".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Object(_) => value.to_string(),
    }
}

/// A method that is set up. A number is masked: its last two digits say which phone it is.
#[must_use]
pub fn method(factor: &Factor, now: Timestamp) -> MethodView {
    let (label, detail) = match &factor.secret {
        FactorSecret::Phone { number, .. } => {
            let masked = number.masked();
            let named = !factor.name.is_empty() && factor.name != masked;
            ("Text message or phone call", if named { format!("{}, {masked}", factor.name) } else { masked })
        }
        FactorSecret::Passkey(_) => ("Passkey", factor.name.clone()),
        FactorSecret::AuthenticatorApp { .. } => ("Authenticator app", factor.name.clone()),
        FactorSecret::RecoveryCodes(codes) if codes.is_issued() => ("Code from the clinic", String::new()),
        FactorSecret::RecoveryCodes(codes) => ("Recovery codes", format!("{} left", codes.left())),
    };
    MethodView {
        id: factor.id.to_string(),
        name: factor.name.clone(),
        label: label.to_owned(),
        detail,
        created: moment(factor.created_at),
        last_used: factor.last_used_at.map(moment),
        locked_until: factor.lock(now).filter(|_| !factor.is_disabled()).map(moment),
        turned_off: factor.is_disabled(),
        phone: matches!(factor.secret, FactorSecret::Phone { .. }),
        passkey: factor
            .secret
            .passkey()
            .map(|passkey| PasskeyView { backed_up: passkey.backed_up, copied: passkey.copied_at.is_some() }),
    }
}

/// A change that waits for its code.
#[must_use]
pub(super) fn pending(change: &ContactChange) -> PendingView {
    PendingView { phone: change.contact().kind() == ContactKind::Phone, to: super::contact::shown(change) }
}

/// A set of recovery codes that its owner made; `None` for every other factor.
#[must_use]
pub fn recovery(factor: &Factor, now: Timestamp) -> Option<RecoveryView> {
    let codes = factor.secret.recovery().filter(|codes| !codes.is_issued())?;
    Some(RecoveryView {
        id: factor.id.to_string(),
        left: codes.left(),
        few: codes.left() <= FEW,
        made: moment(factor.created_at),
        last_used: factor.last_used_at.map(moment),
        locked_until: factor.lock(now).filter(|_| !factor.is_disabled()).map(moment),
        turned_off: factor.is_disabled(),
    })
}

/// The live sessions among `sessions`, the latest first.
#[must_use]
pub fn live_sessions(sessions: &[Session], current: Option<Id<Session>>, now: Timestamp) -> Vec<SessionView> {
    let live = sessions.iter().rev().filter(|session| session.is_live(now));
    live.map(|session| SessionView {
        id: session.id.to_string(),
        label: match session.console {
            None => "Apps",
            Some(ConsoleKind::Account) => "This account page",
            Some(ConsoleKind::Clinic) => "Clinic",
            Some(ConsoleKind::Portal) => "Operator portal",
        }
        .to_owned(),
        current: current == Some(session.id),
        created: moment(session.created_at),
        last_seen: moment(session.last_seen_at),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{
        account::AccountKind, attribute::AttributeValue, email::EmailAddress, entropy::SeededEntropy,
        phone::PhoneNumber,
    };

    use super::*;

    const AT: Timestamp = Timestamp(1_783_087_509_000); // 2026-07-03T14:05:09Z

    #[test]
    fn moments_are_said_in_utc() {
        assert_eq!(moment(AT).text, "3 July 2026, 14:05 UTC");
        assert_eq!(moment(AT).iso, "2026-07-03T14:05:09Z");
        assert_eq!(day_of(AT), "3 July 2026");
        assert_eq!(short_date(AT).text, "3 Jul 2026");
        assert_eq!(day(AT.day()), "3 Jul");
        assert_eq!(moment(Timestamp(i64::MAX)).iso, "1970-01-01T00:00:00Z", "what no calendar holds");
    }

    #[test]
    fn u30_claims_have_a_plain_label_and_their_technical_name() {
        let mut random = SeededEntropy::new(1);
        let custom =
            Attribute { name: "extension_Glasses".into(), label: "Wears glasses".into(), kind: AttributeKind::Boolean };
        let text = |text: &str| AttributeValue::String(text.to_owned());
        let account = Account {
            id: Id::new(AT, &mut random),
            tenant: Id::new(AT, &mut random),
            kind: AccountKind::Patient,
            email: EmailAddress::parse("maria@example.com").unwrap(),
            attributes: [
                ("givenName".to_owned(), text("Maria")),
                ("country".to_owned(), text("GB")),
                ("extension_Glasses".to_owned(), AttributeValue::Boolean(true)),
            ]
            .into(),
            minimum: lanyard_domain::assurance::Assurance::Aal1,
            disabled_at: None,
            created_at: AT,
            last_sign_in_at: None,
        };
        let found = claims(&account, &[custom]);
        let said: Vec<_> = found.iter().map(|c| (c.label.as_str(), c.name.as_str(), c.value.as_str())).collect();
        let id = account.id.to_string();
        assert_eq!(
            said,
            [
                ("Email address", "emails", "maria@example.com"),
                ("Country/Region", "country", "United Kingdom"),
                ("Given name", "given_name", "Maria"),
                ("Display name", "name", "Maria"),
                ("Wears glasses", "extension_Glasses", "Yes"),
                ("User's object ID", "oid", &id),
            ]
        );
    }

    #[test]
    fn o11_a_number_is_masked() {
        let mut random = SeededEntropy::new(2);
        let factor = Factor {
            id: Id::new(AT, &mut random),
            account: Id::new(AT, &mut random),
            secret: FactorSecret::Phone {
                number: PhoneNumber::from_e164("+447700900142").unwrap(),
                preferred: lanyard_domain::assurance::Method::TextMessage,
            },
            name: "the old one".into(),
            created_at: AT,
            last_used_at: None,
            last_step: None,
            failures: 0,
            locked_until: None,
        };
        assert_eq!(method(&factor, AT).detail, "the old one, •••• 42");
        let unnamed = Factor { name: "•••• 42".into(), ..factor };
        assert_eq!(method(&unnamed, AT).detail, "•••• 42");
    }
}
