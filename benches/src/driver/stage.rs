//! The broker between two runs: fresh queues, filled where the work needs it, and what is left in them.

use std::time::{Duration, Instant};

use eda::topology::{Policy, Subscription, Topology};
use eda::{Broker, Event};
use lapin::options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::program::{Pair, Profiler, Program};
use super::wire;
use crate::complain;
use crate::event::{OrderPaid, OrderPlaced, SOURCE, mixed};
use crate::meter::Sample;
use crate::task::{Queue, Task, Work};

/// How long a queue may take to show what it holds.
const LIMIT: Duration = Duration::from_secs(20);
/// How often it is tried to make queues.
const TRIES: u32 = 3;
/// How long the broker has before it is asked again.
const REST: Duration = Duration::from_secs(2);

pub(super) struct Stage {
    url: String,
    broker: Broker,
}

/// A queue, what leads into it, and what it holds in the end.
struct Place {
    queue: &'static str,
    event: &'static str,
    at_first: u64,
    in_the_end: u64,
}

impl Stage {
    pub(super) async fn at(url: &str) -> Result<Self, String> {
        let broker = eda::connect(url).await.map_err(|error| error.to_string())?;
        Ok(Self { url: url.to_owned(), broker })
    }

    /// Runs a program on fresh queues; what it leaves there proves that it did its work.
    pub(super) async fn run(&self, program: Program, pair: &Pair) -> Result<Sample, String> {
        self.run_under(program, pair, None).await
    }

    /// As [`run`](Self::run), under a profiler.
    pub(super) async fn run_under(
        &self,
        program: Program,
        pair: &Pair,
        profiler: Option<Profiler>,
    ) -> Result<Sample, String> {
        let (work, events) = (program.work(), pair.events);
        let task = Task { work, queue: pair.queue, events, url: self.url.clone() };
        let places = places(&task);
        let (connection, channel) = self.fresh(&places, task.queue).await?;
        if work.needs_backlog() {
            start(Program::Fill(work), &task, None).await?;
        }
        for place in &places {
            holds(&channel, place.queue, place.at_first).await?;
        }
        let sample = start(program, &task, profiler).await?;
        for place in &places {
            holds(&channel, place.queue, place.in_the_end).await?;
        }
        connection.close(200, "bye".into()).await.map_err(amqp)?;
        Ok(sample)
    }

    /// Whether both programs publish the same bytes.
    pub(super) async fn check_bytes(&self) -> Result<(), String> {
        for work in [Work::Publish, Work::Chain] {
            let ours = self.published(Program::Framework(work)).await?;
            let theirs = self.published(Program::Baseline(work)).await?;
            wire::compare(&ours, &theirs)?;
        }
        Ok(())
    }

    /// The shape of a message that a program publishes.
    async fn published(&self, program: Program) -> Result<Vec<String>, String> {
        let task = Task { work: program.work(), queue: Queue::Quorum, events: 10, url: self.url.clone() };
        let places = places(&task);
        let (connection, channel) = self.fresh(&places, task.queue).await?;
        if task.work.needs_backlog() {
            start(Program::Fill(task.work), &task, None).await?;
        }
        start(program, &task, None).await?;
        let queue = task.queue.published();
        holds(&channel, queue, task.events).await?;
        let got = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await.map_err(amqp)?;
        connection.close(200, "bye".into()).await.map_err(amqp)?;
        got.map(|message| wire::shape(&message)).ok_or_else(|| format!("{queue} is empty"))
    }

    /// Fresh queues, and a channel beside them. A broker that has just deleted a large quorum queue may answer with an internal
    /// error, which ends the connection: so there is one for each run, and more than one try.
    async fn fresh(&self, places: &[Place], queue: Queue) -> Result<(Connection, Channel), String> {
        let mut tries = 1;
        loop {
            match self.try_fresh(places, queue).await {
                Err(error) if tries < TRIES => complain(&format!("{error}; trying again")),
                done => return done,
            }
            tries += 1;
            sleep(REST).await;
        }
    }

    async fn try_fresh(&self, places: &[Place], queue: Queue) -> Result<(Connection, Channel), String> {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await.map_err(amqp)?;
        let channel = connection.create_channel().await.map_err(amqp)?;
        // what the last run left, of whatever work: it would take a copy of what is published now
        for name in [Queue::Classic, Queue::Quorum].into_iter().flat_map(Queue::names) {
            delete(&channel, name).await?;
        }
        self.make(&channel, places, queue).await?;
        Ok((connection, channel))
    }

    async fn make(&self, channel: &Channel, places: &[Place], queue: Queue) -> Result<(), String> {
        let subscription = |place: &Place| Subscription {
            service: SOURCE.into(),
            queue: place.queue.into(),
            declare: true,
            bindings: vec![place.event.into()],
            policy: Policy::default(),
        };
        let mut topology = Topology::default();
        match queue {
            Queue::Quorum => topology.subscriptions = places.iter().map(subscription).collect(),
            Queue::Classic | Queue::Memory => {}
        }
        // the exchanges, too
        self.broker.transport().declare(&topology).await.map_err(|error| error.to_string())?;
        if queue == Queue::Classic {
            for place in places {
                let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
                let declaring = channel.queue_declare(place.queue.into(), options, FieldTable::default());
                declaring.await.map_err(amqp)?;
                let (exchange, options) = (eda::rabbit::topology::EVENTS, QueueBindOptions::default());
                let arguments = FieldTable::default();
                let binding =
                    channel.queue_bind(place.queue.into(), exchange.into(), place.event.into(), options, arguments);
                binding.await.map_err(amqp)?;
            }
        }
        Ok(())
    }
}

fn places(task: &Task) -> Vec<Place> {
    let Task { work, queue, events, .. } = task;
    let events = *events;
    let (consumed, published) = (queue.consumed(), queue.published());
    match work {
        Work::Publish | Work::PublishOne => {
            vec![Place { queue: published, event: OrderPlaced::NAME, at_first: 0, in_the_end: events }]
        }
        Work::Memory => Vec::new(),
        Work::Latency => vec![Place { queue: consumed, event: OrderPlaced::NAME, at_first: 0, in_the_end: 0 }],
        Work::Consume | Work::Seen | Work::Retries => {
            vec![Place { queue: consumed, event: OrderPlaced::NAME, at_first: events, in_the_end: 0 }]
        }
        Work::Chain => vec![
            Place { queue: consumed, event: OrderPlaced::NAME, at_first: events, in_the_end: 0 },
            Place { queue: published, event: OrderPaid::NAME, at_first: 0, in_the_end: events },
        ],
        Work::Handlers => {
            let at_first = events / mixed::NAMES.len() as u64;
            let names = mixed::NAMES.iter().enumerate();
            names.map(|(index, event)| Place { queue: queue.handler(index), event, at_first, in_the_end: 0 }).collect()
        }
    }
}

async fn start(program: Program, task: &Task, profiler: Option<Profiler>) -> Result<Sample, String> {
    let task = task.clone();
    spawn_blocking(move || program.run(&task, profiler.as_ref())).await.map_err(|error| error.to_string())?
}

async fn delete(channel: &Channel, queue: &str) -> Result<(), String> {
    // one that does not exist is no error
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.map(drop).map_err(amqp)
}

/// Waits until a queue holds so many: the counters of a quorum queue come late.
async fn holds(channel: &Channel, queue: &str, expected: u64) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await.map_err(amqp)?;
        let found = u64::from(declared.message_count());
        if found == expected {
            return Ok(());
        }
        if begun.elapsed() > LIMIT {
            return Err(format!("expected {expected} messages in {queue}, found {found}"));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn amqp(error: lapin::Error) -> String {
    format!("preparing the queues: {error}")
}
