//! What tests and tools look at.

use std::sync::Arc;

use tokio::time::Instant;

use super::Memory;
use crate::message::Message;
use crate::transport::FailureRecord;

/// How many messages a queue holds, by where they are.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueSnapshot {
    /// Waiting for a consumer.
    pub ready: usize,
    /// Waiting for their retry's time.
    pub delayed: usize,
    /// Handed out, or on the way to a consumer, and not settled.
    pub unacked: usize,
}

/// A delivery that is kept with the reason.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The original, unchanged.
    pub message: Message,
    /// Why, where and when.
    pub failure: FailureRecord,
}

impl Memory {
    /// How many messages a queue holds; `None` where there is no such queue.
    pub fn queue(&self, name: &str) -> Option<QueueSnapshot> {
        self.shared.state().queue(name).map(|queue| queue.queue().snapshot(Instant::now()))
    }

    /// The dead letters of a queue, oldest first.
    pub fn dead_letters(&self, queue: &str) -> Vec<DeadLetter> {
        self.shared.state().queue(queue).map(|queue| queue.queue().dead().iter().cloned().collect()).unwrap_or_default()
    }

    /// The messages that no queue was bound for, oldest first.
    pub fn unrouted(&self) -> Vec<Message> {
        self.shared.state().unrouted.iter().map(|message| Message::clone(message)).collect()
    }

    /// Whether no queue holds anything that is ready or unsettled. Retries that wait for their time are not looked at.
    pub fn is_idle(&self) -> bool {
        let now = Instant::now();
        self.shared.state().queues().all(|queue| {
            let snapshot = queue.queue().snapshot(now);
            snapshot.ready + snapshot.unacked == 0
        })
    }

    /// Waits until [`is_idle`](Self::is_idle) holds, by counting and without a timer, or until the broker is closed. What
    /// handlers publish counts from before their own delivery is settled, so a chain of events is waited for to its end.
    ///
    /// A queue that nobody consumes keeps it waiting: give it a deadline.
    ///
    /// ```
    /// use eda_core::transport::memory::Memory;
    /// use eda_core::{AnyEvent, Broker, Message, Service};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> eda_core::Result {
    /// let memory = Memory::new();
    /// let broker = Broker::new(memory.clone()).await?;
    /// let running = Service::new("audit").on("log", |_: AnyEvent| async {}).start(&broker).await?;
    /// memory.send_to_queue("audit.log", Message::new("order.created", "{}"))?;
    /// memory.until_idle().await;
    /// assert!(memory.is_idle());
    /// running.shutdown().await
    /// # }
    /// ```
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn until_idle(&self) {
        loop {
            let mut idle = std::pin::pin!(self.shared.idle.notified());
            // from here on a change is not missed, so looking and then waiting is safe
            idle.as_mut().enable();
            if self.shared.state().is_closed || self.is_idle() {
                return;
            }
            idle.await;
        }
    }

    /// Whether two handles are of one broker.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}
