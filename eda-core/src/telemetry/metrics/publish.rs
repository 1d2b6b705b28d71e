//! What is counted and measured of publishing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use metrics::{Counter, Histogram, Label, counter, histogram};

use super::list;
use crate::error::Result;

/// For a name that is not the program's own.
const OTHER: &str = "_OTHER";

/// The numbers of one broker's publisher. Those of an event are looked up once and kept.
pub(crate) struct Publishing {
    system: &'static str,
    events: RwLock<HashMap<&'static str, Arc<Event>>>,
}

struct Event {
    labels: Vec<Label>,
    sent: Counter,
    duration: Histogram,
}

/// An event on its way. Dropped before the broker has spoken, it counts as cancelled.
pub(crate) struct Published {
    event: Arc<Event>,
    began: Instant,
    is_told: bool,
}

impl Publishing {
    pub(crate) fn new(system: &'static str) -> Self {
        list::describe();
        Self { system, events: RwLock::default() }
    }

    /// Begins with an event. A name that is part of the program's text is one of few.
    pub(crate) fn begin(&self, name: Option<&Cow<'static, str>>) -> Published {
        let name = match name {
            Some(Cow::Borrowed(name)) => *name,
            _ => OTHER,
        };
        Published { event: self.event(name), began: Instant::now(), is_told: false }
    }

    fn event(&self, name: &'static str) -> Arc<Event> {
        let known = self.events.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone);
        known.unwrap_or_else(|| {
            let mut events = self.events.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(events.entry(name).or_insert_with(|| Arc::new(Event::new(self.system, name))))
        })
    }
}

impl Event {
    fn new(system: &'static str, name: &'static str) -> Self {
        let labels = vec![
            Label::from_static_parts("messaging_system", system),
            Label::from_static_parts("messaging_operation_name", "publish"),
            Label::from_static_parts("event", name),
        ];
        let sent = counter!(list::SENT, labels.clone());
        let duration = histogram!(list::SEND_DURATION, labels.clone());
        Self { labels, sent, duration }
    }

    fn failed(&self, error_type: &'static str, began: Instant) {
        let mut labels = self.labels.clone();
        labels.push(Label::from_static_parts("error_type", error_type));
        counter!(list::SENT, labels.clone()).increment(1);
        histogram!(list::SEND_DURATION, labels).record(began.elapsed());
    }
}

impl Published {
    /// The broker has spoken, or could not be asked.
    pub(crate) fn told<T>(&mut self, word: &Result<T>) {
        self.is_told = true;
        match word {
            Ok(_) => {
                self.event.sent.increment(1);
                self.event.duration.record(self.began.elapsed());
            }
            Err(error) => self.event.failed(error.kind().as_str(), self.began),
        }
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        if !self.is_told {
            self.event.failed("cancelled", self.began);
        }
    }
}
