//! Percentiles, and the report as Markdown: one table of the figures, notes, the tables of detail.

use std::{
    fmt::{self, Display},
    time::Duration,
};

/// Times of many requests.
#[derive(Debug, Default, Clone)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// One more.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// All those of another run.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time in milliseconds that `percent` of the requests did not exceed (nearest rank).
    pub(crate) fn at(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
    }
}

/// "p50 / p99", in milliseconds.
impl Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.at(50) < 10.0 { 2 } else { 0 };
        write!(f, "{:.digits$} / {:.digits$}", self.at(50), self.at(99))
    }
}

/// The middle of several runs, and from where to where they went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    median: f64,
    lowest: f64,
    highest: f64,
}

impl Spread {
    /// Of one run or more; of none, nothing is a number.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        Self { median: at(sorted.len() / 2), lowest: at(0), highest: at(sorted.len().saturating_sub(1)) }
    }
}

/// "median [lowest to highest]", with as many digits as asked for.
impl Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(1);
        write!(f, "{:.digits$} [{:.digits$} to {:.digits$}]", self.median, self.lowest, self.highest)
    }
}

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<[String; 3]>,
    notes: Vec<String>,
    details: Vec<String>,
}

impl Report {
    /// A figure, with its aim if it has one. Said at once on stderr too: a run takes minutes.
    pub(crate) fn row(&mut self, what: impl Into<String>, figure: impl Into<String>, aim: &str) {
        let (what, figure) = (what.into(), figure.into());
        eprintln!("{what}: {figure}{}{aim}", if aim.is_empty() { "" } else { "; aim " });
        self.rows.push([what, figure, aim.to_owned()]);
    }

    /// A sentence below the table.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        eprintln!("{text}");
        self.notes.push(text);
    }

    /// A table of its own: its title, its heads, its lines.
    pub(crate) fn detail(&mut self, title: &str, heads: &[String], lines: &[Vec<String>]) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("### {title}\n\n{}", line(heads));
        text += &line(&vec!["---".to_owned(); heads.len()]);
        lines.iter().for_each(|cells| text += &line(cells));
        eprintln!("{text}");
        self.details.push(text);
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| What | Measured | Aim |\n| --- | --- | --- |")?;
        for [what, figure, aim] in &self.rows {
            writeln!(f, "| {what} | {figure} | {aim} |")?;
        }
        writeln!(f)?;
        self.notes.iter().try_for_each(|note| writeln!(f, "- {note}"))?;
        self.details.iter().try_for_each(|detail| write!(f, "\n{detail}"))
    }
}
