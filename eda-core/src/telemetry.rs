//! What a running app tells of itself beside its log: a span for each publish and each attempt at a delivery, and metrics of both.
//!
//! The guide to [observability](https://docs.rs/eda-rs/latest/eda/) says how to listen, and what to alert on.

mod attempt;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "otel")]
mod otel;
mod sent;
mod span;
#[cfg(not(feature = "metrics"))]
#[path = "telemetry/silent.rs"]
mod metrics;

pub(crate) use self::attempt::{Attempt, Places};
pub(crate) use self::metrics::watch;
pub(crate) use self::sent::watched;

/// How the trace of an attempt is related to that of the publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Traces {
    /// A trace of its own, with a link: an event may be handled by many, and days later.
    #[default]
    Linked,
    /// The same trace.
    #[cfg_attr(not(feature = "otel"), expect(dead_code, reason = "nobody can ask for it"))]
    One,
}
