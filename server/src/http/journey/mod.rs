//! The journey over HTTP: one set of services, two transports.
//!
//! [`pages`] serves plain forms (POST, 303, GET), [`api`] the same events as JSON.

pub mod api;
pub mod pages;

use axum::http::HeaderMap;
use lanyard_domain::secret::Token;

use super::{cookies::Cookie, csrf, error::HttpError};
use crate::service::journey::JourneyError;

/// The browser's secret, and whether the form's token belongs to it.
pub(crate) fn browser(headers: &HeaderMap) -> Option<Token> {
    Cookie::Journey.read(headers)
}

/// Checks the form's token for journey `id`.
pub(crate) fn check_csrf(browser: &Token, id: &str, given: &str) -> Result<(), HttpError> {
    if csrf::matches(browser, id, given) { Ok(()) } else { Err(HttpError::CrossSite) }
}

impl From<JourneyError> for HttpError {
    fn from(error: JourneyError) -> Self {
        match error {
            JourneyError::NotFound => Self::NotFound,
            JourneyError::Busy => Self::Busy,
            JourneyError::Storage(error) => error.into(),
            JourneyError::Internal(what) => Self::Internal(what),
        }
    }
}
