//! npm `oidc-provider`, started as `tools/bench-peer` has it: a worker for each core, on PostgreSQL.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    Outcome,
    http::Connection,
    process::{self, Cpu},
    subject::{Client, PEOPLE, Subject},
};

/// The secret of all its clients, as in `provider.mjs`.
const SECRET: &str = "bench-secret-that-is-long-enough-for-anybody";
/// Redirects that its sign-in takes at most.
const STEPS: usize = 8;

/// The peer, running. It is ended with the value.
pub(crate) struct Peer {
    child: Child,
    subject: Subject,
}

impl Peer {
    /// Starts what is in `folder` on the database at `url`, and signs somebody in.
    pub(crate) async fn start(folder: &Path, url: &str, alg: &str) -> Outcome<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = Command::new("node");
        command.arg("provider.mjs").current_dir(folder).env("NODE_ENV", "production");
        command.env("PEER_DATABASE_URL", url).env("PEER_PORT", port.to_string()).env("PEER_ALG", alg);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let output = child.stdout.take().ok_or("the peer's output")?;
        let client =
            |name: &str| Client { id: name.to_owned(), secret: SECRET.to_owned(), scope: "openid%20email%20api" };
        let subject = Subject {
            name: format!("oidc-provider, PostgreSQL ({alg})"),
            port,
            discovery: "/.well-known/openid-configuration".into(),
            keys: "/jwks".into(),
            token: "/token".into(),
            authorize: "/auth".into(),
            client: client("code"),
            refreshing: client("refresh"),
            service: Client { scope: "api", ..client("service") },
            sessions: Vec::new(),
        };
        let mut peer = Self { child, subject };
        let ready = BufReader::new(output).lines().map_while(Result::ok).any(|line| line == "ready");
        if !ready {
            return Err("the peer does not start: npm install in tools/bench-peer?".into());
        }
        for _ in 0..PEOPLE {
            let session = peer.signed_in().await?;
            peer.subject.sessions.push(session);
        }
        Ok(peer)
    }

    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    // Follows its redirects once for each client: the cookies of a session of its own.
    async fn signed_in(&self) -> Outcome<String> {
        let mut cookies = BTreeMap::<String, String>::new();
        for client in [&self.subject.client, &self.subject.refreshing] {
            let mut path = self.subject.authorize(client);
            let mut connection = Connection::open(Ipv4Addr::LOCALHOST, self.subject.port).await?;
            for _ in 0..STEPS {
                let jar: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let reply = connection.get(&path, &format!("Cookie: {}\r\n", jar.join("; "))).await?;
                for line in reply.headers("set-cookie") {
                    let pair = line.split(';').next().unwrap_or_default();
                    let Some((name, value)) = pair.split_once('=') else { continue };
                    if value.is_empty() {
                        cookies.remove(name);
                    } else {
                        cookies.insert(name.to_owned(), value.to_owned());
                    }
                }
                let location = reply.headers("location").next().unwrap_or_default().to_owned();
                let own = format!("http://localhost:{}", self.subject.port);
                path = location.strip_prefix(&own).unwrap_or(&location).to_owned();
                if !path.starts_with('/') {
                    break;
                }
            }
            if !path.contains("code=") {
                return Err(format!("the peer signs nobody in: {path}").into());
            }
        }
        let jar: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Ok(jar.join("; "))
    }

    // The first process and its workers.
    fn processes(&self) -> Vec<u32> {
        let first = self.child.id();
        let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap_or_default();
        let workers = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        std::iter::once(first).chain(workers).collect()
    }

    /// The processor time of all its processes.
    pub(crate) fn cpu(&self) -> Outcome<Cpu> {
        let mut all = Cpu::default();
        for pid in self.processes() {
            all.rest += process::cpu(pid)?.all();
        }
        Ok(all)
    }

    /// The most resident memory of all its processes, in KiB.
    pub(crate) fn memory(&self) -> Outcome<u64> {
        self.processes().into_iter().map(|pid| Ok(process::memory(pid)?.1)).sum()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        for pid in self.processes().into_iter().skip(1) {
            // A worker that has ended already needs no more.
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
