//! A connection to either broker, and what a scenario saw.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use eda_core::{EventId, Result};
use lapin::options::{ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};
use tokio::time::{sleep, timeout};

use crate::topology::{Argument, Binding, Exchange, ExchangeKind, Queue};
use crate::wire::simulation::{Fault, Options, Simulated, Simulation};
use crate::wire::{Arrivals, Arrived, BoxFuture, Channel, Confirm, Connect, Lapin, Link, Outgoing, Word};

/// How long something may take that must come, and how long a scenario listens where nothing must.
const PATIENCE: Duration = Duration::from_secs(15);
const QUIET: Duration = Duration::from_millis(300);

/// What a scenario works with.
pub(super) struct Bench {
    connect: Arc<dyn Connect>,
    link: Arc<dyn Link>,
    outside: Outside,
    /// Makes names that nobody else on a shared broker has; it is left out of traces.
    prefix: String,
    made: Vec<(bool, String)>,
    trace: Vec<String>,
}

/// Somebody who is not the framework.
enum Outside {
    Simulation(Simulation),
    Real(Box<Connection>),
}

/// Runs a scenario over both brokers and compares.
#[expect(clippy::needless_pass_by_value, reason = "a scenario is written where it is handed over")]
pub(super) fn compare(scenario: impl AsyncFn(&mut Bench)) {
    let simulated = {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let simulation = Simulation::new(1, Options::default());
            let driver = tokio::spawn(simulation.clone().drive());
            let connect = Arc::new(Simulated { simulation: simulation.clone(), purpose: "a scenario" });
            let trace = run(connect, Outside::Simulation(simulation), &scenario).await;
            driver.abort();
            trace
        })
    };
    let real = {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let url = rabbit_node::shared_url();
            let outside = Connection::connect(&url, ConnectionProperties::default()).await.expect("a broker");
            let config = url.parse().expect("AMQP_URL is one of ours");
            let connect = Arc::new(Lapin { config, name: "a scenario".into() });
            run(connect, Outside::Real(Box::new(outside)), &scenario).await
        })
    };
    let (simulated, real) = (simulated.join("\n"), real.join("\n"));
    assert!(!real.is_empty(), "a scenario that notes nothing compares nothing");
    assert!(simulated == real, "\n-- simulated:\n{simulated}\n\n-- RabbitMQ:\n{real}\n");
}

async fn run(connect: Arc<dyn Connect>, outside: Outside, scenario: &impl AsyncFn(&mut Bench)) -> Vec<String> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let prefix = format!("s{}.{}.", COUNT.fetch_add(1, Ordering::Relaxed), EventId::new());
    let link = connect.connect().await.expect("the broker answers");
    let mut bench = Bench { connect, link, outside, prefix, made: Vec::new(), trace: Vec::new() };
    scenario(&mut bench).await;
    for (is_queue, name) in std::mem::take(&mut bench.made) {
        bench.delete(is_queue, &name).await;
    }
    bench.trace
}

pub(super) fn text(text: &str) -> Argument {
    Argument::Text(text.to_owned())
}

pub(super) fn number(number: i64) -> Argument {
    Argument::Number(number)
}

/// The arguments of a quorum queue.
pub(super) fn quorum<const N: usize>(more: [(&'static str, Argument); N]) -> Vec<(&'static str, Argument)> {
    [("x-queue-type", text("quorum"))].into_iter().chain(more).collect()
}

impl Bench {
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) fn note(&mut self, what: impl Into<String>) {
        let what: String = what.into();
        self.trace.push(what.replace(&self.prefix, ""));
    }

    pub(super) fn note_outcome<T>(&mut self, what: &str, outcome: &Result<T>) {
        match outcome {
            Ok(_) => self.note(format!("{what}: ok")),
            Err(error) => {
                let text = error.to_string();
                // where the broker's own words end, versions differ
                let text = text.split(": caused by").next().unwrap_or_default().to_owned();
                self.note(format!("{what}: {:?}: {text}", error.kind()));
            }
        }
    }

    pub(super) async fn channel(&self) -> Arc<dyn Channel> {
        self.link.channel().await.expect("a channel")
    }

    pub(super) async fn another_link(&self) -> Arc<dyn Link> {
        self.connect.connect().await.expect("the broker answers")
    }

    pub(super) async fn exchange(&mut self, name: &str, kind: ExchangeKind, alternate: Option<&str>) -> Result {
        let alternate = alternate.map(|name| &*self.name(name).leak());
        let exchange = Exchange { name: self.name(name), kind, alternate };
        self.made.push((false, exchange.name.clone()));
        self.channel().await.declare_exchange(&exchange).await
    }

    pub(super) async fn queue(&mut self, name: &str, arguments: Vec<(&'static str, Argument)>) -> Result {
        let queue = Queue { name: self.name(name), arguments: Some(arguments) };
        self.made.push((true, queue.name.clone()));
        self.channel().await.declare_queue(&queue).await
    }

    pub(super) async fn bind(&self, queue: &str, exchange: &str, key: &str) -> Result {
        let binding = Binding { queue: self.name(queue), exchange: self.name(exchange), routing_key: self.keyed(key) };
        self.channel().await.bind(&binding).await
    }

    /// A key that begins with `@` is a queue's name.
    fn keyed(&self, key: &str) -> String {
        key.strip_prefix('@').map_or_else(|| key.to_owned(), |name| self.name(name))
    }

    pub(super) async fn publisher(&self) -> Arc<dyn Channel> {
        let channel = self.channel().await;
        channel.confirm_select().await.expect("confirms");
        channel
    }

    pub(super) fn outgoing(&self, exchange: &str, key: &str, id: &str) -> Outgoing {
        let exchange = if exchange.is_empty() { String::new() } else { self.name(exchange) };
        let properties = BasicProperties::default().with_delivery_mode(2).with_message_id(id.into());
        Outgoing { exchange, routing_key: self.keyed(key), properties, body: Bytes::from(id.to_owned()) }
    }

    /// Publishes, waits for the word, and notes it.
    pub(super) async fn publish(&mut self, channel: &Arc<dyn Channel>, exchange: &str, key: &str, id: &str) {
        let outgoing = self.outgoing(exchange, key, id);
        self.send(channel, outgoing, id).await;
    }

    pub(super) async fn send(&mut self, channel: &Arc<dyn Channel>, outgoing: Outgoing, id: &str) {
        match timeout(PATIENCE, word(channel.publish(outgoing))).await.expect("a word comes") {
            Ok(word) => self.note(format!("publish {id}: {}", spoken(&word))),
            Err(error) => self.note_outcome(&format!("publish {id}"), &Err::<(), _>(error)),
        }
    }

    pub(super) async fn next(&self, arrivals: &mut Box<dyn Arrivals>) -> Option<Result<Arrived>> {
        timeout(PATIENCE, poll_fn(|context| arrivals.poll_next(context))).await.expect("something comes")
    }

    /// As many deliveries as come, noted.
    pub(super) async fn receive(&mut self, arrivals: &mut Box<dyn Arrivals>, count: usize) -> Vec<Arrived> {
        let mut came = Vec::new();
        while came.len() < count {
            match self.next(arrivals).await {
                Some(Ok(arrived)) => {
                    self.note(shown(&arrived));
                    came.push(arrived);
                }
                Some(Err(error)) => {
                    self.note_outcome("consume", &Err::<(), _>(error));
                    break;
                }
                None => {
                    self.note("consume: the end");
                    break;
                }
            }
        }
        came
    }

    /// As [`receive`](Self::receive), in the order of their ids, where the broker may hand them out in any.
    pub(super) async fn receive_sorted(&mut self, arrivals: &mut Box<dyn Arrivals>, count: usize) -> Vec<Arrived> {
        let from = self.trace.len();
        let came = self.receive(arrivals, count).await;
        self.trace[from..].sort();
        came
    }

    pub(super) async fn nothing_comes(&mut self, arrivals: &mut Box<dyn Arrivals>) {
        match timeout(QUIET, poll_fn(|context| arrivals.poll_next(context))).await {
            Err(_) => self.note("nothing comes"),
            Ok(Some(Ok(arrived))) => self.note(format!("unexpected: {}", shown(&arrived))),
            Ok(Some(Err(error))) => self.note_outcome("consume", &Err::<(), _>(error)),
            Ok(None) => self.note("consume: the end"),
        }
    }

    pub(super) async fn consume(&self, channel: &Arc<dyn Channel>, queue: &str, prefetch: u16) -> Box<dyn Arrivals> {
        channel.qos(prefetch).await.expect("a prefetch");
        channel.consume(&self.name(queue)).await.expect("the queue is there")
    }

    /// How many messages wait in a queue, once that has come to rest.
    pub(super) async fn note_ready(&mut self, queue: &str) {
        sleep(QUIET).await;
        let name = self.name(queue);
        let ready = match &self.outside {
            Outside::Simulation(simulation) => {
                let queues = simulation.queues();
                queues.iter().find(|known| known.name == name).map(|known| known.ready)
            }
            Outside::Real(connection) => {
                let channel = connection.create_channel().await.expect("a channel");
                let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                let declared = channel.queue_declare(name.into(), options, FieldTable::default()).await;
                declared.ok().map(|queue| queue.message_count() as usize)
            }
        };
        self.note(format!("ready in {queue}: {ready:?}"));
    }

    pub(super) async fn delete_queue(&mut self, name: &str) {
        let name = self.name(name);
        self.delete(true, &name).await;
    }

    async fn delete(&self, is_queue: bool, name: &str) {
        match &self.outside {
            Outside::Simulation(simulation) => {
                let name = name.to_owned();
                simulation.fault(&if is_queue { Fault::DeleteQueue(name) } else { Fault::DeleteExchange(name) });
            }
            Outside::Real(connection) => {
                let channel = connection.create_channel().await.expect("a channel");
                if is_queue {
                    channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.expect("deleted");
                } else {
                    channel.exchange_delete(name.into(), ExchangeDeleteOptions::default()).await.expect("deleted");
                }
                channel.close(200, "bye".into()).await.expect("closed");
            }
        }
    }
}

pub(super) fn spoken(word: &Word) -> String {
    let (name, returned) = match word {
        Word::Ack { returned } => ("ack", returned),
        Word::Nack { returned } => ("nack", returned),
    };
    let returned = returned.as_ref().map(|returned| format!(", returned {} {}", returned.message_id, returned.text));
    format!("{name}{}", returned.unwrap_or_default())
}

fn shown(arrived: &Arrived) -> String {
    let headers: BTreeMap<String, AMQPValue> =
        arrived.properties.headers().iter().flatten().map(|(name, value)| (name.to_string(), value.clone())).collect();
    let mut shown = vec![format!(
        "{} from `{}` by `{}`{}",
        String::from_utf8_lossy(&arrived.body),
        arrived.exchange,
        arrived.routing_key,
        if arrived.redelivered { ", redelivered" } else { "" }
    )];
    for (name, value) in headers {
        match value {
            // what later versions add beside it
            _ if name == "x-acquired-count" || name.starts_with("x-last-death") => {}
            // later versions say so from the first delivery on
            AMQPValue::LongLongInt(0) if name == "x-delivery-count" => {}
            AMQPValue::LongLongInt(value) => shown.push(format!("{name}={value}")),
            AMQPValue::LongString(value) => shown.push(format!("{name}={value}")),
            AMQPValue::FieldArray(deaths) if name == "x-death" => {
                for death in deaths.as_slice() {
                    shown.push(died(death));
                }
            }
            value => shown.push(format!("{name}={value:?}")),
        }
    }
    if let Some(expiration) = arrived.properties.expiration() {
        shown.push(format!("expires {expiration}"));
    }
    shown.join(", ")
}

fn died(death: &AMQPValue) -> String {
    let AMQPValue::FieldTable(table) = death else { return format!("{death:?}") };
    let field = |name: &str| match table.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        Some(AMQPValue::LongLongInt(number)) => number.to_string(),
        Some(AMQPValue::FieldArray(keys)) => {
            let keys = keys.as_slice().iter().map(|key| match key {
                AMQPValue::LongString(key) => key.to_string(),
                other => format!("{other:?}"),
            });
            keys.collect::<Vec<_>>().join("+")
        }
        other => format!("{other:?}"),
    };
    format!(
        "died {} times of {} in {} (from `{}` by `{}`)",
        field("count"),
        field("reason"),
        field("queue"),
        field("exchange"),
        field("routing-keys")
    )
}

/// Publishes, and waits for the word.
pub(super) async fn word(publishing: BoxFuture<Result<Confirm>>) -> Result<Word> {
    publishing.await?.await
}
