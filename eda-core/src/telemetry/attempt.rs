//! One attempt to handle a delivery, from its begin to its end.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::metrics::{Handled, Handling, InHand};
use crate::transport::Reason;

/// Where attempts at the deliveries of one queue are made.
pub(crate) struct Places {
    system: &'static str,
    queue: String,
    in_hand: Arc<InHand>,
    /// Of the handlers, in their order.
    handlers: Vec<Place>,
    /// Of what no handler takes: numbers that nearly always are none are not shown.
    nowhere: OnceLock<Place>,
}

struct Place {
    name: String,
    handling: Handling,
}

/// An attempt. Dropped without a word on how it ended, the delivery was given back.
pub(crate) struct Attempt<'a> {
    place: &'a Place,
    handled: Handled<'a>,
}

impl Places {
    /// Of handlers with a name, such as `billing.charge`, and an event: one that the program declares, or the pattern of a
    /// handler that takes whatever matches. No label holds anything else.
    pub(crate) fn new(
        system: &'static str,
        queue: String,
        handlers: impl Iterator<Item = (String, &'static str)>,
    ) -> Self {
        let in_hand = Arc::new(InHand::new(&queue));
        let handlers = handlers.map(|(name, event)| Place::new(system, name, event, &in_hand)).collect();
        Self { system, queue, in_hand, handlers, nowhere: OnceLock::new() }
    }

    /// Begins an attempt of the handler at this index, or of none.
    pub(crate) fn begin(&self, handler: Option<usize>) -> Attempt<'_> {
        let nowhere = || Place::new(self.system, self.queue.clone(), "_OTHER", &self.in_hand);
        let place = handler.and_then(|index| self.handlers.get(index));
        let place = place.unwrap_or_else(|| self.nowhere.get_or_init(nowhere));
        Attempt { place, handled: place.handling.begin() }
    }
}

impl Place {
    fn new(system: &'static str, name: String, event: &'static str, in_hand: &Arc<InHand>) -> Self {
        let handling = Handling::new(system, &name, event, in_hand);
        Self { name, handling }
    }
}

impl<'a> Attempt<'a> {
    /// The handler as it is called everywhere; of what no handler takes, the queue.
    pub(crate) fn place(&self) -> &'a str {
        &self.place.name
    }

    /// A poll of the handler has blocked its thread.
    pub(crate) fn blocked(&self) {
        self.place.handling.blocked();
    }

    /// The handler has returned.
    pub(crate) fn returned(&self, failure: Option<Reason>) {
        self.handled.returned(failure);
    }

    /// It is done; the event happened at `time`, if the producer said it.
    pub(crate) fn done(mut self, time: Option<SystemTime>) {
        self.handled.done(time);
    }

    /// It failed and comes again.
    pub(crate) fn retried(mut self, reason: Reason) {
        self.handled.retried(reason);
    }

    /// It failed and is kept as a dead letter.
    pub(crate) fn dead_lettered(mut self, reason: Reason) {
        self.handled.dead_lettered(reason);
    }
}
