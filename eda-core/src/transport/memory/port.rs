//! What the broker knows of one consumer: how much it may have, what is on the way to it, and what it has not settled.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

use super::unsettled::Unsettled;
use crate::message::Message;
use crate::transport::{ConsumerState, ConsumerStatus, Delivery, Settle, Token};

/// A message in a queue.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) message: Arc<Message>,
    pub(super) attempt: u32,
    pub(super) redelivered: bool,
}

/// How a consumer hears of changes.
#[derive(Debug)]
pub(super) struct Bell {
    /// Rung when deliveries are on the way, when it must look at the clock again, and when there will be no more.
    pub(super) rung: Notify,
    /// Whether what the consumer has not settled has gone back.
    has_ended: AtomicBool,
    status: watch::Sender<ConsumerStatus>,
}

impl Bell {
    pub(super) fn new() -> Self {
        let status = watch::Sender::new(ConsumerStatus::now(ConsumerState::Consuming, ""));
        Self { rung: Notify::new(), has_ended: AtomicBool::new(false), status }
    }

    pub(super) fn tell(&self, state: ConsumerState, why: &str) {
        self.status.send_replace(ConsumerStatus::now(state, why));
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(super) fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.status.subscribe()
    }
}

#[derive(Debug)]
pub(super) struct Port {
    generation: u64,
    prefetch: usize,
    is_cancelled: bool,
    on_the_way: VecDeque<Entry>,
    unsettled: Unsettled,
    bell: Arc<Bell>,
}

impl Port {
    pub(super) fn new(generation: u64, prefetch: u16, bell: Arc<Bell>) -> Self {
        let (on_the_way, unsettled) = (VecDeque::new(), Unsettled::default());
        Self { generation, prefetch: prefetch.into(), is_cancelled: false, on_the_way, unsettled, bell }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn bell(&self) -> &Bell {
        &self.bell
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }

    pub(super) fn has_room(&self) -> bool {
        !self.is_cancelled && self.unacked() < self.prefetch
    }

    /// What its prefetch counts.
    pub(super) fn unacked(&self) -> usize {
        self.on_the_way.len() + self.unsettled.len()
    }

    pub(super) fn send(&mut self, entry: Entry) {
        // one that still has something on the way need not be woken: it looks before it waits
        if self.on_the_way.is_empty() {
            self.bell.rung.notify_one();
        }
        self.on_the_way.push_back(entry);
    }

    /// Makes deliveries of what is on the way; tells how many.
    pub(super) fn hand_out(&mut self, batch: &mut Vec<Delivery>, max: usize, settle: &Arc<dyn Settle>) -> usize {
        let count = max.min(self.on_the_way.len());
        for Entry { message, attempt, redelivered } in self.on_the_way.drain(..count) {
            let tag = self.unsettled.insert(Arc::clone(&message), attempt);
            let token = Token { generation: self.generation, tag };
            batch.push(Delivery::new(message, attempt, redelivered, token, Arc::clone(settle)));
        }
        count
    }

    /// Takes out what is settled; `None` where it was before.
    pub(super) fn settle(&mut self, tag: u64) -> Option<Entry> {
        self.unsettled.remove(tag)
    }

    /// An ack needs no message back.
    pub(super) fn ack(&mut self, tag: u64) -> bool {
        self.unsettled.remove(tag).is_some()
    }

    /// Takes no more; gives what was on the way.
    pub(super) fn cancel(&mut self) -> VecDeque<Entry> {
        self.is_cancelled = true;
        std::mem::take(&mut self.on_the_way)
    }

    /// Its end; gives everything that it has, in the order of delivery.
    pub(super) fn end(self, why: &str) -> impl Iterator<Item = Entry> {
        self.bell.has_ended.store(true, Ordering::Release);
        self.bell.tell(ConsumerState::Stopped, why);
        self.bell.rung.notify_one();
        self.unsettled.into_entries().chain(self.on_the_way)
    }
}
