//! Parameters of a query or a form body: `application/x-www-form-urlencoded`, read strictly.
//!
//! Broken percent-encoding, bytes that are no UTF-8, NUL, too many or too long fields are refused
//! (failures 53 and 54); a repeated parameter is never silently resolved (A48, failure 52;
//! RFC 6749, 3.1). Parameters that nobody asks for are ignored: refusing one breaks clients.

use std::borrow::Cow;

use crate::error::Refusal;

/// The longest query or body that is read, in bytes. MSAL's longest requests have some 6 KB.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most fields that are read.
pub const MAX_FIELDS: usize = 100;

/// Why a query or form could not be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// More than [`MAX_BYTES`].
    #[error("the request is too long")]
    TooLong,
    /// More than [`MAX_FIELDS`].
    #[error("the request has too many fields")]
    TooManyFields,
    /// A `%` without two hexadecimal digits, or bytes that are no UTF-8.
    #[error("the request is not encoded properly")]
    Encoding,
    /// A NUL character.
    #[error("the request holds a NUL character")]
    Nul,
}

impl From<ParamsError> for Refusal {
    fn from(error: ParamsError) -> Self {
        Self::invalid_request(match error {
            ParamsError::TooLong => "The request is too long.",
            ParamsError::TooManyFields => "The request has too many fields.",
            ParamsError::Encoding => "The request is not encoded properly.",
            ParamsError::Nul => "The request holds a NUL character.",
        })
    }
}

/// Decoded parameters in the order they came.
///
/// `Debug` shows names only: values may be secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Params(Vec<(String, String)>);

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Params {
    /// Reads a raw query (without `?`) or form body.
    ///
    /// # Errors
    /// [`ParamsError`], which says what is wrong with the whole.
    pub fn parse(raw: &[u8]) -> Result<Self, ParamsError> {
        if raw.len() > MAX_BYTES {
            return Err(ParamsError::TooLong);
        }
        let mut fields = Vec::new();
        for pair in raw.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if fields.len() == MAX_FIELDS {
                return Err(ParamsError::TooManyFields);
            }
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
            fields.push((form_decode(name)?, form_decode(value)?));
        }
        Ok(Self(fields))
    }

    /// The value of `name`; `None` if it is absent, empty (RFC 6749, 3.1: as if omitted) or given
    /// twice. Ask [`Params::require_single`] first.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str());
        match (values.next(), values.next()) {
            (Some(value), None) if !value.is_empty() => Some(value),
            (Some(_) | None, Some(_) | None) => None,
        }
    }

    /// All parameters but those of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect())
    }

    /// The parameters of these names and no others.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect())
    }

    /// The parameters with `name` set to `value`, once.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut all = self.without(&[name]);
        all.0.push((name.to_owned(), value.to_owned()));
        all
    }

    /// The parameters as a form body again; [`Params::parse`] reads it back.
    #[must_use]
    pub fn encode(&self) -> String {
        let pairs = self.0.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Refuses the parameters if one of `known` is there twice, even with equal values.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn require_single(&self, known: &[&str]) -> Result<(), Refusal> {
        let repeated = |name: &&&str| self.0.iter().filter(|(n, _)| n == **name).count() > 1;
        match known.iter().find(repeated) {
            Some(_) => Err(Refusal::invalid_request("A parameter is given more than once.")),
            None => Ok(()),
        }
    }
}

/// Decodes one form-encoded text: `+` is a space, `%XX` a byte. Also RFC 6749, 2.3.1 (Basic).
///
/// # Errors
/// [`ParamsError::Encoding`] and [`ParamsError::Nul`].
pub fn form_decode(raw: &[u8]) -> Result<String, ParamsError> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16)).ok_or(ParamsError::Encoding);
                let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
                out.push(u8::try_from(value).map_err(|_| ParamsError::Encoding)?);
            }
            other => out.push(*other),
        }
    }
    if out.contains(&0) {
        return Err(ParamsError::Nul);
    }
    String::from_utf8(out).map_err(|_| ParamsError::Encoding)
}

/// Encodes `text` for a query, fragment or form: everything but RFC 3986's unreserved characters.
#[must_use]
pub fn percent_encode(text: &str) -> Cow<'_, str> {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn f52_duplicate_parameters_are_refused() {
        let params = Params::parse(b"client_id=a&client_id=a&x=1&x=2").unwrap();
        assert!(params.require_single(&["client_id"]).is_err(), "even with equal values");
        assert!(params.require_single(&["state"]).is_ok(), "unknown ones are nobody's business");
        assert_eq!(params.get("client_id"), None, "nor does a reader see one of the two");
        let encoded = Params::parse(b"state=1&%73tate=2").unwrap();
        assert!(encoded.require_single(&["state"]).is_err(), "an encoded name is the same name");
        assert!(Params::parse(b"state=1&state=").unwrap().require_single(&["state"]).is_err());
    }

    #[test]
    fn f53_nul_and_broken_encoding_are_refused() {
        assert_eq!(Params::parse(b"a=%00"), Err(ParamsError::Nul));
        assert_eq!(Params::parse(b"a=\0"), Err(ParamsError::Nul));
        for broken in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff", b"%c3=1", b"a=%ed%a0%80", b"a=%+1"] {
            assert_eq!(Params::parse(broken), Err(ParamsError::Encoding), "{broken:?}");
        }
    }

    #[test]
    fn f54_many_or_long_fields_are_refused() {
        assert_eq!(Params::parse("a=1&".repeat(MAX_FIELDS + 1).as_bytes()), Err(ParamsError::TooManyFields));
        assert!(Params::parse("a=1&".repeat(MAX_FIELDS).as_bytes()).is_ok());
        assert_eq!(Params::parse(&vec![b'a'; MAX_BYTES + 1]), Err(ParamsError::TooLong));
    }

    #[test]
    fn values_are_decoded_and_empty_ones_count_as_absent() {
        let params = Params::parse(b"a=b+c%2Bd&empty=&bare&e=%C3%A9&q=x=y").unwrap();
        assert_eq!(params.get("a"), Some("b c+d"));
        assert_eq!((params.get("empty"), params.get("bare"), params.get("none")), (None, None, None));
        assert_eq!((params.get("e"), params.get("q")), (Some("é"), Some("x=y")));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(params) = Params::parse(&raw) {
                prop_assert!(params.0.iter().all(|(n, v)| !n.contains('\0') && !v.contains('\0')));
            }
        }

        #[test]
        fn what_is_encoded_comes_back(value in "[^\0]{1,60}", name in "[a-z|=&%+ é]{1,10}") {
            let raw = format!("{}={}", percent_encode(&name), percent_encode(&value));
            let params = Params::parse(raw.as_bytes()).unwrap();
            prop_assert_eq!(params.get(&name), Some(value.as_str()));
        }
    }
}
