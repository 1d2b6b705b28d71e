//! One consumer: hands out deliveries, and settles them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{ConsumerState, ConsumerStatus, Deliveries, Delivery, FailureRecord, Settle, Token, limits};
use eda_core::{Error, ErrorKind, Policy, Result};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::reason;
use crate::store::{Place, Queue, Taken};
use crate::transport::Shared;

pub(crate) struct Consumer {
    channel: Arc<Channel>,
    changed: watch::Receiver<()>,
    prefetch: usize,
    is_cancelled: bool,
}

/// What deliveries hold to be settled: it lives as long as one of them.
pub(crate) struct Channel {
    shared: Arc<Shared>,
    queue: Queue,
    open: Mutex<Open>,
    status: watch::Sender<ConsumerStatus>,
}

/// What is in hand, by the tag of its token.
struct Open {
    taken: BTreeMap<u64, Place>,
    last_tag: u64,
    is_closed: bool,
}

impl Consumer {
    pub(crate) fn new(shared: &Arc<Shared>, queue: Queue, policy: &Policy) -> Self {
        let open = Mutex::new(Open { taken: BTreeMap::new(), last_tag: 0, is_closed: false });
        let status = watch::Sender::new(ConsumerStatus::now(ConsumerState::Consuming, ""));
        let channel = Arc::new(Channel { shared: Arc::clone(shared), queue, open, status });
        let (changed, prefetch) = (shared.changed.subscribe(), policy.prefetch.unwrap_or(256).into());
        Self { channel, changed, prefetch, is_cancelled: false }
    }

    pub(crate) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// What can be had now, in one piece: nothing is awaited between taking a file and handing out its delivery, so a
    /// `receive` that is cancelled loses nothing. `None` is the end.
    fn take(&self, batch: &mut Vec<Delivery>, max: usize) -> Result<Option<(usize, Option<Duration>)>> {
        let mut open = self.channel.open();
        if self.is_cancelled || open.is_closed {
            return Ok(None);
        }
        let room = self.prefetch.saturating_sub(open.taken.len()).min(max);
        if room == 0 {
            return Ok(Some((0, None)));
        }
        let Taken { messages, next_due } = self.channel.queue.take(room)?;
        let count = messages.len();
        for (place, message) in messages {
            open.last_tag += 1;
            let (token, settle) = (Token { generation: 0, tag: open.last_tag }, Arc::clone(&self.channel));
            batch.push(Delivery::new(message, place.attempt, place.redelivered, token, settle));
            open.taken.insert(token.tag, place);
        }
        Ok(Some((count, next_due)))
    }
}

#[async_trait]
impl Deliveries for Consumer {
    async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Result<usize> {
        loop {
            // first, so that a change from here on ends the wait below
            self.changed.mark_unchanged();
            let Some((count, next_due)) = self.take(batch, max)? else { return Ok(0) };
            if count > 0 {
                return Ok(count);
            }
            tokio::select! {
                // the sender lives in the channel, so there is no error
                _ = self.changed.changed() => {}
                () = sleep(next_due.unwrap_or_default()), if next_due.is_some() => {}
            }
        }
    }

    async fn cancel(&mut self) -> Result<()> {
        self.is_cancelled = true;
        if !self.channel.open().is_closed {
            self.channel.tell(ConsumerState::Draining);
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        self.channel.close();
        Ok(())
    }

    fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.channel.status.subscribe()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.channel.close();
    }
}

impl Channel {
    /// What is in hand goes back; who settles it later is too late.
    pub(crate) fn close(&self) {
        let taken = {
            let mut open = self.open();
            open.is_closed = true;
            std::mem::take(&mut open.taken)
        };
        for place in taken.values() {
            self.queue.give_back(place);
        }
        self.tell(ConsumerState::Stopped);
        self.shared.changed.send_replace(());
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, state: ConsumerState) {
        self.status.send_replace(ConsumerStatus::now(state, ""));
    }

    /// Moves what is in hand; then there is room for another. Nothing happens to what is not in hand any more.
    fn settle<T>(&self, token: Token, change: impl FnOnce(&Place) -> T) -> Option<T> {
        let place = self.open().taken.remove(&token.tag)?;
        let changed = change(&place);
        self.shared.changed.send_replace(());
        Some(changed)
    }

    /// As [`settle`](Self::settle), for what may fail: then it is given back.
    fn move_away(&self, token: Token, change: impl FnOnce(&Place) -> Result<()>) -> Result<()> {
        let moved = self.settle(token, |place| change(place).inspect_err(|_| self.queue.give_back(place)));
        moved.unwrap_or_else(|| Err(Error::new(ErrorKind::Unavailable, "its subscription has ended: it comes again")))
    }
}

#[async_trait]
impl Settle for Channel {
    fn is_open(&self, token: Token) -> bool {
        self.open().taken.contains_key(&token.tag)
    }

    fn ack(&self, token: Token) {
        self.settle(token, |place| self.queue.remove(place));
    }

    fn give_back(&self, token: Token) {
        self.settle(token, |place| self.queue.give_back(place));
    }

    async fn retry(&self, token: Token, after: Duration, failure: &FailureRecord) -> Result<()> {
        self.move_away(token, |place| {
            limits::check_delay(after)?;
            let place = Place { attempt: failure.attempt, ..place.clone() };
            self.queue.retry(&place, after, self.shared.next_number())
        })
    }

    async fn dead_letter(&self, token: Token, failure: &FailureRecord) -> Result<()> {
        self.move_away(token, |place| self.queue.bury(place, &reason::encode(failure)))
    }
}
