//! Messages over real sockets: templates, SMTP and Twilio's API against well and badly
//! behaved servers, and the demo's inbox end to end.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fallback;
mod inbox;
mod smtp;
mod smtp_server;
mod templates;
mod twilio;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lanyard_messaging::{NowFn, UniqueFn};
use tokio::net::TcpListener;

/// Sunday, 22 November 2026, 06:00 UTC.
pub(crate) const NOW_MS: i64 = 1_795_327_200_000;
/// Long enough for any healthy exchange on loopback.
pub(crate) const PATIENT: Duration = Duration::from_secs(20);
/// For servers that hang.
pub(crate) const IMPATIENT: Duration = Duration::from_millis(300);

pub(crate) fn clock() -> NowFn {
    Arc::new(|| NOW_MS)
}

pub(crate) fn counter() -> UniqueFn {
    let next = AtomicU64::new(1);
    Arc::new(move || u128::from(next.fetch_add(1, Ordering::Relaxed)))
}

/// A port on which nothing listens (it was free a moment ago).
pub(crate) async fn dead_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}
