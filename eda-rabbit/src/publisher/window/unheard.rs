//! Events whose callers were told that no word had come in time. The word still may, for as long as the channel lives: while
//! a broker takes nothing (an alarm, a flow of its own), the message lies in the client or in a socket. Whoever publishes
//! the event again meanwhile waits for that word, and whoever comes later is told it: the broker has the event once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use eda_core::EventId;
use tokio::time::Instant;

use crate::publisher::Parcel;

/// How long a word that came late is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// So many events are remembered; others come twice, as they would without this.
const MOST: usize = 4_096;

#[derive(Default)]
pub(super) struct Unheard {
    hasher: RandomState,
    events: HashMap<Key, State>,
}

/// An event's id, and a digest of where it goes and what it says: one id may stand for what is not the same.
type Key = (EventId, u64);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Under this number of the window.
    InFlight(u64),
    /// The broker has taken it.
    Confirmed(Instant),
}

impl Unheard {
    /// The caller of this one was told that no word came, and it is still on its way.
    pub(super) fn begin(&mut self, number: u64, parcel: &Parcel, now: Instant) {
        let Some(key) = self.key(parcel) else { return };
        if self.events.len() >= MOST {
            self.events.retain(|_, state| !state.is_forgotten(now));
        }
        if self.events.len() < MOST {
            self.events.insert(key, State::InFlight(number));
        }
    }

    /// There is a word on this one, of which nobody waits for it; `confirmed` tells since when the broker has it, if it has.
    pub(super) fn end(&mut self, number: u64, parcel: &Parcel, confirmed: Option<Instant>) {
        let key = if self.events.is_empty() { None } else { self.key(parcel) };
        let Some(key) = key.filter(|key| self.events.get(key) == Some(&State::InFlight(number))) else { return };
        match confirmed {
            Some(at) => self.events.insert(key, State::Confirmed(at)),
            None => self.events.remove(&key),
        };
    }

    /// What has become of the same event that was published before; it is told once.
    pub(super) fn take(&mut self, parcel: &Parcel) -> Option<State> {
        if self.events.is_empty() {
            return None;
        }
        let key = self.key(parcel)?;
        self.events.remove(&key).filter(|state| !state.is_forgotten(Instant::now()))
    }

    /// The channel is gone, and every word with it that had not come.
    pub(super) fn lose(&mut self) {
        self.events.retain(|_, state| matches!(state, State::Confirmed(_)));
    }

    /// Of an event: copies are published by settlers, who wait much longer than a broker is silent.
    fn key(&self, parcel: &Parcel) -> Option<Key> {
        let Parcel::Event(message, exchange) = parcel else { return None };
        let id = message.id.clone()?;
        let kind = (&message.name, message.version, &message.source, &message.content_type);
        Some((id, self.hasher.hash_one((exchange, &message.routing_key, kind, &message.partition_key, &message.body))))
    }
}

impl State {
    fn is_forgotten(self, now: Instant) -> bool {
        matches!(self, Self::Confirmed(at) if at + REMEMBERED <= now)
    }
}
