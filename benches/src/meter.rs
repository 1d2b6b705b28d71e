//! What a process used for its work, as it tells the driver on its last line.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// One round of one program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// How many events it worked on.
    pub events: u64,
    /// How long that took.
    pub seconds: f64,
    /// User and system time of the whole process in that time, in seconds.
    pub cpu_seconds: f64,
    /// The most resident memory that the process ever had, in KiB.
    pub peak_kib: u64,
    /// Where latencies are measured: the median, in microseconds.
    pub p50_us: Option<f64>,
    /// Where latencies are measured: the 99th of a hundred, in microseconds.
    pub p99_us: Option<f64>,
}

impl Sample {
    /// Events a second.
    pub fn rate(&self) -> f64 {
        count(self.events) / self.seconds
    }

    /// Microseconds of user and system time an event.
    pub fn cpu_us(&self) -> f64 {
        self.cpu_seconds * 1e6 / count(self.events)
    }

    /// The peak of resident memory in MiB.
    pub fn peak_mib(&self) -> f64 {
        count(self.peak_kib) / 1024.0
    }

    /// Adds the latencies, in any order.
    #[must_use]
    pub fn with_latencies(mut self, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let found = latencies.get((latencies.len() * percent / 100).min(latencies.len().saturating_sub(1)));
            found.map(|latency| latency.as_secs_f64() * 1e6)
        };
        (self.p50_us, self.p99_us) = (at(50), at(99));
        self
    }
}

/// Measures from its making.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    cpu: Duration,
}

impl Meter {
    /// Begins.
    pub fn start() -> Self {
        Self { began: Instant::now(), cpu: cpu() }
    }

    /// What was used until now for so many events.
    pub fn stop(&self, events: u64) -> Sample {
        Sample {
            events,
            seconds: self.began.elapsed().as_secs_f64(),
            cpu_seconds: cpu().saturating_sub(self.cpu).as_secs_f64(),
            peak_kib: peak_kib(),
            ..Sample::default()
        }
    }
}

/// Has all that the framework measures recorded, as a service does that shows it to Prometheus.
///
/// # Errors
/// Where a recorder is installed already.
#[cfg(feature = "telemetry")]
pub fn record_metrics() -> Result<(), String> {
    use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

    let builder = eda::telemetry::metrics::buckets().try_fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)
    });
    let installed = builder.and_then(PrometheusBuilder::install_recorder);
    installed.map(drop).map_err(|error| format!("installing a recorder: {error}"))
}

/// User and system time of this process so far.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// A number of events, bytes or the like, to be divided.
#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 of anything")]
pub fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let latencies = (1..=200).rev().map(Duration::from_micros).collect();
        let sample = Sample::default().with_latencies(latencies);
        assert_eq!((sample.p50_us, sample.p99_us), (Some(101.0), Some(199.0)));
        assert_eq!(Sample::default().with_latencies(Vec::new()).p50_us, None);
    }

    #[test]
    fn a_busy_process_uses_time_and_memory() {
        let meter = Meter::start();
        let busy: u64 = (0..2_000_000_u64).map(std::hint::black_box).sum();
        let sample = meter.stop(busy.min(1));
        assert!(sample.cpu_seconds > 0.0 && sample.seconds > 0.0 && sample.peak_kib > 0, "{sample:?}");
    }
}
