//! A handler's name and options, known while compiling.

use std::panic::Location;
use std::time::Duration;

use crate::topology::{Backoff, Policy};

/// A handler's name, place in the source, and options. What is not set is the service's or the default [`Policy`].
///
/// ```
/// use eda_core::{Backoff, HandlerMeta};
///
/// const META: HandlerMeta = HandlerMeta::new("charge").retries(5).backoff(Backoff::millis(200, 30_000));
/// assert_eq!(META.name, "charge");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct HandlerMeta {
    /// The name: with the service's it makes the queue's, so it stays when the function is renamed.
    pub name: &'static str,
    /// Where it stands in the source.
    pub location: &'static Location<'static>,
    /// What it does, in Markdown: the doc comment of the function. Empty where there is none.
    pub doc: &'static str,
    /// The queue; `{service}.{name}` where there is none.
    pub queue: Option<&'static str>,
    /// Whether the queue is ours to declare and bind. Default true.
    pub declare: bool,
    /// The JSON field that names the event in foreign messages.
    pub discriminator: Option<&'static str>,
    /// The pattern of routing keys, for a handler of [`AnyEvent`](crate::AnyEvent).
    pub pattern: Option<&'static str>,
    retries: Option<u32>,
    backoff: Option<Backoff>,
    timeout: Option<Duration>,
    concurrency: Option<usize>,
    prefetch: Option<u16>,
}

impl HandlerMeta {
    /// A handler with all defaults; remembers the place of the call.
    #[track_caller]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            location: Location::caller(),
            doc: "",
            queue: None,
            declare: true,
            discriminator: None,
            pattern: None,
            retries: None,
            backoff: None,
            timeout: None,
            concurrency: None,
            prefetch: None,
        }
    }

    /// Says what it does, in Markdown.
    #[must_use]
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Takes from this queue. Handlers of one service that name the same queue share it and are told apart by event.
    #[must_use]
    pub const fn queue(mut self, queue: &'static str) -> Self {
        self.queue = Some(queue);
        self
    }

    /// `false` takes a queue that someone else declared as it is: it is neither declared nor bound to events.
    #[must_use]
    pub const fn declare(mut self, declare: bool) -> Self {
        self.declare = declare;
        self
    }

    /// Names the JSON field that tells the event in messages of producers that say it nowhere else.
    #[must_use]
    pub const fn discriminator(mut self, field: &'static str) -> Self {
        self.discriminator = Some(field);
        self
    }

    /// Receives every event whose routing key matches, undecoded: for handlers of [`AnyEvent`](crate::AnyEvent).
    #[must_use]
    pub const fn pattern(mut self, pattern: &'static str) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// How many attempts follow the first one.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// How long to wait before each further attempt.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// How long one attempt may take, in milliseconds.
    #[must_use]
    pub const fn timeout_millis(mut self, millis: u64) -> Self {
        self.timeout = Some(Duration::from_millis(millis));
        self
    }

    /// How many deliveries are handled at the same time in this process; 1 keeps the queue's order.
    #[must_use]
    pub const fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = Some(concurrency);
        self
    }

    /// How many unsettled deliveries the broker hands out to this process at most.
    #[must_use]
    pub const fn prefetch(mut self, prefetch: u16) -> Self {
        self.prefetch = Some(prefetch);
        self
    }

    /// The policy: these options over the service's own.
    pub fn policy(&self, service: &Policy) -> Policy {
        Policy {
            retries: self.retries.unwrap_or(service.retries),
            backoff: self.backoff.unwrap_or(service.backoff),
            timeout: self.timeout.unwrap_or(service.timeout),
            concurrency: self.concurrency.unwrap_or(service.concurrency),
            prefetch: self.prefetch.or(service.prefetch),
        }
    }
}
