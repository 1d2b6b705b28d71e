//! What an app publishes and subscribes to, as a value that is known before any connection.

mod routing;

use std::time::Duration;

use crate::event::EventInfo;

pub(crate) use self::routing::Pattern;

/// Everything that an app needs at the broker, transport-neutral: what its handlers subscribe to and what it publishes.
///
/// A transport turns it into exchanges, queues and bindings; the value is known without connecting, so tools can show it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// One for each queue: handlers that name the same queue share a subscription.
    pub subscriptions: Vec<Subscription>,
    /// What the app's handlers publish.
    pub emits: Vec<EventInfo>,
    /// Whether it writes into the journal that the broker keeps for all services.
    pub journal: bool,
}

/// What is wanted of the broker for one queue; never how.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// The service: the name of the consumer group.
    pub service: String,
    /// The queue: `{service}.{handler}` unless the handler names another.
    pub queue: String,
    /// Whether the queue is ours to declare and bind; `false` takes a foreign queue as it is.
    pub declare: bool,
    /// The patterns of routing keys that lead into the queue: `*` stands for one segment, `#` for any number.
    pub bindings: Vec<String>,
    /// How it is consumed and retried.
    pub policy: Policy,
}

impl Subscription {
    /// Whether a message with this routing key is led into the queue.
    ///
    /// ```
    /// use eda_core::{AnyEvent, App, Service};
    ///
    /// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
    /// let topology = app.topology()?;
    /// assert!(topology.subscriptions[0].takes("order.created"));
    /// # Ok::<_, eda_core::Error>(())
    /// ```
    pub fn takes(&self, routing_key: &str) -> bool {
        self.bindings.iter().any(|binding| Pattern::new(binding).matches(routing_key))
    }
}

/// How a subscription is consumed and what happens on failure.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How many attempts follow the first one; after them the delivery is a dead letter. Default 10.
    pub retries: u32,
    /// How long to wait before each further attempt. Default 1 s, doubled up to 5 min.
    pub backoff: Backoff,
    /// How long one attempt may take before it is cancelled and counts as a transient failure. Default 5 min.
    pub timeout: Duration,
    /// How many deliveries are handled at the same time in this process. Default 16; 1 keeps the queue's order.
    pub concurrency: usize,
    /// How many unsettled deliveries the broker hands out to this process at most. `None`: the transport's default, 256
    /// on RabbitMQ.
    pub prefetch: Option<u16>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retries: 10,
            backoff: Backoff::millis(1_000, 300_000),
            timeout: Duration::from_secs(300),
            concurrency: 16,
            prefetch: None,
        }
    }
}

/// The waiting times between attempts: doubled from the first up to the last.
///
/// ```
/// use eda_core::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::millis(200, 1_000);
/// let waits: Vec<_> = (1..=4).map(|attempt| backoff.after(attempt).as_millis()).collect();
/// assert_eq!(waits, [200, 400, 800, 1_000]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    first: Duration,
    last: Duration,
}

impl Backoff {
    /// Doubled from `first` milliseconds up to `last` milliseconds. A `last` before `first` means `first`, always.
    pub const fn millis(first: u64, last: u64) -> Self {
        let last = if last < first { first } else { last };
        Self { first: Duration::from_millis(first), last: Duration::from_millis(last) }
    }

    /// The wait after a failed attempt; the first attempt is number 1.
    pub fn after(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(63);
        let factor = u32::try_from(1_u64 << doublings).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.last)
    }

    /// The first and the last wait.
    pub fn bounds(&self) -> (Duration, Duration) {
        (self.first, self.last)
    }

    /// Every wait that `retries` retries can ask for, ascending and distinct: what a transport with fixed delays declares.
    pub fn waits(&self, retries: u32) -> impl Iterator<Item = Duration> {
        let mut previous = None;
        let this = *self;
        (1..=retries.min(64)).map(move |attempt| this.after(attempt)).filter(move |wait| {
            let fresh = previous != Some(*wait);
            previous = Some(*wait);
            fresh
        })
    }
}
