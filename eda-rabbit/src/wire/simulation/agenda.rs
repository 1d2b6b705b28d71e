//! What happens next, and when.

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

use super::frames::{Frame, Request};
use super::publishing::Commit;

#[derive(Debug)]
pub(super) enum Event {
    /// A frame comes to the broker.
    Arrive {
        connection: u64,
        channel: u16,
        request: Request,
    },
    /// A frame comes to the client.
    Reach {
        connection: u64,
        frame: Frame,
    },
    Commit(Commit),
    FlushConfirms {
        connection: u64,
        channel: u16,
    },
    /// A queue has written acks down.
    Settled {
        connection: u64,
        channel: u16,
        tags: Vec<u64>,
    },
    Expire(String),
    BuryAgain(String),
    /// The broker has heard nothing from a client for two heartbeats.
    BrokerGivesUp(u64),
    /// A client has heard nothing from the broker for two heartbeats.
    ClientGivesUp(u64),
    ResetAtClient(u64),
    ResetAtBroker(u64),
    /// A direction of a network comes back.
    Unsilence {
        connection: u64,
    },
    Unblock,
}

/// Events by time; those of one time in the order in which they were planned.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    events: BTreeMap<Instant, VecDeque<Event>>,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: Instant, event: Event) {
        self.events.entry(at).or_default().push_back(event);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.events.first_key_value().map(|(at, _)| *at)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Event> {
        let mut first = self.events.first_entry().filter(|first| *first.key() <= now)?;
        let event = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        event
    }
}
