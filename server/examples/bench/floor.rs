//! What the sockets carry when nothing is done for it: the physical limit of a document at hand.
//!
//! A responder that parses nothing gives the same bytes to whatever comes, on as many threads as there
//! are cores, and wrk asks it as it asks a server. Both share the cores, as they do in the other runs.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::Builder,
};

use crate::{Outcome, http::Reply, wrk};

/// Answers like `reply` a second, over `connections` connections in as long as `span`.
///
/// # Errors
/// When wrk fails or no port can be had.
pub(crate) fn rate(reply: &Reply, connections: usize, span: Duration) -> Outcome<f64> {
    let answer: Arc<[u8]> = [reply.head.as_bytes(), b"\r\n\r\n", &reply.body].concat().into();
    let cores = lanyard_crypto::hasher::cores().get();
    let responder = Builder::new_multi_thread().worker_threads(cores).enable_io().build()?;
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    socket.set_nonblocking(true)?;
    let port = socket.local_addr()?.port();
    responder.spawn(listen(socket, answer));
    wrk::get(port, "/", connections, span / 8)?;
    let run = wrk::get(port, "/", connections, span);
    responder.shutdown_background();
    let run = run?;
    Ok(run.count / run.seconds)
}

async fn listen(socket: std::net::TcpListener, answer: Arc<[u8]>) -> io::Result<()> {
    let listener = TcpListener::from_std(socket)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(repeat(stream, Arc::clone(&answer)));
    }
}

// wrk sends a request when it has the answer to the last one, and one is a single read.
async fn repeat(mut stream: TcpStream, answer: Arc<[u8]>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = [0; 4096];
    while stream.read(&mut request).await? > 0 {
        stream.write_all(&answer).await?;
    }
    Ok(())
}
