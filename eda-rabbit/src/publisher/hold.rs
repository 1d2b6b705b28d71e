//! Routes that the broker takes nothing for: one message at a time finds out whether it takes them again.
//!
//! A broker refuses what is bound for a queue that is full, or whose leader is being elected. An event goes to the queues
//! of several services: each time that it is sent again, those that are well get it once more. So while a route is in
//! doubt, one message goes, and the others wait for what becomes of it. A new channel is in doubt, too: often it stands on
//! a node that has just taken over.
//!
//! Such a message may wait for its word for long. So those that find out neither take room from the others nor wait for it.
//!
//! A queue that was full and takes one has room for one, and perhaps for no more: from there on as many go again as the
//! broker takes, two for each that it took.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;
use tracing::{info, warn};

use super::Parcel;
use crate::backoff::Backoff;

#[derive(Default)]
pub(super) struct Holds {
    routes: HashMap<Route, Hold>,
    /// How many messages find out now, of all routes.
    probing: usize,
    /// When the last one was told to.
    last: Option<Instant>,
}

/// A routing key and its exchange.
type Route = (Box<str>, Box<str>);

struct Hold {
    waiting: BTreeSet<u64>,
    /// The messages that find out; while as many as may are on their way, the others wait for their word and not for a time.
    probes: BTreeSet<u64>,
    /// How many may find out at once.
    width: usize,
    was_refused: bool,
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
        let was_probe = hold.probes.remove(&number);
        self.probing -= usize::from(was_probe);
        if !(was_probe || is_new) {
            return;
        }
        if !std::mem::replace(&mut hold.was_refused, true) {
            let (key, exchange) = parcel.route();
            warn!(
                routing_key = key,
                exchange, "the broker refuses messages: a queue is full or in trouble; trying again"
            );
        }
        hold.width = 1;
        let now = Instant::now();
        // of those that were on their way together, the first sets the time
        if hold.due <= now {
            hold.due = now + hold.backoff.next();
        }
    }

    /// The broker has taken this one, or said that nobody wants it: who waited for that and may all go now.
    pub(super) fn taken(&mut self, number: u64, parcel: &Parcel) -> BTreeSet<u64> {
        if self.routes.is_empty() {
            return BTreeSet::new();
        }
        let route = route(parcel);
        let Some(hold) = self.routes.get_mut(&route) else { return BTreeSet::new() };
        if !hold.probes.remove(&number) {
            return BTreeSet::new();
        }
        self.probing -= 1;
        hold.width += 1;
        hold.backoff.reset();
        if hold.was_refused && !(hold.waiting.is_empty() && hold.probes.is_empty()) {
            return BTreeSet::new();
        }
        if hold.was_refused {
            info!(routing_key = &*route.0, exchange = &*route.1, "the broker takes messages again");
        }
        let Some(Hold { waiting, probes, .. }) = self.routes.remove(&route) else { return BTreeSet::new() };
        self.probing -= probes.len();
        waiting
    }

    /// The oldest that is to find out about its route, now; `may_go` tells whether a message is still to be sent from here.
    pub(super) fn take_probe(&mut self, now: Instant, mut may_go: impl FnMut(u64) -> bool) -> Option<u64> {
        loop {
            let due = self.routes.iter_mut().filter(|(_, hold)| hold.may_try() && hold.due <= now);
            let (route, hold) = due.min_by_key(|(_, hold)| hold.waiting.first().copied())?;
            while let Some(number) = hold.waiting.pop_first() {
                if may_go(number) {
                    self.probing += usize::from(hold.probes.insert(number));
                    self.last = Some(now);
                    return Some(number);
                }
            }
            if hold.probes.is_empty() {
                let route = route.clone();
                self.routes.remove(&route);
            }
        }
    }

    /// When [`take_probe`](Self::take_probe) has something to say.
    pub(super) fn next_probe(&self) -> Option<Instant> {
        self.routes.values().filter(|hold| hold.may_try()).map(|hold| hold.due).min()
    }

    /// How many find out right now.
    pub(super) fn probing(&self) -> usize {
        self.probing
    }

    /// When one was last told to, on this channel.
    pub(super) fn last(&self) -> Option<Instant> {
        self.last
    }

    /// The channel is gone: what was on its way and what waited comes again from outside.
    pub(super) fn lose(&mut self) {
        (self.probing, self.last) = (0, None);
        for hold in self.routes.values_mut() {
            hold.probes.clear();
            hold.waiting.clear();
            hold.width = 1;
        }
    }
}

impl Hold {
    fn new() -> Self {
        let (waiting, probes) = (BTreeSet::new(), BTreeSet::new());
        Self { waiting, probes, width: 1, was_refused: false, due: Instant::now(), backoff: Backoff::new() }
    }

    /// Whether one more may find out, or nobody needs to any more.
    fn may_try(&self) -> bool {
        if self.waiting.is_empty() { self.probes.is_empty() } else { self.probes.len() < self.width }
    }
}

fn route(parcel: &Parcel) -> Route {
    let (key, exchange) = parcel.route();
    (key.into(), exchange.into())
}
