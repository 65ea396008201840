//! What the kernel says of a process and of the machine (`/proc`; Linux only).

use std::{collections::BTreeMap, fs};

use crate::Outcome;

/// Clock ticks per second in `/proc/*/stat` (`sysconf(_SC_CLK_TCK)`: 100 on every Linux we know).
const TICKS: f64 = 100.0;

/// Resident memory in KiB: now, and the most there ever was.
pub(crate) fn memory(pid: u32) -> Outcome<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    value("VmRSS:").zip(value("VmHWM:")).ok_or_else(|| format!("no memory of process {pid}").into())
}

/// Seconds of processor time by kind of thread.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Cpu {
    /// The threads that hash passwords.
    pub(crate) hashing: f64,
    /// SQLite's threads.
    pub(crate) database: f64,
    /// All others: requests, pages, rules, log.
    pub(crate) rest: f64,
}

impl Cpu {
    /// All of it.
    pub(crate) fn all(self) -> f64 {
        self.hashing + self.database + self.rest
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            hashing: self.hashing + other.hashing,
            database: self.database + other.database,
            rest: self.rest + other.rest,
        }
    }

    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            hashing: self.hashing - earlier.hashing,
            database: self.database - earlier.database,
            rest: self.rest - earlier.rest,
        }
    }
}

/// The processor time of each thread of a process, by the thread's name.
pub(crate) fn cpu(pid: u32) -> Outcome<Cpu> {
    let mut by_name = BTreeMap::<String, f64>::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { continue };
        // pid (name) state … utime is the 12th field after the name, stime the 13th.
        let Some((head, tail)) = stat.rsplit_once(')') else { continue };
        let name = head.split_once('(').map_or("", |(_, name)| name);
        let ticks: f64 = tail.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        *by_name.entry(name.to_owned()).or_default() += ticks / TICKS;
    }
    let mut cpu = Cpu::default();
    for (name, seconds) in by_name {
        match name.as_str() {
            name if name.starts_with("password-") => cpu.hashing += seconds,
            name if name.starts_with("sqlx-sqlite") => cpu.database += seconds,
            _ => cpu.rest += seconds,
        }
    }
    Ok(cpu)
}

/// The load averages: 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(", ")
}

/// Seconds that all cores were busy, and seconds that they had, since the machine started.
pub(crate) fn machine_time() -> Outcome<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    let fields: Vec<f64> = line.split_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok()).collect();
    let all: f64 = fields.iter().sum();
    let idle: f64 = fields.iter().skip(3).take(2).sum();
    Ok(((all - idle) / TICKS, all / TICKS))
}
