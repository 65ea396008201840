//! A mail server that does as it is told: answers one stage with a given reply, or hangs.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The points of a conversation at which a server can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Ehlo,
    Auth,
    Mail,
    Rcpt,
    Data,
    Content,
    Quit,
}

pub(crate) const STAGES: [Stage; 6] =
    [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Content];

/// What happens at the chosen stage.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    Reply(&'static str),
    Hang,
    HangUp,
    /// Answers so, then never again.
    ReplyThenHang(&'static str),
}

/// Serves one connection that goes wrong at `stage`; the handle yields the lines received.
pub(crate) async fn faulty(stage: Stage, fault: Fault) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = Vec::new();
        converse(BufReader::new(stream), stage, fault, &mut lines).await;
        lines
    });
    (address, task)
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    stage: Stage,
    fault: Fault,
    lines: &mut Vec<String>,
) {
    let mut at = Stage::Greeting;
    loop {
        let reply = if at == stage {
            match fault {
                Fault::Reply(reply) | Fault::ReplyThenHang(reply) => reply,
                Fault::Hang => std::future::pending().await,
                Fault::HangUp => return,
            }
        } else {
            usual(at)
        };
        if stream.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() {
            return;
        }
        if at == stage && matches!(fault, Fault::ReplyThenHang(_)) {
            std::future::pending::<()>().await;
        }
        let Some(next) = next_stage(&mut stream, reply.starts_with("354"), lines).await else {
            return;
        };
        at = next;
    }
}

fn usual(stage: Stage) -> &'static str {
    match stage {
        Stage::Greeting => "220 test",
        Stage::Ehlo => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN",
        Stage::Auth => "235 ok",
        Stage::Mail | Stage::Rcpt | Stage::Content => "250 ok",
        Stage::Data => "354 go",
        Stage::Quit => "221 bye",
    }
}

async fn next_stage<S: AsyncRead + Unpin>(
    stream: &mut BufReader<S>,
    content: bool,
    lines: &mut Vec<String>,
) -> Option<Stage> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        lines.push(line.clone());
        if content {
            if line == "." {
                return Some(Stage::Content);
            }
            continue;
        }
        return Some(match line.get(..4)? {
            "EHLO" => Stage::Ehlo,
            "AUTH" => Stage::Auth,
            "MAIL" => Stage::Mail,
            "RCPT" => Stage::Rcpt,
            "DATA" => Stage::Data,
            "QUIT" => Stage::Quit,
            _ => return None,
        });
    }
}

/// A well-behaved server with a certificate for `localhost`, by STARTTLS or from the first
/// byte; yields its address, the certificate as PEM, and the lines received under TLS.
pub(crate) async fn secure(starttls: bool) -> (SocketAddr, String, JoinHandle<Vec<String>>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        if starttls {
            stream.write_all(b"220 test\r\n").await.unwrap();
            expect(&mut stream, "EHLO").await;
            stream.write_all(b"250-test\r\n250 STARTTLS\r\n").await.unwrap();
            expect(&mut stream, "STARTTLS").await;
            stream.write_all(b"220 go\r\n").await.unwrap();
        }
        let mut lines = Vec::new();
        let Ok(mut stream) = acceptor.accept(stream).await.map(BufReader::new) else {
            return lines;
        };
        if starttls {
            expect(&mut stream, "EHLO").await;
            stream.write_all(b"250-again\r\n").await.unwrap();
        }
        // After STARTTLS the last line of the EHLO answer stands for the greeting.
        let greeting = if starttls { "250 AUTH PLAIN" } else { "220 test" };
        converse(stream, Stage::Greeting, Fault::Reply(greeting), &mut lines).await;
        lines
    });
    (address, made.cert.pem(), task)
}

async fn expect<S: AsyncRead + Unpin>(stream: &mut S, verb: &str) {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.unwrap());
    }
    assert!(line.starts_with(verb.as_bytes()), "{verb}");
}
