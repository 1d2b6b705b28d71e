//! Counts what handlers have done, and measures while they do it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::meter::{Meter, Sample};

/// The progress of a program that consumes. Cloning is cheap and shares it.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: u64,
    /// The measurement begins with the one and ends with the other.
    marks: (u64, u64),
    handled: AtomicU64,
    begin: Instant,
    meter: OnceLock<Meter>,
    sample: OnceLock<Sample>,
    latencies: Mutex<Vec<Duration>>,
    done: Notify,
}

impl Progress {
    /// Until so many are handled, measured from the first to the last.
    pub fn until(total: u64) -> Self {
        Self::between(total, (1, total))
    }

    /// Until so many are handled, measured between a fifth and four fifths: at both marks the client holds as many as its
    /// prefetch allows, so what it fetched before its handlers began counts for nobody.
    pub fn steady(total: u64) -> Self {
        let fifth = (total / 5).max(1);
        Self::between(total, (fifth, total - fifth))
    }

    fn between(total: u64, marks: (u64, u64)) -> Self {
        Self(Arc::new(Shared {
            total,
            marks,
            handled: AtomicU64::new(0),
            begin: Instant::now(),
            meter: OnceLock::new(),
            sample: OnceLock::new(),
            latencies: Mutex::default(),
            done: Notify::new(),
        }))
    }

    /// One more is handled.
    pub fn handled(&self) {
        let count = self.0.handled.fetch_add(1, Ordering::Relaxed) + 1;
        let (from, to) = self.0.marks;
        if count == from {
            self.0.meter.get_or_init(Meter::start);
        }
        if count == to {
            // those after the mark at which it began
            let events = to - if from == 1 { 0 } else { from };
            self.0.sample.get_or_init(|| self.0.meter.get_or_init(Meter::start).stop(events));
        }
        if count == self.0.total {
            self.0.done.notify_one();
        }
    }

    /// How many are handled.
    pub fn count(&self) -> u64 {
        self.0.handled.load(Ordering::Relaxed)
    }

    /// Nanoseconds since this value was made.
    pub fn now(&self) -> u64 {
        u64::try_from(self.0.begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// One more is handled, which was published at `then`, as [`now`](Self::now) said it.
    pub fn handled_since(&self, then: u64) {
        let latency = Duration::from_nanos(self.now().saturating_sub(then));
        self.0.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
        self.handled();
    }

    /// The sample, when the last is handled. The first latencies are left out: connections are cold, and the broker, too.
    pub async fn done(&self) -> Sample {
        self.0.done.notified().await;
        let sample = self.0.sample.get().cloned().unwrap_or_default();
        let mut latencies = std::mem::take(&mut *self.0.latencies.lock().unwrap_or_else(PoisonError::into_inner));
        let cold = latencies.len() / 10;
        if latencies.is_empty() { sample } else { sample.with_latencies(latencies.split_off(cold)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_steady_part_is_three_fifths() {
        let progress = Progress::steady(100);
        (0..100).for_each(|_| progress.handled());
        assert_eq!(progress.done().await.events, 60);
    }

    #[tokio::test]
    async fn it_measures_from_the_first_to_the_last() {
        let progress = Progress::until(20);
        for _ in 0..20 {
            progress.handled_since(progress.now());
        }
        let sample = progress.done().await;
        assert_eq!(sample.events, 20);
        assert!(sample.p50_us.is_some_and(|latency| latency < 1e6), "{sample:?}");
    }
}
