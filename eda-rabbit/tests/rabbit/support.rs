//! Fresh names on a shared broker, and a foreign client that looks at it from outside.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use eda_core::transport::{ConsumerState, Deliveries, Delivery, FailureRecord, Publish, Reason, Transport};
use eda_core::{Backoff, EventId, Message, Policy, Subscription, Topology};
use eda_rabbit::Rabbit;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Connection, ConnectionProperties};

use crate::user::restricted_where_possible;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// For one who may do everything.
pub(crate) fn url() -> String {
    std::env::var("AMQP_URL").expect("no broker: run `cargo xtask test`, or set AMQP_URL")
}

/// A name that no other test and no earlier run has used.
pub(crate) fn fresh(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{SERVICE}.{what}-{}-{}", EventId::new(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The service whose rights the tests have.
const SERVICE: &str = "rabbit-tests";

/// The broker for a user with these rights and no others.
pub(crate) fn restricted_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| restricted_where_possible(&url(), SERVICE, SERVICE))
}

pub(crate) async fn rabbit() -> Rabbit {
    Rabbit::connect(restricted_url()).await.expect("the broker answers")
}

/// A queue of its own for a test, bound to an event of its own.
pub(crate) fn subscription(what: &str) -> Subscription {
    let name = fresh(what);
    Subscription {
        service: SERVICE.into(),
        queue: format!("{name}.queue"),
        declare: true,
        bindings: vec![format!("{name}.event")],
        policy: Policy { retries: 3, backoff: Backoff::millis(100, 200), prefetch: Some(50), ..Policy::default() },
    }
}

pub(crate) fn event(subscription: &Subscription, body: &str) -> Message {
    let mut message = Message::new(subscription.bindings[0].clone(), body.to_owned());
    message.id = Some(EventId::new());
    message.name = Some(subscription.bindings[0].clone().into());
    message.content_type = Some("application/json".into());
    message
}

pub(crate) fn failure(attempt: u32) -> FailureRecord {
    FailureRecord {
        reason: Reason::Transient,
        detail: "the card network is down".into(),
        handler: "billing.charge".into(),
        attempt,
        failed_at: std::time::SystemTime::now(),
    }
}

pub(crate) async fn subscribe(rabbit: &Rabbit, subscription: &Subscription) -> Box<dyn Deliveries> {
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    rabbit.declare(&topology).await.expect("it is declared");
    let deliveries = rabbit.subscribe(subscription).await.expect("the broker confirms the consumer");
    assert_eq!(deliveries.status().borrow().state, ConsumerState::Consuming);
    deliveries
}

pub(crate) async fn publish(rabbit: &Rabbit, message: Message) {
    let publisher = rabbit.publisher().await.expect("there is one");
    send(&*publisher, message).await.expect("the broker confirms");
}

pub(crate) async fn send(publisher: &dyn Publish, message: Message) -> eda_core::Result {
    publisher.send(message).await?.confirmed().await
}

pub(crate) async fn next(deliveries: &mut Box<dyn Deliveries>) -> Delivery {
    let mut batch = Vec::new();
    let received = tokio::time::timeout(PATIENCE, deliveries.receive(&mut batch, 1)).await;
    assert_eq!(received.expect("one comes in time").expect("no error"), 1);
    batch.remove(0)
}

/// Looks until something is there; the broker tells nobody when it has moved a message.
pub(crate) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it comes to be in time")
}

/// A client that knows nothing of this framework.
pub(crate) struct Foreign {
    connection: Connection,
}

pub(crate) struct Found {
    pub(crate) headers: BTreeMap<String, AMQPValue>,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

impl Found {
    pub(crate) fn text(&self, header: &str) -> String {
        match self.headers.get(header) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            other => panic!("expected text in header `{header}`, found {other:?}"),
        }
    }
}

impl Foreign {
    pub(crate) async fn new() -> Self {
        let connection = Connection::connect(&url(), ConnectionProperties::default()).await;
        Self { connection: connection.expect("the broker answers") }
    }

    pub(crate) async fn channel(&self) -> lapin::Channel {
        self.connection.create_channel().await.expect("a channel")
    }

    pub(crate) async fn publish(&self, exchange: &str, key: &str, properties: BasicProperties, body: &str) {
        let channel = self.channel().await;
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let options = BasicPublishOptions::default();
        let published = channel.basic_publish(exchange.into(), key.into(), options, body.as_bytes(), properties).await;
        assert!(published.expect("sent").await.expect("confirmed").is_ack());
        channel.close(200, "bye".into()).await.expect("closed");
    }

    pub(crate) async fn declare_transient(&self, queue: &str) {
        let options = QueueDeclareOptions::default();
        self.channel().await.queue_declare(queue.into(), options, FieldTable::default()).await.expect("declared");
    }

    pub(crate) async fn delete(&self, queue: &str) {
        self.channel().await.queue_delete(queue.into(), QueueDeleteOptions::default()).await.expect("deleted");
    }

    /// Takes the first message out of a queue, as soon as there is one.
    pub(crate) async fn take(&self, queue: &str) -> Found {
        let channel = self.channel().await;
        let got = until(async || {
            let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await;
            got.expect("the queue is there")
        });
        let delivery = got.await.delivery;
        channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await.expect("acked");
        let headers = delivery.properties.headers().iter().flatten();
        Found {
            headers: headers.map(|(name, value)| (name.to_string(), value.clone())).collect(),
            body: delivery.data.clone(),
            properties: delivery.properties.clone(),
        }
    }

    /// How many messages are ready in a queue, and how many consumers it has.
    pub(crate) async fn counts(&self, queue: &str) -> Option<(u32, u32)> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let found = self.channel().await.queue_declare(queue.into(), options, FieldTable::default()).await;
        found.ok().map(|queue| (queue.message_count(), queue.consumer_count()))
    }

    pub(crate) async fn until_counts(&self, queue: &str, expected: (u32, u32)) {
        until(async || (self.counts(queue).await == Some(expected)).then_some(())).await;
    }
}
