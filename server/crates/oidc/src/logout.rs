//! Logout started by the application (OpenID Connect RP-Initiated Logout 1.0).
//!
//! A reply URL must be registered, whatever hint comes; the client is found from the hint, from
//! `client_id`, or (MSAL.js sends neither) by the reply URL among the flow's applications, which is
//! what confirms that it is a good place to go (section 3). Without a valid hint the page asks "Sign out?" (A35), so
//! that no other site can sign people out; a flow may refuse such a request instead.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_domain::{
    account::Account,
    application::Application,
    clock::{MINUTE, SECOND, Timestamp},
    id::Id,
    session::Session,
    user_flow::SessionSettings,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    error::{Code, Refusal},
    jose::{IdTokenHint, Verifier, VerifyError},
    params::Params,
    response::with_query,
};

/// The parameters that are read; none of them may be repeated.
pub const KNOWN: [&str; 5] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint"];

// The longest `state` (as at the authorization endpoint).
const MAX_STATE: usize = 8_192;

/// A logout request, read but not yet judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    id_token_hint: Option<String>,
    client_id: Option<Id<Application>>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// The request is refused with an error page; never with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub struct LogoutError {
    /// B2C's code.
    pub code: Code,
    /// One plain sentence.
    pub text: &'static str,
}

/// What the hint and `client_id` say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// The verified hint.
    pub hint: Option<IdTokenHint>,
    /// The application to load; if `None`, the one that [`LogoutRequest::returns_to`].
    pub application: Option<Id<Application>>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    /// Ask before signing out: nothing proves that the person's own application sent the request.
    pub confirm: bool,
    /// Where to go afterwards, `state` included; `None`: show the page that says it is done.
    pub redirect: Option<String>,
}

/// The session that the browser has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Whose it is.
    pub account: Id<Account>,
    /// The session.
    pub session: Id<Session>,
    /// The applications that it signed in to, with the `sid` that each knows: that of a session in
    /// whose place this one came, where the person signed in again.
    pub parties: Vec<(Id<Application>, Id<Session>)>,
}

impl SignedIn {
    // Whether `hint` is an ID token of this very session. One of another session, which any
    // application has from years ago, ends nothing by itself (A35).
    fn gave(&self, hint: &IdTokenHint) -> bool {
        let known = |sid| sid == self.session || self.parties.contains(&(hint.application, sid));
        hint.subject == self.account && hint.session.is_some_and(known)
    }
}

impl LogoutRequest {
    /// Reads the query or form.
    ///
    /// # Errors
    /// [`LogoutError`] for a repeated or malformed parameter.
    pub fn parse(params: &Params) -> Result<Self, LogoutError> {
        params.require_single(&KNOWN).map_err(|refusal| LogoutError { code: refusal.code, text: refusal.text })?;
        let client_id = match params.get("client_id").map(|text| (text.len(), Uuid::try_parse(text))) {
            None => None,
            Some((36, Ok(id))) => Some(Id::from_uuid(id)),
            Some((_, Ok(_) | Err(_))) => return Err(unknown_client()),
        };
        let state = params.get("state");
        if state.is_some_and(|state| state.len() > MAX_STATE) {
            return Err(LogoutError { code: Code::Parameter, text: "The state is too long." });
        }
        let owned = |name| params.get(name).map(str::to_owned);
        Ok(Self {
            id_token_hint: owned("id_token_hint"),
            client_id,
            post_logout_redirect_uri: owned("post_logout_redirect_uri"),
            state: state.map(str::to_owned),
        })
    }

    /// Refuses a request without a hint, where the flow wants one (`id_token_in_logout`).
    ///
    /// # Errors
    /// [`LogoutError`].
    pub const fn demand_hint(&self, session: &SessionSettings) -> Result<(), LogoutError> {
        if session.id_token_in_logout && self.id_token_hint.is_none() {
            let text = "This user flow signs out only with an id_token_hint.";
            return Err(LogoutError { code: Code::IdTokenHint, text });
        }
        Ok(())
    }

    /// Verifies the hint (its expiry does not count, everything else does) and finds the client.
    ///
    /// A hint whose key is published no more proves nothing and is no mistake of the application's:
    /// keys go a day after their last signature, and ID tokens are kept as long as a session. Then
    /// the page asks, and the client is the one that the hint names, which is no more than a
    /// `client_id` would be.
    ///
    /// # Errors
    /// [`LogoutError`] when the hint is not ours, or is of another client than `client_id`.
    pub fn identify(&self, verifier: &Verifier, issuer: &str, now: Timestamp) -> Result<Identified, LogoutError> {
        let Some(token) = &self.id_token_hint else {
            return Ok(Identified { hint: None, application: self.client_id });
        };
        match verifier.id_token_hint(token, issuer, self.client_id, now) {
            Ok(hint) => Ok(Identified { application: Some(hint.application), hint: Some(hint) }),
            Err(VerifyError::UnknownKey) => {
                Ok(Identified { hint: None, application: self.client_id.or_else(|| claimed_audience(token)) })
            }
            Err(_) => Err(LogoutError {
                code: Code::IdTokenHint,
                text: "The id_token_hint of the request is not valid here.",
            }),
        }
    }

    /// Whether the address to return to is one of `application`'s: who names no client means the application
    /// of the flow that has registered it.
    #[must_use]
    pub fn returns_to(&self, application: &Application) -> bool {
        self.post_logout_redirect_uri.as_deref().is_some_and(|url| application.accepts_after_sign_out(url))
    }

    /// Decides. `application` is the one [`LogoutRequest::identify`] named, or else one of the
    /// flow's that it [`LogoutRequest::returns_to`]; `signed_in` is the session that the browser has.
    ///
    /// # Errors
    /// [`LogoutError`] when the client is unknown or the reply URL is not registered for it.
    pub fn decide(
        &self,
        identified: &Identified,
        application: Option<&Application>,
        signed_in: Option<&SignedIn>,
    ) -> Result<Logout, LogoutError> {
        let named = |app: &&Application| identified.application.is_none_or(|id| id == app.id);
        let application = application.filter(named);
        if identified.application.is_some() && application.is_none() {
            return Err(unknown_client());
        }
        let redirect = match (&self.post_logout_redirect_uri, application) {
            (None, _) => None,
            (Some(url), Some(application)) if application.accepts_after_sign_out(url) => Some(self.with_state(url)),
            (Some(_), Some(_) | None) => {
                let text = "The address to return to is not registered for this application.";
                return Err(LogoutError { code: Code::ReplyUrl, text });
            }
        };
        let proved = identified.hint.as_ref().is_some_and(|hint| signed_in.is_none_or(|session| session.gave(hint)));
        // Without a session there is nothing to ask about.
        Ok(Logout { confirm: !proved && signed_in.is_some(), redirect })
    }

    fn with_state(&self, url: &str) -> String {
        match &self.state {
            Some(state) => with_query(url, &[("state", state.clone())]),
            None => url.to_owned(),
        }
    }
}

/// A relying party's front-channel address for this session, with `iss` and `sid` (OpenID Connect
/// Front-Channel Logout, 2).
#[must_use]
pub fn front_channel_url(url: &str, issuer: &str, sid: Id<Session>) -> String {
    with_query(url, &[("iss", issuer.to_owned()), ("sid", sid.to_string())])
}

/// The event that makes a token a logout token.
pub const BACK_CHANNEL_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a logout token is good: two minutes, as the standard recommends at most.
const LOGOUT_TOKEN_SECONDS: i64 = 2 * MINUTE / SECOND;

/// What a logout token says.
#[derive(Debug, Clone, Copy)]
pub struct LogoutToken<'a> {
    /// The issuer that the relying party knows.
    pub issuer: &'a str,
    /// The relying party.
    pub application: Id<Application>,
    /// Whose session ended.
    pub subject: Id<Account>,
    /// Which.
    pub sid: Id<Session>,
    /// The same at each attempt to deliver it.
    pub jti: Uuid,
}

impl LogoutToken<'_> {
    /// The claims (OpenID Connect Back-Channel Logout, 2.4), to be signed as
    /// [`crate::jose::TokenType::Logout`]. Never a `nonce`: it must not pass for an ID token.
    #[must_use]
    pub fn claims(&self, now: Timestamp) -> Map<String, Value> {
        let now = now.as_seconds();
        let claims: [(&str, Value); 8] = [
            ("iss", self.issuer.into()),
            ("sub", self.subject.to_string().into()),
            ("aud", self.application.to_string().into()),
            ("iat", now.into()),
            ("exp", (now + LOGOUT_TOKEN_SECONDS).into()),
            ("jti", self.jti.to_string().into()),
            ("sid", self.sid.to_string().into()),
            ("events", json!({ BACK_CHANNEL_EVENT: {} })),
        ];
        claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl From<LogoutError> for Refusal {
    fn from(error: LogoutError) -> Self {
        Self::new(crate::error::OAuthError::InvalidRequest, error.code, error.text)
    }
}

// Whom a token says that it is for. Nothing is verified.
fn claimed_audience(token: &str) -> Option<Id<Application>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    Uuid::try_parse(claims.get("aud")?.as_str()?).ok().map(Id::from_uuid)
}

const fn unknown_client() -> LogoutError {
    LogoutError { code: Code::UnknownClient, text: "This application is not registered here." }
}

#[cfg(test)]
#[path = "logout_tests.rs"]
mod tests;
