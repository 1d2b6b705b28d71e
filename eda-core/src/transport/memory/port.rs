//! What the broker knows of one consumer: how much it may have, what is on the way to it, and what it has not settled.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use crate::message::Message;
use crate::transport::{ConsumerState, ConsumerStatus, Delivery, Settle, Token};

/// A message in a queue.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) message: Message,
    pub(super) attempt: u32,
    pub(super) redelivered: bool,
}

/// How a consumer hears of changes.
#[derive(Debug)]
pub(super) struct Bell {
    /// Rung when deliveries are on the way, when it must look at the clock again, and when there will be no more.
    pub(super) rung: Notify,
    status: watch::Sender<ConsumerStatus>,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self { rung: Notify::new(), status: watch::Sender::new(ConsumerStatus::now(ConsumerState::Consuming, "")) }
    }

    pub(super) fn tell(&self, state: ConsumerState, why: &str) {
        self.status.send_replace(ConsumerStatus::now(state, why));
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
    last_tag: u64,
    on_the_way: VecDeque<Entry>,
    unsettled: BTreeMap<u64, Unsettled>,
    bell: Arc<Bell>,
}

#[derive(Debug)]
struct Unsettled {
    message: Arc<Message>,
    attempt: u32,
}

impl Port {
    pub(super) fn new(generation: u64, prefetch: u16, bell: Arc<Bell>) -> Self {
        let (on_the_way, unsettled) = (VecDeque::new(), BTreeMap::new());
        Self { generation, prefetch: prefetch.into(), is_cancelled: false, last_tag: 0, on_the_way, unsettled, bell }
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
            self.last_tag += 1;
            let token = Token { generation: self.generation, tag: self.last_tag };
            let delivery = Delivery::new(message, attempt, redelivered, token, Arc::clone(settle));
            self.unsettled.insert(token.tag, Unsettled { message: Arc::clone(delivery.message()), attempt });
            batch.push(delivery);
        }
        count
    }

    pub(super) fn is_open(&self, tag: u64) -> bool {
        self.unsettled.contains_key(&tag)
    }

    /// Takes out what is settled; `None` where it was before.
    pub(super) fn settle(&mut self, tag: u64) -> Option<Entry> {
        self.unsettled.remove(&tag).map(Entry::from)
    }

    /// An ack needs no message back.
    pub(super) fn ack(&mut self, tag: u64) -> bool {
        self.unsettled.remove(&tag).is_some()
    }

    /// Takes no more; gives what was on the way.
    pub(super) fn cancel(&mut self) -> VecDeque<Entry> {
        self.is_cancelled = true;
        std::mem::take(&mut self.on_the_way)
    }

    /// Its end; gives everything that it has, in the order of delivery.
    pub(super) fn end(self, why: &str) -> impl Iterator<Item = Entry> {
        self.bell.tell(ConsumerState::Stopped, why);
        self.bell.rung.notify_one();
        self.unsettled.into_values().map(Entry::from).chain(self.on_the_way)
    }
}

impl From<Unsettled> for Entry {
    fn from(Unsettled { message, attempt }: Unsettled) -> Self {
        Self { message: Arc::unwrap_or_clone(message), attempt, redelivered: true }
    }
}
