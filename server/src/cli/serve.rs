//! `lanyard serve`: open, migrate, listen, print where, run until told to stop.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use axum_server::{Handle, tls_rustls::RustlsConfig};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};

use super::print::{self, PrintError};
use crate::{
    config::Config,
    demo, files, jobs,
    router::router,
    service::{invitations, left_out, tenants},
    start,
    state::App,
};

/// How long requests under way may take after the signal to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long the head of a request may take, and how long an idle connection is kept for the next:
/// longer than the 60 seconds of the usual proxies, so that it is they who close.
const HEADER_TIME: Duration = Duration::from_secs(75);

pub(super) async fn serve(mut config: Config) -> Result<(), Box<dyn std::error::Error>> {
    log_to_stderr();
    // Taken before anything else, so that port 0 becomes the port that addresses are made of.
    let listener = std::net::TcpListener::bind(config.listen).map_err(|error| {
        format!("cannot listen on {}: {error} (--listen 127.0.0.1:8090 takes another port)", config.listen)
    })?;
    listener.set_nonblocking(true)?;
    config.listen = listener.local_addr()?;
    let tls = tls(&config).await?;
    let started = start::open(config).await?;
    let app = started.app.clone();
    let system = tenants::ensure_system(&app).await?;
    let accounts = if app.config.demo { demo::ensure(&app).await? } else { Vec::new() };
    let link = invitations::first_operator_link(&app, &system).await?;
    let link = link.and_then(|link| hand_over(&app, link));
    // A server works whoever reads what it prints.
    let _ = announce(&app, &accounts, link.as_ref());

    let background = [
        tokio::spawn(jobs::delivery::run(app.clone())),
        tokio::spawn(jobs::clean_up::run(app.clone())),
        tokio::spawn(jobs::key_rotation::run(app.clone())),
    ];
    let handle = Handle::new();
    tokio::spawn(stop_on_signal(handle.clone()));
    let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
            bound_reading(server.http_builder());
            server.serve(service).await?;
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle);
            bound_reading(server.http_builder());
            server.serve(service).await?;
        }
    }
    for job in background {
        job.abort();
    }
    if let Err(error) = left_out::tell_all(&app).await {
        tracing::warn!(%error, "the log was not told what was left out of it");
    }
    app.store.close().await;
    Ok(())
}

// Without a timer no bound holds, and whoever sends half a request keeps the connection for ever.
fn bound_reading(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEADER_TIME);
}

fn log_to_stderr() {
    use std::io::IsTerminal as _;
    let filter = tracing_subscriber::EnvFilter::try_from_env("LANYARD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,lanyard_server=info,webauthn_rs_core=off"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Pretty on a terminal, else JSON (S6).
    if std::io::stderr().is_terminal() {
        builder.compact().init();
    } else {
        builder.json().init();
    }
}

// Where it listens, and on the first start how to come in. On stdout, for people and scripts.
fn announce(app: &App, accounts: &[demo::DemoAccount], link: Option<&FirstLink>) -> Result<(), PrintError> {
    let origin = &app.origin;
    print::line(format_args!("Lanyard is ready: {origin}"))?;
    print::line(format_args!("  Operator portal        {origin}{}", lanyard_app::paths::PORTAL))?;
    if app.config.demo {
        print::line(format_args!("  Patient portal         {origin}{}", lanyard_app::paths::CLAIMS))?;
        print::line(format_args!(
            "  Clinic staff           {origin}{}",
            lanyard_app::paths::clinic(demo::TENANT_DOMAIN)
        ))?;
        print::line(format_args!("  Demo inbox             {origin}{}", lanyard_app::paths::DEV_INBOX))?;
        print::line("Demo accounts (made for this installation):")?;
        for account in accounts {
            print::line(format_args!("  {:<8} {:<32} {}", account.role, account.email, account.password))?;
        }
    } else if !app.channels.email {
        print::line("No mail is set up: nobody can sign up until smtp is configured (lanyard config check).")?;
    }
    match link {
        Some(FirstLink::Printed(link)) => {
            print::line("First operator (works once, within 60 minutes):")?;
            print::line(format_args!("  {link}"))
        }
        Some(FirstLink::Kept(path)) => print::line(format_args!(
            "First operator: the link is in {} (works once, within 60 minutes)",
            path.display()
        )),
        None => Ok(()),
    }
}

// The first operator's link, as whoever started the server gets to know it.
enum FirstLink {
    Printed(String),
    Kept(PathBuf),
}

// Whoever reads the journal of a service must not become its operator: what is no terminal gets the path of a
// file. The demo, whose people are made up, prints.
fn hand_over(app: &App, link: String) -> Option<FirstLink> {
    use std::io::IsTerminal as _;
    if app.config.demo || std::io::stdout().is_terminal() {
        return Some(FirstLink::Printed(link));
    }
    let path = files::first_operator_link(&app.config);
    let shown = path.display();
    match files::write_private(&path, format!("{link}\n").as_bytes()) {
        Ok(()) => {
            tracing::info!("the first operator's link is in {shown}");
            Some(FirstLink::Kept(path))
        }
        Err(error) => {
            tracing::warn!(%error, "the first operator's link could not be written to {shown}: lanyard operator invite makes another");
            None
        }
    }
}

async fn stop_on_signal(handle: Handle<SocketAddr>) {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = interrupt => {}
                    _ = terminate.recv() => {}
                }
            }
            Err(_) => {
                let _ = interrupt.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
    handle.graceful_shutdown(Some(GRACE));
}

async fn tls(config: &Config) -> Result<Option<RustlsConfig>, Box<dyn std::error::Error>> {
    if !config.tls.enabled {
        return Ok(None);
    }
    // Several providers may be compiled in; ours is named once.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (certificate, key) = match (&config.tls.certificate_file, &config.tls.key_file) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        _ => files::development_certificate(&config.data_dir)?,
    };
    Ok(Some(read_tls(&certificate, &key).await?))
}

async fn read_tls(certificate: &Path, key: &Path) -> Result<RustlsConfig, String> {
    let loaded = RustlsConfig::from_pem_file(certificate, key).await;
    loaded.map_err(|error| format!("tls: {} or {}: {error}", certificate.display(), key.display()))
}

/// Whether the server could serve https with the files that are configured, if any are.
pub(super) async fn check_tls(config: &Config) -> super::Outcome {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let (Some(certificate), Some(key)) = (&config.tls.certificate_file, &config.tls.key_file) {
        read_tls(certificate, key).await?;
    }
    Ok(())
}
