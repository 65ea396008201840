//! A mail server that does as it is told: answers one stage with a given reply, or hangs.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The points of a conversation at which a server can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Ehlo,
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
        converse(stream, stage, fault, &mut lines).await;
        lines
    });
    (address, task)
}

async fn converse(stream: TcpStream, stage: Stage, fault: Fault, lines: &mut Vec<String>) {
    let mut stream = BufReader::new(stream);
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
        Stage::Ehlo => "250-test\r\n250 8BITMIME",
        Stage::Mail | Stage::Rcpt | Stage::Content => "250 ok",
        Stage::Data => "354 go",
        Stage::Quit => "221 bye",
    }
}

async fn next_stage(stream: &mut BufReader<TcpStream>, content: bool, lines: &mut Vec<String>) -> Option<Stage> {
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
            "MAIL" => Stage::Mail,
            "RCPT" => Stage::Rcpt,
            "DATA" => Stage::Data,
            "QUIT" => Stage::Quit,
            _ => return None,
        });
    }
}
