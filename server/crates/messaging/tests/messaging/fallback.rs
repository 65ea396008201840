//! A second provider over real sockets: it is asked where the first one fails, and only there.

use std::net::SocketAddr;
use std::time::Duration;

use lanyard_messaging::fallback::attempt;
use lanyard_messaging::smtp::{SmtpConfig, SmtpSender, SmtpTls};
use lanyard_messaging::{Channel, DeliveryError, Message, Provider, Providers, Rank, Reason, Transport};

use crate::smtp_server::{Fault, Stage, faulty};
use crate::twilio::{client, server};
use crate::{IMPATIENT, PATIENT, clock, counter, dead_port};

const FIRST: Provider = Provider::Phone(Rank::First);
const SECOND: Provider = Provider::Phone(Rank::Second);

fn text() -> Message {
    Message::Text { to_e164: "+436601234542".into(), body: "Your code is 123456".into() }
}

fn phones(first: SocketAddr, second: SocketAddr, timeout: Duration) -> Providers {
    Providers {
        twilio: Some(client(first, timeout)),
        second_twilio: Some(client(second, PATIENT)),
        ..Providers::default()
    }
}

#[tokio::test]
async fn d6_what_the_first_provider_fails_at_goes_by_the_second_in_the_same_attempt() {
    for (status, body) in [(401, r#"{"code":20003}"#), (404, ""), (429, ""), (500, ""), (400, r#"{"code":21211}"#)] {
        let ((first, asked), (second, took)) = (server(status, body).await, server(201, r#"{"sid":"SM1"}"#).await);
        let made = attempt(&phones(first, second, PATIENT), &text(), &[]).await;
        assert_eq!(made.result(), Ok(()), "{status}");
        let order: Vec<_> = made.answers().iter().map(|answer| (answer.provider, answer.result.is_ok())).collect();
        assert_eq!(order, [(FIRST, false), (SECOND, true)]);
        assert_eq!((asked.lock().unwrap().len(), took.lock().unwrap().len()), (1, 1));
    }
    let (second, took) = server(201, "").await;
    let made = attempt(&phones(dead_port().await, second, PATIENT), &text(), &[]).await;
    assert_eq!((made.result(), took.lock().unwrap().len()), (Ok(()), 1));
}

#[tokio::test]
async fn d6_an_accepted_message_goes_to_nobody_else() {
    // An answer that cannot be read is an acceptance too.
    for body in [r#"{"sid":"SM1"}"#, "", "<html>"] {
        let ((first, took), (second, asked)) = (server(201, body).await, server(201, "").await);
        let made = attempt(&phones(first, second, PATIENT), &text(), &[]).await;
        assert_eq!((made.result(), made.answers().len()), (Ok(()), 1));
        assert_eq!((took.lock().unwrap().len(), asked.lock().unwrap().len()), (1, 0));
    }
}

#[tokio::test]
async fn d6_an_answer_that_never_came_is_bounded_and_the_second_sends_the_same_words() {
    let ((first, got), (second, took)) = (server(0, "").await, server(201, "").await);
    let made = attempt(&phones(first, second, IMPATIENT), &text(), &[]).await;
    assert_eq!(made.result(), Ok(()));
    assert_eq!(made.answers()[0].result, Err(DeliveryError::Transient(Reason::Timeout)));
    let body = |seen: &crate::twilio::Seen| seen.lock().unwrap()[0].2.clone();
    assert_eq!(body(&got), body(&took), "one code, whoever brings it");
}

#[tokio::test]
async fn a14_a_country_that_is_closed_at_the_first_provider_is_not_opened_by_the_second() {
    for code in ["21408", "21215", "13227", "21610"] {
        let body: &'static str = Box::leak(format!(r#"{{"code":{code}}}"#).into_boxed_str());
        let ((first, _), (second, asked)) = (server(400, body).await, server(201, "").await);
        let made = attempt(&phones(first, second, PATIENT), &text(), &[]).await;
        assert!(matches!(made.result(), Err(DeliveryError::Permanent(_))), "{code}");
        assert!(asked.lock().unwrap().is_empty(), "{code}");
    }
}

#[tokio::test]
async fn d6_an_open_circuit_asks_the_second_first_and_the_first_as_a_last_resort() {
    let ((first, spared), (second, took)) = (server(201, "").await, server(201, "").await);
    let made = attempt(&phones(first, second, PATIENT), &text(), &[FIRST]).await;
    assert_eq!((made.result(), made.answers()[0].provider), (Ok(()), SECOND));
    assert_eq!((spared.lock().unwrap().len(), took.lock().unwrap().len()), (0, 1));
    let ((first, took), (second, _)) = (server(201, "").await, server(503, "").await);
    let made = attempt(&phones(first, second, PATIENT), &text(), &[FIRST]).await;
    assert_eq!((made.result(), made.answers().len(), took.lock().unwrap().len()), (Ok(()), 2, 1));
    // Both open: as configured.
    let ((first, took), (second, spared)) = (server(201, "").await, server(201, "").await);
    attempt(&phones(first, second, PATIENT), &text(), &[FIRST, SECOND]).await;
    assert_eq!((took.lock().unwrap().len(), spared.lock().unwrap().len()), (1, 0));
}

#[tokio::test]
async fn d6_a_message_that_cannot_be_sent_is_not_tried_twice_and_calls_fall_back_too() {
    let ((first, one), (second, two)) = (server(500, "").await, server(201, "").await);
    let providers = phones(first, second, PATIENT);
    let endless = Message::Text { to_e164: "+436601234542".into(), body: "x".repeat(1601) };
    let made = attempt(&providers, &endless, &[]).await;
    assert_eq!(made.result(), Err(DeliveryError::Permanent(Reason::BadMessage("body"))));
    assert_eq!((one.lock().unwrap().len(), two.lock().unwrap().len()), (0, 0));
    let call = Message::Call { to_e164: "+436601234542".into(), twiml: "<Response/>".into() };
    assert_eq!(attempt(&providers, &call, &[]).await.result(), Ok(()));
    assert!(two.lock().unwrap()[0].0.ends_with("/Calls.json"));
    let nobody = attempt(&Providers::default(), &text(), &[]).await;
    assert_eq!(nobody.result(), Err(DeliveryError::NotConfigured(Channel::Text)));
}

fn mail_server(address: SocketAddr) -> SmtpSender {
    let config = SmtpConfig {
        host: address.ip().to_string(),
        port: address.port(),
        tls: SmtpTls::None,
        ca_pem: None,
        credentials: None,
        from: "Clinic <no-reply@clinic.example>".into(),
        timeout: PATIENT,
    };
    SmtpSender::new(config, clock(), counter()).unwrap()
}

#[tokio::test]
async fn d6_a_mail_that_the_first_server_refuses_goes_by_the_second() {
    let mail = Message::Email {
        to: "maria@example.com".into(),
        subject: "Code".into(),
        text: "123456".into(),
        html: "<p>123456</p>".into(),
    };
    for (stage, fault) in [
        (Stage::Greeting, Fault::Reply("421 busy")),
        (Stage::Rcpt, Fault::Reply("550 not here")),
        (Stage::Content, Fault::HangUp),
    ] {
        let ((first, _), (second, lines)) = (faulty(stage, fault).await, faulty(Stage::Quit, Fault::HangUp).await);
        let providers = Providers {
            smtp: Some(mail_server(first)),
            second_smtp: Some(mail_server(second)),
            ..Providers::default()
        };
        assert_eq!(providers.providers(Channel::Email).len(), 2);
        let made = attempt(&providers, &mail, &[]).await;
        assert_eq!((made.result(), made.answers().len()), (Ok(()), 2), "{stage:?}");
        drop(providers);
        let lines = lines.await.unwrap();
        assert!(lines.iter().any(|line| line.contains("maria@example.com")), "{lines:?}");
    }
}
