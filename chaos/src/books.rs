//! What the ledgers say, added up.

mod findings;

use std::collections::HashMap;

use serde::Serialize;

pub(crate) use self::findings::Findings;
use self::findings::ratio;
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
        findings.duplicates = findings.duplicates_at.iter().sum();
        let rates = findings.duplicates_at.into_iter().zip(findings.due_at).map(|(part, whole)| ratio(part, whole));
        findings.dup_rate = rates.fold(0.0, f64::max);
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
        for (index, (handler, handled)) in HANDLERS.iter().zip(&self.handled).enumerate() {
            let is_poison = told.kind == Kind::Poison;
            let is_done = handled.effects > 0 || handled.parked.is_some();
            if !told.is_due_at(handler) {
                if is_done || handled.received > 0 {
                    findings.unexpected += 1;
                    findings.sample("unexpected", id, handler);
                }
                continue;
            }
            findings.due_at[index] += u64::from(self.is_confirmed);
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
            findings.duplicates_at[index] += u64::from(handled.received.saturating_sub(asked_for));
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

fn index(handler: &str) -> usize {
    HANDLERS.iter().position(|known| *known == handler).unwrap_or_default()
}

#[cfg(test)]
mod tests;
