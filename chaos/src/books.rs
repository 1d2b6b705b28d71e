//! What the ledgers say, added up.

use std::collections::HashMap;

use serde::Serialize;

use crate::ledger::{Kind, Millis, Record};
use crate::steady::Steady;

/// Who handles, named like their services: two of them every event, the third what the second returns for some.
pub(crate) const HANDLERS: [&str; 3] = ["book", "audit", "ship"];

/// Whether what is returned for the event of this number is handled by the third: those that fail first and those that are
/// refused are among them.
pub(crate) fn is_passed_on(seq: u64) -> bool {
    seq % 4 == 3
}

/// Everything that was read so far.
#[derive(Debug, Default)]
pub(crate) struct Books {
    events: HashMap<u128, Entry>,
    /// The newest number that had its effect, by key and handler.
    newest: HashMap<(u32, usize), u64>,
    out_of_order: u64,
    told: u64,
    confirmed: u64,
    effects: u64,
    /// Retries that an operator would have sent back.
    pub given_back: u64,
    health: HashMap<String, bool>,
    /// One a second, of the present process of that name.
    gauges: HashMap<String, Vec<Gauge>>,
}

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Gauge {
    pub files: u64,
    pub tasks: u64,
    pub kilobytes: u64,
}

#[derive(Debug, Default)]
struct Entry {
    told: Option<Told>,
    is_confirmed: bool,
    is_unroutable: bool,
    handled: [Handled; 3],
}

#[derive(Clone, Copy, Debug)]
struct Told {
    kind: Kind,
    key: u32,
    seq: u64,
    hash: u64,
    at: Millis,
}

#[derive(Debug, Default)]
struct Handled {
    received: u32,
    failed: u32,
    effects: u32,
    /// Of what came first, to the handler or among its dead letters.
    hash: Option<u64>,
    /// Whether something else came after it.
    has_changed: bool,
    parked: Option<Parked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Parked {
    /// The broker did it by its own limit: suspect, not poison.
    ByLimit,
    /// The framework says why.
    Said,
}

/// Progress: an event that was told at one time came this far at another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub told: Millis,
    pub at: Millis,
}

/// What is off, and what is only counted.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Findings {
    pub told: u64,
    pub confirmed: u64,
    pub effects: u64,
    /// Confirmed, and neither an effect nor a dead letter of some handler.
    pub lost: u64,
    /// Of these, those that no handler fails: for the others a mutant may lose what follows a failure.
    pub lost_good: u64,
    /// Received or parked, and never told.
    pub unexpected: u64,
    /// Received or parked with another content.
    pub corrupt: u64,
    /// Among the dead letters, though every handler takes it.
    pub false_park: u64,
    /// Parked by the broker's delivery limit.
    pub suspect: u64,
    /// Retries that were orphaned, and sent back by this run in an operator's place.
    pub given_back: u64,
    /// Poison that is not among the dead letters of some handler.
    pub missed: u64,
    /// Told to be unroutable, though it was not.
    pub misreturned: u64,
    /// Never confirmed, and handled all the same.
    pub recovered: u64,
    pub duplicates: u64,
    /// Deliveries that were due: one to each handler that is to have it, for each event that was confirmed.
    pub due: u64,
    /// Duplicates for each delivery that was due.
    pub dup_rate: f64,
    /// Of one event at one handler, at most.
    pub most_effects: u32,
    /// First effects behind those of a later event of the same key; not promised, so only counted.
    pub out_of_order: u64,
    /// Some of what is off, to search the ledgers for.
    pub samples: Vec<String>,
}

impl Books {
    /// Enters a line of a worker; tells whether it is progress.
    pub(crate) fn enter(&mut self, worker: &str, record: Record) -> Option<Progress> {
        match record {
            Record::Told { id, kind, key, seq, hash, at } => {
                self.told += 1;
                self.entry(id).told = Some(Told { kind, key, seq, hash, at });
            }
            Record::Confirmed { id, at } => {
                self.confirmed += 1;
                let entry = self.entry(id);
                entry.is_confirmed = true;
                return entry.progress(at);
            }
            Record::Unroutable { id, at } => {
                let entry = self.entry(id);
                entry.is_unroutable = true;
                return entry.progress(at);
            }
            Record::Received { id, handler, hash, at, .. } => {
                let entry = self.entry(id);
                let handled = entry.handled(&handler);
                handled.received += 1;
                handled.came_with(hash);
                return entry.progress(at);
            }
            Record::Failed { id, handler } => self.entry(id).handled(&handler).failed += 1,
            Record::Effect { id, handler, .. } => self.effect(id, &handler),
            Record::Parked { id, handler, reason, hash } => {
                let parked = if reason == "suspect" { Parked::ByLimit } else { Parked::Said };
                let handled = self.entry(id).handled(&handler);
                // of two letters, the one that the framework wrote says more
                handled.parked = handled.parked.max(Some(parked));
                handled.came_with(hash);
            }
            Record::Health { is_ready, .. } => {
                self.health.insert(worker.to_owned(), is_ready);
            }
            Record::Gauge { files, tasks, kilobytes } => {
                self.gauges.entry(worker.to_owned()).or_default().push(Gauge { files, tasks, kilobytes });
            }
        }
        None
    }

    fn entry(&mut self, id: u128) -> &mut Entry {
        self.events.entry(id).or_default()
    }

    fn effect(&mut self, id: u128, handler: &str) {
        self.effects += 1;
        let entry = self.events.entry(id).or_default();
        let here = entry.handled(handler);
        here.effects += 1;
        if here.effects == 1
            && let Some(told) = entry.told
        {
            let newest = self.newest.entry((told.key, index(handler))).or_default();
            self.out_of_order += u64::from(told.seq < *newest);
            *newest = told.seq.max(*newest);
        }
    }

    /// How many the brokers have confirmed.
    pub(crate) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// How many effects there were.
    pub(crate) fn effects(&self) -> u64 {
        self.effects
    }

    /// A worker begins anew: what it said of itself before is no longer true.
    pub(crate) fn forget(&mut self, worker: &str) {
        self.health.remove(worker);
        self.gauges.remove(worker);
    }

    /// What a worker's health says; `None` before it has said anything.
    pub(crate) fn is_ready(&self, worker: &str) -> Option<bool> {
        self.health.get(worker).copied()
    }

    /// What a worker used last.
    pub(crate) fn gauge(&self, worker: &str) -> Option<Gauge> {
        self.gauges.get(worker)?.last().copied()
    }

    /// Whether the processes have grown, where they lived long enough.
    pub(crate) fn steady(&self) -> Vec<Steady> {
        let mut all: Vec<_> = self.gauges.iter().filter_map(|(worker, gauges)| Steady::of(worker, gauges)).collect();
        all.sort_by(|one, other| one.worker.cmp(&other.worker));
        all
    }

    /// The sums.
    pub(crate) fn findings(&self) -> Findings {
        let mut findings = Findings {
            told: self.told,
            confirmed: self.confirmed,
            effects: self.effects,
            out_of_order: self.out_of_order,
            given_back: self.given_back,
            ..Findings::default()
        };
        for (id, entry) in &self.events {
            entry.add_to(*id, &mut findings);
        }
        findings.dup_rate = ratio(findings.duplicates, findings.due);
        findings
    }
}

impl Entry {
    fn handled(&mut self, handler: &str) -> &mut Handled {
        &mut self.handled[index(handler)]
    }

    fn progress(&self, at: Millis) -> Option<Progress> {
        self.told.map(|told| Progress { told: told.at, at })
    }

    fn add_to(&self, id: u128, findings: &mut Findings) {
        let Some(told) = self.told else {
            findings.unexpected += 1;
            return findings.sample("unexpected", id, "");
        };
        if told.kind == Kind::Nobody {
            if self.is_confirmed {
                findings.lost += 1;
                findings.sample("lost: confirmed, though nobody is bound", id, "");
            }
            return;
        }
        if self.is_unroutable {
            findings.misreturned += 1;
            findings.sample("misreturned", id, "");
        }
        let is_anywhere = self.handled.iter().any(|handled| handled.received > 0 || handled.parked.is_some());
        findings.recovered += u64::from(!self.is_confirmed && is_anywhere);
        for (handler, handled) in HANDLERS.iter().zip(&self.handled) {
            let is_poison = told.kind == Kind::Poison;
            let is_done = handled.effects > 0 || handled.parked.is_some();
            if !told.is_due_at(handler) {
                if is_done || handled.received > 0 {
                    findings.unexpected += 1;
                    findings.sample("unexpected", id, handler);
                }
                continue;
            }
            findings.due += u64::from(self.is_confirmed);
            if self.is_confirmed && !is_poison && !is_done {
                findings.lost += 1;
                findings.lost_good += u64::from(told.kind == Kind::Good);
                findings.sample("lost", id, handler);
            }
            if self.is_confirmed && is_poison && handled.parked.is_none() {
                findings.missed += 1;
                findings.sample("missed", id, handler);
            }
            match handled.parked {
                Some(Parked::Said) if !is_poison => {
                    findings.false_park += 1;
                    findings.sample("false park", id, handler);
                }
                Some(Parked::ByLimit) => findings.suspect += 1,
                _ => {}
            }
            // here at last, since a delivery may be read before the line of who published it
            let is_corrupt = handled.has_changed || handled.hash.is_some_and(|hash| hash != told.hash);
            if is_corrupt {
                findings.corrupt += 1;
                findings.sample("corrupt", id, handler);
            }
            findings.most_effects = findings.most_effects.max(handled.effects);
            // who fails does so once
            let asked_for = if is_poison { 1 } else { 1 + handled.failed.min(1) };
            findings.duplicates += u64::from(handled.received.saturating_sub(asked_for));
        }
    }
}

impl Told {
    fn is_due_at(&self, handler: &str) -> bool {
        match self.kind {
            _ if handler != HANDLERS[2] => true,
            Kind::Good | Kind::Flaky => is_passed_on(self.seq),
            Kind::Poison | Kind::Nobody => false,
        }
    }
}

impl Handled {
    fn came_with(&mut self, hash: u64) {
        self.has_changed |= *self.hash.get_or_insert(hash) != hash;
    }
}

impl Findings {
    /// Duplicates for each event that was confirmed: what comes twice to two handlers counts twice.
    pub(crate) fn dup_rate_of_events(&self) -> f64 {
        ratio(self.duplicates, self.confirmed)
    }

    fn sample(&mut self, what: &str, id: u128, handler: &str) {
        const ENOUGH: usize = 20;
        if self.samples.len() < ENOUGH {
            self.samples.push(format!("{what} {id:x} {handler}").trim_end().to_owned());
        }
    }
}

fn index(handler: &str) -> usize {
    HANDLERS.iter().position(|known| *known == handler).unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests;
