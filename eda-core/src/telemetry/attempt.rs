//! One attempt to handle a delivery, from its begin to its end.

use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use tracing::{Instrument, Span};

use super::metrics::{Handled, Handling, InHand};
#[cfg(feature = "otel")]
use super::otel;
use super::{Traces, span};
use crate::journal::{Ending, Fact, Journal, What};
use crate::message::Message;
use crate::retry::NextStep;
use crate::transport::Reason;

/// Where attempts at the deliveries of one queue are made.
pub(crate) struct Places {
    system: &'static str,
    queue: String,
    #[cfg_attr(not(feature = "otel"), expect(dead_code, reason = "there are no traces"))]
    traces: Traces,
    in_hand: Arc<InHand>,
    /// Of the handlers, in their order.
    handlers: Vec<Place>,
    /// Of what no handler takes: numbers that nearly always are none are not shown.
    nowhere: OnceLock<Place>,
    /// What writes down how attempts end, and of which service.
    journal: Option<(Arc<dyn Journal>, Arc<str>)>,
}

struct Place {
    name: String,
    handling: Handling,
}

/// An attempt. Dropped without a word on how it ended, the delivery was given back.
pub(crate) struct Attempt<'a> {
    place: &'a Place,
    span: Span,
    handled: Handled<'a>,
    noting: Option<Noting<'a>>,
}

/// What is known of an attempt that is to be written down.
struct Noting<'a> {
    journal: &'a (Arc<dyn Journal>, Arc<str>),
    /// Whether a handler takes the event.
    is_taken: bool,
    begun: Instant,
}

impl Places {
    /// Of handlers with a name, such as `billing.charge`, and an event: one that the program declares, or the pattern of a
    /// handler that takes whatever matches. No label holds anything else.
    pub(crate) fn new(
        system: &'static str,
        queue: String,
        traces: Traces,
        handlers: impl Iterator<Item = (String, &'static str)>,
    ) -> Self {
        let in_hand = Arc::new(InHand::new(&queue));
        let handlers = handlers.map(|(name, event)| Place::new(system, name, event, &in_hand)).collect();
        Self { system, queue, traces, in_hand, handlers, nowhere: OnceLock::new(), journal: None }
    }

    /// The same, and how attempts end is written down, where there is a journal.
    pub(crate) fn journaled(mut self, journal: Option<&Arc<dyn Journal>>, service: &Arc<str>) -> Self {
        self.journal = journal.map(|journal| (Arc::clone(journal), Arc::clone(service)));
        self
    }

    /// Begins attempt number `attempt` of the handler at this index, or of none.
    pub(crate) fn begin(&self, handler: Option<usize>, message: &Message, attempt: u32) -> Attempt<'_> {
        let nowhere = || Place::new(self.system, self.queue.clone(), "_OTHER", &self.in_hand);
        let handler = handler.and_then(|index| self.handlers.get(index));
        let place = handler.unwrap_or_else(|| self.nowhere.get_or_init(nowhere));
        let is_taken = handler.is_some();
        let noting = self.journal.as_ref().map(|journal| Noting { journal, is_taken, begun: Instant::now() });
        let span = span::process(self.system, &self.queue, &place.name, attempt, message);
        #[cfg(feature = "otel")]
        otel::relate(&span, message, self.traces);
        Attempt { place, span, handled: place.handling.begin(), noting }
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

    /// The work as a part of this attempt: what it logs and publishes is known to belong to it.
    pub(crate) fn within<T>(&self, work: impl Future<Output = T>) -> impl Future<Output = T> {
        work.instrument(self.span.clone())
    }

    /// A poll of the handler has blocked its thread.
    pub(crate) fn blocked(&self) {
        self.place.handling.blocked();
    }

    /// The handler has returned.
    pub(crate) fn returned(&self, failure: Option<Reason>) {
        self.handled.returned(failure);
    }

    /// Has its end written down, where there is a journal.
    pub(crate) fn note(&self, message: &Message, attempt: u32, outcome: Ending<'_>) {
        if let Some(Noting { journal: (journal, service), is_taken, begun }) = &self.noting {
            let own = self.place().strip_prefix(&**service).map(|name| name.trim_start_matches('.'));
            let handler = own.filter(|_| *is_taken);
            let what = What::Handled { service, handler, attempt, took: begun.elapsed(), outcome };
            journal.record(&Fact { message, time: SystemTime::now(), what });
        }
    }

    /// It is done; the event happened at `time`, if the producer said it.
    pub(crate) fn done(mut self, time: Option<SystemTime>) {
        self.handled.done(time);
    }

    /// It failed for this reason. `detail` is for a person, and `next` what became of it: `None` where that could not be done.
    pub(crate) fn failed(mut self, reason: Reason, detail: &str, next: Option<NextStep>) {
        span::failed(&self.span, reason.as_str(), &detail);
        match next {
            Some(NextStep::Retry(_)) => self.handled.retried(reason),
            Some(NextStep::DeadLetter) => self.handled.dead_lettered(reason),
            None => {}
        }
    }
}
