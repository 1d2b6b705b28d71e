//! Every metric that there is: one table, from which recorders, guides and dashboards are described and checked.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// A metric.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with its unit and the ending that Prometheus wants.
    pub name: &'static str,
    /// How it is to be read.
    pub kind: Kind,
    /// What its labels are called.
    pub labels: &'static [&'static str],
    /// What it tells, in one sentence without a full stop.
    pub description: &'static str,
}

/// How a metric is to be read.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds, of which each is recorded.
    Histogram,
}

pub(super) const SENT: &str = "messaging_client_sent_messages_total";
pub(super) const SEND_DURATION: &str = "messaging_client_operation_duration_seconds";
pub(super) const CONSUMED: &str = "messaging_client_consumed_messages_total";
pub(super) const PROCESS_DURATION: &str = "messaging_process_duration_seconds";
pub(super) const CRITICAL_TIME: &str = "eda_critical_time_seconds";
pub(super) const RETRIES: &str = "eda_retries_total";
pub(super) const DEAD_LETTERS: &str = "eda_dead_letters_total";
pub(super) const IN_FLIGHT: &str = "eda_deliveries_in_flight";
pub(super) const OLDEST: &str = "eda_oldest_unacked_timestamp_seconds";
pub(super) const BLOCKED: &str = "eda_blocked_polls_total";
pub(super) const STATE: &str = "eda_subscription_state";
pub(super) const RECONNECTS: &str = "eda_reconnects_total";

/// Every metric that there is.
pub const LIST: &[Metric] = &[
    Metric {
        name: SENT,
        kind: Kind::Counter,
        labels: &["messaging_system", "messaging_operation_name", "event", "error_type"],
        description: "Events that were sent to the broker; with an `error_type` where it did not take responsibility",
    },
    Metric {
        name: SEND_DURATION,
        kind: Kind::Histogram,
        labels: &["messaging_system", "messaging_operation_name", "event", "error_type"],
        description: "From handing over an event until the broker took responsibility, or did not",
    },
    Metric {
        name: CONSUMED,
        kind: Kind::Counter,
        labels: &["messaging_system", "messaging_operation_name", "handler", "event", "outcome"],
        description: "Attempts to handle deliveries: handled, retried, dead_lettered or given_back",
    },
    Metric {
        name: PROCESS_DURATION,
        kind: Kind::Histogram,
        labels: &["messaging_system", "messaging_operation_name", "handler", "event", "error_type"],
        description: "How long handlers took, with the reason as `error_type` where they failed",
    },
    Metric {
        name: CRITICAL_TIME,
        kind: Kind::Histogram,
        labels: &["handler", "event"],
        description: "From an event's own time until it was fully processed, waiting and retries included",
    },
    Metric {
        name: RETRIES,
        kind: Kind::Counter,
        labels: &["handler", "event", "reason"],
        description: "Failed attempts that come again",
    },
    Metric {
        name: DEAD_LETTERS,
        kind: Kind::Counter,
        labels: &["handler", "event", "reason"],
        description: "Deliveries that were kept as dead letters",
    },
    Metric {
        name: IN_FLIGHT,
        kind: Kind::Gauge,
        labels: &["handler", "event"],
        description: "Deliveries whose handling has begun and that are not settled",
    },
    Metric {
        name: OLDEST,
        kind: Kind::Gauge,
        labels: &["queue"],
        description: "When the handling of the oldest unsettled delivery began; 0 where none is in hand",
    },
    Metric {
        name: BLOCKED,
        kind: Kind::Counter,
        labels: &["handler", "event"],
        description: "Polls of handlers that blocked their thread for over 100 ms",
    },
    Metric {
        name: STATE,
        kind: Kind::Gauge,
        labels: &["service", "queue", "state"],
        description: "1 for the state that a subscription is in, 0 for the others",
    },
    Metric {
        name: RECONNECTS,
        kind: Kind::Counter,
        labels: &["service", "queue"],
        description: "Times that a subscription consumed again after its consumer or connection was lost",
    },
];

/// From 5 ms to 10 s, as the conventions have them.
const DURATIONS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// From 5 ms to a day: with retries, hours are nothing uncommon.
const CRITICAL: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0,
];

/// The name of each histogram, and the upper bounds of its buckets in seconds that fit it.
pub fn buckets() -> impl Iterator<Item = (&'static str, &'static [f64])> {
    let histograms = LIST.iter().filter(|metric| metric.kind == Kind::Histogram);
    histograms.map(|metric| (metric.name, if metric.name == CRITICAL_TIME { CRITICAL } else { DURATIONS }))
}

/// Tells the recorder what all of them mean. Once more does no harm.
pub(super) fn describe() {
    for Metric { name, kind, description, .. } in LIST {
        match kind {
            Kind::Counter => describe_counter!(*name, Unit::Count, *description),
            Kind::Gauge if name.ends_with("_seconds") => describe_gauge!(*name, Unit::Seconds, *description),
            Kind::Gauge => describe_gauge!(*name, Unit::Count, *description),
            Kind::Histogram => describe_histogram!(*name, Unit::Seconds, *description),
        }
    }
}
