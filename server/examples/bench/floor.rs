//! What the sockets carry when nothing is done for it: the physical limit of a document at hand, and, with
//! signatures, of a token.
//!
//! A responder that parses nothing gives the same bytes to whatever comes, on as many threads as there
//! are cores, and wrk asks it as it asks a server. Both share the cores, as they do in the other runs.

use std::{io, sync::Arc};

use lanyard_oidc::jose::{SigningKey, TokenType};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

use crate::{Outcome, http::Reply, wrk};

/// What signs, and how many times for each answer.
type Signs = Option<(Arc<SigningKey>, u32)>;

/// Claims of the length of our tokens'.
pub(crate) fn claims() -> serde_json::Value {
    serde_json::json!({"sub": "x".repeat(36), "claims": "y".repeat(500)})
}

/// Answers like `reply` a second, each after it was signed as `signs` says, to what `ask` asks of a port.
///
/// # Errors
/// When wrk fails or no port can be had.
pub(crate) fn rate(reply: &Reply, signs: Signs, ask: impl Fn(u16) -> Outcome<wrk::Run>) -> Outcome<f64> {
    let answer: Arc<[u8]> = [reply.head.as_bytes(), b"\r\n\r\n", &reply.body].concat().into();
    let cores = lanyard_crypto::hasher::cores().get();
    let responder = Builder::new_multi_thread().worker_threads(cores).enable_io().build()?;
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    socket.set_nonblocking(true)?;
    let port = socket.local_addr()?.port();
    responder.spawn(listen(socket, answer, signs));
    let run = ask(port);
    responder.shutdown_background();
    let run = run?;
    Ok(run.count / run.seconds)
}

async fn listen(socket: std::net::TcpListener, answer: Arc<[u8]>, signs: Signs) -> io::Result<()> {
    let listener = TcpListener::from_std(socket)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(repeat(stream, Arc::clone(&answer), signs.clone()));
    }
}

// wrk sends a request when it has the answer to the last one, and one is a single read.
async fn repeat(mut stream: TcpStream, answer: Arc<[u8]>, signs: Signs) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut request, claims) = ([0; 4096], claims());
    while stream.read(&mut request).await? > 0 {
        if let Some((key, times)) = &signs {
            for _ in 0..*times {
                key.sign(TokenType::Id, &claims).map_err(io::Error::other)?;
            }
        }
        stream.write_all(&answer).await?;
    }
    Ok(())
}
