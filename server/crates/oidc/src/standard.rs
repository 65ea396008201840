//! The claims of the standard scopes under their standard names (OpenID Connect Core, 5.1 and
//! 5.4), beside B2C's names.
//!
//! The flow decides what goes out: a standard claim is made only from what the flow selects. It
//! is added where its scope was granted, or where the request asked for it by name (5.5).

use lanyard_domain::{
    account::Account,
    claims::{self, EMAILS},
    user_flow::UserFlow,
};
use serde_json::{Map, Value};

use crate::scope;

/// The names that are made here; discovery lists those that the flow can give.
pub const NAMES: [&str; 3] = ["email", "email_verified", "address"];

// The members of `address` and the claims that they are made from (5.1.1).
const ADDRESS: [(&str, &str); 5] = [
    ("street_address", "streetAddress"),
    ("locality", "city"),
    ("region", "state"),
    ("postal_code", "postalCode"),
    ("country", "country"),
];

/// The standard claims of `account` that the scope string `scopes`, or the request by name in
/// `named`, asks for, as far as `flow` gives them out.
#[must_use]
pub fn claims(account: &Account, flow: &UserFlow, scopes: &str, named: &[String]) -> Map<String, Value> {
    let asked = |scope: &str, names: &[&str]| {
        scope::contains(scopes, scope) || named.iter().any(|name| names.contains(&name.as_str()))
    };
    let selected = &flow.settings.claims;
    let mut answer = Map::new();
    if asked(scope::EMAIL, &["email", "email_verified"]) && selected.iter().any(|claim| claim == EMAILS) {
        answer.insert("email".into(), account.email.as_str().into());
        // Nobody has an account whose address was not proved by a code.
        answer.insert("email_verified".into(), true.into());
    }
    if asked(scope::ADDRESS, &["address"]) {
        // The issuer is of no account: no part of an address is made from it.
        let values = claims::select(account, selected, "", false);
        let part = |(member, claim): &(&str, &str)| Some(((*member).to_owned(), values.get(*claim)?.clone()));
        let address: Map<String, Value> = ADDRESS.iter().filter_map(part).collect();
        if !address.is_empty() {
            answer.insert("address".into(), address.into());
        }
    }
    answer
}

/// The standard claims that `flow` can give, for discovery.
pub fn supported(flow_claims: &[String]) -> impl Iterator<Item = &'static str> {
    let has = |name: &str| flow_claims.iter().any(|claim| claim == name);
    let (email, address) = (has(EMAILS), ADDRESS.iter().any(|(_, claim)| has(claim)));
    NAMES.into_iter().filter(move |name| if *name == "address" { address } else { email })
}
