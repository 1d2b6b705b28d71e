//! How long it took after faults of one kind until all went on.

use std::time::Duration;

use serde::Serialize;

use crate::fault::Fault;

/// From so many recoveries of a kind on, their median must be within its limit; of fewer, one slow second decides.
const ENOUGH: usize = 5;

/// How long it took until everyone made progress again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovery {
    times: Vec<Duration>,
    never: usize,
}

/// The recoveries of one kind of fault; seconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub kind: &'static str,
    pub catalogue: &'static str,
    pub count: usize,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
    pub limit: f64,
    pub never: usize,
}

impl Recovery {
    pub(crate) fn add(&mut self, took: Option<Duration>) {
        match took {
            Some(took) => self.times.push(took),
            None => self.never += 1,
        }
    }

    pub(super) fn row(mut self, fault: Fault) -> Row {
        self.times.sort();
        let at = |percent: usize| {
            let rank = (self.times.len() * percent).div_ceil(100).saturating_sub(1);
            self.times.get(rank).map_or(0.0, Duration::as_secs_f64)
        };
        Row {
            kind: fault.name(),
            catalogue: fault.row(),
            count: self.times.len() + self.never,
            p50: at(50),
            p99: at(99),
            max: at(100),
            limit: fault.limit().as_secs_f64(),
            never: self.never,
        }
    }
}

impl Row {
    pub(super) fn is_slow(&self) -> bool {
        self.count >= ENOUGH && self.p50 > self.limit
    }

    pub(super) fn note(&self) -> String {
        match (self.never, self.max > self.limit) {
            (0, false) => String::new(),
            (0, true) => " over the limit".to_owned(),
            (never, _) => format!(" never: {never}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_a_kind_whose_median_is_over_its_limit() {
        let is_slow = |seconds: &[u64]| {
            let mut recovery = Recovery::default();
            for time in seconds {
                recovery.add(Some(Duration::from_secs(*time)));
            }
            recovery.row(Fault::Reset).is_slow()
        };
        assert!(is_slow(&[1, 1, 6, 6, 6]), "its limit is five seconds");
        assert!(!is_slow(&[1, 1, 1, 6, 6]));
        assert!(!is_slow(&[6, 6]), "too few to tell");
    }
}
