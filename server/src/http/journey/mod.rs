//! The journey over HTTP: one set of services, two transports.
//!
//! [`pages`] serves plain forms (POST, 303, GET), [`api`] the same events as JSON.

pub mod api;
pub mod pages;

use axum::{
    http::{HeaderMap, header},
    response::{IntoResponse as _, Redirect, Response},
};
use lanyard_app::{
    api::journey::{AttributeFieldKind, JourneyView, StageView},
    paths,
};
use lanyard_domain::{attribute, secret::Token};

use super::{cookies::Cookie, csrf, error::HttpError};
use crate::service::journey::{Begun, JourneyError};

/// The browser's secret, and whether the form's token belongs to it.
pub(crate) fn browser(headers: &HeaderMap) -> Option<Token> {
    Cookie::Journey.read(headers)
}

/// Sends the browser to a journey that has just begun, with the secret that makes it the browser's.
pub(crate) fn sent_to(begun: &Begun) -> Response {
    let mut answer = Redirect::to(&paths::journey(&begun.id)).into_response();
    answer.headers_mut().append(header::SET_COOKIE, Cookie::Journey.set(&begun.browser));
    answer
}

/// Checks the form's token for journey `id`.
pub(crate) fn check_csrf(browser: &Token, id: &str, given: &str) -> Result<(), HttpError> {
    if csrf::matches(browser, id, given) { Ok(()) } else { Err(HttpError::CrossSite) }
}

/// Prefills the country of a new account from the browser's languages (U7): the first region that
/// is in the list. What was typed stays.
pub(crate) fn prefill_country(view: &mut JourneyView, headers: &HeaderMap) {
    let StageView::Details { attributes, .. } = &mut view.stage else { return };
    let Some(field) = attributes.iter_mut().find(|field| field.name == attribute::COUNTRY) else { return };
    let AttributeFieldKind::Select { options } = &field.kind else { return };
    if !field.value.is_empty() || view.values.contains_key(attribute::COUNTRY) {
        return;
    }
    let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let found = regions(languages).find(|region| options.iter().any(|(code, _)| code == region));
    field.value = found.unwrap_or_default();
}

// The regions of an `Accept-Language` header, in its order: browsers list the best first.
fn regions(languages: &str) -> impl Iterator<Item = String> {
    let tags = languages.split(',').filter_map(|entry| entry.split(';').next());
    tags.filter_map(|tag| {
        let region = tag.trim().split('-').skip(1).find(|part| part.len() == 2)?;
        Some(region.to_ascii_uppercase())
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u7_regions_come_from_the_languages_of_the_browser() {
        let all = |text| regions(text).collect::<Vec<_>>();
        assert_eq!(all("en-GB,en;q=0.9,de-AT;q=0.8"), ["GB", "AT"]);
        assert_eq!(all("zh-Hant-TW"), ["TW"]);
        assert!(all("en, *;q=0.1,,-").is_empty());
    }
}
