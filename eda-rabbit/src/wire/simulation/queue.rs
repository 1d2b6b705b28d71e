//! A quorum queue: what waits, what is in a consumer's hand, and what is to be dead-lettered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lapin::BasicProperties;
use tokio::time::Instant;

use crate::topology::{self, Argument};

/// A message, shared by the queues that hold it.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) properties: BasicProperties,
    pub(super) body: Bytes,
}

impl Message {
    pub(super) fn id(&self) -> &str {
        self.properties.message_id().as_ref().map_or("", |id| id.as_str())
    }
}

/// A message in one queue.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) message: Arc<Message>,
    /// How often it counts as delivered without an ack.
    pub(super) count: u64,
    /// Whether it came back at all.
    pub(super) redelivered: bool,
    pub(super) expires: Option<Instant>,
}

/// Where a consumer is: connection, channel, tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) connection: u64,
    pub(super) channel: u16,
    pub(super) tag: Arc<str>,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) arguments: Vec<(String, Argument)>,
    /// Came back, and goes out again first.
    pub(super) returned: VecDeque<Entry>,
    pub(super) ready: VecDeque<Entry>,
    /// The next one is in front.
    pub(super) consumers: VecDeque<Place>,
    pub(super) unacked: usize,
    /// To be dead-lettered at least once: waits behind what is held.
    pub(super) dying: VecDeque<(Entry, &'static str)>,
    /// What could not be dead-lettered, and is tried again after a time.
    pub(super) held: Vec<(Entry, &'static str)>,
    pub(super) last_commit: Option<Instant>,
    pub(super) expiry_is_planned: bool,
    pub(super) second_try_is_planned: bool,
}

/// How many dead letters a queue has in hand that dead-letters at least once.
pub(super) const IN_HAND: usize = 32;

impl Queue {
    pub(super) fn new(declared: &topology::Queue) -> Self {
        let arguments = declared.arguments.iter().flatten();
        Self {
            arguments: arguments.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            ..Self::default()
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find_map(|(known, value)| match value {
            Argument::Text(text) if known == name => Some(text.as_str()),
            _ => None,
        })
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.arguments.iter().find_map(|(known, value)| match value {
            Argument::Number(number) if known == name => u64::try_from(*number).ok(),
            _ => None,
        })
    }

    pub(super) fn dead_letter_exchange(&self) -> Option<&str> {
        self.text("x-dead-letter-exchange")
    }

    pub(super) fn dead_letter_key(&self) -> Option<&str> {
        self.text("x-dead-letter-routing-key")
    }

    pub(super) fn dead_letters_at_least_once(&self) -> bool {
        self.text("x-dead-letter-strategy") == Some("at-least-once") && self.rejects_when_full()
    }

    pub(super) fn rejects_when_full(&self) -> bool {
        self.text("x-overflow") == Some("reject-publish")
    }

    pub(super) fn delivery_limit(&self) -> Option<u64> {
        self.number("x-delivery-limit")
    }

    pub(super) fn is_full(&self) -> bool {
        self.number("x-max-length").is_some_and(|limit| self.ready_count() as u64 >= limit)
    }

    pub(super) fn ready_count(&self) -> usize {
        self.returned.len() + self.ready.len()
    }

    pub(super) fn is_dead_lettering(&self) -> usize {
        self.dying.len() + self.held.len()
    }

    /// When a message that comes now expires.
    pub(super) fn expiry(&self, message: &Message, now: Instant) -> Option<Instant> {
        let own = message.properties.expiration().as_ref().and_then(|text| text.as_str().parse().ok());
        let milliseconds = own.into_iter().chain(self.number("x-message-ttl")).min()?;
        Some(now + Duration::from_millis(milliseconds))
    }

    pub(super) fn pop(&mut self) -> Option<Entry> {
        self.returned.pop_front().or_else(|| self.ready.pop_front())
    }

    pub(super) fn head(&self) -> Option<&Entry> {
        self.returned.front().or_else(|| self.ready.front())
    }

    /// Everything in it, whoever has it in hand but consumers.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let dying = self.held.iter().chain(&self.dying).map(|(entry, _)| entry);
        self.returned.iter().chain(&self.ready).chain(dying)
    }
}
