//! What a test may look at.

use bytes::Bytes;
use eda_core::Result;
use lapin::types::AMQPValue;

use super::Simulation;
use super::queue::Message;
use crate::Rabbit;

/// A queue as the broker's own tools show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// Its name.
    pub name: String,
    /// What waits, with what is being dead-lettered.
    pub ready: usize,
    /// What consumers have in hand.
    pub unacked: usize,
    /// How many consume it.
    pub consumers: usize,
}

/// A message that lies in a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The queue.
    pub queue: String,
    /// The message's id.
    pub id: String,
    /// Its routing key.
    pub routing_key: String,
    /// Its body.
    pub body: Bytes,
    /// Why this framework has dead-lettered it.
    pub reason: Option<String>,
    /// Why the broker has, the last time.
    pub broker_reason: Option<String>,
    /// The number of the last attempt.
    pub attempt: u32,
}

impl Held {
    pub(super) fn of(queue: &str, message: &Message) -> Self {
        let headers = message.properties.headers().as_ref();
        let header = |name: &str| headers.and_then(|headers| headers.inner().get(name));
        let text = |name: &str| match header(name) {
            Some(AMQPValue::LongString(text)) => Some(text.to_string()),
            _ => None,
        };
        let attempt = match header("eda-attempt") {
            Some(AMQPValue::LongLongInt(attempt)) => u32::try_from(*attempt).unwrap_or(0),
            _ => 0,
        };
        Self {
            queue: queue.to_owned(),
            id: message.id().to_owned(),
            routing_key: message.routing_key.clone(),
            body: message.body.clone(),
            reason: text("eda-reason"),
            broker_reason: last_death(header("x-death")),
            attempt,
        }
    }
}

fn last_death(history: Option<&AMQPValue>) -> Option<String> {
    let Some(AMQPValue::FieldArray(history)) = history else { return None };
    match history.as_slice().first() {
        Some(AMQPValue::FieldTable(death)) => match death.inner().get("reason") {
            Some(AMQPValue::LongString(reason)) => Some(reason.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// What was counted over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Faults that hit something.
    pub faults: u64,
    /// Connections that the client has lost.
    pub lost_connections: u64,
    /// Deliveries that were open when their channel ended.
    pub exposed_deliveries: u64,
    /// Publishes that had no word when their channel ended, or never got one.
    pub exposed_publishes: u64,
    /// Messages that the broker's delivery limit has parked.
    pub over_the_limit: u64,
    /// Messages whose publisher was told no, whether they were taken or not.
    pub nacked: u64,
    /// Messages that were dead-lettered at most once, to nowhere.
    pub dropped: u64,
}

impl Simulation {
    /// A transport over this broker; the options of the URL hold, its address does not matter.
    ///
    /// # Errors
    /// As [`Rabbit::connect`].
    pub async fn connect(&self, url: &str) -> Result<Rabbit> {
        Rabbit::simulated(url, self).await
    }

    /// All queues, by name.
    pub fn queues(&self) -> Vec<QueueView> {
        let world = self.world();
        let view = |(name, queue): (&String, &super::queue::Queue)| QueueView {
            name: name.clone(),
            ready: queue.ready_count() + queue.is_dead_lettering(),
            unacked: queue.unacked,
            consumers: queue.consumers.len(),
        };
        world.queues.iter().map(view).collect()
    }

    /// What lies in a queue and is in no consumer's hand, oldest first.
    pub fn held(&self, queue: &str) -> Vec<Held> {
        let world = self.world();
        let entries = world.queues.get(queue).into_iter().flat_map(super::queue::Queue::entries);
        entries.map(|entry| Held::of(queue, &entry.message)).collect()
    }

    /// What was deleted with its queue.
    pub fn destroyed(&self) -> Vec<Held> {
        self.world().destroyed.clone()
    }

    /// The client that gets a message with this id loses its connection before anybody sees it, as with one that the client
    /// library can't read.
    pub fn make_lethal(&self, id: &str) {
        self.world().lethal.insert(id.to_owned());
    }

    /// What was published with this key is to reach this queue: where it does not, [`unserved`](Self::unserved) says so.
    pub fn expect_route(&self, key: &str, queue: &str) {
        self.world().expected_routes.push((key.to_owned(), queue.to_owned()));
    }

    /// What was published while a queue that it should have reached was gone, or not bound.
    pub fn unserved(&self) -> Vec<Held> {
        self.world().unserved.clone()
    }

    /// How many connections the broker has.
    pub fn connections(&self) -> usize {
        self.world().connections.values().filter(|connection| connection.is_at_broker).count()
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        self.world().tally
    }

    /// Writes something into the trace.
    pub fn note(&self, what: &str, number: u64, text: &str) {
        self.world().note(what, [number, 0, 0], text);
    }

    /// The trace as a number: two runs that differ have different ones.
    pub fn hash(&self) -> u64 {
        self.world().trace.hash()
    }

    /// The trace as text; empty unless [`Options::trace`](super::Options::trace) was set.
    pub fn trace(&self) -> String {
        self.world().trace.text().to_owned()
    }
}
