//! One queue: what is ready, delayed and dead, and whose turn it is. It awaits nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use super::inspect::{DeadLetter, QueueSnapshot};
use super::keep::Shelf;
use super::port::{Entry, Port};
use crate::message::{EventId, Message};
use crate::transport::{Delivery, FailureRecord, Settle, Token};

/// Who declared a queue. On RabbitMQ theirs has other arguments than ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Us,
    Foreign,
}

/// What a consumer got.
pub(super) struct HandedOut {
    pub(super) count: usize,
    /// When to look again.
    pub(super) next_due: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Queue {
    owner: Owner,
    /// What was given back, in that order, before everything that is ready: so quorum queues with a delivery limit do it.
    returned: VecDeque<Entry>,
    ready: VecDeque<Entry>,
    delayed: BTreeMap<(Instant, u64), Entry>,
    last_delayed: u64,
    dead: Shelf<DeadLetter>,
    ports: Vec<Port>,
    /// The port that is looked at first for the next message.
    turn: usize,
}

impl Queue {
    pub(super) fn new(owner: Owner) -> Self {
        Self {
            owner,
            returned: VecDeque::new(),
            ready: VecDeque::new(),
            delayed: BTreeMap::new(),
            last_delayed: 0,
            dead: Shelf::default(),
            ports: Vec::new(),
            turn: 0,
        }
    }

    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    pub(super) fn push(&mut self, message: Arc<Message>) {
        self.ready.push_back(Entry { message, attempt: 1, redelivered: false });
        self.dispatch();
    }

    pub(super) fn open(&mut self, port: Port) {
        self.ports.push(port);
        self.dispatch();
    }

    /// What is on the way to a consumer, or when it should look again; `None` means that there will be no more for it.
    pub(super) fn hand_out(
        &mut self,
        generation: u64,
        batch: &mut Vec<Delivery>,
        max: usize,
        settle: &Arc<dyn Settle>,
    ) -> Option<HandedOut> {
        self.promote();
        let port = self.port(generation).filter(|port| !port.is_cancelled())?;
        let count = port.hand_out(batch, max, settle);
        Some(HandedOut { count, next_due: self.delayed.first_key_value().map(|((due, _), _)| *due) })
    }

    /// Whether the token was still open: one that is not belongs to a closed consumer, and its message is back already.
    pub(super) fn ack(&mut self, token: Token) -> bool {
        let was_open = self.port(token.generation).is_some_and(|port| port.ack(token.tag));
        self.dispatch();
        was_open
    }

    /// Whether the token was still open.
    pub(super) fn give_back(&mut self, token: Token) -> bool {
        let Some(entry) = self.settle(token) else { return false };
        self.returned.push_back(entry);
        self.dispatch();
        true
    }

    /// Whether the token was still open.
    pub(super) fn retry(&mut self, token: Token, due: Instant, failure: &FailureRecord) -> bool {
        let Some(Entry { mut message, .. }) = self.settle(token) else { return false };
        if message.id.is_none() {
            Arc::make_mut(&mut message).id = Some(EventId::new());
        }
        let attempt = failure.attempt.saturating_add(1);
        self.last_delayed += 1;
        self.delayed.insert((due, self.last_delayed), Entry { message, attempt, redelivered: false });
        // whoever waits does so until another time
        self.ports.iter().for_each(|port| port.bell().rung.notify_one());
        self.dispatch();
        true
    }

    /// Whether the token was still open.
    pub(super) fn dead_letter(&mut self, token: Token, failure: &FailureRecord) -> bool {
        let Some(Entry { message, .. }) = self.settle(token) else { return false };
        self.dead.push(DeadLetter { message: Arc::unwrap_or_clone(message), failure: failure.clone() });
        self.dispatch();
        true
    }

    /// The consumer gets no more, and what was on the way to it goes back. Whether it was still open.
    pub(super) fn cancel(&mut self, generation: u64) -> bool {
        let Some(port) = self.port(generation) else { return false };
        let on_the_way = port.cancel();
        self.give_back_all(on_the_way);
        true
    }

    /// Everything that the consumer has goes back, as when its channel closes.
    pub(super) fn close(&mut self, generation: u64, why: &str) {
        let Some(index) = self.ports.iter().position(|port| port.generation() == generation) else { return };
        let port = self.ports.remove(index);
        self.turn -= usize::from(index < self.turn);
        self.give_back_all(port.end(why));
    }

    pub(super) fn close_all(&mut self, why: &str) {
        for port in std::mem::take(&mut self.ports) {
            self.give_back_all(port.end(why));
        }
    }

    /// Whether nothing is ready or unsettled; what is delayed is not looked at.
    pub(super) fn is_idle(&self) -> bool {
        self.returned.is_empty() && self.ready.is_empty() && self.ports.iter().all(|port| port.unacked() == 0)
    }

    pub(super) fn snapshot(&self, now: Instant) -> QueueSnapshot {
        let due = self.delayed.keys().take_while(|(due, _)| *due <= now).count();
        QueueSnapshot {
            ready: self.returned.len() + self.ready.len() + due,
            delayed: self.delayed.len() - due,
            unacked: self.ports.iter().map(Port::unacked).sum(),
        }
    }

    pub(super) fn dead(&self) -> &Shelf<DeadLetter> {
        &self.dead
    }

    pub(super) fn dead_mut(&mut self) -> &mut Shelf<DeadLetter> {
        &mut self.dead
    }

    /// What is due is ready, at the end: it is a fresh message.
    fn promote(&mut self) {
        if self.delayed.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(first) = self.delayed.first_entry()
            && first.key().0 <= now
        {
            self.ready.push_back(first.remove());
        }
        self.dispatch();
    }

    /// Sends what is ready to the consumers that have room, in turn.
    fn dispatch(&mut self) {
        while let Some(index) = self.next_port()
            && let Some(entry) = self.returned.pop_front().or_else(|| self.ready.pop_front())
        {
            self.turn = index + 1;
            self.ports[index].send(entry);
        }
    }

    fn next_port(&self) -> Option<usize> {
        let (earlier, later) = self.ports.split_at(self.turn.min(self.ports.len()));
        let room = |ports: &[Port]| ports.iter().position(Port::has_room);
        room(later).map(|index| earlier.len() + index).or_else(|| room(earlier))
    }

    fn give_back_all(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.returned.extend(entries.into_iter().map(|entry| Entry { redelivered: true, ..entry }));
        self.dispatch();
    }

    fn settle(&mut self, token: Token) -> Option<Entry> {
        self.port(token.generation)?.settle(token.tag)
    }

    fn port(&mut self, generation: u64) -> Option<&mut Port> {
        self.ports.iter_mut().find(|port| port.generation() == generation)
    }
}
