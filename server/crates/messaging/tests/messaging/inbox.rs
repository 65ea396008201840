//! The demo's inbox end to end: the real clients into the in-process listeners.

use std::sync::Arc;
use std::time::Duration;

use lanyard_messaging::inbox::{Inbox, InboxServers, SmtpLimits, SmtpListener};
use lanyard_messaging::smtp::SmtpSender;
use lanyard_messaging::twilio::TwilioClient;
use lanyard_messaging::{Channel, CodePurpose, DeliveryError, Message, Occasion, Provider, Providers};
use lanyard_messaging::{PublicOrigin, Rank, Reason, Receipt, Secret, Transport, render};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{NOW_MS, PATIENT, clock, counter};

const PHONE: &str = "+436601234542";

struct Demo {
    inbox: Arc<Inbox>,
    providers: Providers,
    servers: InboxServers,
}

async fn demo() -> Demo {
    let inbox = Arc::new(Inbox::new(clock()));
    let servers = InboxServers::start(Arc::clone(&inbox), Secret::from("t0ken")).await.unwrap();
    let smtp = servers.smtp_config("Acme <no-reply@acme.example>", PATIENT);
    let twilio = servers.twilio_config("+15005550006", PATIENT);
    let providers = Providers {
        smtp: Some(SmtpSender::new(smtp, clock(), counter()).unwrap()),
        twilio: Some(TwilioClient::new(twilio).unwrap()),
        ..Providers::default()
    };
    Demo { inbox, providers, servers }
}

async fn deliver(providers: &Providers, message: &Message) -> Result<Receipt, DeliveryError> {
    providers.deliver(Provider::of(message.channel(), Rank::First), message).await
}

#[tokio::test]
async fn s2_email_text_and_call_reach_the_inbox_through_the_real_protocols() {
    let demo = demo().await;
    let origin = PublicOrigin::parse("http://localhost:8080").unwrap();
    let occasions = [
        Occasion::EmailCode {
            purpose: CodePurpose::VerifyEmail,
            to: "maria@example.com",
            tenant: "Österreich-Klinik",
            code: "111222",
            minutes: 10,
        },
        Occasion::MfaText { to_e164: PHONE, tenant: "Acme", origin: &origin, code: "333444", minutes: 10 },
        Occasion::MfaCall { to_e164: PHONE, tenant: "Acme", code: "555666", language: "en" },
    ];
    for occasion in occasions {
        deliver(&demo.providers, &render(occasion).unwrap()).await.unwrap();
    }
    let all = demo.inbox.list(None);
    assert_eq!(all.iter().map(|e| e.kind).collect::<Vec<_>>(), [Channel::Call, Channel::Text, Channel::Email]);
    assert!(all.iter().all(|e| e.at_ms == NOW_MS));
    assert_eq!(all[2].subject, "Österreich-Klinik: confirm your email address");
    assert!(all[2].body.contains("\nYour code is 111222\n"), "{}", all[2].body);
    assert!(all[1].body.ends_with("\n\n@localhost #333444"));
    assert_eq!(all[0].body.matches("5 5 5 6 6 6").count(), 3);
    assert_eq!(demo.inbox.list(Some(PHONE)).len(), 2);
    assert_eq!(demo.inbox.list(Some("Maria@example.com")).len(), 1);
}

#[tokio::test]
async fn mail_bodies_arrive_letter_for_letter() {
    let demo = demo().await;
    let bodies = [
        ".\n..\n.dot\nend.\n.".to_owned(),
        "Grüße 你好 🙂\n\n.\n=3D literal\ttab".to_owned(),
        format!("long {} end", "word ".repeat(2000)),
        format!("{}\n.\n{}", "x".repeat(5000), "ü".repeat(3000)),
        "From here\n QUIT\nRCPT TO:<x@y>".to_owned(),
    ];
    for (n, text) in bodies.iter().enumerate() {
        let message = Message::Email {
            to: format!("p{n}@example.com"),
            subject: format!("{n} {}", "Überaus lange Zeile ".repeat(20).trim_end()),
            text: text.clone(),
            html: "<p>.</p>".to_owned(),
        };
        deliver(&demo.providers, &message).await.unwrap();
        let found = demo.inbox.list(Some(&format!("p{n}@example.com")));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].body.trim_end_matches('\n'), text.trim_end_matches('\n'), "body {n}");
        assert!(found[0].subject.ends_with("lange Zeile"), "{}", found[0].subject);
    }
}

#[tokio::test]
async fn a_non_ascii_address_travels_by_smtputf8() {
    let demo = demo().await;
    let smtp = demo.providers.smtp.as_ref().unwrap();
    smtp.send("grün@example.com", "s", "x", "x").await.unwrap();
    assert_eq!(demo.inbox.list(Some("grün@example.com")).len(), 1);
}

#[tokio::test]
async fn a_mail_beyond_the_limit_is_refused_and_not_kept() {
    let demo = demo().await;
    let message = Message::Email {
        to: "maria@example.com".to_owned(),
        subject: "big".to_owned(),
        text: "0123456789\n".repeat(110_000),
        html: String::new(),
    };
    let got = deliver(&demo.providers, &message).await;
    assert_eq!(got, Err(DeliveryError::Permanent(Reason::Smtp(552))));
    assert!(demo.inbox.list(None).is_empty());
}

#[tokio::test]
async fn a_stranger_without_the_token_cannot_post_texts() {
    let demo = demo().await;
    let mut settings = demo.servers.twilio_config("+15005550006", PATIENT);
    settings.auth_token = Secret::from("guess");
    let got = TwilioClient::new(settings).unwrap().text(PHONE, "x").await;
    let reason = Reason::Twilio { status: 401, code: Some(20003) };
    assert_eq!(got, Err(DeliveryError::Permanent(reason)));
    assert!(demo.inbox.list(None).is_empty());
}

/// Sends `input` whole, closes the sending side, and returns all that the server said.
async fn talk(input: &[u8], limits: SmtpLimits) -> (Vec<String>, Arc<Inbox>) {
    let inbox = Arc::new(Inbox::new(clock()));
    let listener = SmtpListener::start(Arc::clone(&inbox), limits).await.unwrap();
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let mut said = Vec::new();
    let write = async {
        // The server may well hang up on bad input before all of it is written.
        let _ = writing.write_all(input).await;
        let _ = writing.shutdown().await;
    };
    let _ = tokio::join!(write, reading.read_to_end(&mut said));
    let said = String::from_utf8(said).unwrap();
    (said.lines().map(|line| line[..3].to_owned()).collect(), inbox)
}

const OPEN: &str = "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";

#[tokio::test]
async fn the_mail_server_keeps_the_order_of_commands() {
    let input = "MAIL FROM:<a@b>\r\nEHLO x\r\nRCPT TO:<a@b>\r\nDATA\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n\
        DATA\r\nRCPT TO:<a@b>\r\nRSET\r\nDATA\r\nNOOP\r\nVRFY a\r\nBOO\r\nMAIL FROM:<a@b> SIZE=9999999\r\nQUIT\r\n";
    let (codes, inbox) = talk(input.as_bytes(), SmtpLimits::default()).await;
    let ehlo = ["250"; 6];
    let mut wanted = vec!["220", "503"];
    wanted.extend(ehlo);
    wanted.extend(["503", "503", "250", "503", "503", "250", "250", "503", "250", "252", "500", "552", "221"]);
    assert_eq!(codes, wanted);
    assert!(inbox.list(None).is_empty());
}

#[tokio::test]
async fn every_recipient_gets_the_mail_and_dots_are_taken_away() {
    let input = format!("{OPEN}Subject: s\r\n\r\n..\r\n.x\r\n.\r\nQUIT\r\n");
    let (codes, inbox) = talk(input.as_bytes(), SmtpLimits::default()).await;
    assert_eq!(codes, ["220", "250", "250", "250", "250", "354", "250", "221"]);
    let all = inbox.list(None);
    assert_eq!(all.iter().map(|e| e.to.as_str()).collect::<Vec<_>>(), ["c@d", "a@b"]);
    assert_eq!((all[0].subject.as_str(), all[0].body.as_str()), ("s", ".\nx\n"));
}

#[tokio::test]
async fn a49_mail_smuggling_by_bare_line_ends_is_cut_off() {
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n"] {
        let input = format!("{OPEN}Subject: s\r\n\r\nx{end}MAIL FROM:<e@v>\r\nRCPT TO:<v@v>\r\nDATA\r\ny\r\n.\r\n");
        let (codes, inbox) = talk(input.as_bytes(), SmtpLimits::default()).await;
        assert_eq!(codes.last().map(String::as_str), Some("554"), "{end:?}");
        assert!(inbox.list(None).is_empty());
    }
}

#[tokio::test]
async fn the_mail_server_is_bounded_in_every_direction() {
    let limits = SmtpLimits { message_bytes: 3000, recipients: 2, ..SmtpLimits::default() };
    let cases: [(String, &str); 5] = [
        (format!("{OPEN}{}.\r\nQUIT\r\n", "0123456\r\n".repeat(400)), "552"),
        (format!("{OPEN}{}\r\n.\r\nQUIT\r\n", "x".repeat(1001)), "500"),
        (format!("EHLO {}\r\nQUIT\r\n", "x".repeat(1100)), "500"),
        ("HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<a@b>\r\nRCPT TO:<a@b>\r\nQUIT\r\n".into(), "452"),
        ("BOO\r\n".repeat(30), "421"),
    ];
    for (input, code) in cases {
        let (codes, inbox) = talk(input.as_bytes(), limits).await;
        assert!(codes.iter().any(|c| c == code), "{code} in {codes:?}");
        assert!(inbox.list(None).is_empty());
    }
    let endless = format!("{OPEN}{}", "0123456\r\n".repeat(4000));
    let (codes, _) = talk(endless.as_bytes(), limits).await;
    assert_eq!(codes.last().map(String::as_str), Some("354"), "cut off");
}

/// Connects and waits for the greeting.
async fn connect(listener: &SmtpListener) -> TcpStream {
    let mut stream = TcpStream::connect(listener.address()).await.unwrap();
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 ");
    stream
}

#[tokio::test]
async fn connections_beyond_the_limit_are_turned_away() {
    let limits = SmtpLimits { connections: 1, ..SmtpLimits::default() };
    let inbox = Arc::new(Inbox::new(clock()));
    let listener = SmtpListener::start(inbox, limits).await.unwrap();
    let _first = connect(&listener).await;
    let mut second = TcpStream::connect(listener.address()).await.unwrap();
    let mut said = String::new();
    second.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("421 4.3.2"), "{said}");
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let limits = SmtpLimits { idle: Duration::from_millis(100), ..SmtpLimits::default() };
    let inbox = Arc::new(Inbox::new(clock()));
    let listener = SmtpListener::start(inbox, limits).await.unwrap();
    let mut stream = connect(&listener).await;
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("421 4.4.2"), "{said}");
}
