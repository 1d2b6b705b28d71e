//! Events whose callers were told that no word had come in time. The word still may, for as long as the channel lives: while
//! a broker takes nothing, as in an alarm, the message lies in the client or in a socket. Whoever publishes the event again
//! meanwhile waits for that word, and whoever comes later is told it: the broker has the event once.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::time::Duration;

use eda_core::EventId;
use tokio::time::Instant;

use crate::publisher::Parcel;

/// How long a word that came late is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// So many events are remembered, with bodies up to so many bytes, which are read to tell them apart; others come twice, as
/// they would without this.
const MOST: usize = 4_096;
const LARGEST: usize = 64 * 1024;
/// Each publish has its own.
const OF_THE_TRACE: [&str; 2] = ["traceparent", "tracestate"];

#[derive(Default)]
pub(super) struct Unheard {
    hasher: RandomState,
    events: HashMap<Key, State>,
    /// When the last word that came late is remembered no longer.
    forget_at: Option<Instant>,
}

/// An event's id, and a digest of where it goes and of all that it says but its time and its trace: one id may stand for what is
/// not the same.
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
        self.forget(now);
        if self.events.len() < MOST
            && let Some(key) = self.key(parcel)
        {
            self.events.insert(key, State::InFlight(number));
        }
    }

    /// There is a word on this one, of which nobody waits for it; `confirmed` tells since when the broker has it, if it has.
    pub(super) fn end(&mut self, number: u64, parcel: &Parcel, confirmed: Option<Instant>) {
        let key = if self.events.is_empty() { None } else { self.key(parcel) };
        let Some(key) = key.filter(|key| self.events.get(key) == Some(&State::InFlight(number))) else { return };
        match confirmed {
            Some(at) => {
                self.events.insert(key, State::Confirmed(at));
                self.forget_at = Some(at + REMEMBERED);
            }
            None => drop(self.events.remove(&key)),
        }
    }

    /// What has become of the same event that was published before; it is told once.
    pub(super) fn take(&mut self, parcel: &Parcel) -> Option<State> {
        if self.events.is_empty() {
            return None;
        }
        let now = Instant::now();
        self.forget(now);
        let key = self.key(parcel)?;
        self.events.remove(&key).filter(|state| !state.is_forgotten(now))
    }

    /// The channel is gone, and every word with it that had not come.
    pub(super) fn lose(&mut self) {
        self.events.retain(|_, state| matches!(state, State::Confirmed(_)));
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// All at once, so that a publish looks nothing up as soon as there is nothing to find.
    fn forget(&mut self, now: Instant) {
        if self.forget_at.is_some_and(|at| at <= now) {
            self.events.retain(|_, state| !state.is_forgotten(now));
            self.forget_at = None;
        }
    }

    /// Of an event: a retry or a dead letter is published by a settler, who holds one copy for minutes.
    fn key(&self, parcel: &Parcel) -> Option<Key> {
        let Parcel::Event(message, exchange) = parcel else { return None };
        let id = message.id.clone().filter(|_| message.body.len() <= LARGEST)?;
        let mut hasher = self.hasher.build_hasher();
        let route = (exchange, &message.routing_key, &message.partition_key);
        let kind = (&message.name, message.version, &message.source, &message.content_type);
        (route, kind, &message.correlation_id, &message.causation_id, &message.body).hash(&mut hasher);
        for (name, value) in message.headers.iter().filter(|(name, _)| !OF_THE_TRACE.contains(name)) {
            (name, format!("{value:?}")).hash(&mut hasher);
        }
        Some((id, hasher.finish()))
    }
}

impl State {
    fn is_forgotten(self, now: Instant) -> bool {
        matches!(self, Self::Confirmed(at) if at + REMEMBERED <= now)
    }
}
