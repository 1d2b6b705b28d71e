//! What exists at the broker, as a value: known without connecting, and the same for every service.
//!
//! ```text
//!  publisher ──▶ eda.events (topic) ──────▶ {service}.{handler} ──▶ handler
//!                    │ nobody bound               ▲      │ failed for good
//!                    ▼                            │      ▼
//!              eda.unrouted                       │   eda.dead ──▶ {queue}.dead
//!                                                 │
//!  a retry ─▶ eda.wait.{service}.{ms} ──after its time──▶ eda.retry (direct, by the queue's name)
//!                                                           │ the queue is gone
//!                                                           ▼
//!                                                    eda.retry.orphaned
//! ```

use std::time::Duration;

use eda_core::transport::limits;
use eda_core::{Error, ErrorKind, Result, Subscription, Topology, mutant};

/// Where events are published: a topic exchange.
pub const EVENTS: &str = "eda.events";
/// As [`EVENTS`], bound alike, for publishers to whom an unroutable event is an error.
pub const EVENTS_STRICT: &str = "eda.events.strict";
/// Where events wait that nobody subscribes to yet.
pub const UNROUTED: &str = "eda.unrouted";
/// From where a retry returns to its queue.
pub const RETRY: &str = "eda.retry";
/// With what the names begin under which retries wait: the service's name and the milliseconds follow.
pub const WAIT: &str = "eda.wait.";
/// Where retries end whose queue is gone.
pub const ORPHANED: &str = "eda.retry.orphaned";
/// Where the journal of all services is kept.
pub const JOURNAL: &str = "eda.journal";
/// Where lines of the journal are published. It is not called as the queue is, so that who may write can't read.
pub const JOURNAL_LINES: &str = "eda.journal.lines";
/// From where a dead letter goes to its queue's dead letters.
pub const DEAD: &str = "eda.dead";

/// How many events are parked at most, oldest dropped first.
pub const UNROUTED_LENGTH: i64 = 100_000;
/// How large the journal gets at most, oldest dropped first; a message of it holds many lines.
pub const JOURNAL_BYTES: i64 = 64 * 1024 * 1024;
/// How many messages the journal has at most: no more than `trace` can walk over in some seconds.
pub const JOURNAL_LENGTH: i64 = 100_000;
/// How often the broker hands out a delivery again after crashes and lost connections, before it parks it as suspect.
pub const DELIVERY_LIMIT: i64 = 50;
/// Looking at a dead letter must never cost it: every look counts as a delivery, and RabbitMQ knows no "none" in all versions.
pub const PARKED_DELIVERY_LIMIT: i64 = i64::MAX;

/// The delays that retries can have, in milliseconds. A wanted delay is rounded up to the next one.
pub const LADDER: [u64; 20] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_200_000,
    1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000,
];

/// Exchanges, queues and bindings, in the order in which they are declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The exchanges.
    pub exchanges: Vec<Exchange>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// The bindings.
    pub bindings: Vec<Binding>,
}

/// An exchange; always durable.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// How it routes.
    pub kind: ExchangeKind,
    /// Where what it can't route goes.
    pub alternate: Option<&'static str>,
}

/// How an exchange routes: AMQP 0-9-1 §3.1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeKind {
    /// By the whole routing key.
    Direct,
    /// To every queue.
    Fanout,
    /// By patterns.
    Topic,
}

/// A queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// What it is declared with; `None` for a queue that someone else declares, and that must exist.
    pub arguments: Option<Vec<(&'static str, Argument)>>,
}

/// The value of a queue's argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
}

/// A binding of a queue to an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The queue.
    pub queue: String,
    /// The exchange.
    pub exchange: String,
    /// The routing key, or a pattern of it.
    pub routing_key: String,
}

impl Queue {
    /// Whether it is gone when the broker starts again: only what a build without the safeguard declares.
    pub(crate) fn is_transient(&self) -> bool {
        self.arguments.as_deref().is_some_and(|arguments| arguments.contains(&("x-queue-type", text("classic"))))
    }
}

impl Plan {
    /// Everything that an app needs at the broker. It is the same whatever the URL says, so that services with different
    /// options can share a broker.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) where a backoff is longer than the longest delay.
    ///
    /// ```
    /// use eda_core::Topology;
    /// use eda_rabbit::topology::{EVENTS, Plan};
    ///
    /// let plan = Plan::of(&Topology::default())?;
    /// assert!(plan.exchanges.iter().any(|exchange| exchange.name == EVENTS));
    /// # Ok::<_, eda_core::Error>(())
    /// ```
    pub fn of(topology: &Topology) -> Result<Self> {
        let mut plan = Self::shared();
        for subscription in &topology.subscriptions {
            plan.merge(Self::subscription(subscription)?);
        }
        if topology.journal {
            plan.merge(Self::journal());
        }
        Ok(plan)
    }

    /// The journal, for who writes into it. It is a quorum queue and no stream: a stream drops whole segments only, and is
    /// read in another way than all else that is kept.
    pub fn journal() -> Self {
        let mut plan = Self::default();
        plan.exchange(JOURNAL_LINES, ExchangeKind::Fanout, None);
        let arguments = parked(&[
            ("x-max-length", Argument::Number(JOURNAL_LENGTH)),
            ("x-max-length-bytes", Argument::Number(JOURNAL_BYTES)),
            ("x-overflow", text("drop-head")),
        ]);
        plan.queues.push(Queue { name: JOURNAL.to_owned(), arguments: Some(arguments) });
        plan.bind(JOURNAL, JOURNAL_LINES, "");
        plan
    }

    /// What every app needs: the exchanges, and the queues where nothing gets lost.
    pub fn shared() -> Self {
        let mut plan = Self::default();
        plan.exchange(EVENTS, ExchangeKind::Topic, Some(UNROUTED));
        plan.exchange(EVENTS_STRICT, ExchangeKind::Topic, None);
        plan.exchange(RETRY, ExchangeKind::Direct, Some(ORPHANED));
        plan.exchange(DEAD, ExchangeKind::Direct, None);
        plan.parking(
            UNROUTED,
            &[("x-max-length", Argument::Number(UNROUTED_LENGTH)), ("x-overflow", text("drop-head"))],
        );
        plan.parking(ORPHANED, &[]);
        plan
    }

    /// What one subscription needs beside the [shared](Self::shared) part: its queue, its dead letters, its delays.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) where a backoff is longer than the longest delay, or a name longer than AMQP allows.
    pub fn subscription(subscription: &Subscription) -> Result<Self> {
        let Subscription { service, queue, policy, .. } = subscription;
        limits::check_subscription(subscription)?;
        let mut plan = Self::default();
        for wait in policy.backoff.waits(policy.retries) {
            plan.merge(Self::delay(service, rung(wait)?));
        }
        plan.queues.push(Queue { name: format!("{queue}.dead"), arguments: Some(parked(&[])) });
        plan.bind(&format!("{queue}.dead"), DEAD, queue);
        let mut own = vec![
            ("x-queue-type", text("quorum")),
            ("x-delivery-limit", Argument::Number(DELIVERY_LIMIT)),
            ("x-dead-letter-exchange", text(DEAD)),
            ("x-dead-letter-routing-key", text(queue)),
            ("x-dead-letter-strategy", text(strategy())),
            ("x-overflow", text("reject-publish")),
        ];
        if mutant::is_without("durable-queues") {
            own = vec![("x-queue-type", text("classic"))];
        }
        plan.queues.push(Queue { name: queue.clone(), arguments: subscription.declare.then_some(own) });
        plan.bind(queue, RETRY, queue);
        for binding in &subscription.bindings {
            plan.bind(queue, EVENTS, binding);
            plan.bind(queue, EVENTS_STRICT, binding);
        }
        Ok(plan)
    }

    /// The queue in which a service's retries wait for a time, and the way into it. RabbitMQ has no more than 32 retries of a
    /// waiting queue on their way at once, and holds them until they are taken: one that is full holds up its own service.
    pub fn delay(service: &str, milliseconds: u64) -> Self {
        let name = wait_name(service, milliseconds);
        let mut plan = Self::default();
        plan.exchange(&name, ExchangeKind::Fanout, None);
        let arguments = [
            ("x-queue-type", text("quorum")),
            ("x-message-ttl", Argument::Number(i64::try_from(milliseconds).unwrap_or(i64::MAX))),
            ("x-dead-letter-exchange", text(RETRY)),
            ("x-dead-letter-strategy", text(strategy())),
            ("x-overflow", text("reject-publish")),
            ("x-delivery-limit", Argument::Number(PARKED_DELIVERY_LIMIT)),
        ];
        plan.queues.push(Queue { name: name.clone(), arguments: Some(arguments.to_vec()) });
        plan.bind(&name, &name, "");
        plan
    }

    /// Adds what another plan has and this one has not.
    pub fn merge(&mut self, other: Self) {
        fn add<T: PartialEq>(into: &mut Vec<T>, from: Vec<T>) {
            for item in from {
                if !into.contains(&item) {
                    into.push(item);
                }
            }
        }
        add(&mut self.exchanges, other.exchanges);
        add(&mut self.queues, other.queues);
        add(&mut self.bindings, other.bindings);
    }

    fn exchange(&mut self, name: &str, kind: ExchangeKind, alternate: Option<&'static str>) {
        self.exchanges.push(Exchange { name: name.to_owned(), kind, alternate });
    }

    fn parking(&mut self, name: &str, arguments: &[(&'static str, Argument)]) {
        self.exchange(name, ExchangeKind::Fanout, None);
        self.queues.push(Queue { name: name.to_owned(), arguments: Some(parked(arguments)) });
        self.bind(name, name, "");
    }

    fn bind(&mut self, queue: &str, exchange: &str, routing_key: &str) {
        let (queue, exchange, routing_key) = (queue.to_owned(), exchange.to_owned(), routing_key.to_owned());
        self.bindings.push(Binding { queue, exchange, routing_key });
    }
}

/// The delay that a wanted one is rounded up to, in milliseconds: never before, at most a day.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) over a day.
pub fn rung(wanted: Duration) -> Result<u64> {
    limits::check_delay(wanted)?;
    let rung = LADDER.into_iter().find(|rung| Duration::from_millis(*rung) >= wanted);
    rung.ok_or_else(|| Error::new(ErrorKind::Internal, "the ladder of delays ends below the longest one"))
}

/// The name of the exchange and the queue of a service's delay.
pub(crate) fn wait_name(service: &str, milliseconds: u64) -> String {
    format!("{WAIT}{service}.{milliseconds}")
}

fn strategy() -> &'static str {
    if mutant::is_without("at-least-once") { "at-most-once" } else { "at-least-once" }
}

fn parked(arguments: &[(&'static str, Argument)]) -> Vec<(&'static str, Argument)> {
    let limit = ("x-delivery-limit", Argument::Number(PARKED_DELIVERY_LIMIT));
    [("x-queue-type", text("quorum")), limit].into_iter().chain(arguments.iter().cloned()).collect()
}

fn text(text: &str) -> Argument {
    Argument::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use eda_core::{Backoff, Policy};

    #[test]
    fn a_delay_is_rounded_up_and_never_down() {
        for (wanted, expected) in
            [(0, 100), (100, 100), (101, 200), (400, 500), (25_600, 30_000), (86_400_000, 86_400_000)]
        {
            assert_eq!(rung(Duration::from_millis(wanted)).ok(), Some(expected));
        }
        assert!(rung(Duration::from_millis(86_400_001)).is_err());
    }

    #[test]
    fn a_foreign_queue_is_neither_declared_nor_bound_to_events() {
        let subscription = Subscription {
            service: "billing".into(),
            queue: "order_events".into(),
            declare: false,
            bindings: Vec::new(),
            policy: Policy { retries: 2, backoff: Backoff::millis(200, 200), ..Policy::default() },
        };
        let plan = Plan::subscription(&subscription).expect("the backoff is short");
        let queue = plan.queues.iter().find(|queue| queue.name == "order_events").expect("it is checked");
        assert_eq!(queue.arguments, None);
        let exchanges: Vec<_> = plan.bindings.iter().filter(|binding| binding.queue == "order_events").collect();
        assert_eq!(exchanges.len(), 1, "only its own way back: {exchanges:?}");
        let delays: Vec<_> = plan.exchanges.iter().map(|exchange| &*exchange.name).collect();
        assert_eq!(delays, ["eda.wait.billing.200"]);
    }
}
