//! What the sums are.

use serde::Serialize;

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
    /// The same by handler, in the order of [`HANDLERS`](super::HANDLERS).
    pub duplicates_at: [u64; 3],
    /// Confirmed events that each handler is to have.
    pub due_at: [u64; 3],
    /// Duplicates for each event that was due, at the handler that has most.
    pub dup_rate: f64,
    /// Of one event at one handler, at most.
    pub most_effects: u32,
    /// First effects behind those of a later event of the same key; not promised, so only counted.
    pub out_of_order: u64,
    /// Some of what is off, to search the ledgers for.
    pub samples: Vec<String>,
}

impl Findings {
    /// Duplicates for each event that was confirmed: what comes twice to two handlers counts twice.
    pub(crate) fn dup_rate_of_events(&self) -> f64 {
        ratio(self.duplicates, self.confirmed)
    }

    pub(super) fn sample(&mut self, what: &str, id: u128, handler: &str) {
        const ENOUGH: usize = 20;
        if self.samples.len() < ENOUGH {
            self.samples.push(format!("{what} {id:x} {handler}").trim_end().to_owned());
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
