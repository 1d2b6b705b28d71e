//! What the subscriptions of a running app are doing.

use std::fmt;

use crate::transport::ConsumerStatus;

/// What every subscription of a running app is doing right now; printed, it has a line for each.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{AnyEvent, Broker, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> eda_core::Result {
/// let broker = Broker::new(Memory::new()).await?;
/// let running = Service::new("audit").on("log", |_: AnyEvent| async {}).start(&broker).await?;
/// assert!(running.health().is_ready());
/// assert_eq!(running.health().to_string(), "ready\naudit.log: consuming");
/// running.shutdown().await
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// One for each queue, in the order of the app's handlers.
    pub subscriptions: Vec<SubscriptionHealth>,
}

/// What one subscription is doing right now.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionHealth {
    /// The service.
    pub service: String,
    /// The queue.
    pub queue: String,
    /// Its state, since when, and why.
    pub status: ConsumerStatus,
}

impl Health {
    /// Whether the broker has confirmed every consumer: what a readiness probe asks.
    pub fn is_ready(&self) -> bool {
        self.subscriptions.iter().all(|subscription| subscription.status.is_ready())
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_ready() { "ready" } else { "not ready" })?;
        for SubscriptionHealth { queue, status, .. } in &self.subscriptions {
            write!(f, "\n{queue}: {}", status.state)?;
            if !status.why.is_empty() {
                write!(f, " ({})", status.why)?;
            }
        }
        Ok(())
    }
}
