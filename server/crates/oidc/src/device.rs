//! The device grant (RFC 8628): what a device asks for, what it is told, and what it gets.

use lanyard_domain::{
    application::Application,
    assurance::Demand,
    clock::{Millis, SECOND},
    device::{DEVICE_CODE_LIFE, DeviceCode, POLL_INTERVAL, UserCode},
    grant::Grant,
    id::Id,
    secret::Token,
};
use serde::Serialize;

use crate::{
    error::{Code, OAuthError, Refusal},
    params::{Params, percent_encode},
    scope::{self, Scopes},
    token::Redemption,
};

/// Judges a device authorization request of an authenticated application, and gives the scope;
/// `apis` are the web APIs that its permissions name.
///
/// # Errors
/// `unauthorized_client` where the grant is not switched on; `invalid_scope`.
pub fn request(params: &Params, application: &Application, apis: &[Application]) -> Result<String, Refusal> {
    params.require_single(&["client_id", "scope"])?;
    allowed(application)?;
    scope::grant(params.get("scope"), Scopes::new(application, apis))
}

/// Whether the grant is switched on for `application`.
///
/// # Errors
/// `unauthorized_client`.
pub fn allowed(application: &Application) -> Result<(), Refusal> {
    if application.settings.device {
        Ok(())
    } else {
        let text = "The device grant is not switched on for this application.";
        Err(Refusal::new(OAuthError::UnauthorizedClient, Code::Permission, text))
    }
}

/// What the device is told (RFC 8628, 3.2). Its `Debug` shows no code.
#[derive(Clone, Serialize)]
#[allow(missing_docs)]
pub struct DeviceAuthorization {
    pub device_code: String,
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: String,
    // Seconds.
    pub expires_in: i64,
    pub interval: i64,
    // One sentence to show, as Microsoft's libraries expect.
    pub message: String,
}

impl std::fmt::Debug for DeviceAuthorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceAuthorization").field("verification_uri", &self.verification_uri).finish_non_exhaustive()
    }
}

impl DeviceAuthorization {
    /// The answer; `page` is the address of the page where the person types the code.
    #[must_use]
    pub fn new(code: &Token, user_code: &UserCode, page: &str) -> Self {
        let shown = user_code.shown();
        let mark = if page.contains('?') { '&' } else { '?' };
        Self {
            device_code: code.expose().to_owned(),
            verification_uri: page.to_owned(),
            verification_uri_complete: format!("{page}{mark}user_code={}", percent_encode(&shown)),
            expires_in: DEVICE_CODE_LIFE / SECOND,
            interval: POLL_INTERVAL / SECOND,
            message: format!("To sign in, open {page} in a web browser and type the code {shown}."),
            user_code: shown,
        }
    }
}

/// Why a device gets no tokens, yet or at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeviceRefusal {
    /// Of another application, tenant or flow: to strangers it does not exist.
    #[error("the device code belongs elsewhere")]
    Elsewhere,
    /// The person has not decided yet.
    #[error("the person has not decided yet")]
    Pending,
    /// Asked too soon; from now on it must wait so long.
    #[error("the device asks too often")]
    TooSoon(Millis),
    /// The person said no.
    #[error("the person said no")]
    Denied,
    /// Too old.
    #[error("the device code has expired")]
    Expired,
    /// The tokens were fetched before.
    #[error("the device code was used before")]
    Used,
    /// The account is gone or disabled, the grant was revoked, or more is demanded by now.
    #[error("what the person proved no longer counts")]
    Over,
}

impl From<DeviceRefusal> for Refusal {
    fn from(refusal: DeviceRefusal) -> Self {
        let of = |error, code, text| Self::new(error, code, text);
        match refusal {
            DeviceRefusal::Elsewhere => crate::token::unknown_grant(),
            DeviceRefusal::Pending => {
                of(OAuthError::AuthorizationPending, Code::Parameter, "The user has not answered yet.")
            }
            DeviceRefusal::TooSoon(_) => {
                of(OAuthError::SlowDown, Code::Parameter, "The device asks too often; wait 5 seconds longer.")
            }
            DeviceRefusal::Denied => Self::cancelled(),
            DeviceRefusal::Expired => of(OAuthError::ExpiredToken, Code::GrantExpired, "The device code has expired."),
            DeviceRefusal::Used => {
                of(OAuthError::InvalidGrant, Code::GrantExpired, "The device code has been used already.")
            }
            DeviceRefusal::Over => {
                of(OAuthError::InvalidGrant, Code::GrantRevoked, "The user has to sign in again on the device.")
            }
        }
    }
}

/// How a device code stands when its device asks. That it yields tokens once is decided by the
/// store, by compare-and-set on `redeemed_at`.
///
/// # Errors
/// [`DeviceRefusal`].
pub fn poll(code: &DeviceCode, by: &Redemption<'_>) -> Result<Id<Grant>, DeviceRefusal> {
    let own = code.tenant == by.tenant && code.flow == by.flow && code.application == by.application.id;
    if !own || by.application.tenant != by.tenant {
        return Err(DeviceRefusal::Elsewhere);
    }
    if code.redeemed_at.is_some() {
        return Err(DeviceRefusal::Used);
    }
    if !code.is_in_time(by.now) {
        return Err(DeviceRefusal::Expired);
    }
    if code.denied_at.is_some() {
        return Err(DeviceRefusal::Denied);
    }
    if let Some(grant) = code.grant {
        return Ok(grant);
    }
    match code.polled_at {
        Some(last) if by.now.since(last) < code.poll_interval => {
            Err(DeviceRefusal::TooSoon(code.poll_interval + lanyard_domain::device::SLOW_DOWN))
        }
        Some(_) | None => Err(DeviceRefusal::Pending),
    }
}

/// Whether the grant that the person's journey led to still counts: it stands, the account may
/// sign in, and what was proved is what is demanded now.
///
/// # Errors
/// [`DeviceRefusal::Over`].
pub fn still_counts(grant: &Grant, demand: &Demand, by: &Redemption<'_>) -> Result<(), DeviceRefusal> {
    let account = by.account_stands() && by.account.is_some_and(|account| account.id == grant.account);
    let own = grant.tenant == by.tenant && grant.flow == by.flow && grant.application == by.application.id;
    let standing = grant.revoked_at.is_none() && grant.redeemed_at.is_none();
    let enough = demand.is_met(&grant.authentication, grant.authentication.level()) && by.measures_up(grant);
    if account && own && standing && enough { Ok(()) } else { Err(DeviceRefusal::Over) }
}

#[cfg(test)]
mod tests {
    use lanyard_domain::{
        account::Account,
        application::ApplicationKind::Native,
        assurance::{Demand, Method},
        clock::Timestamp,
        entropy::SeededEntropy,
        grant::CLOCK_AHEAD,
    };
    use uuid::Uuid;

    use super::*;
    use crate::fixtures::{self, NOW, params};

    fn code() -> DeviceCode {
        DeviceCode {
            hash: fixtures::token(1).hash(),
            tenant: fixtures::tenant_id(),
            flow: fixtures::flow().id,
            application: fixtures::application(Native).id,
            user_code: fixtures::token(2).hash(),
            scope: "openid".into(),
            poll_interval: POLL_INTERVAL,
            created_at: NOW,
            expires_at: NOW.plus(DEVICE_CODE_LIFE),
            polled_at: None,
            grant: None,
            denied_at: None,
            redeemed_at: None,
        }
    }

    fn at<T>(now: Timestamp, judge: impl Fn(&Redemption<'_>) -> T) -> T {
        let (application, account) = (fixtures::application(Native), fixtures::account());
        let (tenant, flow) = (fixtures::tenant_id(), fixtures::flow().id);
        judge(&Redemption {
            tenant,
            flow,
            application: &application,
            apis: &[],
            account: Some(&account),
            recognised: true,
            now,
        })
    }

    #[test]
    fn rfc8628_the_grant_is_off_unless_switched_on() {
        let mut application = fixtures::application(Native);
        let ask = |application: &Application| request(&params("scope=openid"), application, &[]);
        assert_eq!(ask(&application).unwrap_err().error, OAuthError::UnauthorizedClient);
        application.settings.device = true;
        assert_eq!(ask(&application).as_deref(), Ok("openid"));
        assert!(request(&params("scope=openid&scope=openid"), &application, &[]).is_err(), "f52");
    }

    #[test]
    fn rfc8628_the_answer_prefills_the_page_and_keeps_its_query() {
        let user_code = UserCode::generate(&mut SeededEntropy::new(3));
        let of = |page: &str| DeviceAuthorization::new(&fixtures::token(1), &user_code, page);
        let shown = user_code.shown();
        assert_eq!(of("https://h/d").verification_uri_complete, format!("https://h/d?user_code={shown}"));
        assert_eq!(of("https://h/d?p=f").verification_uri_complete, format!("https://h/d?p=f&user_code={shown}"));
        assert!(!format!("{:?}", of("https://h/d")).contains(&shown), "a50");
    }

    #[test]
    fn rfc8628_polling_tells_exactly_how_things_stand() {
        let grant = Id::from_uuid(Uuid::from_u128(9));
        let stands = |change: fn(&mut DeviceCode), after| {
            let mut code = code();
            change(&mut code);
            at(NOW.plus(after), |by| poll(&code, by))
        };
        assert_eq!(stands(|_| (), 0), Err(DeviceRefusal::Pending));
        assert_eq!(stands(|code| code.polled_at = Some(NOW), POLL_INTERVAL), Err(DeviceRefusal::Pending));
        let soon = Err(DeviceRefusal::TooSoon(2 * POLL_INTERVAL));
        assert_eq!(stands(|code| code.polled_at = Some(NOW), POLL_INTERVAL - 1), soon);
        assert_eq!(stands(|code| code.denied_at = Some(NOW), 1), Err(DeviceRefusal::Denied));
        assert_eq!(stands(|_| (), DEVICE_CODE_LIFE), Err(DeviceRefusal::Expired));
        assert_eq!(stands(|_| (), -CLOCK_AHEAD), Err(DeviceRefusal::Pending), "d5: a server whose clock is behind");
        assert_eq!(stands(|_| (), -CLOCK_AHEAD - 1), Err(DeviceRefusal::Expired), "a clock set back revives nothing");
        let approved = |code: &mut DeviceCode| code.grant = Some(Id::from_uuid(Uuid::from_u128(9)));
        assert_eq!(stands(approved, 1), Ok(grant));
        assert_eq!(stands(approved, DEVICE_CODE_LIFE), Err(DeviceRefusal::Expired));
        let used = |code: &mut DeviceCode| {
            code.grant = Some(Id::from_uuid(Uuid::from_u128(9)));
            code.redeemed_at = Some(NOW);
        };
        assert_eq!(stands(used, 1), Err(DeviceRefusal::Used));
    }

    #[test]
    fn rfc8628_a_device_code_of_another_tenant_flow_or_application_is_unknown() {
        let other = Uuid::from_u128(0xbad);
        let mut codes = [code(), code(), code()];
        codes[0].tenant = Id::from_uuid(other);
        codes[1].flow = Id::from_uuid(other);
        codes[2].application = Id::from_uuid(other);
        for code in codes {
            assert_eq!(at(NOW, |by| poll(&code, by)), Err(DeviceRefusal::Elsewhere));
        }
    }

    #[test]
    fn rfc8628_what_was_proved_must_still_count() {
        let (grant, off) = (fixtures::grant(), Demand::single_factor());
        let counts = |grant: &Grant, demand: &Demand| at(NOW, |by| still_counts(grant, demand, by)).is_ok();
        assert!(counts(&grant, &off) && counts(&grant, &Demand::mfa([Method::AuthenticatorApp])));
        assert!(!counts(&grant, &Demand::mfa([Method::TextMessage])), "the toggle moved");
        assert!(!counts(&Grant { revoked_at: Some(NOW), ..grant.clone() }, &off));
        assert!(!counts(&Grant { redeemed_at: Some(NOW), ..grant.clone() }, &off));
        let weak = Grant { authentication: fixtures::authentication(false, false), ..grant.clone() };
        assert!(!counts(&weak, &Demand::mfa([Method::AuthenticatorApp])));
        let gone = Account { disabled_at: Some(NOW), ..fixtures::account() };
        let disabled = at(NOW, |by| still_counts(&grant, &off, &Redemption { account: Some(&gone), ..*by }));
        assert_eq!(disabled, Err(DeviceRefusal::Over));
        let minimum = lanyard_domain::assurance::Assurance::PhishingResistant;
        let raised = Account { minimum, ..fixtures::account() };
        let weak = at(NOW, |by| still_counts(&grant, &off, &Redemption { account: Some(&raised), ..*by }));
        assert_eq!(weak, Err(DeviceRefusal::Over), "n23: the account must show more by now");
    }
}
