//! What a person or a program sees when a request fails. The inner error goes to the log with
//! the request's id; the answer never shows it.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use lanyard_storage::StorageError;

/// A failed request.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nothing is there, or nothing that the asker may see.
    #[error("not found")]
    NotFound,
    /// The request makes no sense; the text says why.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The form did not come from one of our pages.
    #[error("cross-site request")]
    CrossSite,
    /// Not a form.
    #[error("unsupported media type")]
    UnsupportedMediaType,
    /// The body is too large.
    #[error("body too large")]
    TooLarge,
    /// Too many requests from one network.
    #[error("too many requests")]
    TooManyRequests {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// The server has more to do than it can; nothing was changed.
    #[error("busy")]
    Busy,
    /// The database does not answer; nothing was changed.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<StorageError> for HttpError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unique(_) | StorageError::Conflict => {
                Self::BadRequest("Somebody changed this in the meantime. Load the page again.")
            }
            StorageError::Inconsistent(what) => Self::Internal(what.to_owned()),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl HttpError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests { retry_after } => Some(*retry_after),
            Self::Busy => Some(2),
            Self::Unavailable(_) => Some(5),
            Self::NotFound
            | Self::BadRequest(_)
            | Self::CrossSite
            | Self::UnsupportedMediaType
            | Self::TooLarge
            | Self::Internal(_) => None,
        }
    }

    /// What happened and what to do, for a person.
    #[must_use]
    pub const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::NotFound => ("Page not found", "Check the address, or go back to the app and start again."),
            Self::BadRequest(why) => ("This request did not work", why),
            Self::CrossSite => {
                ("This request came from another site", "Go back to the page, load it again and try once more.")
            }
            Self::UnsupportedMediaType => ("This request did not work", "It was not sent as a form."),
            Self::TooLarge => ("That is too much to send", "Send less than 1 MB."),
            Self::TooManyRequests { .. } => ("Too many requests", "Wait a minute, then try again."),
            Self::Busy => ("We are very busy", "Nothing was lost. Wait a few seconds, then try again."),
            Self::Unavailable(_) => {
                ("This service can't be reached right now", "Nothing was lost. Try again in a minute.")
            }
            Self::Internal(_) => (
                "Something went wrong on our side",
                "Nothing was changed. Try again, and tell the clinic if it happens again.",
            ),
        }
    }
}

/// Carries the error to the layer that renders it for who asked: a page or JSON.
#[derive(Debug, Clone)]
pub struct Failed {
    /// What happened.
    pub title: &'static str,
    /// What to do.
    pub advice: &'static str,
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = %self, "request failed");
        } else {
            tracing::debug!(error = %self, "request refused");
        }
        let (title, advice) = self.words();
        let mut response = (status, format!("{title}. {advice}\n")).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Failed { title, advice });
        response
    }
}
