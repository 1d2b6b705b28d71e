//! Routes that the broker takes nothing for: one message at a time finds out whether it takes them again.
//!
//! A broker refuses what is bound for a queue that is full, or whose leader is being elected. An event goes to the queues
//! of several services: each time that it is sent again, those that are well get it once more. So while a route is in
//! doubt, one message goes, and the others wait for what becomes of it. A new channel is in doubt, too: often it stands on
//! a node that has just taken over.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;
use tracing::{info, warn};

use super::Parcel;
use crate::backoff::Backoff;

#[derive(Default)]
pub(super) struct Holds {
    routes: HashMap<Route, Hold>,
}

/// A routing key and its exchange.
type Route = (Box<str>, Box<str>);

struct Hold {
    waiting: BTreeSet<u64>,
    /// The message that finds out; while it is on its way, the others wait for its word and not for a time.
    probe: Option<u64>,
    due: Instant,
    backoff: Backoff,
}

impl Holds {
    /// Whether the message waits here now, because its route is in doubt.
    pub(super) fn keep(&mut self, number: u64, parcel: &Parcel) -> bool {
        if self.routes.is_empty() {
            return false;
        }
        let Some(hold) = self.routes.get_mut(&route(parcel)) else { return false };
        hold.waiting.insert(number)
    }

    /// The route of this one is in doubt, from now on.
    pub(super) fn doubt(&mut self, parcel: &Parcel) {
        self.routes.entry(route(parcel)).or_insert_with(Hold::new);
    }

    /// The broker has refused this one, which waits here from now on.
    pub(super) fn refused(&mut self, number: u64, parcel: &Parcel) {
        let route = route(parcel);
        let is_new = !self.routes.contains_key(&route);
        let hold = self.routes.entry(route).or_insert_with(Hold::new);
        hold.waiting.insert(number);
        if is_new || hold.probe == Some(number) {
            if hold.backoff.tries() == 0 {
                let (key, exchange) = parcel.route();
                warn!(
                    routing_key = key,
                    exchange, "the broker refuses messages: a queue is full or in trouble; trying again"
                );
            }
            hold.probe = None;
            hold.due = Instant::now() + hold.backoff.next();
        }
    }

    /// The broker has taken this one, or said that nobody wants it: who waited for that, if it was to find out.
    pub(super) fn taken(&mut self, number: u64, parcel: &Parcel) -> BTreeSet<u64> {
        if self.routes.is_empty() {
            return BTreeSet::new();
        }
        let route = route(parcel);
        if self.routes.get(&route).is_none_or(|hold| hold.probe != Some(number)) {
            return BTreeSet::new();
        }
        let Some(hold) = self.routes.remove(&route) else { return BTreeSet::new() };
        if hold.backoff.tries() > 0 {
            info!(routing_key = &*route.0, exchange = &*route.1, "the broker takes messages again");
        }
        hold.waiting
    }

    /// The oldest that is to find out about its route, now; `is_alive` tells whether a message is still to be sent.
    pub(super) fn take_probe(&mut self, now: Instant, is_alive: impl Fn(u64) -> bool) -> Option<u64> {
        let is_due = |hold: &Hold| hold.probe.is_none() && hold.due <= now;
        loop {
            let due = self.routes.iter_mut().filter(|(_, hold)| is_due(hold));
            let (route, hold) = due.min_by_key(|(_, hold)| hold.waiting.first().copied())?;
            hold.waiting.retain(|number| is_alive(*number));
            hold.probe = hold.waiting.pop_first();
            if hold.probe.is_some() {
                return hold.probe;
            }
            let route = route.clone();
            self.routes.remove(&route);
        }
    }

    /// When [`take_probe`](Self::take_probe) has something to say.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        self.routes.values().filter(|hold| hold.probe.is_none()).map(|hold| hold.due).min()
    }

    /// The channel is gone: what was on its way and what waited comes again from outside.
    pub(super) fn lose(&mut self) {
        for hold in self.routes.values_mut() {
            hold.probe = None;
            hold.waiting.clear();
        }
    }
}

impl Hold {
    fn new() -> Self {
        Self { waiting: BTreeSet::new(), probe: None, due: Instant::now(), backoff: Backoff::new() }
    }
}

fn route(parcel: &Parcel) -> Route {
    let (key, exchange) = parcel.route();
    (key.into(), exchange.into())
}
