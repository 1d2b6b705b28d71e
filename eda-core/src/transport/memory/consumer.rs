//! One consumer of a queue: hands out deliveries and settles them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::queue::Queue;
use super::state::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::topology::Subscription;
use crate::transport::{ConsumerState, ConsumerStatus, Deliveries, Delivery, FailureRecord, Settle, Token};

/// As on RabbitMQ.
const DEFAULT_PREFETCH: u16 = 256;

pub(super) struct Consumer {
    channel: Arc<Channel>,
    changed: Arc<Notify>,
    status: watch::Sender<ConsumerStatus>,
    last_tag: u64,
}

/// What deliveries hold to be settled.
struct Channel {
    shared: Arc<Shared>,
    queue: usize,
    generation: u64,
    prefetch: usize,
    phase: Mutex<Phase>,
}

#[derive(Debug)]
struct Phase {
    open: usize,
    is_cancelled: bool,
    is_closed: bool,
}

impl Consumer {
    pub(super) fn open(shared: &Arc<Shared>, subscription: &Subscription) -> Result<Self> {
        let mut state = shared.state();
        state.check_open()?;
        let name = &subscription.queue;
        let queue = state.index_of(name).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!("there is no queue `{name}`: declare the topology before subscribing"),
            )
        })?;
        let prefetch = subscription.policy.prefetch.unwrap_or(DEFAULT_PREFETCH).into();
        let phase = Mutex::new(Phase { open: 0, is_cancelled: false, is_closed: false });
        let channel =
            Channel { shared: Arc::clone(shared), queue, generation: state.next_generation(), prefetch, phase };
        let changed = Arc::clone(&state.slot(queue).changed);
        let (status, _) = watch::channel(ConsumerStatus::now(ConsumerState::Consuming, ""));
        Ok(Self { channel: Arc::new(channel), changed, status, last_tag: 0 })
    }

    /// What can be had right now, or when to look again; `None` means that there will be no more.
    fn take(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Option<Taken> {
        let channel = &self.channel;
        let mut state = channel.shared.state();
        let mut phase = channel.phase();
        if state.is_closed || phase.is_cancelled || phase.is_closed {
            return None;
        }
        let slot = state.slot(channel.queue);
        slot.queue.promote(Instant::now());
        let room = max.min(channel.prefetch - phase.open);
        let mut count = 0;
        while count < room {
            let token = Token { generation: channel.generation, tag: self.last_tag + 1 };
            let Some(entry) = slot.queue.take(token) else { break };
            self.last_tag += 1;
            count += 1;
            phase.open += 1;
            let settle = Arc::clone(channel) as Arc<dyn Settle>;
            batch.push(Delivery::new(entry.message, entry.attempt, entry.redelivered, token, settle));
        }
        Some(Taken { count, next_due: slot.queue.next_due() })
    }

    fn tell(&self, state: ConsumerState, why: &str) {
        self.status.send_replace(ConsumerStatus::now(state, why));
    }
}

struct Taken {
    count: usize,
    next_due: Option<Instant>,
}

#[async_trait]
impl Deliveries for Consumer {
    async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Result<usize> {
        loop {
            let changed = Arc::clone(&self.changed);
            let mut changed = std::pin::pin!(changed.notified());
            // from here on a change is not missed, so looking and then waiting is safe
            changed.as_mut().enable();
            match self.take(batch, max) {
                None => {
                    self.tell(ConsumerState::Stopped, "cancelled, or the broker was closed");
                    return Ok(0);
                }
                Some(Taken { count: 0, next_due: None }) => changed.await,
                Some(Taken { count: 0, next_due: Some(due) }) => {
                    tokio::select! {
                        () = changed => {}
                        () = sleep_until(due) => {}
                    }
                }
                Some(Taken { count, .. }) => return Ok(count),
            }
        }
    }

    async fn cancel(&mut self) -> Result<()> {
        self.channel.phase().is_cancelled = true;
        self.tell(ConsumerState::Draining, "");
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.channel.close();
        self.tell(ConsumerState::Stopped, "");
        Ok(())
    }

    fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.status.subscribe()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.channel.close();
    }
}

impl Channel {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is open goes back to the queue, and later settlements are ignored.
    fn close(&self) {
        let mut state = self.shared.state();
        self.phase().is_closed = true;
        let slot = state.slot(self.queue);
        slot.queue.release(self.generation);
        slot.changed.notify_waiters();
    }

    /// A token that is not open any more belongs to a closed channel: its message is back in the queue already.
    fn settle(&self, change: impl FnOnce(&mut Queue) -> bool) {
        let mut state = self.shared.state();
        let slot = state.slot(self.queue);
        if change(&mut slot.queue) {
            self.phase().open -= 1;
            slot.changed.notify_waiters();
        }
    }
}

#[async_trait]
impl Settle for Channel {
    fn ack(&self, token: Token) {
        self.settle(|queue| queue.ack(token));
    }

    fn give_back(&self, token: Token) {
        self.settle(|queue| queue.give_back(token));
    }

    async fn retry(&self, token: Token, after: Duration, failure: &FailureRecord) -> Result<()> {
        self.settle(|queue| queue.retry(token, Instant::now() + after, failure));
        Ok(())
    }

    async fn dead_letter(&self, token: Token, failure: &FailureRecord) -> Result<()> {
        self.settle(|queue| queue.dead_letter(token, failure));
        Ok(())
    }
}
