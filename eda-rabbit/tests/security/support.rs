//! The node, users with the rights that the framework gives them, and the whole life of an event.

use std::time::Duration;

use eda_core::transport::{Delivery, FailureRecord, Permit, Reason, Transport};
use eda_core::{Backoff, EventId, Message, Policy, Result, Subscription, Topology};
use eda_rabbit::{Config, Permissions, Rabbit};
use lapin::{Connection, ConnectionProperties};
use rabbit_node::{Node, Options};
use tokio::sync::OnceCell;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The node that all tests share; each has users, virtual hosts or queues of its own. It goes when the process ends.
pub(crate) async fn node() -> &'static Node {
    static NODE: OnceCell<Node> = OnceCell::const_new();
    NODE.get_or_init(async || Node::start(Options::default()).expect("a private node starts")).await
}

/// The node's URL for somebody else, in a virtual host.
pub(crate) fn url(node: &Node, login: &str, vhost: &str) -> String {
    format!("amqp://{login}@127.0.0.1:{}/{vhost}", node.port())
}

pub(crate) fn subscription(service: &str) -> Subscription {
    Subscription {
        service: service.into(),
        queue: format!("{service}.charge"),
        declare: true,
        bindings: vec![format!("{service}.happened")],
        policy: Policy { retries: 1, backoff: Backoff::millis(100, 100), ..Policy::default() },
    }
}

pub(crate) fn topology(subscription: &Subscription) -> Topology {
    Topology { subscriptions: vec![subscription.clone()], ..Topology::default() }
}

pub(crate) fn permissions(url: &str, topology: &Topology) -> Permissions {
    url.parse::<Config>().expect("a URL").permissions(topology).expect("a topology that RabbitMQ takes")
}

/// A client that knows nothing of this framework.
pub(crate) async fn foreign(url: &str) -> lapin::Channel {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("it is let in");
    connection.create_channel().await.expect("a channel")
}

/// All that a service does: declare, consume, publish, retry, park.
pub(crate) async fn live(url: &str, wanted: &Topology) -> Result {
    let rabbit = Rabbit::connect(url).await?;
    let lived = live_on(&rabbit, wanted, "{}").await;
    let closed = rabbit.close().await;
    lived.and(closed)
}

pub(crate) async fn live_on(rabbit: &Rabbit, wanted: &Topology, body: &'static str) -> Result {
    rabbit.declare(wanted).await?;
    let mut all = Vec::new();
    for subscription in &wanted.subscriptions {
        all.push(rabbit.subscribe(subscription).await?);
    }
    let publisher = rabbit.publisher().await?;
    let mut message = Message::new(wanted.subscriptions[0].bindings[0].clone(), body);
    message.id = Some(EventId::new());
    publisher.send(message).await?.confirmed().await?;
    let first = next(&mut *all[0]).await;
    first.retry(Duration::from_millis(100), &failure(1)).await?;
    let second = next(&mut *all[0]).await;
    assert_eq!(second.attempt(), 2);
    second.dead_letter(&failure(2)).await?;
    for mut deliveries in all {
        deliveries.cancel().await?;
        deliveries.close().await?;
    }
    Ok(())
}

async fn next(deliveries: &mut dyn eda_core::transport::Deliveries) -> Delivery {
    let mut batch = Vec::new();
    let received = tokio::time::timeout(PATIENCE, deliveries.receive(&mut batch, 1)).await;
    assert_eq!(received.expect("one comes in time").expect("no error"), 1);
    batch.remove(0)
}

fn failure(attempt: u32) -> FailureRecord {
    FailureRecord {
        reason: Reason::Transient,
        detail: "the card network is down".into(),
        handler: "billing.charge".into(),
        attempt,
        failed_at: std::time::SystemTime::now(),
    }
}
