//! What the unit tests share: one clinic, one person, one application, one flow, one key.

use std::sync::LazyLock;

use lanyard_domain::{
    account::{Account, AccountKind},
    application::{
        ApiPermission, ApiScope, Application, ApplicationKind, ApplicationSettings, ClientSecret, Minimum,
        SigningAlgorithm,
    },
    assurance::{Authentication, Method},
    attribute::AttributeValue,
    clock::{DAY, MINUTE, Timestamp},
    email::EmailAddress,
    entropy::SeededEntropy,
    grant::{CODE_LIFE, Grant, GrantDetails, RefreshToken},
    id::Id,
    phone::PhoneCountries,
    reply_url::ReplyUrl,
    secret::Token,
    tenant::{Tenant, TenantDomain},
    user_flow::{
        Audience, Enforcement, FlowName, FlowSettings, FlowType, MfaPolicy, SessionSettings, TokenSettings, UserFlow,
    },
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    endpoints::{self, IssuerMode, PublicOrigin},
    jose::{JwkSet, RsaBits, SigningKey, Verifier},
    params::Params,
    token::AssertionAudience,
};

pub(crate) const NOW: Timestamp = Timestamp(20_000 * DAY);
pub(crate) const REPLY: &str = "https://app.example/cb";
// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

static KEYS: LazyLock<[SigningKey; 3]> = LazyLock::new(|| SigningAlgorithm::ALL.map(fresh_key));

/// A new key.
pub(crate) fn fresh_key(algorithm: SigningAlgorithm) -> SigningKey {
    let generated = SigningKey::generate(algorithm, RsaBits::Bits2048).unwrap();
    SigningKey::from_pkcs8(algorithm, &generated.pkcs8).unwrap()
}

/// The RSA key.
pub(crate) fn key() -> &'static SigningKey {
    &KEYS[0]
}

/// One key of each algorithm.
pub(crate) fn keys() -> &'static [SigningKey; 3] {
    &KEYS
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(&JwkSet { keys: keys().iter().map(|key| key.public().clone()).collect() }).unwrap()
}

pub(crate) fn token(seed: u64) -> Token {
    Token::generate(&mut SeededEntropy::new(seed))
}

fn id<T>(n: u128) -> Id<T> {
    Id::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn tenant_id() -> Id<Tenant> {
    id(0x7e)
}

pub(crate) fn tenant() -> Tenant {
    Tenant {
        id: tenant_id(),
        name: "Clinic".into(),
        domain: TenantDomain::parse("clinic.example").unwrap(),
        region: "DE".into(),
        phone_countries: PhoneCountries::default(),
        second_approver: false,
        staff_passkeys: lanyard_domain::makes::PasskeyMakes::default(),
        created_at: NOW,
    }
}

/// Hands the audience of client assertions at `flow` to `judge`.
pub(crate) fn addressed<T>(flow: &UserFlow, judge: impl FnOnce(&AssertionAudience<'_>) -> T) -> T {
    let (origin, tenant, issuer) = (origin(), tenant(), issuer());
    judge(&AssertionAudience { origin: &origin, tenant: &tenant, flow, issuer: &issuer, now: NOW })
}

pub(crate) fn origin() -> PublicOrigin {
    PublicOrigin::parse("https://login.example").unwrap()
}

pub(crate) fn issuer() -> String {
    endpoints::issuer(&origin(), tenant_id(), &flow().name.key(), IssuerMode::Flow)
}

pub(crate) fn params(text: &str) -> Params {
    Params::parse(text.as_bytes()).unwrap()
}

/// An application of `kind` with [`REPLY`], and for a web app the secret `token(77)`.
pub(crate) fn application(kind: ApplicationKind) -> Application {
    let secrets = [5, 77].map(|seed| ClientSecret { hash: token(seed).hash(), hint: "abcd".into(), created_at: NOW });
    Application {
        id: id(0xa9),
        tenant: tenant_id(),
        name: "Patient portal".into(),
        kind,
        reply_urls: vec![ReplyUrl::parse(REPLY, kind).unwrap()],
        minimum: Minimum::StrongestLinked,
        secrets: if kind == ApplicationKind::Web { secrets.to_vec() } else { Vec::new() },
        settings: ApplicationSettings::default(),
        created_at: NOW,
    }
}

/// A web API that exposes `read` under `api://clinic`, and [`application`] with permission for it.
pub(crate) fn api() -> (Application, Application) {
    let (mut api, mut client) = (application(ApplicationKind::WebApi), application(ApplicationKind::Web));
    api.id = id(0xa1);
    api.settings.app_id_uri = Some("api://clinic".into());
    api.settings.scopes = vec![ApiScope { name: "read".into(), description: "Reads".into() }];
    client.settings.permissions = vec![ApiPermission { api: api.id, scopes: vec!["read".into()] }];
    (api, client)
}

pub(crate) fn flow() -> UserFlow {
    UserFlow {
        id: id(0xf1),
        tenant: tenant_id(),
        name: FlowName::parse("B2C_1_SuSi").unwrap(),
        kind: FlowType::SignUpSignIn,
        audience: Audience::Patients,
        settings: FlowSettings {
            mfa: MfaPolicy::new(Enforcement::Off, [Method::TextMessage]),
            attributes: Vec::new(),
            claims: ["emails", "given_name", "extension_Age", "newUser"].map(str::to_owned).to_vec(),
            tokens: TokenSettings::default(),
            session: SessionSettings::default(),
        },
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn account() -> Account {
    Account {
        id: id(0xac),
        tenant: tenant_id(),
        kind: AccountKind::Patient,
        email: EmailAddress::parse("mia@example.com").unwrap(),
        attributes: [
            ("givenName".to_owned(), AttributeValue::String("Mia".into())),
            ("surname".to_owned(), AttributeValue::String("Wong".into())),
            ("extension_Age".to_owned(), AttributeValue::Integer(41)),
        ]
        .into(),
        minimum: lanyard_domain::assurance::Assurance::Aal1,
        disabled_at: None,
        created_at: NOW,
        last_sign_in_at: None,
    }
}

/// A sign-in a minute ago. Only the journey can make one, so the test reads it from storage's form.
pub(crate) fn authentication(mfa: bool, new_account: bool) -> Authentication {
    let second = if mfa { json!(["authenticator_app"]) } else { json!([]) };
    serde_json::from_value(json!({
        "account": account().id, "at": NOW.minus(MINUTE).0, "password": true, "email_proved": true,
        "second": second, "new_account": new_account,
    }))
    .unwrap()
}

/// A fresh grant for [`application`], whose code is `token(1)`, with PKCE.
pub(crate) fn grant() -> Grant {
    Grant {
        id: id(0x6a),
        tenant: tenant_id(),
        flow: flow().id,
        application: application(ApplicationKind::Web).id,
        account: account().id,
        session: None,
        authentication: authentication(true, true),
        scope: "openid email offline_access".into(),
        nonce: Some("n-1".into()),
        redirect_uri: REPLY.into(),
        details: GrantDetails::default(),
        code_challenge: Some(CHALLENGE.into()),
        code: token(1).hash(),
        code_expires_at: NOW.plus(CODE_LIFE),
        redeemed_at: None,
        revoked_at: None,
        created_at: NOW,
    }
}

/// A refresh token of [`grant`] whose value is `token(2)`.
pub(crate) fn refresh_token() -> RefreshToken {
    RefreshToken {
        hash: token(2).hash(),
        grant: grant().id,
        created_at: NOW,
        expires_at: NOW.plus(14 * DAY),
        used_at: None,
        replaced_by: None,
    }
}
