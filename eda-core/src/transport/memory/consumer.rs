//! One consumer of a queue: hands out deliveries and settles them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::port::{Bell, Port};
use super::queue::{HandedOut, Queue};
use super::state::{Locked, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::topology::Subscription;
use crate::transport::{ConsumerState, ConsumerStatus, Deliveries, Delivery, FailureRecord, Settle, Token, limits};

/// As on RabbitMQ.
const DEFAULT_PREFETCH: u16 = 256;

pub(super) struct Consumer {
    channel: Arc<Channel>,
    settle: Arc<dyn Settle>,
}

/// What deliveries hold to be settled.
struct Channel {
    shared: Arc<Shared>,
    queue: Arc<Locked>,
    generation: u64,
    bell: Arc<Bell>,
}

impl Consumer {
    pub(super) fn open(shared: &Arc<Shared>, subscription: &Subscription) -> Result<Self> {
        let name = &subscription.queue;
        limits::check_subscription(subscription)?;
        let prefetch = subscription.policy.prefetch.unwrap_or(DEFAULT_PREFETCH);
        let mut state = shared.state();
        state.check_open()?;
        let Some(queue) = state.queue(name).cloned() else {
            let text = format!("there is no queue `{name}`: declare the topology before subscribing");
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let generation = state.next_generation();
        let bell = Arc::new(Bell::new());
        queue.queue().open(Port::new(generation, prefetch, Arc::clone(&bell)));
        let channel = Arc::new(Channel { shared: Arc::clone(shared), queue, generation, bell });
        Ok(Self { settle: Arc::clone(&channel) as Arc<dyn Settle>, channel })
    }

    fn hand_out(&self, batch: &mut Vec<Delivery>, max: usize) -> Option<HandedOut> {
        self.channel.queue.queue().hand_out(self.channel.generation, batch, max, &self.settle)
    }
}

#[async_trait]
impl Deliveries for Consumer {
    async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Result<usize> {
        loop {
            // a bell that rings between looking and waiting ends the wait at once
            match self.hand_out(batch, max) {
                None => return Ok(0),
                Some(HandedOut { count: 0, next_due: None }) => self.channel.bell.rung.notified().await,
                Some(HandedOut { count: 0, next_due: Some(due) }) => {
                    tokio::select! {
                        () = self.channel.bell.rung.notified() => {}
                        () = sleep_until(due) => {}
                    }
                }
                Some(HandedOut { count, .. }) => return Ok(count),
            }
        }
    }

    async fn cancel(&mut self) -> Result<()> {
        let mut queue = self.channel.queue.queue();
        // one that has ended stays so
        if queue.cancel(self.channel.generation) {
            self.channel.bell.tell(ConsumerState::Draining, "");
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.channel.close();
        Ok(())
    }

    fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.channel.bell.status()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.channel.close();
    }
}

impl Channel {
    /// What is open goes back to the queue, and later settlements are ignored.
    fn close(&self) {
        self.queue.queue().close(self.generation, "");
    }

    /// Whether the token was still open.
    fn change(&self, change: impl FnOnce(&mut Queue) -> bool) -> bool {
        let mut queue = self.queue.queue();
        let was_open = change(&mut queue);
        let is_idle = queue.is_idle();
        drop(queue);
        if is_idle {
            self.shared.idle.notify_waiters();
        }
        was_open
    }

    fn move_away(&self, change: impl FnOnce(&mut Queue) -> bool) -> Result {
        if self.change(change) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, "the subscription that it came on has ended: it comes again"))
    }
}

#[async_trait]
impl Settle for Channel {
    /// What was handed out and not settled goes back at the end only.
    fn is_open(&self, _token: Token) -> bool {
        !self.bell.has_ended()
    }

    fn ack(&self, token: Token) {
        self.change(|queue| queue.ack(token));
    }

    fn give_back(&self, token: Token) {
        self.change(|queue| queue.give_back(token));
    }

    async fn retry(&self, token: Token, after: Duration, failure: &FailureRecord) -> Result<()> {
        if let Err(error) = limits::check_delay(after) {
            self.give_back(token);
            return Err(error);
        }
        self.move_away(|queue| queue.retry(token, Instant::now() + after, failure))
    }

    async fn dead_letter(&self, token: Token, failure: &FailureRecord) -> Result<()> {
        self.move_away(|queue| queue.dead_letter(token, failure))
    }
}
