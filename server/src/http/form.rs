//! Forms from outside: bounded, no duplicates, no NUL, valid UTF-8 (A48, failures 52 to 54).

use std::{collections::BTreeMap, fmt};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::error::HttpError;

/// The most bytes a body may have; the router enforces it before anything is read.
pub const MAX_BODY: usize = 1024 * 1024;
/// The most fields a form may have.
pub const MAX_FIELDS: usize = 200;
/// The most bytes a single value may have.
pub const MAX_VALUE: usize = 16 * 1024;

/// The fields of a form, each at most once. From JSON as well: an object that names a field twice
/// is refused, whichever of the two a reader elsewhere would have taken.
#[derive(Debug, Clone, Default)]
pub struct Fields(pub BTreeMap<String, String>);

impl Fields {
    /// The field's value, empty if it is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a checkbox of this name is ticked.
    #[must_use]
    pub fn ticked(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "on" | "1")
    }

    /// Every field whose name begins with `prefix`, with the rest of the name.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// Reads `application/x-www-form-urlencoded` bytes.
    ///
    /// # Errors
    /// [`HttpError::BadRequest`] with the reason, in words a person can use.
    pub fn parse(body: &[u8]) -> Result<Self, HttpError> {
        let count = body.iter().filter(|b| **b == b'&').count() + 1;
        if count > MAX_FIELDS {
            return Err(HttpError::BadRequest("The form has too many fields."));
        }
        let mut fields = BTreeMap::new();
        for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            if fields.insert(name, value).is_some() {
                return Err(HttpError::BadRequest("The form has a field twice."));
            }
        }
        Ok(Self(fields))
    }

    /// Holds fields that came as JSON to the same bounds.
    ///
    /// # Errors
    /// [`HttpError::BadRequest`] with the reason.
    pub fn checked(self) -> Result<Self, HttpError> {
        if self.0.len() > MAX_FIELDS {
            return Err(HttpError::BadRequest("The form has too many fields."));
        }
        for (name, value) in &self.0 {
            check(name)?;
            check(value)?;
        }
        Ok(self)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Unique)
    }
}

struct Unique;

impl<'de> Visitor<'de> for Unique {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that names each field once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            if fields.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a field twice"));
            }
        }
        Ok(Fields(fields))
    }
}

fn decode(raw: &[u8]) -> Result<String, HttpError> {
    let spaced: Vec<u8> = raw.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let bytes = percent_encoding::percent_decode(&spaced).collect::<Vec<u8>>();
    let text = String::from_utf8(bytes).map_err(|_| HttpError::BadRequest("The form is not valid UTF-8."))?;
    check(&text)?;
    Ok(text)
}

fn check(text: &str) -> Result<(), HttpError> {
    if text.len() > MAX_VALUE {
        return Err(HttpError::BadRequest("A field of the form is too long."));
    }
    if text.contains('\0') {
        return Err(HttpError::BadRequest("A field of the form holds a character that is not allowed."));
    }
    Ok(())
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let content_type =
            request.headers().get(axum::http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let is_form = content_type
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(HttpError::UnsupportedMediaType);
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| HttpError::TooLarge)?;
        Self::parse(&body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f52_a_field_given_twice_is_refused() {
        assert!(Fields::parse(b"a=1&b=2").is_ok());
        assert!(Fields::parse(b"a=1&a=2").is_err());
    }

    #[test]
    fn f52_a_field_given_twice_in_json_is_refused() {
        let read = |text: &str| serde_json::from_str::<Fields>(text);
        assert_eq!(read(r#"{"a":"1","b":"2"}"#).unwrap().get("b"), "2");
        assert!(read(r#"{"a":"1","a":"1"}"#).is_err());
        assert!(read(r#"{"a":1}"#).is_err());
    }

    #[test]
    fn f53_nul_and_broken_utf8_are_refused() {
        assert!(Fields::parse(b"a=%00").is_err());
        assert!(Fields::parse(b"a=%ff%fe").is_err());
        assert!(Fields::parse(b"a=%ED%A0%80").is_err(), "an unpaired surrogate");
        assert_eq!(Fields::parse(b"a=x+y%2B").unwrap().get("a"), "x y+");
    }

    #[test]
    fn f54_ten_thousand_fields_are_refused() {
        let body = (0..10_000).map(|i| format!("f{i}=1")).collect::<Vec<_>>().join("&");
        assert!(Fields::parse(body.as_bytes()).is_err());
    }
}
