//! wrk, where it is installed: a client in C that takes less of the cores than ours, for what is asked
//! for with GET alone.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use crate::Outcome;

/// What wrk says of a run.
pub(crate) struct Run {
    /// Requests that were answered.
    pub(crate) count: f64,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// "p50 / p99" in milliseconds.
    pub(crate) times: String,
}

/// Whether it is installed. (It has no answer that is a success but a run.)
pub(crate) fn is_there() -> bool {
    Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Gets `path` over `connections` connections for as long as `span`, in whole seconds.
pub(crate) fn get(port: u16, path: &str, connections: usize, span: Duration) -> Outcome<Run> {
    let seconds = span.as_secs().max(1);
    let mut command = Command::new("wrk");
    command.args(["--latency", "--threads", "1", "--connections", &connections.to_string()]);
    command.args(["--duration", &format!("{seconds}s"), &format!("http://localhost:{port}{path}")]);
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || said.contains("Non-2xx") || said.contains("Socket errors") {
        return Err(format!("wrk: {said}").into());
    }
    let count = said.lines().find_map(|line| line.trim().split_once(" requests in ")).ok_or("wrk counts nothing")?;
    let taken = count.1.split_once(',').and_then(|(taken, _)| milliseconds(taken)).ok_or("wrk tells no time")?;
    let at = |percent: &str| {
        let value = said.lines().find_map(|line| line.trim().strip_prefix(percent));
        value.and_then(|value| milliseconds(value.trim())).ok_or("wrk tells no percentiles")
    };
    let times = format!("{:.2} / {:.2}", at("50%")?, at("99%")?);
    Ok(Run { count: count.0.parse()?, seconds: taken / 1000.0, times })
}

// "412.00us", "1.05ms", "6.10s", "1.00m".
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let factor = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}
