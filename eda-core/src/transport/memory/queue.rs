//! One queue: what is ready, delayed, handed out and dead. It knows no async.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

use super::inspect::{DeadLetter, QueueSnapshot};
use crate::message::Message;
use crate::transport::{FailureRecord, Token};

/// A message in a queue.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) message: Message,
    pub(super) attempt: u32,
    pub(super) redelivered: bool,
    place: u64,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Entry>,
    delayed: BTreeMap<(Instant, u64), Entry>,
    unacked: BTreeMap<Token, Entry>,
    dead: Vec<DeadLetter>,
    arrivals: u64,
}

impl Queue {
    pub(super) fn push(&mut self, message: Message, attempt: u32) {
        let place = self.next_place();
        self.ready.push_back(Entry { message, attempt, redelivered: false, place });
    }

    /// What is due is ready, at the end: it is a fresh message.
    pub(super) fn promote(&mut self, now: Instant) {
        while let Some(first) = self.delayed.first_entry()
            && first.key().0 <= now
        {
            let Entry { message, attempt, .. } = first.remove();
            self.push(message, attempt);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn take(&mut self, token: Token) -> Option<Entry> {
        let entry = self.ready.pop_front()?;
        self.unacked.insert(token, entry.clone());
        Some(entry)
    }

    /// Whether the token was still open.
    pub(super) fn ack(&mut self, token: Token) -> bool {
        self.unacked.remove(&token).is_some()
    }

    /// Back to where it stood among those that are ready.
    pub(super) fn give_back(&mut self, token: Token) -> bool {
        let Some(mut entry) = self.unacked.remove(&token) else { return false };
        entry.redelivered = true;
        let index = self.ready.partition_point(|other| other.place < entry.place);
        self.ready.insert(index, entry);
        true
    }

    pub(super) fn retry(&mut self, token: Token, due: Instant, failure: &FailureRecord) -> bool {
        let Some(mut entry) = self.unacked.remove(&token) else { return false };
        entry.attempt = failure.attempt.saturating_add(1);
        let place = self.next_place();
        self.delayed.insert((due, place), entry);
        true
    }

    pub(super) fn dead_letter(&mut self, token: Token, failure: &FailureRecord) -> bool {
        let Some(entry) = self.unacked.remove(&token) else { return false };
        self.dead.push(DeadLetter { message: entry.message, failure: failure.clone() });
        true
    }

    /// Everything that a consumer has open goes back, as when its channel closes.
    pub(super) fn release(&mut self, generation: u64) {
        let open = self.unacked.keys().filter(|token| token.generation == generation).copied().collect::<Vec<_>>();
        for token in open {
            self.give_back(token);
        }
    }

    pub(super) fn snapshot(&self, now: Instant) -> QueueSnapshot {
        let due = self.delayed.keys().take_while(|(due, _)| *due <= now).count();
        QueueSnapshot { ready: self.ready.len() + due, delayed: self.delayed.len() - due, unacked: self.unacked.len() }
    }

    pub(super) fn dead(&self) -> &[DeadLetter] {
        &self.dead
    }

    fn next_place(&mut self) -> u64 {
        self.arrivals += 1;
        self.arrivals
    }
}
