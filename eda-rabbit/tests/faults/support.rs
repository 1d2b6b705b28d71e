//! A private node, and a workload whose losses can be counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, PoisonError};
use std::time::Duration;

use eda_core::transport::{ConsumerState, Deliveries, Delivery, FailureRecord, Reason, Transport};
use eda_core::{Backoff, EventId, Message, Policy, Subscription, Topology};
use eda_rabbit::Rabbit;
use lapin::{Channel, Connection, ConnectionProperties};
use rabbit_node::{Node, Options};
use tokio::sync::{Mutex, MutexGuard, OnceCell, watch};

use crate::proxy::Proxy;
use crate::user::restricted;

/// The service whose rights the tests have.
pub(crate) const SERVICE: &str = "fault-tests";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

static NODES: [OnceCell<Mutex<Node>>; 2] = [const { OnceCell::const_new() }; 2];

/// One of two nodes, which is this test's alone. They go when the process ends.
pub(crate) async fn node() -> MutexGuard<'static, Node> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    // shown for a test that fails; `RUST_LOG` asks for more
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info,lapin=off".into());
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    let turn = TURN.fetch_add(1, Ordering::Relaxed) % NODES.len();
    let (mine, other) = (&NODES[turn], &NODES[1 - turn]);
    for node in [mine, other] {
        if let Ok(node) = node.get_or_init(start).await.try_lock() {
            return node;
        }
    }
    mine.get_or_init(start).await.lock().await
}

/// Both, of which the second is at rest: for who measures a time.
pub(crate) async fn alone() -> (MutexGuard<'static, Node>, MutexGuard<'static, Node>) {
    // all in this order, and who has one waits for no other
    let first = NODES[0].get_or_init(start).await.lock().await;
    (first, NODES[1].get_or_init(start).await.lock().await)
}

async fn start() -> Mutex<Node> {
    let mut node = Node::start(Options::default()).expect("a private node starts");
    let rabbit = connect(&node, "").await;
    rabbit.declare(&Topology::default()).await.expect("the shared part is declared");
    rabbit.close().await.expect("closed");
    settle_down(&mut node);
    Mutex::new(node)
}

/// RabbitMQ 3.10 writes the list of its quorum queues to disk only every three minutes and when it stops: a queue that was
/// declared since is empty after a SIGKILL, confirmed messages or not, and never gets a leader. What is to be tested here
/// is the death of a broker that knows its queues.
pub(crate) fn settle_down(node: &mut Node) {
    node.stop().expect("stopped");
    node.start_again().expect("it is back");
}

pub(crate) async fn connect(node: &Node, options: &str) -> Rabbit {
    Rabbit::connect(&format!("{}?{options}", url_of(node))).await.expect("the node answers")
}

/// For a user with the rights of the tests' service and no others.
pub(crate) fn url_of(node: &Node) -> String {
    static URLS: LazyLock<std::sync::Mutex<BTreeMap<u16, String>>> = LazyLock::new(std::sync::Mutex::default);
    let make = || restricted(&node.url(), SERVICE, SERVICE, |arguments| node.ctl(arguments));
    let mut urls = URLS.lock().unwrap_or_else(PoisonError::into_inner);
    urls.entry(node.port()).or_insert_with(|| make().expect("the user is made")).clone()
}

/// A channel of who may do everything, past every proxy. Its connection ends when it is dropped: lapin's `close` may wait for
/// ever, once in some hundred times under load.
pub(crate) async fn administrator(node: &Node) -> Channel {
    let connection = Connection::connect(&node.url(), ConnectionProperties::default()).await.expect("it is there");
    connection.create_channel().await.expect("there is one")
}

pub(crate) async fn connect_through_a_proxy(node: &Node) -> (Proxy, Rabbit) {
    let proxy = Proxy::to(format!("127.0.0.1:{}", node.port())).await;
    let url = url_of(node).replacen(&format!("127.0.0.1:{}", node.port()), proxy.address(), 1);
    let rabbit = Rabbit::connect(&url).await;
    (proxy, rabbit.expect("the node answers"))
}

pub(crate) fn subscription(what: &str) -> Subscription {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{SERVICE}.{what}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    Subscription {
        service: SERVICE.into(),
        queue: format!("{name}.queue"),
        declare: true,
        bindings: vec![format!("{name}.event")],
        policy: Policy { retries: 3, backoff: Backoff::millis(100, 200), ..Policy::default() },
    }
}

pub(crate) async fn subscribe(rabbit: &Rabbit, subscription: &Subscription) -> Box<dyn Deliveries> {
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    rabbit.declare(&topology).await.expect("it is declared");
    rabbit.subscribe(subscription).await.expect("the broker confirms the consumer")
}

pub(crate) fn event(subscription: &Subscription, number: u32) -> Message {
    let mut message = Message::new(subscription.bindings[0].clone(), number.to_string());
    message.id = Some(EventId::new());
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

pub(crate) async fn next(deliveries: &mut Box<dyn Deliveries>) -> Delivery {
    let mut batch = Vec::new();
    let received = tokio::time::timeout(PATIENCE, deliveries.receive(&mut batch, 1)).await;
    assert_eq!(received.expect("one comes in time").expect("no error"), 1);
    batch.remove(0)
}

pub(crate) async fn until_state(deliveries: &dyn Deliveries, state: ConsumerState) {
    let mut status = deliveries.status();
    let waiting = status.wait_for(|status| status.state == state);
    let found = tokio::time::timeout(PATIENCE, waiting).await.is_ok_and(|found| found.is_ok());
    assert!(found, "expected the consumer to be {state}, found {:?}", deliveries.status().borrow());
}

/// Publishes one after the other, each confirmed.
pub(crate) async fn publish(rabbit: &Rabbit, subscription: &Subscription, numbers: std::ops::Range<u32>) {
    let publisher = rabbit.publisher().await.expect("there is one");
    for number in numbers {
        let receipt = publisher.send(event(subscription, number)).await.expect("there is room");
        receipt.confirmed().await.expect("it is confirmed");
    }
}

/// Publishes `count` messages as fast as they are confirmed; sends again what was not, as a caller would.
pub(crate) fn publisher(rabbit: &Arc<Rabbit>, subscription: &Subscription, count: u32) -> tokio::task::JoinHandle<()> {
    let (rabbit, subscription) = (Arc::clone(rabbit), subscription.clone());
    tokio::spawn(async move {
        let publisher = rabbit.publisher().await.expect("there is one");
        let mut waiting: Vec<_> = (0..count).map(|number| event(&subscription, number)).collect();
        while !waiting.is_empty() {
            let mut receipts = Vec::new();
            for message in waiting.drain(..) {
                receipts.push((message.clone(), publisher.send(message).await));
            }
            for (message, receipt) in receipts {
                let confirmed = match receipt {
                    Ok(receipt) => receipt.confirmed().await,
                    Err(error) => Err(error),
                };
                if confirmed.is_err() {
                    waiting.push(message);
                }
            }
        }
    })
}

/// Receives and acks until every number has come, and tells how many have; gives how often each came.
pub(crate) async fn receive_all(
    deliveries: &mut Box<dyn Deliveries>,
    count: u32,
    progress: &watch::Sender<usize>,
) -> BTreeMap<u32, u32> {
    let mut seen = BTreeMap::new();
    let mut batch = Vec::new();
    while seen.len() < count as usize {
        let received = tokio::time::timeout(PATIENCE, deliveries.receive(&mut batch, 64)).await;
        let missing = || (0..count).filter(|number| !seen.contains_key(number)).take(5).collect::<Vec<_>>();
        assert!(received.is_ok(), "{} of {count} came; missing are {:?} …", seen.len(), missing());
        assert!(received.is_ok_and(|received| received.is_ok_and(|received| received > 0)), "the subscription ended");
        for delivery in batch.drain(..) {
            let number =
                std::str::from_utf8(&delivery.message().body).expect("it is ours").parse().expect("it is ours");
            *seen.entry(number).or_insert(0) += 1;
            delivery.ack();
        }
        progress.send_replace(seen.len());
    }
    seen
}
