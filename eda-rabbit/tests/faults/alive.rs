//! Connected and not consuming: health against the broker's own count of consumers, fault after fault.

use std::time::{Duration, SystemTime};

use eda_core::event::CodecError;
use eda_core::{App, Broker, Event, HandlerDef, Publisher, Running, Service, event};
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use rabbit_node::Node;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::proxy::Proxy;
use crate::support::{PATIENCE, SERVICE, administrator, connect_through_a_proxy, node};

const HANDLERS: [&str; 3] = ["zombie-one", "zombie-two", "zombie-three"];
const ROUNDS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The broker stops and starts.
    Restart,
    /// The connections are reset.
    Cut,
    /// The network is away until health says so.
    Away,
    /// An administrator closes all connections.
    Close,
    /// All queues are deleted, which ends their consumers and no connection.
    Delete,
    /// One of three queues is deleted.
    DeleteOne,
}

const FAULTS: [Fault; 10] = {
    use Fault::{Away, Close, Cut, Delete, DeleteOne, Restart};
    [Restart, Cut, Delete, Away, Close, Cut, DeleteOne, Away, Close, Delete]
};

struct Counted {
    number: usize,
}

impl Event for Counted {
    const NAME: &'static str = "zombie.counted";

    fn encode(&self) -> event::Encoded {
        Ok(self.number.to_string().into())
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        let text = std::str::from_utf8(body).map_err(CodecError::new)?;
        Ok(Self { number: text.parse().map_err(CodecError::new)? })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_of_fifty_faults_health_is_what_the_broker_counts() {
    let mut node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let broker = Broker::new(rabbit).await.expect("it is connected");
    let (sender, mut handled) = mpsc::unbounded_channel();
    let service = HANDLERS.iter().fold(Service::new(SERVICE), |service, name| {
        let sender = sender.clone();
        service.register(HandlerDef::from_fn(name, move |counted: Counted| {
            let sender = sender.clone();
            async move { sender.send((*name, counted.number)).expect("the test listens") }
        }))
    });
    let running = App::new().service(service).start(&broker).await.expect("the app starts");
    let publisher = broker.publisher(SERVICE);
    for number in 0..ROUNDS * FAULTS.len() {
        let fault = FAULTS[number % FAULTS.len()];
        inject(fault, &mut node, &mut proxy, &running).await;
        let injected = SystemTime::now();
        // what is published before its queue is back would not come
        agree(&node, &running, injected, fault, number).await;
        everyone_handles(&publisher, number, &mut handled).await;
        // and now the fault was noticed for certain
        agree(&node, &running, injected, fault, number).await;
    }
    running.shutdown().await.expect("drained");
    broker.close().await.expect("closed");
}

async fn inject(fault: Fault, node: &mut Node, proxy: &mut Proxy, running: &Running) {
    match fault {
        Fault::Restart => {
            node.stop().expect("it stops");
            not_ready(running).await;
            node.start_again().expect("it is back");
        }
        Fault::Cut => proxy.cut().await,
        Fault::Away => {
            proxy.down().await;
            not_ready(running).await;
            proxy.up().await;
        }
        Fault::Close => {
            node.ctl(&["close_all_connections", "a test"]).expect("they are closed");
        }
        Fault::Delete => delete(node, &HANDLERS).await,
        Fault::DeleteOne => delete(node, &HANDLERS[1..2]).await,
    }
}

/// Waits until health is ready and the broker has exactly one consumer for each handler, both at one time. Health may take
/// its time to notice a fault, and may never be ready of a consumer that began after it and is not there.
async fn agree(node: &Node, running: &Running, injected: SystemTime, fault: Fault, number: usize) {
    let began = Instant::now();
    loop {
        let before = running.health();
        let counted = timeout(PATIENCE, consumers(node)).await.expect("the broker is asked in time");
        let after = running.health();
        let state = format!("after fault {number}, {fault:?}: health {after:?}, consumers {counted:?}");
        for (before, (after, counted)) in before.subscriptions.iter().zip(after.subscriptions.iter().zip(&counted)) {
            let is_new = before.status == after.status && after.status.since > injected && after.status.is_ready();
            assert!(!is_new || *counted != Some(0), "a zombie {state}");
        }
        if after.is_ready() && counted == [Some(1); HANDLERS.len()] {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{state}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn not_ready(running: &Running) {
    let waiting = async {
        while running.health().is_ready() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("health notices that the broker is away");
}

/// Publishes an event that every handler gets.
async fn everyone_handles(
    publisher: &Publisher,
    number: usize,
    handled: &mut mpsc::UnboundedReceiver<(&'static str, usize)>,
) {
    publisher.publish(&Counted { number }).await.expect("it is confirmed");
    let mut missing = HANDLERS.to_vec();
    while !missing.is_empty() {
        let (name, of) = timeout(PATIENCE, handled.recv()).await.expect("every handler has it").expect("they run");
        missing.retain(|handler| of != number || *handler != name);
    }
}

/// By an administrator's own connection, past the network of the app. `None` where the broker does not say: it has no such
/// queue, or is not there.
async fn consumers(node: &Node) -> [Option<u32>; HANDLERS.len()] {
    let mut counted = [None; HANDLERS.len()];
    let Ok(connection) = Connection::connect(&node.url(), ConnectionProperties::default()).await else {
        return counted;
    };
    for (handler, count) in HANDLERS.into_iter().zip(&mut counted) {
        *count = self::count(&connection, handler).await.ok();
    }
    counted
}

/// A channel of its own for each: one that asks for what is not there is closed.
async fn count(connection: &Connection, handler: &str) -> lapin::Result<u32> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let channel = connection.create_channel().await?;
    let found = channel.queue_declare(queue(handler).as_str().into(), options, FieldTable::default()).await?;
    Ok(found.consumer_count())
}

async fn delete(node: &Node, handlers: &[&str]) {
    let channel = administrator(node).await;
    for handler in handlers {
        let deleted = channel.queue_delete(queue(handler).as_str().into(), QueueDeleteOptions::default()).await;
        deleted.expect("it is deleted");
    }
}

fn queue(handler: &str) -> String {
    format!("{SERVICE}.{handler}")
}
