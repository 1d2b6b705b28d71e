//! Whether anything was lost: what was published, confirmed, handled and parked, as arithmetic.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use eda_rabbit::simulation::{Held, Simulation};
use serde::Deserialize;

use crate::orders::{Fate, Plan};

/// A queue, and what an order is to it: one event or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Charge,
    RecordOrder,
    RecordPaid,
    Ship,
}

pub(crate) const PLACES: [Place; 4] = [Place::Charge, Place::RecordOrder, Place::RecordPaid, Place::Ship];

impl Place {
    pub(crate) fn queue(self) -> &'static str {
        match self {
            Self::Charge => "billing.charge",
            Self::RecordOrder | Self::RecordPaid => "audit.record",
            Self::Ship => "shipping.ship",
        }
    }

    pub(crate) fn takes_paid(self) -> bool {
        matches!(self, Self::RecordPaid | Self::Ship)
    }
}

/// The records of one seed.
#[derive(Debug)]
pub(crate) struct Ledger {
    seed: u64,
    events: u64,
    records: Mutex<Records>,
}

#[derive(Debug, Default)]
struct Records {
    confirmed: BTreeSet<u64>,
    republished: u64,
    received: BTreeMap<(Place, u64), u32>,
    effects: BTreeMap<(Place, u64), u32>,
    corrupt: Vec<(Place, u64)>,
    /// Whose publisher was told what is not so.
    misinformed: Vec<(Place, u64)>,
}

/// What a seed has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) confirmed: u64,
    pub(crate) effects: u64,
    pub(crate) parked: u64,
    pub(crate) duplicates: u64,
    pub(crate) excused: u64,
    pub(crate) early: u64,
}

/// Whether a queue holds dead letters.
pub(crate) fn is_dead(queue: &str) -> bool {
    queue.rsplit('.').next() == Some("dead") && !queue.starts_with("eda.")
}

/// Whether it went with a queue of all services, on its way to this one: a retry has the queue's name for a key.
fn is_shared(held: &Held, queue: &str) -> bool {
    held.queue == "eda.unrouted" || (held.queue.starts_with("eda.") && held.routing_key == queue)
}

#[derive(Deserialize)]
struct Body {
    order: u64,
    check: u64,
    parcels: Option<u32>,
}

impl Ledger {
    pub(crate) fn new(seed: u64, events: u64) -> Self {
        Self { seed, events, records: Mutex::default() }
    }

    pub(crate) fn plan(&self, order: u64) -> Plan {
        Plan::of(self.seed, order)
    }

    pub(crate) fn confirmed(&self, order: u64) {
        self.records().confirmed.insert(order);
    }

    /// Somebody was told that an event has reached a queue which nobody has bound for it, or the other way round.
    pub(crate) fn misinformed(&self, order: u64) {
        self.records().misinformed.push((Place::Charge, order));
    }

    pub(crate) fn republished(&self) {
        self.records().republished += 1;
    }

    /// A handler has been called, before it does anything; tells how often it was before.
    pub(crate) fn received(&self, place: Place, order: u64, check: u64) -> u32 {
        let is_corrupt = order >= self.events || check != self.plan(order).check;
        let mut records = self.records();
        if is_corrupt {
            records.corrupt.push((place, order));
        }
        let calls = records.received.entry((place, order)).or_default();
        *calls += 1;
        *calls - 1
    }

    pub(crate) fn effect(&self, place: Place, order: u64) {
        *self.records().effects.entry((place, order)).or_default() += 1;
    }

    /// # Errors
    /// Everything that is not as it must be.
    pub(crate) fn check(&self, simulation: &Simulation, retries: u32) -> Result<Summary, String> {
        let records = self.records();
        let (mut wrong, mut details) = (String::new(), String::new());
        let mut tell = |what: &str, found: &[(Place, u64)]| {
            if !found.is_empty() {
                // writing to a string does not fail
                let _ = writeln!(wrong, "{what}: {} such as {:?}", found.len(), &found[..found.len().min(5)]);
            }
        };
        let (mut parked, mut broken) = (BTreeMap::new(), Vec::new());
        let mut early = 0;
        for letter in self.parked(simulation) {
            let (place, order, is_whole) = letter.1;
            if !is_whole {
                broken.push((place, order));
            }
            if letter.0.attempt <= retries && self.plan(order).fate == Fate::Poison && letter.0.reason.is_some() {
                early += 1;
            }
            parked.insert((place, order), letter.0);
        }
        let mut excused = BTreeSet::new();
        for held in simulation.destroyed().iter().chain(&simulation.unserved()) {
            for place in PLACES {
                if let Some((order, is_paid, _)) = self.read(held)
                    && (held.queue.starts_with(place.queue()) || is_shared(held, place.queue()))
                    && is_paid == place.takes_paid()
                {
                    excused.insert((place, order));
                }
            }
        }
        let mut expected: BTreeSet<(Place, u64)> = BTreeSet::new();
        for order in &records.confirmed {
            expected.extend([(Place::Charge, *order), (Place::RecordOrder, *order)]);
        }
        for (_, order) in records.effects.keys().filter(|(place, _)| *place == Place::Charge) {
            // one that was deleted or parked after its handler, and before what that returned was published, is paid no more
            let is_over = |at| !excused.contains(at) && !parked.contains_key(at);
            if self.plan(*order).is_paid && is_over(&(Place::Charge, *order)) {
                expected.extend([(Place::Ship, *order), (Place::RecordPaid, *order)]);
            }
        }
        let is_accounted =
            |at: &&(Place, u64)| !records.effects.contains_key(at) && !parked.contains_key(at) && !excused.contains(at);
        let lost: Vec<_> = expected.iter().filter(is_accounted).copied().collect();
        tell("lost", &lost);
        let seen = records.received.keys().chain(parked.keys());
        let is_unexpected = |at: &&(Place, u64)| {
            let is_paid = || self.plan(at.1).is_paid && records.received.contains_key(&(Place::Charge, at.1));
            at.1 >= self.events || (at.0.takes_paid() && !is_paid())
        };
        tell("unexpected", &seen.filter(is_unexpected).copied().collect::<Vec<_>>());
        tell("corrupt", &records.corrupt);
        tell("publishers told what is not so", &records.misinformed);
        tell("corrupt where parked", &broken);
        let is_false = |(at, held): &(&(Place, u64), &Held)| {
            let calls = records.received.get(at).copied().unwrap_or(0);
            let is_good = (at.0 != Place::Charge || !self.plan(at.1).fate.is_poison()) && calls <= retries;
            is_good
                && is_dead(&held.queue)
                && held.reason.is_some()
                && held.broker_reason.as_deref() != Some("delivery_limit")
        };
        let false_park: Vec<_> = parked.iter().filter(is_false).map(|(at, _)| *at).collect();
        tell("false_park", &false_park);
        for at in false_park.iter().take(3) {
            let calls = records.received.get(at).copied().unwrap_or(0);
            let _ = writeln!(details, "{at:?}: {:?}, {calls} calls, {:?}", self.plan(at.1), parked[at]);
        }
        let is_missed = |order: &&u64| {
            let at = (Place::Charge, **order);
            self.plan(**order).fate.is_poison() && !parked.contains_key(&at) && !excused.contains(&at)
        };
        let missed: Vec<_> = records.confirmed.iter().filter(is_missed).map(|order| (Place::Charge, *order)).collect();
        tell("missed", &missed);
        let duplicates: u64 = records.effects.values().map(|count| u64::from(*count - 1)).sum();
        let tally = simulation.tally();
        // an order that is charged twice is paid twice, which two more hear of; one that is published twice is charged and
        // written down twice, too
        let bound = 3 * tally.exposed_deliveries + 4 * (tally.exposed_publishes + tally.nacked + records.republished);
        if duplicates > bound {
            let _ = writeln!(wrong, "duplicates: {duplicates}, and faults explain {bound} at most ({tally:?})");
        }
        if !wrong.is_empty() {
            return Err(wrong + &details);
        }
        Ok(Summary {
            confirmed: records.confirmed.len() as u64,
            effects: records.effects.values().map(|count| u64::from(*count)).sum(),
            parked: parked.len() as u64,
            duplicates,
            excused: expected.iter().filter(|at| !records.effects.contains_key(at) && !parked.contains_key(at)).count()
                as u64,
            early,
        })
    }

    pub(crate) fn confirmed_count(&self) -> u64 {
        self.records().confirmed.len() as u64
    }

    /// What lies where nothing is handled any more, with what it is.
    fn parked(&self, simulation: &Simulation) -> Vec<(Held, (Place, u64, bool))> {
        let mut found = Vec::new();
        for queue in simulation.queues() {
            for held in simulation.held(&queue.name) {
                let Some((order, is_paid, is_whole)) = self.read(&held) else { continue };
                let is_here = |place: &Place| {
                    let is_dead = held.queue == format!("{}.dead", place.queue());
                    let is_orphan = held.queue == "eda.retry.orphaned" && held.routing_key == place.queue();
                    (is_dead || is_orphan || held.queue == "eda.unrouted") && place.takes_paid() == is_paid
                };
                found.extend(PLACES.into_iter().filter(is_here).map(|place| (held.clone(), (place, order, is_whole))));
            }
        }
        found
    }

    fn read(&self, held: &Held) -> Option<(u64, bool, bool)> {
        let body: Body = serde_json::from_slice(&held.body).ok()?;
        Some((body.order, body.parcels.is_some(), body.check == self.plan(body.order).check))
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
