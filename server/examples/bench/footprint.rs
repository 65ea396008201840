//! What the server takes: size on disk, time to start, memory, and what a browser loads cold to
//! see the sign-in page.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use futures::future::try_join_all;

use crate::{
    Arguments, Outcome,
    http::Connection,
    server::Server,
    sign_in,
    table::{Report, Times},
    world::World,
};

/// Starts that are timed.
const STARTS: usize = 20;
/// Sign-ins after which memory is looked at.
const SIGN_INS: usize = 1_000;

/// Measures and reports.
pub(crate) async fn measure(arguments: &Arguments, world: &World, report: &mut Report) -> Outcome<()> {
    let size = std::fs::metadata(&arguments.server)?.len();
    report.row("size of the release binary, site included", format!("{:.1} MB", size as f64 / 1e6), "");
    starts(arguments, world, report).await?;

    let server = Server::start(&arguments.server, &world.place).await?;
    // What the start itself allocated and gave back has settled then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (idle, _) = server.memory()?;
    report.row("memory idle (RSS)", mib(idle), "");
    page(world, &server, report).await?;
    for first in (0..SIGN_INS).step_by(arguments.clients) {
        let some = first..SIGN_INS.min(first + arguments.clients);
        try_join_all(some.map(|number| sign_in::whole(world, server.port, number))).await?;
    }
    let (after, peak) = server.memory()?;
    report.row(
        "memory after 1,000 sign-ins (RSS)",
        format!("{}, at most {}; 2 × 19 MiB of it are kept for hashes", mib(after), mib(peak)),
        "",
    );
    server.stop().await
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

async fn starts(arguments: &Arguments, world: &World, report: &mut Report) -> Outcome<()> {
    let mut times = Times::default();
    for _ in 0..STARTS {
        let server = Server::start(&arguments.server, &world.place).await?;
        times.add(server.ready_after);
        server.stop().await?;
    }
    let figure = format!("median {:.0} ms, worst of {STARTS} {:.0} ms", times.at(50), times.at(100));
    report.row("start to /livez on an existing database of 10,000 accounts", figure, "100 ms");
    Ok(())
}

// Every file that the page names, as a browser that takes brotli gets it.
async fn page(world: &World, server: &Server, report: &mut Report) -> Outcome<()> {
    let mut connection = Connection::open(Ipv4Addr::LOCALHOST, server.port).await?;
    let begun = connection.get(&world.authorize, "").await?;
    let location = begun.headers("location").next().ok_or("authorize sent nobody anywhere")?.to_owned();
    let cookie = begun.cookie("__Host-journey").ok_or("no cookie")?.to_owned();
    let headers = format!("Accept: text/html\r\nAccept-Encoding: br\r\nCookie: __Host-journey={cookie}\r\n");
    let html = connection.get(&location, &headers).await?.expect(200)?;
    let (mut sum, mut parts) = (html.body.len(), vec![format!("HTML {} ({})", html.body.len(), coding(&html))]);
    let text = html.text().into_owned();
    let named: BTreeSet<&str> =
        text.split('"').filter(|text| text.starts_with("/pkg/") || *text == "/favicon.svg").collect();
    for path in named {
        let file = connection.get(path, "Accept-Encoding: br\r\n").await?.expect(200)?;
        sum += file.body.len();
        let kind = path.rsplit('.').next().unwrap_or_default();
        parts.push(format!("{kind} {} ({})", file.body.len(), coding(&file)));
    }
    let figure = format!("{:.1} kB = {} bytes: {}", sum as f64 / 1000.0, sum, parts.join(", "));
    report.row("sign-in page loaded cold, bodies on the wire", figure, "150 kB or less");
    Ok(())
}

fn coding(reply: &crate::http::Reply) -> &str {
    reply.headers("content-encoding").next().unwrap_or("plain")
}
