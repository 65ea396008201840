//! The demo's mail server: RFC 5321 on loopback, everything bounded.
//!
//! It takes mail for anybody and keeps it in the [`Inbox`]; it never relays. Connections,
//! line lengths, message size, recipients, bad commands and idle time all have limits.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::Inbox;
use super::command::{Command, parse};
use super::lines::{Line, read_line};
use super::mime::read_mail;
use crate::error::Channel;

/// Longest command line in bytes; 512 of the RFC's plus room for SMTPUTF8 addresses.
const MAX_COMMAND: usize = 1024;
/// Longest text line in bytes, CRLF included (RFC 5321, 4.5.3.1.6), plus the stuffed dot.
const MAX_TEXT_LINE: usize = 1001;
/// Bad commands before the connection is closed.
const MAX_ERRORS: u32 = 20;

/// What one listener puts up with.
#[derive(Debug, Clone, Copy)]
pub struct SmtpLimits {
    /// Largest message in bytes.
    pub message_bytes: usize,
    /// Most recipients of one message (RFC 5321, 4.5.3.1.8: at least 100).
    pub recipients: usize,
    /// Most connections at once.
    pub connections: usize,
    /// Longest silence between two lines.
    pub idle: Duration,
}

impl Default for SmtpLimits {
    fn default() -> Self {
        Self { message_bytes: 1024 * 1024, recipients: 100, connections: 32, idle: Duration::from_secs(60) }
    }
}

/// A running listener; it and its connections stop when it is dropped.
#[derive(Debug)]
pub struct SmtpListener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl SmtpListener {
    /// Listens on 127.0.0.1, on a port of the system's choosing.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(inbox: Arc<Inbox>, limits: SmtpLimits) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, inbox, limits));
        Ok(Self { address, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SmtpListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, inbox: Arc<Inbox>, limits: SmtpLimits) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut sessions = JoinSet::new();
    loop {
        while sessions.try_join_next().is_some() {}
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the demo's mail server could not accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let session = Session::new(stream, Arc::clone(&inbox), limits);
                sessions.spawn(async move {
                    let _place = place;
                    // The peer's broken connection is the peer's affair.
                    let _ = session.run().await;
                });
            }
            Err(_) => turn_away(stream),
        }
    }
}

/// Answers 421 if that can be done without waiting.
fn turn_away(stream: TcpStream) {
    let _ = stream.try_write(b"421 4.3.2 Too many connections, try again later\r\n");
}

/// Whether the conversation goes on after a reply.
enum Next {
    Continue,
    Close,
}

struct Session<S> {
    stream: BufStream<S>,
    inbox: Arc<Inbox>,
    limits: SmtpLimits,
    greeted: bool,
    sender: bool,
    recipients: Vec<String>,
    errors: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(stream: S, inbox: Arc<Inbox>, limits: SmtpLimits) -> Self {
        Self {
            stream: BufStream::new(stream),
            inbox,
            limits,
            greeted: false,
            sender: false,
            recipients: Vec::new(),
            errors: 0,
        }
    }

    async fn run(mut self) -> io::Result<()> {
        self.reply("220 localhost ESMTP").await?;
        let mut buffer = Vec::new();
        loop {
            let next = match self.line(&mut buffer, MAX_COMMAND).await? {
                Line::Complete => self.obey(parse(&buffer)).await?,
                Line::TooLong => self.refuse("500 5.5.6 Line too long").await?,
                Line::Bare => {
                    self.reply("500 5.5.2 Lines must end with CR LF").await?;
                    Next::Close
                }
                Line::Closed => Next::Close,
            };
            match next {
                Next::Continue => {}
                Next::Close => return self.stream.shutdown().await,
            }
        }
    }

    async fn obey(&mut self, command: Command) -> io::Result<Next> {
        match command {
            Command::Ehlo => {
                self.restart();
                let size = self.limits.message_bytes;
                let lines = format!(
                    "250-localhost\r\n250-SIZE {size}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                     250-ENHANCEDSTATUSCODES\r\n250 PIPELINING"
                );
                self.accept(&lines).await
            }
            Command::Helo => {
                self.restart();
                self.accept("250 localhost").await
            }
            Command::Mail { size } => self.mail(size).await,
            Command::Rcpt { to } => self.rcpt(to).await,
            Command::Data => self.data().await,
            Command::Rset => {
                self.reset();
                self.accept("250 2.0.0 OK").await
            }
            Command::Noop => self.accept("250 2.0.0 OK").await,
            Command::Vrfy => self.accept("252 2.5.0 Send it and see").await,
            Command::Quit => {
                self.reply("221 2.0.0 Bye").await?;
                Ok(Next::Close)
            }
            Command::BadArguments => self.refuse("501 5.5.4 Syntax error in arguments").await,
            Command::UnknownParameter => self.refuse("555 5.5.4 Parameter not known").await,
            Command::Unknown => self.refuse("500 5.5.1 Command not known").await,
        }
    }

    async fn mail(&mut self, size: Option<u64>) -> io::Result<Next> {
        if !self.greeted || self.sender {
            return self.refuse("503 5.5.1 Not now").await;
        }
        let largest = u64::try_from(self.limits.message_bytes).unwrap_or(u64::MAX);
        if size.is_some_and(|size| size > largest) {
            return self.refuse("552 5.3.4 Message too large").await;
        }
        self.sender = true;
        self.accept("250 2.1.0 OK").await
    }

    async fn rcpt(&mut self, to: String) -> io::Result<Next> {
        if !self.sender {
            return self.refuse("503 5.5.1 MAIL first").await;
        }
        if self.recipients.len() >= self.limits.recipients {
            return self.refuse("452 4.5.3 Too many recipients").await;
        }
        self.recipients.push(to);
        self.accept("250 2.1.5 OK").await
    }

    async fn data(&mut self) -> io::Result<Next> {
        if self.recipients.is_empty() {
            return self.refuse("503 5.5.1 RCPT first").await;
        }
        self.reply("354 End with a dot on a line of its own").await?;
        match self.content().await? {
            Content::Whole(raw) => {
                let (subject, body) = read_mail(&raw);
                for to in &self.recipients {
                    self.inbox.add(Channel::Email, to, &subject, &body);
                }
                self.reset();
                self.accept("250 2.0.0 Kept").await
            }
            Content::TooLarge => {
                self.reset();
                self.refuse("552 5.3.4 Message too large").await
            }
            Content::LineTooLong => {
                self.reset();
                self.refuse("500 5.6.0 Line too long").await
            }
            Content::Bare => {
                self.reply("554 5.6.0 Lines must end with CR LF").await?;
                Ok(Next::Close)
            }
            Content::Closed => Ok(Next::Close),
        }
    }

    /// Reads up to the lone dot, taking away the dots that were added in front of lines
    /// (RFC 5321, 4.5.2). A faulty message is read to its end too, so that the conversation
    /// stays in step, but not beyond four times the limit.
    async fn content(&mut self) -> io::Result<Content> {
        let largest = self.limits.message_bytes;
        let (mut raw, mut line, mut seen, mut long) = (Vec::new(), Vec::new(), 0, false);
        loop {
            match self.line(&mut line, MAX_TEXT_LINE).await? {
                Line::Complete if line == b"." => break,
                Line::Complete => {}
                Line::TooLong => {
                    long = true;
                    line.clear();
                    seen += MAX_TEXT_LINE;
                }
                Line::Bare => return Ok(Content::Bare),
                Line::Closed => return Ok(Content::Closed),
            }
            let text = line.strip_prefix(b".").unwrap_or(&line);
            seen += text.len() + 2;
            if seen > largest.saturating_mul(4) {
                return Ok(Content::Closed);
            }
            if seen <= largest {
                raw.extend_from_slice(text);
                raw.extend_from_slice(b"\r\n");
            }
        }
        Ok(match (long, seen > largest) {
            (true, _) => Content::LineTooLong,
            (false, true) => Content::TooLarge,
            (false, false) => Content::Whole(raw),
        })
    }

    async fn line(&mut self, buffer: &mut Vec<u8>, max: usize) -> io::Result<Line> {
        match timeout(self.limits.idle, read_line(&mut self.stream, buffer, max)).await {
            Ok(line) => line,
            Err(_) => {
                self.reply("421 4.4.2 Too long a silence").await?;
                Ok(Line::Closed)
            }
        }
    }

    async fn accept(&mut self, reply: &str) -> io::Result<Next> {
        self.reply(reply).await?;
        Ok(Next::Continue)
    }

    async fn refuse(&mut self, reply: &str) -> io::Result<Next> {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            self.reply("421 4.7.0 Too many errors").await?;
            return Ok(Next::Close);
        }
        self.accept(reply).await
    }

    async fn reply(&mut self, text: &str) -> io::Result<()> {
        let write = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.write_all(b"\r\n").await?;
            self.stream.flush().await
        };
        timeout(self.limits.idle, write).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn restart(&mut self) {
        self.greeted = true;
        self.reset();
    }

    fn reset(&mut self) {
        self.sender = false;
        self.recipients.clear();
    }
}

/// What came after `DATA`.
enum Content {
    Whole(Vec<u8>),
    TooLarge,
    LineTooLong,
    Bare,
    Closed,
}
