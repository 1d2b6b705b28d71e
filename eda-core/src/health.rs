//! What the subscriptions of a running app are doing.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

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
    /// Whether the broker has confirmed every consumer: what a readiness probe asks. An app that only publishes needs none,
    /// and is ready from its start on.
    pub fn is_ready(&self) -> bool {
        self.subscriptions.iter().all(|subscription| subscription.status.is_ready())
    }
}

/// Sees the health of a running app from elsewhere, such as from a readiness endpoint beside
/// [`Running::until_stopped`](crate::Running::until_stopped). Cloning is cheap; when the app has ended, every subscription
/// is stopped.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{AnyEvent, Broker, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> eda_core::Result {
/// let broker = Broker::new(Memory::new()).await?;
/// let running = Service::new("audit").on("log", |_: AnyEvent| async {}).start(&broker).await?;
/// let watch = running.health_watch();
/// let endpoint = move || if watch.health().is_ready() { 200 } else { 503 };
/// assert_eq!(endpoint(), 200);
/// running.shutdown().await?;
/// assert_eq!(endpoint(), 503);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HealthWatch {
    watched: Arc<[Watched]>,
}

#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) service: String,
    pub(crate) queue: String,
    pub(crate) status: watch::Receiver<ConsumerStatus>,
}

impl HealthWatch {
    pub(crate) fn new(watched: Vec<Watched>) -> Self {
        Self { watched: watched.into() }
    }

    /// What every subscription is doing right now.
    pub fn health(&self) -> Health {
        let subscriptions = self.watched.iter().map(|watched| SubscriptionHealth {
            service: watched.service.clone(),
            queue: watched.queue.clone(),
            status: watched.status.borrow().clone(),
        });
        Health { subscriptions: subscriptions.collect() }
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
