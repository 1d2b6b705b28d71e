//! What a start has declared, so that its subscriptions do not declare it once more.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use eda_core::Subscription;
use tokio::time::Instant;

use crate::wire::Link;

/// As long after it was declared nobody need look whether it is there.
const FRESH: Duration = Duration::from_secs(10);

/// What was declared, and is to be consumed.
#[derive(Default)]
pub(crate) struct Declared(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    largest: usize,
    /// Of the newest topology, what nobody has begun to consume since.
    fresh: Vec<Subscription>,
    on: Option<(Weak<dyn Link>, Instant)>,
}

impl Declared {
    /// Notes how many subscriptions are to be made.
    pub(crate) fn expect(&self, subscriptions: usize) {
        self.with(|inner| inner.largest = inner.largest.max(subscriptions));
    }

    /// Notes what exists now, by the word of this connection's broker.
    pub(crate) fn done(&self, subscriptions: &[Subscription], on: &Arc<dyn Link>) {
        let on = Some((Arc::downgrade(on), Instant::now()));
        self.with(|inner| (inner.fresh, inner.on) = (subscriptions.to_vec(), on));
    }

    /// Of how many subscriptions the largest topology was.
    pub(crate) fn expected(&self) -> usize {
        self.with(|inner| inner.largest)
    }

    /// On which connection all that it needs was declared; that is said once.
    pub(crate) fn take(&self, subscription: &Subscription) -> Option<Weak<dyn Link>> {
        self.with(|inner| {
            let index = inner.fresh.iter().position(|fresh| fresh == subscription)?;
            inner.fresh.swap_remove(index);
            inner.on.as_ref().filter(|(_, since)| since.elapsed() < FRESH).map(|(link, _)| Weak::clone(link))
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
