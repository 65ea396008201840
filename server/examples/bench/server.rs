//! The server under measurement: the real binary in a process of its own.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Outcome, http::Connection, process};

/// How long a start may take before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which database a server runs on.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Where the key lies, and SQLite's file.
    pub(crate) folder: PathBuf,
    /// PostgreSQL's address, if it is that.
    pub(crate) postgres: Option<String>,
}

impl Place {
    /// SQLite in `folder`.
    pub(crate) fn sqlite(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), postgres: None }
    }
}

/// A server that answers. It is ended with the value.
pub(crate) struct Server {
    child: Child,
    /// Its port.
    pub(crate) port: u16,
    /// From the start of the process to the first answer of `/livez`.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts `binary` on `place` with nothing configured but that.
    pub(crate) async fn start(binary: &Path, place: &Place) -> Outcome<Self> {
        Self::start_with(binary, place, &[]).await
    }

    /// Starts `binary` on `place` with these variables set besides.
    pub(crate) async fn start_with(binary: &Path, place: &Place, variables: &[(&str, &str)]) -> Outcome<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new(binary);
        command.arg("serve").arg("--listen").arg(format!("127.0.0.1:{port}")).arg("--data-dir").arg(&place.folder);
        // Whatever is set for other servers is not for this one.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LANYARD_")) {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        if let Some(url) = &place.postgres {
            command.env("LANYARD_DATABASE_URL", url);
            command.env("LANYARD_MASTER_KEY_FILE", place.folder.join("master.key"));
        }
        // The log goes to a file, as in production: a line for each request.
        let log = File::create(place.folder.join("server.log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let started = Instant::now();
        let child = command.spawn().map_err(|error| format!("{}: {error}", binary.display()))?;
        let mut server = Self { child, port, ready_after: Duration::ZERO };
        while !server.answers().await {
            if let Some(status) = server.child.try_wait()? {
                let log = std::fs::read_to_string(place.folder.join("server.log")).unwrap_or_default();
                return Err(format!("the server ended with {status}: {log}").into());
            }
            if started.elapsed() > PATIENCE {
                return Err("the server does not answer".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.ready_after = started.elapsed();
        Ok(server)
    }

    async fn answers(&self) -> bool {
        match Connection::open(Ipv4Addr::LOCALHOST, self.port).await {
            Ok(mut connection) => connection.get("/livez", "").await.is_ok_and(|reply| reply.status == 200),
            Err(_) => false,
        }
    }

    /// Its resident memory in KiB: now, and the most there ever was.
    pub(crate) fn memory(&self) -> Outcome<(u64, u64)> {
        process::memory(self.child.id())
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor time it has used.
    pub(crate) fn cpu(&self) -> Outcome<process::Cpu> {
        process::cpu(self.child.id())
    }

    /// Ends it in order, so that the database is closed.
    pub(crate) async fn stop(mut self) -> Outcome<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let told = Instant::now();
        while self.child.try_wait()?.is_none() {
            if told.elapsed() > PATIENCE {
                return Err("the server was told to stop and did not".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already ended after `stop`: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
