//! What a running app tells of itself beside its log: metrics of every publish and of every attempt at a delivery.

mod attempt;
#[cfg(feature = "metrics")]
pub mod metrics;
mod sent;
#[cfg(not(feature = "metrics"))]
#[path = "telemetry/silent.rs"]
mod metrics;

pub(crate) use self::attempt::{Attempt, Places};
pub(crate) use self::metrics::watch;
pub(crate) use self::sent::watched;
