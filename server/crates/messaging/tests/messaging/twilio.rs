//! The Twilio client over real HTTP against a server that records and misbehaves.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use lanyard_messaging::twilio::{TwilioClient, TwilioConfig, TwilioConfigError};
use lanyard_messaging::{Channel, DeliveryError, Occasion, PublicOrigin, Reason, Secret};
use lanyard_messaging::{Provider, Providers, Rank, Transport, render};
use tokio::net::TcpListener;

use crate::{IMPATIENT, PATIENT, dead_port};

const TO: &str = "+436601234542";
const FIRST: Provider = Provider::Phone(Rank::First);

/// What arrived: path, `Authorization`, form.
pub(crate) type Seen = Arc<Mutex<Vec<(String, String, Vec<(String, String)>)>>>;

#[derive(Clone)]
struct Script {
    seen: Seen,
    status: u16,
    body: &'static str,
}

/// A server that answers every request with `status` and `body`; 0 means never.
pub(crate) async fn server(status: u16, body: &'static str) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let script = Script { seen: Arc::clone(&seen), status, body };
    let router = Router::new().fallback(answer).with_state(script);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, seen)
}

async fn answer(
    State(script): State<Script>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, [(&'static str, &'static str); 1], &'static str) {
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    let form = serde_urlencoded::from_bytes(&body).unwrap();
    script.seen.lock().unwrap().push((uri.to_string(), authorization, form));
    if script.status == 0 {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(script.status).unwrap(), [("location", "/elsewhere")], script.body)
}

fn config(base_url: String, timeout: Duration) -> TwilioConfig {
    TwilioConfig {
        base_url,
        account_sid: "AC1".to_owned(),
        auth_token: Secret::from("token"),
        from_number: Some("+15005550006".to_owned()),
        messaging_service_sid: None,
        timeout,
    }
}

pub(crate) fn client(address: SocketAddr, timeout: Duration) -> TwilioClient {
    TwilioClient::new(config(format!("http://{address}"), timeout)).unwrap()
}

fn pairs(form: &[(&str, &str)]) -> Vec<(String, String)> {
    form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[tokio::test]
async fn u15_the_text_is_posted_as_twilio_wants_it() {
    let (address, seen) = server(201, r#"{"sid":"SM42","status":"queued"}"#).await;
    let providers = Providers { twilio: Some(client(address, PATIENT)), ..Providers::default() };
    let origin = PublicOrigin::parse("https://login.example.com").unwrap();
    let message = render(Occasion::MfaText {
        to_e164: TO,
        tenant: "O'Neil & Söhne",
        origin: &origin,
        code: "123456",
        minutes: 10,
    })
    .unwrap();
    let receipt = providers.deliver(FIRST, &message).await.unwrap();
    assert_eq!(receipt.provider_id.as_deref(), Some("SM42"));
    let seen = seen.lock().unwrap();
    let (path, authorization, form) = &seen[0];
    assert_eq!(path, "/2010-04-01/Accounts/AC1/Messages.json");
    assert_eq!(authorization, "Basic QUMxOnRva2Vu"); // AC1:token
    let body = "O'Neil & Söhne: Don't share this code. Your code is 123456. \
                It expires in 10 minutes.\n\n@login.example.com #123456";
    assert_eq!(*form, pairs(&[("To", TO), ("From", "+15005550006"), ("Body", body)]));
}

#[tokio::test]
async fn u16_the_call_carries_twiml_that_says_the_code_three_times() {
    let (address, seen) = server(201, r#"{"sid":"CA42"}"#).await;
    let providers = Providers { twilio: Some(client(address, PATIENT)), ..Providers::default() };
    let call = Occasion::MfaCall { to_e164: TO, tenant: "Acme", code: "123456", language: "de" };
    providers.deliver(FIRST, &render(call).unwrap()).await.unwrap();
    let seen = seen.lock().unwrap();
    let (path, _, form) = &seen[0];
    assert_eq!(path, "/2010-04-01/Accounts/AC1/Calls.json");
    assert_eq!(form[..2], pairs(&[("To", TO), ("From", "+15005550006")]));
    assert_eq!((form.len(), form[2].0.as_str()), (3, "Twiml"));
    let spoken = lanyard_messaging::twiml::transcript(&form[2].1);
    assert_eq!(spoken.matches("1 2 3 4 5 6").count(), 3, "{spoken}");
    assert!(form[2].1.contains("<Say language=\"de-DE\">"));
}

#[tokio::test]
async fn a_messaging_service_sends_texts_but_cannot_call() {
    let (address, seen) = server(201, "not json").await;
    let mut settings = config(format!("http://{address}/"), PATIENT);
    settings.from_number = None;
    settings.messaging_service_sid = Some("MG7".to_owned());
    let client = TwilioClient::new(settings).unwrap();
    assert_eq!(client.text(TO, "hi").await.unwrap().provider_id, None);
    assert_eq!(seen.lock().unwrap()[0].2[1], ("MessagingServiceSid".into(), "MG7".into()));
    let got = client.call(TO, "<Response/>").await;
    assert_eq!(got, Err(DeliveryError::NotConfigured(Channel::Call)));
    let providers = Providers { twilio: Some(client), ..Providers::default() };
    assert!(providers.can(Channel::Text) && !providers.can(Channel::Call));
}

#[tokio::test]
async fn d6_refusals_are_sorted_and_say_nothing_private() {
    let quoting = r#"{"code":21211,"message":"+436601234542 is not valid: 123456","status":400}"#;
    let cases = [
        (400, quoting, false, Some(21211)),
        (401, r#"{"code":20003}"#, false, Some(20003)),
        (404, "", false, None),
        (429, r#"{"code":20429}"#, true, Some(20429)),
        (500, "<html>oops</html>", true, None),
        (503, r#"{"code":-1}"#, true, None),
        (302, "", false, None),
    ];
    for (status, body, retryable, code) in cases {
        let (address, seen) = server(status, body).await;
        let got = client(address, PATIENT).text(TO, "123456").await.unwrap_err();
        let reason = Reason::Twilio { status, code };
        let wanted = if retryable { DeliveryError::Transient(reason) } else { DeliveryError::Permanent(reason) };
        assert_eq!(got, wanted);
        assert_eq!(seen.lock().unwrap().len(), 1, "no redirect followed");
        let shown = format!("{got} {got:?}");
        assert!(!shown.contains("4366") && !shown.contains("123456"), "{shown}");
    }
}

#[tokio::test]
async fn d6_a_hanging_or_dead_provider_is_transient() {
    let (address, _) = server(0, "").await;
    let got = client(address, IMPATIENT).text(TO, "x").await;
    assert_eq!(got, Err(DeliveryError::Transient(Reason::Timeout)));
    let got = client(dead_port().await, PATIENT).call(TO, "<Response/>").await;
    assert_eq!(got, Err(DeliveryError::Transient(Reason::Unreachable)));
}

#[tokio::test]
async fn a_bad_number_or_an_endless_text_is_never_sent() {
    let (address, seen) = server(201, "").await;
    let client = client(address, PATIENT);
    for (to, body, field) in [
        ("+43660 1", "x".to_owned(), "recipient"),
        ("maria@example.com", "x".to_owned(), "recipient"),
        (TO, String::new(), "body"),
        (TO, "x".repeat(1601), "body"),
    ] {
        let got = client.text(to, &body).await;
        assert_eq!(got, Err(DeliveryError::Permanent(Reason::BadMessage(field))));
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_absent_provider_is_said_so() {
    let providers = Providers::default();
    let call = Occasion::MfaCall { to_e164: TO, tenant: "Acme", code: "123456", language: "en" };
    let got = providers.deliver(FIRST, &render(call).unwrap()).await;
    assert_eq!(got, Err(DeliveryError::NotConfigured(Channel::Call)));
    for channel in [Channel::Email, Channel::Text, Channel::Call] {
        assert!(!providers.can(channel));
    }
}

#[test]
fn a_token_never_crosses_a_network_in_clear_and_settings_are_checked() {
    let with = |change: &dyn Fn(&mut TwilioConfig)| {
        let mut settings = config("http://127.0.0.1:1".to_owned(), PATIENT);
        change(&mut settings);
        TwilioClient::new(settings)
    };
    let shown = format!("{:?}", with(&|_| {}).unwrap());
    assert!(shown.contains("[redacted]") && !shown.contains("\"token\""));
    let url = |url: &'static str| with(&move |c| c.base_url = url.to_owned()).err();
    assert_eq!(url("http://api.example.com"), Some(TwilioConfigError::TokenInClear));
    for bad in ["", "api.twilio.com", "ftp://127.0.0.1", "http://u:p@127.0.0.1", "http://127.0.0.1/?x"] {
        assert_eq!(url(bad), Some(TwilioConfigError::BadBaseUrl), "{bad}");
    }
    let sid = with(&|c| c.account_sid = "AC/../x".to_owned()).err();
    assert_eq!(sid, Some(TwilioConfigError::BadAccount));
    assert_eq!(with(&|c| c.from_number = None).err(), Some(TwilioConfigError::NoSender));
    let number = with(&|c| c.from_number = Some("0660".to_owned())).err();
    assert_eq!(number, Some(TwilioConfigError::NoSender));
}
