//! wrk, where it is installed: a client in C that takes less of the cores than ours, for what one request
//! is enough for.

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
    /// Whether each answer was looked at and found good.
    checked: bool,
}

/// Whether it is installed. (It has no answer that is a success but a run.)
pub(crate) fn is_there() -> bool {
    Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Gets `path` over `connections` connections for as long as `span`, in whole seconds.
pub(crate) fn get(port: u16, path: &str, connections: usize, span: Duration) -> Outcome<Run> {
    run(&mut command(port, path, connections, span))
}

/// Posts `form` to the token endpoint at `path` in the same way. With `tokens`, one more than there are
/// connections (wrk tries its script once), each request takes one of them and its answer brings the next.
pub(crate) fn post(
    port: u16,
    path: &str,
    connections: usize,
    span: Duration,
    form: &str,
    tokens: &[String],
) -> Outcome<Run> {
    let script = std::env::temp_dir().join(format!("lanyard-bench-{}.lua", std::process::id()));
    std::fs::write(&script, include_bytes!("token.lua"))?;
    let mut command = command(port, path, connections, span);
    command.arg("--script").arg(&script).arg("--").arg(form).args(tokens);
    let done = run(&mut command);
    std::fs::remove_file(script)?;
    done.and_then(|done| if done.checked { Ok(done) } else { Err("wrk did not look at the answers".into()) })
}

fn command(port: u16, path: &str, connections: usize, span: Duration) -> Command {
    let seconds = span.as_secs().max(1);
    let mut command = Command::new("wrk");
    command.arg(format!("http://localhost:{port}{path}"));
    command.args(["--latency", "--threads", "1", "--connections", &connections.to_string()]);
    command.args(["--duration", &format!("{seconds}s")]);
    command
}

fn run(command: &mut Command) -> Outcome<Run> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let bad = ["Non-2xx", "Socket errors"].iter().any(|word| said.contains(word))
        || said.lines().any(|line| line.ends_with(" bad answers") && line != "0 bad answers");
    // Said at the end by the script, which looks at each of them.
    let checked = said.lines().any(|line| line == "0 bad answers");
    if !output.status.success() || bad {
        return Err(format!("wrk: {said}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let count = said.lines().find_map(|line| line.trim().split_once(" requests in ")).ok_or("wrk counts nothing")?;
    let taken = count.1.split_once(',').and_then(|(taken, _)| milliseconds(taken)).ok_or("wrk tells no time")?;
    let at = |percent: &str| {
        let value = said.lines().find_map(|line| line.trim().strip_prefix(percent));
        value.and_then(|value| milliseconds(value.trim())).ok_or("wrk tells no percentiles")
    };
    let times = format!("{:.2} / {:.2}", at("50%")?, at("99%")?);
    let count = count.0.parse()?;
    if count < 1.0 {
        return Err("wrk had no answer".into());
    }
    Ok(Run { count, seconds: taken / 1000.0, times, checked })
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
