//! What happens next, and when.

use std::collections::BTreeMap;

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
    events: BTreeMap<(Instant, u64), Event>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: Instant, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Event> {
        let entry = self.events.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
