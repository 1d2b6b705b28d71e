//! Rows as a person reads them, with what is aimed at.

use std::fmt::Write;

use super::row::{Range, Row};
use crate::task::Work;

/// What a row should reach, as ratios to the hand-tuned program.
#[derive(Default)]
struct Target {
    rate: Option<f64>,
    cpu: Option<f64>,
    p50: Option<f64>,
    p99: Option<f64>,
}

fn target(work: Work) -> Target {
    let none = Target::default();
    match work {
        Work::Publish => Target { rate: Some(1.0), cpu: Some(1.15), ..none },
        Work::PublishOne => Target { p50: Some(1.1), ..none },
        Work::Consume => Target { rate: Some(0.97), cpu: Some(1.15), ..none },
        Work::Chain => Target { rate: Some(0.95), cpu: Some(1.2), ..none },
        Work::Latency => Target { p50: Some(1.1), p99: Some(1.2), ..none },
        Work::Handlers => Target { rate: Some(0.95), ..none },
        Work::Retries => Target { rate: Some(0.6), ..none },
    }
}

/// The framework's values are the left ones, those of the program beside it the right ones: medians, and in brackets from
/// where to where.
pub(super) fn shown(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let beside = if row.of == Work::Retries { "without failures" } else { "lapin by hand" };
        let _ = writeln!(text, "{} · {} queue, beside {beside}", row.work, row.queue);
        let (target, spread) = (target(row.of), &row.spread);
        line(
            &mut text,
            "events/s",
            spread.rate,
            spread.baseline_rate,
            spread.ratio,
            target.rate.map(at_least(spread.ratio)),
            0,
        );
        line(
            &mut text,
            "CPU µs/event",
            spread.cpu_us,
            spread.baseline_cpu_us,
            spread.cpu_ratio,
            target.cpu.map(at_most(row.cpu_ratio)),
            2,
        );
        let memory = (spread.peak_mib, spread.baseline_peak_mib);
        let _ = writeln!(text, "  {:<13} {:>26} {:>26}", "peak MiB", range(memory.0, 1), range(memory.1, 1));
        if let Some(latency) = &row.latency {
            for (what, ours, theirs, ratio, target) in [
                ("p50 µs", latency.p50_us, latency.baseline_p50_us, latency.p50_ratio, target.p50),
                ("p99 µs", latency.p99_us, latency.baseline_p99_us, latency.p99_ratio, target.p99),
            ] {
                let verdict = target.map(at_most(ratio)).unwrap_or_default();
                let _ = writeln!(text, "  {what:<13} {ours:>26.0} {theirs:>26.0} {ratio:>18.2}  {verdict}");
            }
        }
    }
    text
}

fn line(
    text: &mut String,
    what: &str,
    ours: Range,
    theirs: Range,
    ratio: Range,
    verdict: Option<String>,
    digits: usize,
) {
    let (ours, theirs, ratio) = (range(ours, digits), range(theirs, digits), range(ratio, 2));
    let verdict = verdict.unwrap_or_default();
    let _ = writeln!(text, "  {what:<13} {ours:>26} {theirs:>26} {ratio:>18}  {verdict}");
}

fn range(range: Range, digits: usize) -> String {
    let Range { median, min, max } = range;
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
}

fn at_least(found: Range) -> impl Fn(f64) -> String {
    move |wanted| verdict(found.median >= wanted, '≥', wanted)
}

fn at_most(found: f64) -> impl Fn(f64) -> String {
    move |wanted| verdict(found <= wanted, '≤', wanted)
}

fn verdict(is_met: bool, sign: char, wanted: f64) -> String {
    let word = if is_met { "met" } else { "missed" };
    format!("{word}: {sign} {wanted}")
}
