//! Since when the oldest delivery of a queue is in hand: what grows while a handler is stuck.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use metrics::{Gauge, Label, SharedString, gauge};

use super::list;

/// The deliveries of one queue whose handling has begun. The gauge tells a time, not an age: so it stays true while nothing
/// happens, which is when it matters.
pub(crate) struct InHand {
    oldest: Gauge,
    begun: Mutex<Begun>,
}

#[derive(Default)]
struct Begun {
    next: u64,
    /// By number, when each began, in seconds since the epoch.
    times: BTreeMap<u64, f64>,
}

impl InHand {
    pub(crate) fn new(queue: &str) -> Self {
        let labels = vec![Label::new("queue", SharedString::from_owned(queue.to_owned()))];
        Self { oldest: gauge!(list::OLDEST, labels), begun: Mutex::default() }
    }

    /// Gives the number under which it ends.
    pub(super) fn begin(&self) -> u64 {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let number = begun.next;
        begun.next += 1;
        begun.times.insert(number, now);
        if begun.times.len() == 1 {
            self.oldest.set(now);
        }
        number
    }

    pub(super) fn end(&self, number: u64) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let was_oldest = begun.times.first_key_value().is_some_and(|(first, _)| *first == number);
        begun.times.remove(&number);
        if was_oldest {
            self.oldest.set(begun.times.first_key_value().map_or(0.0, |(_, time)| *time));
        }
    }
}
