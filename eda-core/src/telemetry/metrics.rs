//! What a running app counts and measures, through the facade [`metrics`](https://docs.rs/metrics): install a recorder
//! before the broker is connected, and the numbers are in your own exporter.
//!
//! Names and labels follow the OpenTelemetry conventions for messaging where they have one, in the form of Prometheus.
//! Every label is bounded: handlers, queues, and events that the program declares. A foreign name or an id is never one.
//!
//! ```
//! use eda_core::telemetry::metrics::{LIST, buckets};
//!
//! assert!(LIST.iter().any(|metric| metric.name == "messaging_client_consumed_messages_total"));
//! // metrics-exporter-prometheus makes summaries of histograms without them: `set_buckets_for_metric` for each
//! assert!(buckets().all(|(name, bounds)| name.ends_with("_seconds") && bounds.is_sorted()));
//! ```

mod in_hand;
mod list;
mod process;
mod publish;
mod state;

pub(crate) use self::in_hand::InHand;
pub use self::list::{Kind, LIST, Metric, buckets};
pub(crate) use self::process::{Handled, Handling};
pub(crate) use self::publish::Publishing;
pub(crate) use self::state::watch;
