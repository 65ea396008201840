//! The SMTP client against servers that refuse, hang and vanish at every stage.

use std::net::SocketAddr;
use std::time::Duration;

use lanyard_messaging::smtp::{SmtpConfig, SmtpConfigError, SmtpSender, SmtpTls};
use lanyard_messaging::{DeliveryError, Reason, Receipt, Secret};

use crate::smtp_server::{Fault, STAGES, Stage, faulty, secure};
use crate::{IMPATIENT, PATIENT, clock, counter, dead_port};

fn config(address: SocketAddr, timeout: Duration) -> SmtpConfig {
    SmtpConfig {
        host: address.ip().to_string(),
        port: address.port(),
        tls: SmtpTls::None,
        ca_pem: None,
        credentials: None,
        from: "Lanyard <no-reply@login.example.com>".to_owned(),
        timeout,
    }
}

async fn send(address: SocketAddr, timeout: Duration) -> Result<Receipt, DeliveryError> {
    let sender = SmtpSender::new(config(address, timeout), clock(), counter()).unwrap();
    sender.send("maria@example.com", "Hello", "Your code is 123456", "<p>123456</p>").await
}

#[tokio::test]
async fn d6_4xx_is_transient_and_5xx_permanent_at_every_stage() {
    for stage in STAGES {
        for (reply, error) in [
            ("451 maria@example.com 123456", DeliveryError::Transient(Reason::Smtp(451))),
            ("550 maria@example.com 123456", DeliveryError::Permanent(Reason::Smtp(550))),
        ] {
            let (address, _server) = faulty(stage, Fault::Reply(reply)).await;
            let got = send(address, PATIENT).await.unwrap_err();
            assert_eq!(got, error, "{stage:?}");
            let shown = format!("{got} {got:?}");
            assert!(!shown.contains("maria") && !shown.contains("123456"), "{shown}");
        }
    }
}

#[tokio::test]
async fn d6_a_server_that_hangs_costs_the_timeout_and_no_more() {
    let mut running = tokio::task::JoinSet::new();
    for stage in STAGES {
        running.spawn(async move {
            let (address, _server) = faulty(stage, Fault::Hang).await;
            (stage, send(address, IMPATIENT).await)
        });
    }
    for (stage, got) in running.join_all().await {
        assert_eq!(got, Err(DeliveryError::Transient(Reason::Timeout)), "{stage:?}");
    }
}

#[tokio::test]
async fn d6_a_refusal_is_a_refusal_even_if_the_server_then_hangs() {
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Content] {
        let (address, _server) = faulty(stage, Fault::ReplyThenHang("550 no")).await;
        let got = send(address, PATIENT).await;
        assert_eq!(got, Err(DeliveryError::Permanent(Reason::Smtp(550))), "{stage:?}");
    }
}

#[tokio::test]
async fn a_non_ascii_address_needs_a_server_that_takes_it() {
    let (address, server) = faulty(Stage::Quit, Fault::HangUp).await;
    let sender = SmtpSender::new(config(address, PATIENT), clock(), counter()).unwrap();
    let got = sender.send("grün@example.com", "Hi", "x", "x").await;
    assert_eq!(got, Err(DeliveryError::Permanent(Reason::Unsupported)));
    assert_eq!(server.await.unwrap().len(), 1, "EHLO alone");
}

#[tokio::test]
async fn d6_a_dead_port_is_transient() {
    let got = send(dead_port().await, PATIENT).await;
    assert_eq!(got, Err(DeliveryError::Transient(Reason::Unreachable)));
}

#[tokio::test]
async fn d6_a_server_that_hangs_up_or_talks_nonsense_is_transient() {
    for stage in STAGES {
        for fault in [Fault::HangUp, Fault::Reply("hello there")] {
            let (address, _server) = faulty(stage, fault).await;
            let got = send(address, PATIENT).await.unwrap_err();
            assert!(got.is_retryable(), "{stage:?} {fault:?} {got:?}");
        }
    }
}

#[tokio::test]
async fn an_accepted_message_counts_whatever_happens_at_the_goodbye() {
    for fault in [Fault::Hang, Fault::HangUp, Fault::Reply("421 no")] {
        let (address, _server) = faulty(Stage::Quit, fault).await;
        assert!(send(address, PATIENT).await.is_ok(), "{fault:?}");
    }
}

#[tokio::test]
async fn mails_carry_the_injected_time_and_id_and_ask_for_no_auto_reply() {
    let (address, server) = faulty(Stage::Quit, Fault::HangUp).await;
    let receipt = send(address, PATIENT).await.unwrap();
    let id = "<00000000000000000000000000000001@login.example.com>";
    assert_eq!(receipt.provider_id.as_deref(), Some(id));
    let lines = server.await.unwrap();
    for line in [
        "MAIL FROM:<no-reply@login.example.com>",
        "RCPT TO:<maria@example.com>",
        "From: Lanyard <no-reply@login.example.com>",
        "Date: Sun, 22 Nov 2026 06:00:00 +0000",
        &format!("Message-ID: {id}"),
        "Auto-Submitted: auto-generated",
    ] {
        assert!(lines.iter().any(|l| l == line), "{line} in {lines:#?}");
    }
}

#[tokio::test]
async fn a49_a_message_with_a_line_break_in_a_header_is_never_sent() {
    // Nothing listens: a permanent error proves that no connection was tried.
    let config = config(dead_port().await, PATIENT);
    let sender = SmtpSender::new(config, clock(), counter()).unwrap();
    for (to, subject, field) in [
        ("maria@example.com", "Hi\r\nBcc: all@evil.example", "subject"),
        ("maria@example.com\r\nDATA", "Hi", "recipient"),
        ("a@example.com,b@example.com", "Hi", "recipient"),
    ] {
        let got = sender.send(to, subject, "x", "x").await;
        assert_eq!(got, Err(DeliveryError::Permanent(Reason::BadMessage(field))));
    }
}

#[tokio::test]
async fn starttls_is_demanded_never_skipped() {
    let (address, server) = faulty(Stage::Quit, Fault::HangUp).await;
    let config = SmtpConfig { tls: SmtpTls::Starttls, ..config(address, PATIENT) };
    let sender = SmtpSender::new(config, clock(), counter()).unwrap();
    let got = sender.send("maria@example.com", "Hi", "x", "x").await;
    assert_eq!(got, Err(DeliveryError::Permanent(Reason::Unsupported)));
    assert!(server.await.unwrap().iter().all(|line| line.starts_with("EHLO")));
}

#[tokio::test]
async fn implicit_tls_to_a_plain_server_fails_without_a_word() {
    let (address, server) = faulty(Stage::Quit, Fault::HangUp).await;
    let config = SmtpConfig { tls: SmtpTls::Implicit, ..config(address, PATIENT) };
    let sender = SmtpSender::new(config, clock(), counter()).unwrap();
    let got = sender.send("maria@example.com", "Hi", "x", "x").await.unwrap_err();
    assert!(got.is_retryable(), "{got:?}");
    assert!(server.await.unwrap().is_empty());
}

#[tokio::test]
async fn both_kinds_of_tls_deliver_and_sign_in_under_a_trusted_certificate() {
    for (starttls, tls) in [(true, SmtpTls::Starttls), (false, SmtpTls::Implicit)] {
        let (address, pem, server) = secure(starttls).await;
        let config = SmtpConfig {
            host: "localhost".to_owned(),
            tls,
            ca_pem: Some(pem),
            credentials: Some(("user".to_owned(), Secret::from("hunter2"))),
            ..config(address, PATIENT)
        };
        let sender = SmtpSender::new(config, clock(), counter()).unwrap();
        sender.send("maria@example.com", "Hi", "x", "x").await.unwrap();
        let lines = server.await.unwrap();
        // base64 of NUL user NUL hunter2 (RFC 4616).
        assert!(lines.iter().any(|l| l == "AUTH PLAIN AHVzZXIAaHVudGVyMg=="), "{lines:#?}");
        assert!(lines.iter().any(|l| l == "RCPT TO:<maria@example.com>"));
    }
}

#[tokio::test]
async fn an_untrusted_certificate_ends_the_delivery_before_a_word() {
    for (starttls, tls) in [(true, SmtpTls::Starttls), (false, SmtpTls::Implicit)] {
        let (address, _, server) = secure(starttls).await;
        let config = SmtpConfig { host: "localhost".to_owned(), tls, ..config(address, PATIENT) };
        let sender = SmtpSender::new(config, clock(), counter()).unwrap();
        let got = sender.send("maria@example.com", "Hi", "x", "x").await;
        assert!(got.unwrap_err().is_retryable());
        assert!(server.await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_refused_password_is_permanent_and_nothing_is_sent() {
    let (address, server) = faulty(Stage::Auth, Fault::Reply("535 no")).await;
    let config =
        SmtpConfig { credentials: Some(("user".to_owned(), Secret::from("hunter2"))), ..config(address, PATIENT) };
    let sender = SmtpSender::new(config, clock(), counter()).unwrap();
    let got = sender.send("maria@example.com", "Hi", "x", "x").await;
    assert_eq!(got, Err(DeliveryError::Permanent(Reason::Smtp(535))));
    let lines = server.await.unwrap();
    assert!(!lines.iter().any(|l| l.starts_with("MAIL")), "{lines:?}");
}

#[test]
fn a_password_never_crosses_a_network_in_clear() {
    let base = SmtpConfig {
        credentials: Some(("user".to_owned(), Secret::from("hunter2"))),
        ..config(([192, 0, 2, 1], 25).into(), PATIENT)
    };
    let build = |config: SmtpConfig| SmtpSender::new(config, clock(), counter());
    assert_eq!(build(base.clone()).err(), Some(SmtpConfigError::PasswordInClear));
    let tls = build(SmtpConfig { tls: SmtpTls::Starttls, host: "mx.example".into(), ..base.clone() });
    assert!(!format!("{:?}", tls.unwrap()).contains("hunter2"));
    for host in ["localhost", "127.0.0.1", "::1"] {
        assert!(build(SmtpConfig { host: host.to_owned(), ..base.clone() }).is_ok(), "{host}");
    }
    for from in ["", "Clinic", "a@b.c, d@e.f", "A\r\nBcc: x@y.z <a@b.c>"] {
        let config = SmtpConfig { from: from.to_owned(), credentials: None, ..base.clone() };
        assert_eq!(build(config).err(), Some(SmtpConfigError::BadSender), "{from:?}");
    }
}
