//! `claims`: which claims are asked for by name (OpenID Connect Core, 5.5).
//!
//! Read strictly (one JSON object, no member twice, bounded), but what is not understood is
//! ignored, as the standard asks: MSAL sends a member `access_token`. Claims by name only choose
//! among what the flow gives out. Two of them change what is demanded: `acr` (5.5.1.1) and `sub`
//! (3.1.2.2).

use std::collections::BTreeMap;

use lanyard_domain::{account::Account, assurance::Level, id::Id};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

use crate::{
    error::{Code, OAuthError, Refusal},
    params::Params,
};

/// The longest `claims` parameter, in bytes.
const MAX_LEN: usize = 8_192;
/// The most claims asked for in one place.
const MAX_CLAIMS: usize = 100;
/// The longest name of a claim, in bytes.
const MAX_NAME: usize = 128;

/// What the parameter asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ClaimsRequest {
    /// Names, for the ID token.
    pub id_token: Vec<String>,
    /// Names, at userinfo.
    pub userinfo: Vec<String>,
    /// The level that `acr` asks for.
    pub acr: Option<Level>,
    /// The person that `sub` asks for.
    pub subject: Option<Id<Account>>,
}

pub(super) fn read(params: &Params) -> Result<ClaimsRequest, Refusal> {
    let malformed = Refusal::invalid_request("The claims parameter is not the JSON that it should be.");
    let Some(text) = params.get("claims") else { return Ok(ClaimsRequest::default()) };
    if text.len() > MAX_LEN {
        return Err(Refusal::invalid_request("The claims parameter is too long."));
    }
    let Ok(Json::Object(document)) = serde_json::from_str(text) else { return Err(malformed) };
    let asked = |member: &str| match document.get(member) {
        None | Some(Json::Null) => Ok(BTreeMap::new()),
        Some(Json::Object(claims)) if claims.len() <= MAX_CLAIMS && claims.keys().all(|name| is_name(name)) => {
            claims.iter().map(|(name, wish)| Ok((name.as_str(), Wish::read(wish).ok_or(malformed)?))).collect()
        }
        Some(_) => Err(malformed),
    };
    let (id_token, userinfo) = (asked("id_token")?, asked("userinfo")?);
    Ok(ClaimsRequest {
        acr: id_token.get("acr").map_or(Ok(None), level)?,
        subject: id_token.get("sub").or_else(|| userinfo.get("sub")).map_or(Ok(None), subject)?,
        id_token: id_token.into_keys().map(str::to_owned).collect(),
        userinfo: userinfo.into_keys().map(str::to_owned).collect(),
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control)
}

/// What is said of one claim.
struct Wish<'a> {
    essential: bool,
    values: Vec<&'a Json>,
}

impl<'a> Wish<'a> {
    fn read(json: &'a Json) -> Option<Self> {
        let members = match json {
            Json::Null => return Some(Self { essential: false, values: Vec::new() }),
            Json::Object(members) => members,
            Json::Flag(_) | Json::Number | Json::Text(_) | Json::List(_) => return None,
        };
        let essential = match members.get("essential") {
            None => false,
            Some(Json::Flag(essential)) => *essential,
            Some(_) => return None,
        };
        // Either of them; never both (5.5.1 gives no meaning to that).
        let values = match (members.get("value"), members.get("values")) {
            (None, None) => Vec::new(),
            (Some(value), None) => vec![value],
            (None, Some(Json::List(values))) => values.iter().collect(),
            (_, Some(_)) => return None,
        };
        Some(Self { essential, values })
    }

    fn words(&self) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter_map(|value| match value {
            Json::Text(text) => Some(text.as_str()),
            Json::Null | Json::Flag(_) | Json::Number | Json::List(_) | Json::Object(_) => None,
        })
    }
}

// The first level that we know, as in `acr_values`. An essential one that we cannot reach fails at
// once: no sign-in would help (5.5.1.1).
fn level(wish: &Wish<'_>) -> Result<Option<Level>, Refusal> {
    let known = wish.words().find_map(Level::parse);
    if known.is_none() && wish.essential && !wish.values.is_empty() {
        return Err(Refusal::new(
            OAuthError::UnmetAuthenticationRequirements,
            Code::Parameter,
            "The authentication level that the request demands does not exist here.",
        ));
    }
    Ok(known)
}

// Without a value `sub` asks for what is always there. A subject that is none of ours can sign in
// at no time; two at once make no sense.
fn subject(wish: &Wish<'_>) -> Result<Option<Id<Account>>, Refusal> {
    let unknown = Refusal::invalid_request("The claims parameter asks for a subject that cannot be.");
    match wish.values.as_slice() {
        [] => Ok(None),
        [Json::Text(text)] => text.parse().map(Some).map_err(|_| unknown),
        [_, ..] => Err(unknown),
    }
}

/// JSON in which no object has a member twice: which of the two counts would be anybody's guess.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Json {
    Null,
    Flag(bool),
    Number,
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
                Ok(Json::Flag(flag))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
                Ok(Json::Number)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Number)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
                Ok(Json::Number)
            }
            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Json::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
                let mut object = BTreeMap::new();
                while let Some((name, value)) = members.next_entry::<String, Json>()? {
                    if object.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member twice"));
                    }
                }
                Ok(Json::Object(object))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
