//! Whether a process grows while nothing is wrong.

use serde::Serialize;

use crate::books::Gauge;

/// The medians of what a process used, in the second quarter of a run and in the last. The first quarter is for caches and
/// pools to fill.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Steady {
    pub worker: String,
    pub early: Gauge,
    pub late: Gauge,
}

/// What a busy process goes up and down by.
const FILES: u64 = 2;
const TASKS: u64 = 8;
const KILOBYTES: u64 = 1_024;
const PERCENT: u64 = 5;

impl Steady {
    /// `None` for a process that has hardly lived.
    pub(crate) fn of(worker: &str, gauges: &[Gauge]) -> Option<Self> {
        let quarter = gauges.len() / 4;
        if quarter == 0 {
            return None;
        }
        let (early, late) = (&gauges[quarter..2 * quarter], &gauges[gauges.len() - quarter..]);
        Some(Self { worker: worker.to_owned(), early: median(early), late: median(late) })
    }

    pub(crate) fn change(&self) -> String {
        let Self { early, late, .. } = self;
        format!(
            "files {} → {}, tasks {} → {}, memory {} → {} kB",
            early.files, late.files, early.tasks, late.tasks, early.kilobytes, late.kilobytes
        )
    }

    /// Whether it uses more in the end.
    pub(crate) fn has_grown(&self) -> bool {
        let Self { early, late, .. } = self;
        late.files > early.files + FILES
            || late.tasks > early.tasks + TASKS
            || late.kilobytes > early.kilobytes * (100 + PERCENT) / 100 + KILOBYTES
    }
}

fn median(gauges: &[Gauge]) -> Gauge {
    let of = |what: fn(&Gauge) -> u64| {
        let mut values: Vec<u64> = gauges.iter().map(what).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    Gauge { files: of(|gauge| gauge.files), tasks: of(|gauge| gauge.tasks), kilobytes: of(|gauge| gauge.kilobytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(kilobytes: impl Fn(u64) -> u64) -> Steady {
        let gauge = |second| Gauge { files: 20, tasks: 30 + second % 7, kilobytes: kilobytes(second) };
        let gauges: Vec<Gauge> = (0..1_200).map(gauge).collect();
        Steady::of("book-1", &gauges).expect("it has lived")
    }

    #[test]
    fn a_slow_leak_is_growth_and_a_warm_up_is_not() {
        assert!(steady(|second| 20_000 + second * 5).has_grown(), "300 kB a minute");
        assert!(!steady(|second| 20_000 + second.min(200) * 50).has_grown());
        assert!(!steady(|second| 20_000 + (second % 60) * 30).has_grown());
    }

    #[test]
    fn who_has_hardly_lived_says_nothing() {
        assert!(Steady::of("book-1", &[Gauge::default(); 3]).is_none());
    }
}
