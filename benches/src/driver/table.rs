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
        Work::Seen | Work::Handlers => Target { rate: Some(0.95), ..none },
        Work::Retries => Target { rate: Some(0.6), ..none },
        Work::Memory => none,
    }
}

/// Events a second that the transport in memory should carry.
const MEMORY_RATE: f64 = 1e6;

/// The framework's values are the left ones, those of the program beside it the right ones: medians, and in brackets from
/// where to where.
pub(super) fn shown(rows: &[Row]) -> String {
    rows.iter().map(shown_row).collect()
}

fn shown_row(row: &Row) -> String {
    let beside = match row.of {
        Work::Memory => "",
        Work::Seen => ", beside the same with nobody listening",
        Work::Retries => ", beside the same without failures",
        _ => ", beside lapin by hand",
    };
    let (Target { rate, cpu, p50, p99 }, spread) = (target(row.of), &row.spread);
    let mut text = format!("{} · {} queue{beside}\n", row.work, row.queue);
    let is_met = match row.of {
        Work::Memory => verdict(row.rate, MEMORY_RATE, At::Least),
        _ => row.ratio.zip(rate).map(|(found, wanted)| verdict(found, wanted, At::Least)).unwrap_or_default(),
    };
    line(&mut text, "events/s", [Some(spread.rate), spread.baseline_rate], 0, spread.ratio, &is_met);
    let is_met = row.cpu_ratio.zip(cpu).map(|(found, wanted)| verdict(found, wanted, At::Most)).unwrap_or_default();
    line(&mut text, "CPU µs/event", [Some(spread.cpu_us), spread.baseline_cpu_us], 2, spread.cpu_ratio, &is_met);
    line(&mut text, "peak MiB", [Some(spread.peak_mib), spread.baseline_peak_mib], 1, None, "");
    if let Some(latency) = &row.latency {
        for (what, ours, theirs, ratio, target) in [
            ("p50 µs", latency.p50_us, latency.baseline_p50_us, latency.p50_ratio, p50),
            ("p99 µs", latency.p99_us, latency.baseline_p99_us, latency.p99_ratio, p99),
        ] {
            let is_met = target.map(|wanted| verdict(ratio, wanted, At::Most)).unwrap_or_default();
            let _ = writeln!(text, "  {what:<13} {ours:>26.0} {theirs:>26.0} {ratio:>18.2}  {is_met}");
        }
    }
    text
}

fn line(
    text: &mut String,
    what: &str,
    [ours, theirs]: [Option<Range>; 2],
    digits: usize,
    ratio: Option<Range>,
    is_met: &str,
) {
    let (ours, theirs, ratio) = (range(ours, digits), range(theirs, digits), range(ratio, 2));
    let _ = writeln!(text, "  {what:<13} {ours:>26} {theirs:>26} {ratio:>18}  {is_met}");
}

fn range(range: Option<Range>, digits: usize) -> String {
    range.map_or_else(String::new, |Range { median, min, max }| {
        format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
    })
}

#[derive(Clone, Copy)]
enum At {
    Least,
    Most,
}

fn verdict(found: f64, wanted: f64, at: At) -> String {
    let (is_met, sign) = match at {
        At::Least => (found >= wanted, '≥'),
        At::Most => (found <= wanted, '≤'),
    };
    let word = if is_met { "met" } else { "missed" };
    format!("{word}: {sign} {wanted}")
}
