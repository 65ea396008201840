//! A client that costs little: HTTP/1.1 over one connection, from an address of one's choice.
//!
//! It reads what this server sends (a length or chunks) and follows nothing by itself.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use crate::Outcome;

/// A connection to the server.
pub(crate) struct Connection {
    stream: TcpStream,
    port: u16,
    read: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Its status.
    pub(crate) status: u16,
    /// Its head, as it came.
    pub(crate) head: String,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The values of a header.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.lines().filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The value of a cookie that the answer sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.headers("set-cookie").find_map(|line| {
            let (found, value) = line.split(';').next()?.split_once('=')?;
            (found == name && !value.is_empty()).then_some(value)
        })
    }

    /// The answer if it has this status; else an error that quotes it.
    pub(crate) fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        let said: String = self.text().chars().take(200).collect();
        Err(format!("expected {status}, got {}: {said}", self.status).into())
    }
}

impl Connection {
    /// Connects to the server's `port` on 127.0.0.1 from the loopback address `from`.
    pub(crate) async fn open(from: Ipv4Addr, port: u16) -> Outcome<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, port, read: Vec::new() })
    }

    /// Gets `path`; `headers` are whole lines.
    pub(crate) async fn get(&mut self, path: &str, headers: &str) -> Outcome<Reply> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{headers}\r\n", self.port);
        self.exchange(request.as_bytes()).await
    }

    /// Posts a form as a browser does from one of our own pages.
    pub(crate) async fn post(&mut self, path: &str, headers: &str, form: &str) -> Outcome<Reply> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{0}\r\nOrigin: http://localhost:{0}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {1}\r\n{headers}\r\n{form}",
            self.port,
            form.len()
        );
        self.exchange(request.as_bytes()).await
    }

    async fn exchange(&mut self, request: &[u8]) -> Outcome<Reply> {
        self.stream.write_all(request).await?;
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end + 4);
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no status")?;
        let mut reply = Reply { status, head, body: Vec::new() };
        let length = reply.headers("content-length").next().and_then(|length| length.parse::<usize>().ok());
        reply.body = match length {
            Some(length) => self.take(length).await?,
            None if reply.headers("transfer-encoding").any(|coding| coding == "chunked") => self.chunks().await?,
            None => Vec::new(),
        };
        Ok(reply)
    }

    async fn chunks(&mut self) -> Outcome<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") {
                    break end;
                }
                self.more().await?;
            };
            let size = usize::from_str_radix(std::str::from_utf8(&self.read[..end])?.trim(), 16)?;
            self.read.drain(..end + 2);
            body.extend(self.take(size).await?);
            self.take(2).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn take(&mut self, length: usize) -> Outcome<Vec<u8>> {
        while self.read.len() < length {
            self.more().await?;
        }
        Ok(self.read.drain(..length).collect())
    }

    async fn more(&mut self) -> Outcome<()> {
        if self.stream.read_buf(&mut self.read).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(())
    }
}
