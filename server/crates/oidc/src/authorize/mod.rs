//! The authorization endpoint as an ordered list of small named rules, one a file.
//!
//! First the client and its reply URL: until both are known to be good, a refusal is an error page
//! ([`AuthorizeError::Page`]) and nothing is ever sent anywhere. After that every refusal goes to
//! the reply URL ([`AuthorizeError::Redirect`]). The rules read the parameters and the application
//! and return a value; none of them changes anything.

mod acr;
mod claims;
mod client;
mod dpop_jkt;
mod id_token_hint;
mod login_hint;
mod max_age;
mod nonce;
mod pkce;
mod prompt;
pub mod pushed;
mod repeat;
mod reply_url;
mod request_object;
pub mod response_mode;
pub mod response_type;
mod state;
mod ui_locales;

use lanyard_domain::{
    application::Application,
    clock::Timestamp,
    grant::{AuthorizationRequest, RequestOptions, ResponseType},
    id::Id,
    tenant::Tenant,
};

pub use self::{
    client::client_id,
    max_age::MaxAge,
    prompt::Prompt,
    prompt::Prompts,
    repeat::{repeat, repeat_for_anybody},
};
use crate::{
    error::{Code, Refusal, Silent},
    jose::IdTokenHint,
    params::Params,
    response::Back,
    scope::{self, Scopes},
};

/// The parameters that the rules read; none of them may be repeated.
pub const KNOWN: [&str; 21] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "acr_values",
    "ui_locales",
    "display",
    "claims",
    "request",
    "request_uri",
    "registration",
    "dpop_jkt",
];

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The parameters of the query or, for `POST`, of the form.
    pub params: &'a Params,
    /// The tenant of the URL.
    pub tenant: Id<Tenant>,
    /// The application with the id that [`client_id`] gave, if there is one.
    pub application: Option<&'a Application>,
    /// The web APIs that its permissions name.
    pub apis: &'a [Application],
    /// Whether that application is linked to the flow of the URL.
    pub linked: bool,
    /// Whether the request was pushed by the application itself (RFC 9126), and not carried here
    /// by a browser.
    pub pushed: bool,
}

/// Why a request is refused, and whether the application may be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// Show an error page; never redirect (RFC 6749, 4.1.2.1; RFC 9700, 4.11).
    #[error("{text}")]
    Page {
        /// B2C's code.
        code: Code,
        /// One plain sentence.
        text: &'static str,
    },
    /// Tell the application, at its checked reply URL.
    #[error("{refusal}")]
    Redirect {
        /// Where and how.
        back: Back,
        /// What.
        refusal: Refusal,
    },
}

/// An authorization request that passed every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorize {
    /// What the journey remembers. Its `fresh_login` tells what `prompt` alone asks for.
    pub request: AuthorizationRequest,
    /// The `prompt` values.
    pub prompts: Prompts,
    /// The oldest sign-in that is good enough.
    pub max_age: Option<MaxAge>,
    /// Who the application believes is signed in; still to be verified
    /// ([`crate::jose::Verifier::id_token_hint`]).
    pub id_token_hint: Option<String>,
}

/// Runs all rules in order.
///
/// # Errors
/// [`AuthorizeError`], which knows whether it may redirect.
pub fn check(input: &Input<'_>) -> Result<Authorize, AuthorizeError> {
    let params = input.params;
    let application = client::known(input)?;
    let redirect_uri = reply_url::registered(params, application)?;
    let back = Back {
        redirect_uri: redirect_uri.to_owned(),
        response_mode: response_mode::for_errors(params),
        state: state::within_bounds(params).ok().flatten(),
    };
    rules(input, application, &back).map_err(|refusal| AuthorizeError::Redirect { back, refusal })
}

/// Whether what was checked when `request` came is still so: its reply URL is registered, and its
/// response type allowed. A journey lasts up to an hour; a change of the application acts at the
/// next request (A28).
#[must_use]
pub fn still_fits(request: &AuthorizationRequest, application: &Application) -> bool {
    request.application == application.id
        && application.accepts_reply_url(&request.redirect_uri)
        && response_type::is_allowed(request.options.response_type, &application.settings)
}

// The rules whose refusal the application is told of.
fn rules(input: &Input<'_>, application: &Application, back: &Back) -> Result<Authorize, Refusal> {
    let params = input.params;
    params.require_single(&KNOWN)?;
    pushed::where_required(input.pushed, application)?;
    let state = state::within_bounds(params)?;
    request_object::refused(params)?;
    let response_type = response_type::allowed(params, application)?;
    let response_mode = response_mode::choose(params, response_type)?;
    let scope = scope::grant(params.get("scope"), Scopes::new(application, input.apis))?;
    let nonce = nonce::fitting(params, response_type)?;
    let code_challenge = pkce::challenge(params, application, response_type)?;
    let prompts = prompt::values(params)?;
    let max_age = max_age::seconds(params)?;
    let id_token_hint = id_token_hint::within_bounds(params)?;
    let options = options(params, response_type, &prompts)?;
    Ok(Authorize {
        request: AuthorizationRequest {
            application: application.id,
            redirect_uri: back.redirect_uri.clone(),
            response_mode,
            scope,
            state,
            nonce,
            code_challenge,
            login_hint: login_hint::usable(params),
            fresh_login: prompts.fresh_login(),
            start_with_sign_up: prompts.contains(Prompt::Create),
            options,
        },
        prompts,
        max_age,
        id_token_hint,
    })
}

// What a request may ask for besides.
fn options(params: &Params, response_type: ResponseType, prompts: &Prompts) -> Result<RequestOptions, Refusal> {
    let claims = claims::read(params)?;
    Ok(RequestOptions {
        response_type,
        consent: prompts.contains(Prompt::Consent),
        // Both may ask; the higher level holds.
        acr: claims.acr.max(acr::wished(params)),
        subject: claims.subject,
        id_token_claims: claims.id_token,
        userinfo_claims: claims.userinfo,
        dpop_jkt: dpop_jkt::thumbprint(params)?,
        ui_locales: ui_locales::tags(params),
    })
}

impl Authorize {
    /// Whether no page may be shown (`prompt=none`).
    #[must_use]
    pub fn silent(&self) -> bool {
        self.prompts.contains(Prompt::None)
    }

    /// The request as the journey must take it, given when the person of the present session
    /// signed in (`None`: no session). `max_age` is judged here.
    #[must_use]
    pub fn into_request(self, auth_time: Option<Timestamp>, now: Timestamp) -> AuthorizationRequest {
        let stale = self.max_age.is_some_and(|age| auth_time.is_none_or(|at| age.is_exceeded(at, now)));
        AuthorizationRequest { fresh_login: self.request.fresh_login || stale, ..self.request }
    }

    /// The request about the person whom a verified `id_token_hint` names (OpenID Connect Core,
    /// 3.1.2.1 and 3.1.2.2). A hint that cannot be verified (`None`) names nobody: then whoever it
    /// is signs in anew.
    ///
    /// # Errors
    /// When `claims` asks for somebody else.
    pub fn about(mut self, hint: Option<&IdTokenHint>) -> Result<Self, AuthorizeError> {
        match (hint, self.request.options.subject) {
            (None, _) => self.request.fresh_login = true,
            (Some(hint), Some(subject)) if hint.subject != subject => {
                let refusal = Refusal::invalid_request("The request asks for two different users.");
                return Err(AuthorizeError::Redirect { back: Back::from(&self.request), refusal });
            }
            (Some(hint), Some(_) | None) => self.request.options.subject = Some(hint.subject),
        }
        Ok(self)
    }

    /// The refusal of a silent request that a person would have to act on; `strict` gives
    /// `login_required` in place of B2C's `interaction_required`.
    #[must_use]
    pub fn silent_refusal(&self, reason: Silent, strict: bool) -> AuthorizeError {
        AuthorizeError::Redirect { back: Back::from(&self.request), refusal: Refusal::silent(reason, strict) }
    }
}

#[cfg(test)]
mod tests;
