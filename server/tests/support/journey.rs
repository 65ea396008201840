//! A person's way through a journey, over either transport, and the application's part in it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lanyard_app::{
    api::journey::{JourneyView, ProblemCode, StageView},
    paths,
};
use lanyard_domain::user_flow::UserFlow;
use sha2::{Digest as _, Sha256};

use super::{
    Browser, Clinic, Page, TestApp,
    browser::{encode, parameter},
    world::{NORA, PASSWORD, REPLY},
};

/// How an event travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Form,
    Json,
}

impl Via {
    pub(crate) const BOTH: [Self; 2] = [Self::Form, Self::Json];
}

/// The verifier of every request in these tests.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER.as_bytes()))
}

/// A browser within a journey.
pub(crate) struct Run {
    pub(crate) browser: Browser,
    pub(crate) id: String,
    pub(crate) via: Via,
    /// Whether an offer of recovery codes stays on the page; else the person says "Not now".
    pub(crate) codes: bool,
}

/// The address of an authorization request for `flow`; `more` replaces and adds.
pub(crate) fn authorize(clinic: &Clinic, flow: &UserFlow, more: &[(&str, &str)]) -> String {
    let (client, challenge) = (clinic.application.id.to_string(), challenge());
    let mut fields = vec![
        ("client_id", client.as_str()),
        ("redirect_uri", REPLY),
        ("response_type", "code"),
        ("scope", "openid offline_access"),
        ("state", "st=a|te"),
        ("nonce", "n-1"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    fields.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    format!("{}/oauth2/v2.0/authorize?{}", place(clinic, flow), encode(&fields))
}

/// `/{tenant}/{flow}`.
pub(crate) fn place(clinic: &Clinic, flow: &UserFlow) -> String {
    format!("/{}/{}", clinic.tenant.domain.as_str(), flow.name.key())
}

/// The code of the first problem at `field`, if there is one.
pub(crate) fn problem<'a>(view: &'a JourneyView, field: &str) -> Option<&'a ProblemCode> {
    view.problems.iter().find(|problem| problem.field == field).map(|problem| &problem.code)
}

impl Run {
    /// Opens the clinic's sign-up and sign-in flow from its application.
    pub(crate) async fn begin(app: &TestApp, clinic: &Clinic, via: Via) -> Self {
        Self::at(app.browser(), &authorize(clinic, &clinic.flow, &[]), via).await
    }

    /// Opens an address that begins a journey.
    pub(crate) async fn at(mut browser: Browser, address: &str, via: Via) -> Self {
        let page = browser.get(address).await;
        let location = page.location().unwrap_or_else(|| panic!("{}: {} {}", page.at, page.status, page.text()));
        let id = location.strip_prefix("/journey/").unwrap_or_else(|| panic!("{location}")).to_owned();
        Self { browser, id, via, codes: false }
    }

    pub(crate) async fn view(&mut self) -> JourneyView {
        self.browser.get(&paths::api_journey(&self.id)).await.json()
    }

    pub(crate) async fn stage(&mut self) -> StageView {
        self.view().await.stage
    }

    pub(crate) async fn page(&mut self) -> Page {
        self.browser.get(&paths::journey(&self.id)).await
    }

    /// Sends an event over this run's transport and gives the page that it led to.
    pub(crate) async fn act(&mut self, event: &str, fields: &[(&str, &str)]) -> JourneyView {
        let view = self.send(event, fields).await;
        match view.stage {
            StageView::OfferRecoveryCodes { .. } if !self.codes => self.send("not-now", &[]).await,
            _ => view,
        }
    }

    async fn send(&mut self, event: &str, fields: &[(&str, &str)]) -> JourneyView {
        let csrf = self.view().await.csrf;
        let answer = self.post(event, &csrf, fields).await;
        match self.via {
            Via::Form => {
                assert_eq!(answer.status, 303, "{event}: {}", answer.text());
                assert_eq!(answer.location().unwrap(), paths::journey(&self.id));
                let page = self.page().await;
                assert!(
                    page.status == 200 || page.status == 303 || page.status == 410,
                    "{}: {}",
                    page.status,
                    page.text()
                );
                self.view().await
            }
            Via::Json => answer.json(),
        }
    }

    /// Sends an event with a CSRF token of one's choosing and gives the bare answer.
    pub(crate) async fn post(&mut self, event: &str, csrf: &str, fields: &[(&str, &str)]) -> Page {
        match self.via {
            Via::Form => {
                let mut all = vec![("csrf", csrf)];
                all.extend(fields);
                self.browser.post(&paths::journey_event(&self.id, event), &all).await
            }
            Via::Json => {
                let map: serde_json::Map<String, serde_json::Value> =
                    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
                let body = serde_json::json!({"csrf": csrf, "fields": map});
                self.browser.post_json(&paths::api_journey_event(&self.id, event), &body).await
            }
        }
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> JourneyView {
        self.act("sign-in", &[("email", email), ("password", password)]).await
    }

    /// From the first page to the end of the details of a new account.
    pub(crate) async fn sign_up(&mut self, app: &TestApp, email: &str, password: &str) -> JourneyView {
        self.act("go-sign-up", &[]).await;
        self.prove(app, email).await;
        self.details(password, &[]).await
    }

    /// Asks for a code and submits it.
    pub(crate) async fn prove(&mut self, app: &TestApp, email: &str) -> JourneyView {
        self.act("request-code", &[("email", email)]).await;
        let code = app.code(email).await;
        self.act("submit-code", &[("code", &code)]).await
    }

    pub(crate) async fn details(&mut self, password: &str, more: &[(&str, &str)]) -> JourneyView {
        let mut fields = vec![("password", password), ("givenName", "Ada"), ("surname", "Byron"), ("country", "GB")];
        fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        fields.extend(more);
        self.act("submit-details", &fields).await
    }

    /// Sets up a phone by text message.
    pub(crate) async fn enrol_phone(&mut self, app: &TestApp, number: &str) -> JourneyView {
        self.act("choose-method", &[("method", "text_message")]).await;
        self.act("enter-phone", &[("phone", number), ("country", "US"), ("method", "text_message")]).await;
        let code = app.code(number).await;
        self.act("submit-code", &[("code", &code)]).await
    }

    /// Password and the text message's code.
    pub(crate) async fn sign_in_with_phone(&mut self, app: &TestApp, email: &str, phone: &str) -> JourneyView {
        let view = self.sign_in(email, PASSWORD).await;
        assert!(matches!(view.stage, StageView::Challenge { .. }), "{view:?}");
        let code = app.code(phone).await;
        self.act("submit-code", &[("code", &code)]).await
    }

    /// The address at the application to which the finished journey leads.
    pub(crate) async fn back(&mut self) -> String {
        let page = self.browser.get(&paths::journey_return(&self.id)).await;
        page.refresh().unwrap_or_else(|| panic!("no way back: {} {}", page.status, page.text()))
    }

    /// The authorization code of the finished journey.
    pub(crate) async fn code(&mut self) -> String {
        let back = self.back().await;
        parameter(&back, "code").unwrap_or_else(|| panic!("no code: {back}"))
    }
}

/// Redeems `code` as the application does.
pub(crate) async fn redeem(
    browser: &mut Browser,
    clinic: &Clinic,
    flow: &UserFlow,
    code: &str,
    more: &[(&str, &str)],
) -> Page {
    let client = clinic.application.id.to_string();
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", code),
        ("redirect_uri", REPLY),
        ("code_verifier", VERIFIER),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    fields.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    browser.post_bare(&format!("{}/oauth2/v2.0/token", place(clinic, flow)), &fields).await
}

/// Whether the clinic's flow lets this browser in without asking anything.
pub(crate) async fn is_let_in(browser: &mut Browser, clinic: &Clinic) -> bool {
    let silent = authorize(clinic, &clinic.flow, &[("prompt", "none")]);
    parameter(&browser.get(&silent).await.location().unwrap(), "code").is_some()
}

/// A browser in which Nora has signed in at a clinic without a second factor, and her code.
pub(crate) async fn with_code(app: &TestApp, clinic: &Clinic) -> (Run, String) {
    let mut run = Run::begin(app, clinic, Via::Form).await;
    run.sign_in(NORA, PASSWORD).await;
    let code = run.code().await;
    (run, code)
}

/// The same browser, and what her code was redeemed for.
pub(crate) async fn with_tokens(app: &TestApp, clinic: &Clinic) -> (Run, serde_json::Value) {
    let (mut run, code) = with_code(app, clinic).await;
    let answer = redeem(&mut run.browser, clinic, &clinic.flow, &code, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let tokens = answer.json();
    (run, tokens)
}

/// Asks for new tokens.
pub(crate) async fn refresh(browser: &mut Browser, clinic: &Clinic, flow: &UserFlow, token: &str) -> Page {
    let client = clinic.application.id.to_string();
    let fields = [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", token)];
    browser.post_bare(&format!("{}/oauth2/v2.0/token", place(clinic, flow)), &fields).await
}
