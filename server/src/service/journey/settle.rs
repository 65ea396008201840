//! The end of a journey: a complete one becomes a session, and the browser is remembered or known.

use axum::http::{HeaderMap, header};
use lanyard_domain::{
    assurance::{Level, Method},
    clock::{Millis, SECOND},
    journey::{Facts, Journey},
    secret::Token,
    user_flow::KNOWN_LIFE,
};
use lanyard_storage::WriteTx;

use super::{
    JourneyError,
    known::{self, Whence},
    remember::{self, Remembered},
};
use crate::{
    http::{
        client::Client,
        cookies::{Cookie, KnownCookie},
    },
    service::sign_out,
    state::App,
};

/// The secrets that the request brought along.
pub(super) struct Cookies {
    pub(super) sso: Option<Token>,
    pub(super) console: Option<Token>,
    pub(super) browser: Option<Token>,
}

/// The session that a step made, if it did.
pub(super) type Session = Option<Made>;

/// The cookie of a session that was just made.
pub(super) struct Made {
    cookie: Cookie,
    token: Token,
    // The person asked to stay signed in: the cookie lives so long, else as long as the browser.
    keep_for: Option<Millis>,
    // The browser is known from now on.
    known: Option<KnownCookie>,
}

impl Made {
    /// Sets the cookies (A17: always a new secret).
    pub(super) fn set_cookies(&self, headers: &mut HeaderMap) {
        let header = match self.keep_for {
            Some(life) => self.cookie.keep(&self.token, life / SECOND),
            None => self.cookie.set(&self.token),
        };
        headers.append(header::SET_COOKIE, header);
        if let Some(known) = &self.known {
            headers.append(header::SET_COOKIE, known.keep(KNOWN_LIFE / SECOND));
        }
    }
}

/// A complete journey becomes a session at once; the way back is opened in the same transaction.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn settle(
    app: &App,
    tx: &mut (dyn WriteTx + '_),
    journey: Journey,
    facts: &Facts,
    (client, cookies, whence): (&Client, &Cookies, &Whence),
) -> Result<(Journey, Session, Option<Remembered>), JourneyError> {
    let (header, completion) = match journey.complete() {
        Ok(complete) => complete,
        Err(journey) => return Ok((*journey, None, None)),
    };
    let settled = completion.settle(&header, facts.now, app.entropy().as_mut());
    let cookie = match settled.session {
        Some((session, token)) => {
            let cookie = if session.console.is_some() { Cookie::Console } else { Cookie::Sso };
            let old = match cookie {
                Cookie::Console => cookies.console.as_ref(),
                Cookie::Sso | Cookie::Journey => cookies.sso.as_ref(),
            };
            // The secret is always new (failure 23); the browser's sessions of other tenants move
            // along, the one of this tenant ends.
            if let Some(old) = old {
                tx.rekey_sessions(&old.hash(), &token.hash(), header.tenant).await?;
            }
            tx.create_session(&session).await?;
            if let Some(old) = old
                && let Some(before) = tx.session_by_token(header.tenant, &old.hash()).await?
            {
                // The same person signed in again: the applications stay signed in, and logout
                // will tell them by the `sid` that they know.
                if before.account == session.account {
                    tx.inherit_relying_parties(before.id, session.id).await?;
                } else {
                    // Somebody else: the one before is signed out, as by logout (A19).
                    tx.revoke_grants_of_session(before.id, facts.now).await?;
                }
                sign_out::end(app, tx, &before, facts.now).await?;
            }
            let keep_for = session.terms.kept.then(|| session.expires_at.since(facts.now));
            // A password alone makes nothing known, and whoever had to use a recovery code is on the way to another factor.
            let authentication = &session.authentication;
            let strong = authentication.level() > Level::Aal1;
            let known = match strong && !authentication.second().contains(&Method::RecoveryCode) {
                true => Some(known::note(app, tx, (header.tenant, session.account), whence, facts.now).await?),
                false => None,
            };
            Some(Made { cookie, token, keep_for, known })
        }
        None => None,
    };
    let remembered = match settled.remembered {
        Some(made) => Some(remember::store(tx, made, (client, cookies.browser.as_ref())).await?),
        None => None,
    };
    Ok((Journey::returning(header, settled.back), cookie, remembered))
}
