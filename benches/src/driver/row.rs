//! Rounds as rows: medians, and ratios of each pair.

use serde::Serialize;

use super::program::Pair;
use crate::meter::Sample;
use crate::task::Work;

/// Of the framework, and of what it is compared with, if anything, in one round.
pub(super) type Samples = (Sample, Option<Sample>);

pub(super) struct Measured {
    pub(super) pair: Pair,
    pub(super) rounds: Vec<Samples>,
}

/// A row as it is written to a file: medians over the rounds, ratios of the framework to the hand-tuned program.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) work: &'static str,
    pub(super) queue: &'static str,
    /// Events a second.
    pub(super) rate: f64,
    pub(super) baseline_rate: Option<f64>,
    pub(super) ratio: Option<f64>,
    /// Microseconds of user and system time an event.
    pub(super) cpu_us: f64,
    pub(super) baseline_cpu_us: Option<f64>,
    pub(super) cpu_ratio: Option<f64>,
    /// Where latencies are measured, in microseconds.
    #[serde(flatten)]
    pub(super) latency: Option<Latency>,
    #[serde(skip)]
    pub(super) of: Work,
    #[serde(skip)]
    pub(super) spread: Spread,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Latency {
    pub(super) p50_us: f64,
    pub(super) baseline_p50_us: f64,
    pub(super) p50_ratio: f64,
    pub(super) p99_us: f64,
    pub(super) baseline_p99_us: f64,
    pub(super) p99_ratio: f64,
}

/// What the table shows and the file does not.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    pub(super) rate: Range,
    pub(super) baseline_rate: Option<Range>,
    pub(super) ratio: Option<Range>,
    pub(super) cpu_us: Range,
    pub(super) baseline_cpu_us: Option<Range>,
    pub(super) cpu_ratio: Option<Range>,
    pub(super) peak_mib: Range,
    pub(super) baseline_peak_mib: Option<Range>,
}

/// The median, and from where to where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Measured {
    pub(super) fn new(pair: Pair) -> Self {
        Self { pair, rounds: Vec::new() }
    }

    fn ours(&self, value: impl Fn(&Sample) -> f64) -> Range {
        Range::of(self.rounds.iter().map(|(ours, _)| value(ours))).unwrap_or(Range::NONE)
    }

    fn theirs(&self, value: impl Fn(&Sample) -> f64) -> Option<Range> {
        Range::of(self.rounds.iter().filter_map(|(_, theirs)| theirs.as_ref()).map(value))
    }

    fn ratio(&self, value: impl Fn(&Sample) -> f64) -> Option<Range> {
        Range::of(self.rounds.iter().filter_map(|(ours, theirs)| Some(value(ours) / value(theirs.as_ref()?))))
    }
}

impl Row {
    pub(super) fn of(measured: &Measured) -> Self {
        let spread = Spread {
            rate: measured.ours(Sample::rate),
            baseline_rate: measured.theirs(Sample::rate),
            ratio: measured.ratio(Sample::rate),
            cpu_us: measured.ours(Sample::cpu_us),
            baseline_cpu_us: measured.theirs(Sample::cpu_us),
            cpu_ratio: measured.ratio(Sample::cpu_us),
            peak_mib: measured.ours(Sample::peak_mib),
            baseline_peak_mib: measured.theirs(Sample::peak_mib),
        };
        Self {
            work: measured.pair.work.name(),
            queue: measured.pair.queue.name(),
            rate: spread.rate.median,
            baseline_rate: spread.baseline_rate.map(|range| range.median),
            ratio: spread.ratio.map(|range| range.median),
            cpu_us: spread.cpu_us.median,
            baseline_cpu_us: spread.baseline_cpu_us.map(|range| range.median),
            cpu_ratio: spread.cpu_ratio.map(|range| range.median),
            latency: Latency::of(measured),
            of: measured.pair.work,
            spread,
        }
    }
}

impl Latency {
    fn of(measured: &Measured) -> Option<Self> {
        let is_measured = |sample: &Sample| sample.p50_us.is_some() && sample.p99_us.is_some();
        if !measured.rounds.iter().all(|(ours, theirs)| is_measured(ours) && theirs.as_ref().is_some_and(is_measured)) {
            return None;
        }
        let p50 = |sample: &Sample| sample.p50_us.unwrap_or(f64::NAN);
        let p99 = |sample: &Sample| sample.p99_us.unwrap_or(f64::NAN);
        Some(Self {
            p50_us: measured.ours(p50).median,
            baseline_p50_us: measured.theirs(p50)?.median,
            p50_ratio: measured.ratio(p50)?.median,
            p99_us: measured.ours(p99).median,
            baseline_p99_us: measured.theirs(p99)?.median,
            p99_ratio: measured.ratio(p99)?.median,
        })
    }
}

impl Range {
    const NONE: Self = Self { median: f64::NAN, min: f64::NAN, max: f64::NAN };

    /// Of none there is none.
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Queue;

    fn sample(seconds: f64) -> Sample {
        Sample { events: 100, seconds, cpu_seconds: seconds / 2.0, peak_kib: 2_048, ..Sample::default() }
    }

    #[test]
    fn ratios_are_of_pairs_and_not_of_medians() {
        let pair = Pair { work: Work::Consume, queue: Queue::Quorum, events: 100 };
        // the second round was slow for both
        let rounds = [(1.0, 2.0), (10.0, 10.0), (2.0, 2.0)];
        let rounds = rounds.map(|(ours, theirs)| (sample(ours), Some(sample(theirs)))).to_vec();
        let row = Row::of(&Measured { pair, rounds });
        assert_eq!((row.ratio, row.spread.ratio.map(|range| range.max)), (Some(1.0), Some(2.0)));
        assert_eq!((row.rate, row.baseline_rate), (50.0, Some(50.0)));
        assert_eq!(Some(row.spread.peak_mib), Range::of([2.0].into_iter()));
    }

    #[test]
    fn a_row_has_the_fields_that_readers_expect() {
        let pair = Pair { work: Work::Publish, queue: Queue::Classic, events: 100 };
        let row = Row::of(&Measured { pair, rounds: vec![(sample(1.0), Some(sample(1.0)))] });
        let text = serde_json::to_string(&row).expect("it is JSON");
        let expected = r#"{"work":"publish","queue":"classic","rate":100.0,"baseline_rate":100.0,"ratio":1.0,"cpu_us":5000.0,"baseline_cpu_us":5000.0,"cpu_ratio":1.0}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn a_median_of_two_lies_between() {
        assert_eq!(Range::of([4.0, 2.0].into_iter()), Some(Range { median: 3.0, min: 2.0, max: 4.0 }));
        assert_eq!(Range::of(std::iter::empty()), None);
    }
}
