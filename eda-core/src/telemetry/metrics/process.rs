//! What is counted and measured of handling.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use metrics::{Counter, Gauge, Histogram, Label, SharedString, counter, gauge, histogram};

use super::in_hand::InHand;
use super::list;
use crate::transport::Reason;

/// The numbers of one handler in one queue.
pub(crate) struct Handling {
    /// Of the handler and the event.
    labels: Vec<Label>,
    /// With the system, too, as the conventions want it.
    common: Vec<Label>,
    outcomes: [Counter; 4],
    duration: Histogram,
    critical: Histogram,
    in_flight: Gauge,
    blocked: Counter,
    in_hand: Arc<InHand>,
}

/// One attempt, from its begin to its end. Dropped without a word, it was given back.
pub(crate) struct Handled<'a> {
    handling: &'a Handling,
    began: Instant,
    number: u64,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
enum Outcome {
    Handled,
    Retried,
    DeadLettered,
    GivenBack,
}

impl Outcome {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Handled, "handled"),
        (Self::Retried, "retried"),
        (Self::DeadLettered, "dead_lettered"),
        (Self::GivenBack, "given_back"),
    ];
}

impl Handling {
    /// `event` is one that the program declares, or the pattern of a handler that takes whatever matches.
    pub(crate) fn new(system: &'static str, handler: &str, event: &'static str, in_hand: &Arc<InHand>) -> Self {
        let handler = SharedString::from_owned(handler.to_owned());
        let labels = vec![Label::new("handler", handler), Label::from_static_parts("event", event)];
        let mut common = vec![
            Label::from_static_parts("messaging_system", system),
            Label::from_static_parts("messaging_operation_name", "process"),
        ];
        common.extend(labels.iter().cloned());
        let outcomes = Outcome::ALL.map(|(_, outcome)| {
            let mut labels = common.clone();
            labels.push(Label::from_static_parts("outcome", outcome));
            counter!(list::CONSUMED, labels)
        });
        Self {
            outcomes,
            duration: histogram!(list::PROCESS_DURATION, common.clone()),
            critical: histogram!(list::CRITICAL_TIME, labels.clone()),
            in_flight: gauge!(list::IN_FLIGHT, labels.clone()),
            blocked: counter!(list::BLOCKED, labels.clone()),
            labels,
            common,
            in_hand: Arc::clone(in_hand),
        }
    }

    pub(crate) fn begin(&self) -> Handled<'_> {
        self.in_flight.increment(1);
        Handled { handling: self, began: Instant::now(), number: self.in_hand.begin(), outcome: Outcome::GivenBack }
    }

    /// A poll of the handler has blocked its thread.
    pub(crate) fn blocked(&self) {
        self.blocked.increment(1);
    }

    fn count(&self, name: &'static str, reason: Reason) {
        let mut labels = self.labels.clone();
        labels.push(Label::from_static_parts("reason", reason.as_str()));
        counter!(name, labels).increment(1);
    }
}

impl Handled<'_> {
    /// The handler has returned.
    pub(crate) fn returned(&self, failure: Option<Reason>) {
        let took = self.began.elapsed();
        let Some(reason) = failure else { return self.handling.duration.record(took) };
        let mut labels = self.handling.common.clone();
        labels.push(Label::from_static_parts("error_type", reason.as_str()));
        histogram!(list::PROCESS_DURATION, labels).record(took);
    }

    /// It is done; the event happened at `time`, if the producer said it.
    pub(crate) fn done(&mut self, time: Option<SystemTime>) {
        self.outcome = Outcome::Handled;
        if let Some(time) = time {
            // of a clock that is ahead of ours it took no time
            self.handling.critical.record(time.elapsed().unwrap_or_default());
        }
    }

    /// It comes again.
    pub(crate) fn retried(&mut self, reason: Reason) {
        self.outcome = Outcome::Retried;
        self.handling.count(list::RETRIES, reason);
    }

    /// It is kept as a dead letter.
    pub(crate) fn dead_lettered(&mut self, reason: Reason) {
        self.outcome = Outcome::DeadLettered;
        self.handling.count(list::DEAD_LETTERS, reason);
    }
}

impl Drop for Handled<'_> {
    fn drop(&mut self) {
        self.handling.outcomes[self.outcome as usize].increment(1);
        self.handling.in_flight.decrement(1);
        self.handling.in_hand.end(self.number);
    }
}
