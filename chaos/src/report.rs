//! What a run has shown: a table, JSON, and a page.

mod recovery;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::books::Findings;
use crate::fault::Fault;
use crate::options::Options;
use crate::steady::Steady;

pub(crate) use recovery::{Recovery, Row};

/// Duplicates at any handler for each event that it was to have, at most.
const DUP_RATE: f64 = 0.005;
/// How many deliveries a consumer holds, as it is by default.
pub(crate) const PREFETCH: u64 = 256;
/// Duplicates of one fault on average, at most: a publisher's window, as it is by default, and a consumer's prefetch.
const DUP_PER_FAULT: u64 = 1_000 + PREFETCH;

/// The whole of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub command: String,
    pub seed: u64,
    pub date: String,
    pub eda: &'static str,
    /// What was there when the run began, where that was in the repository.
    pub commit: String,
    pub rabbitmq: String,
    pub nodes: usize,
    pub seconds: u64,
    pub faults: usize,
    pub kinds: Vec<Row>,
    #[serde(flatten)]
    pub findings: Findings,
    /// Everything else that is off, in words.
    pub troubles: Vec<String>,
    /// What the processes used under a steady load; empty where there were faults.
    pub steady: Vec<Steady>,
}

/// What the trouble is called when queues are not empty at the end.
pub(crate) const DID_NOT_RUN_DRY: &str = "the queues did not run dry";

/// What was tested, and on what.
#[derive(Clone, Copy)]
pub(crate) struct Versions<'a> {
    pub commit: &'a str,
    pub rabbitmq: &'a str,
}

impl Report {
    pub(crate) fn new(
        options: &Options,
        versions: Versions<'_>,
        took: Duration,
        findings: Findings,
        recoveries: BTreeMap<Fault, Recovery>,
        troubles: Vec<String>,
        steady: Vec<Steady>,
    ) -> Self {
        let kinds: Vec<Row> = recoveries.into_iter().map(|(fault, recovery)| recovery.row(fault)).collect();
        Self {
            command: options.command(),
            seed: options.seed,
            date: said("date", &["-u", "+%Y-%m-%d"]),
            eda: env!("CARGO_PKG_VERSION"),
            commit: versions.commit.to_owned(),
            rabbitmq: versions.rabbitmq.to_owned(),
            nodes: options.nodes,
            seconds: took.as_secs(),
            faults: kinds.iter().map(|row| row.count).sum(),
            kinds,
            findings,
            troubles,
            steady,
        }
    }

    /// Whether nothing is off.
    pub(crate) fn is_green(&self) -> bool {
        self.off().is_empty()
    }

    /// Whether everything that was on its way has come to an end, so that what is not there is lost.
    pub(crate) fn has_run_dry(&self) -> bool {
        !self.troubles.iter().any(|trouble| trouble.contains(DID_NOT_RUN_DRY))
    }

    /// The names of what is off.
    pub(crate) fn off(&self) -> Vec<&'static str> {
        let Findings { lost, unexpected, corrupt, false_park, missed, misreturned, suspect, dup_rate, .. } =
            self.findings;
        // one process's prefetch, which one message that kills connections may take along
        let too_many_suspects = suspect > PREFETCH;
        let too_many_duplicates = self.findings.duplicates > self.faults as u64 * DUP_PER_FAULT;
        [
            ("lost", lost > 0),
            ("unexpected", unexpected > 0),
            ("corrupt", corrupt > 0),
            ("false_park", false_park > 0),
            ("missed", missed > 0),
            ("misreturned", misreturned > 0),
            ("suspect", too_many_suspects),
            ("recovery", self.kinds.iter().any(Row::is_slow)),
            ("dup_rate", dup_rate > DUP_RATE),
            ("dup_per_fault", too_many_duplicates),
            ("trouble", !self.troubles.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, is_off)| is_off.then_some(name))
        .collect()
    }

    pub(crate) fn write(&self, json: Option<&Path>, markdown: Option<&Path>) -> Result<(), String> {
        if let Some(path) = json {
            let text = serde_json::to_string_pretty(self).map_err(|error| format!("writing JSON: {error}"))?;
            write(path, &(text + "\n"))?;
        }
        markdown.map_or(Ok(()), |path| write(path, &self.page()))
    }

    /// For a terminal.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.sums() {
            let _ = writeln!(text, "{name:<14} {value}");
        }
        let _ = writeln!(
            text,
            "\n{:<20} {:>5} {:>8} {:>8} {:>8} {:>8}   back after, in seconds",
            "fault", "count", "p50", "p99", "max", "limit"
        );
        for row in &self.kinds {
            let Row { kind, count, p50, p99, max, limit, .. } = row;
            let note = row.note();
            let _ = writeln!(text, "{kind:<20} {count:>5} {p50:>8.2} {p99:>8.2} {max:>8.2} {limit:>8.0}   {note}");
        }
        for steady in &self.steady {
            let _ = writeln!(text, "{:<20} {}", steady.worker, steady.change());
        }
        for trouble in &self.troubles {
            let _ = writeln!(text, "\ntrouble: {trouble}");
        }
        for sample in &self.findings.samples {
            let _ = writeln!(text, "{sample}");
        }
        let verdict = match self.off().as_slice() {
            [] => "green".to_owned(),
            off => format!("RED: {}; again: {}", off.join(", "), self.command),
        };
        let _ = write!(text, "\n{verdict}");
        text
    }

    fn page(&self) -> String {
        let mut text = format!(
            "# {}\n\nWritten by `{}`.\n\n| | |\n|---|---|\n| date | {} |\n| eda | {} {} |\n| RabbitMQ | {}, {} |\n\
             | took | {} min {} s |\n",
            if self.steady.is_empty() { "A chaos run" } else { "A steady run" },
            self.command,
            self.date,
            self.eda,
            self.commit,
            self.rabbitmq,
            if self.nodes == 1 { "1 node".to_owned() } else { format!("{} nodes", self.nodes) },
            self.seconds / 60,
            self.seconds % 60,
        );
        for (name, value) in self.sums() {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        let verdict = if self.is_green() { "green".to_owned() } else { format!("red: {}", self.off().join(", ")) };
        let _ = writeln!(text, "| verdict | **{verdict}** |\n");
        text.push_str(&if self.steady.is_empty() { self.recovered() } else { self.grown() });
        for trouble in &self.troubles {
            let _ = writeln!(text, "\nTrouble: {trouble}");
        }
        text
    }

    fn recovered(&self) -> String {
        let mut text = String::from(
            "How long after a fault, or after its end where it lasts, until every process had published and received \
             something new:\n\n| fault | row | count | p50 | p99 | max | limit |\n|---|---|---|---|---|---|---|\n",
        );
        for row in &self.kinds {
            let Row { kind, catalogue, count, p50, p99, max, limit, .. } = row;
            let note = row.note();
            let _ = writeln!(
                text,
                "| {kind} | {catalogue} | {count} | {p50:.2} s | {p99:.2} s | {max:.2} s{note} | {limit:.0} s |"
            );
        }
        text
    }

    fn grown(&self) -> String {
        let mut text = String::from(
            "What each process used, as medians of the second and of the last quarter of the run:\n\n\
             | process | open files | tasks | memory |\n|---|---|---|---|\n",
        );
        for Steady { worker, early, late } in &self.steady {
            let (files, tasks) =
                (format!("{} → {}", early.files, late.files), format!("{} → {}", early.tasks, late.tasks));
            let _ = writeln!(text, "| {worker} | {files} | {tasks} | {} → {} kB |", early.kilobytes, late.kilobytes);
        }
        text
    }

    fn sums(&self) -> Vec<(&'static str, String)> {
        let findings = &self.findings;
        let number = |number: u64| number.to_string();
        vec![
            (
                "events",
                format!("{} told, {} confirmed, {} effects", findings.told, findings.confirmed, findings.effects),
            ),
            ("faults", format!("{} of {} kinds", self.faults, self.kinds.len())),
            ("lost", number(findings.lost)),
            ("unexpected", number(findings.unexpected)),
            ("corrupt", number(findings.corrupt)),
            ("false_park", format!("{}, and {} suspect", findings.false_park, findings.suspect)),
            ("missed", number(findings.missed)),
            ("misreturned", number(findings.misreturned)),
            ("given_back", format!("{} retries from eda.retry.orphaned, as by an operator", findings.given_back)),
            (
                "dup_rate",
                format!(
                    "{:.3} % at the handler with most ({:?}); over all handlers {} for {:.3} % of the confirmed events; \
                     at most {} effects of one event at one handler",
                    findings.dup_rate * 100.0,
                    findings.duplicates_at,
                    findings.duplicates,
                    findings.dup_rate_of_events() * 100.0,
                    findings.most_effects,
                ),
            ),
            ("dup_per_fault", self.duplicates_per_fault()),
            ("order", format!("{} behind a later one of their key (not promised)", findings.out_of_order)),
            ("leaks", number(self.troubles.iter().filter(|trouble| trouble.starts_with("leak")).count() as u64)),
            ("recovered", format!("{} handled without a confirm", findings.recovered)),
        ]
    }

    fn duplicates_per_fault(&self) -> String {
        let duplicates = self.findings.duplicates;
        match duplicates.checked_div(self.faults as u64) {
            None => format!("{duplicates} without any fault, of at most 0"),
            Some(each) => format!("{each} on average, of at most {DUP_PER_FAULT}: a publish window and a prefetch"),
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    if let Some(folder) = path.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    std::fs::write(path, text).map_err(|error| format!("writing {}: {error}", path.display()))
}

/// What a run is of, where it begins in the repository; the text is empty elsewhere.
pub(crate) fn commit() -> String {
    said("git", &["describe", "--always", "--dirty"])
}

/// What a program prints; empty where there is none.
fn said(program: &str, arguments: &[&str]) -> String {
    let printed = std::process::Command::new(program).args(arguments).output();
    printed.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_has_its_faults_to_come_from() {
        let is_off = |faults: usize, duplicates: u64| {
            let mut recovery = Recovery::default();
            (0..faults).for_each(|_| recovery.add(Some(Duration::ZERO)));
            let recoveries = BTreeMap::from([(Fault::Reset, recovery)]);
            let findings = Findings { duplicates, ..Findings::default() };
            let versions = Versions { commit: "", rabbitmq: "" };
            Report::new(&Options::default(), versions, Duration::ZERO, findings, recoveries, Vec::new(), Vec::new())
                .off()
                .contains(&"dup_per_fault")
        };
        assert!(is_off(0, 1));
        assert!(!is_off(2, 2 * DUP_PER_FAULT));
        assert!(is_off(2, 2 * DUP_PER_FAULT + 1));
    }
}
