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
    /// Handed out and not settled.
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
        self.shared.state().queue(name).map(|queue| queue.snapshot(Instant::now()))
    }

    /// The dead letters of a queue, oldest first.
    pub fn dead_letters(&self, queue: &str) -> Vec<DeadLetter> {
        self.shared.state().queue(queue).map(|queue| queue.dead().to_vec()).unwrap_or_default()
    }

    /// The messages that no queue was bound for, oldest first.
    pub fn unrouted(&self) -> Vec<Message> {
        self.shared.state().unrouted.iter().cloned().collect()
    }

    /// Whether no queue holds anything that is ready or handed out. Retries that wait for their time are not looked at.
    pub fn is_idle(&self) -> bool {
        let now = Instant::now();
        self.shared.state().queues().all(|queue| {
            let snapshot = queue.snapshot(now);
            snapshot.ready + snapshot.unacked == 0
        })
    }

    /// Whether two handles are of one broker.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}
