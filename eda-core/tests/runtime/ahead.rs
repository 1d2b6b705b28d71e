//! The next delivery is handled while the events of the last one are not confirmed yet, and none is acked before they are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::memory::{Memory, QueueSnapshot};
use eda_core::transport::{Capabilities, Deliveries, Publish, Receipt, Transport};
use eda_core::{App, Broker, HandlerDef, Message, Service, Subscription, Topology};
use tokio::sync::oneshot;

use crate::support::{Notes, OrderCreated, OrderPaid, notes, until};

/// A broker that keeps its word on every publish to itself until the test gives it.
#[derive(Clone)]
struct Silent {
    memory: Memory,
    words: Arc<Mutex<Vec<oneshot::Sender<eda_core::Result<()>>>>>,
}

impl Silent {
    fn new() -> Self {
        Self { memory: Memory::new(), words: Arc::default() }
    }

    /// Starts a service that handles one at a time, with so many orders in its queue.
    async fn start(&self, orders: u64) -> (eda_core::Running, Notes<u64>) {
        let (sender, seen) = notes();
        let charge = HandlerDef::from_fn("charge", move |order: OrderCreated| {
            sender.send(order.order_id).expect("the test listens");
            async move { OrderPaid { order_id: order.order_id } }
        });
        let service = Service::new("billing").register(charge.configure(|options| options.concurrency(1)));
        let broker = Broker::new(self.clone()).await.expect("it connects");
        let running = App::new().service(service).start(&broker).await.expect("the app starts");
        for order_id in 1..=orders {
            let body = format!(r#"{{"order_id":{order_id}}}"#);
            self.memory.send_to_queue("billing.charge", Message::new("order.created", body)).expect("it is there");
        }
        (running, seen)
    }

    fn unconfirmed(&self) -> usize {
        self.words.lock().expect("nobody panics").len()
    }

    fn confirm(&self, index: usize) {
        let word = self.words.lock().expect("nobody panics").remove(index);
        word.send(Ok(())).expect("somebody waits for it");
    }

    fn queue(&self) -> QueueSnapshot {
        self.memory.queue("billing.charge").expect("it was declared")
    }
}

#[async_trait]
impl Transport for Silent {
    fn describe(&self) -> String {
        "silent".into()
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    async fn declare(&self, topology: &Topology) -> eda_core::Result {
        self.memory.declare(topology).await
    }

    async fn publisher(&self) -> eda_core::Result<Box<dyn Publish>> {
        Ok(Box::new(self.clone()))
    }

    async fn subscribe(&self, subscription: &Subscription) -> eda_core::Result<Box<dyn Deliveries>> {
        self.memory.subscribe(subscription).await
    }

    async fn close(&self) -> eda_core::Result {
        self.memory.close().await
    }
}

#[async_trait]
impl Publish for Silent {
    async fn send(&self, _: Message) -> eda_core::Result<Receipt> {
        let (word, receipt) = Receipt::new();
        self.words.lock().expect("nobody panics").push(word);
        Ok(receipt)
    }
}

#[tokio::test(start_paused = true)]
async fn each_is_acked_when_its_own_events_are_confirmed() {
    let silent = Silent::new();
    let (running, mut seen) = silent.start(3).await;
    for order_id in 1..=3 {
        assert_eq!(seen.next().await, order_id);
    }
    until(|| silent.unconfirmed() == 3).await;
    assert_eq!(silent.queue().unacked, 3, "handled, and not acked");
    silent.confirm(1);
    until(|| silent.queue().unacked == 2).await;
    silent.confirm(0);
    silent.confirm(0);
    until(|| silent.memory.is_idle()).await;
    running.shutdown().await.expect("a clean end");
    assert!(seen.is_empty(), "each was handled once");
}

#[tokio::test(start_paused = true)]
async fn few_handlers_run_ahead_of_a_broker_that_does_not_confirm() {
    let silent = Silent::new();
    let (_running, mut seen) = silent.start(100).await;
    for order_id in 1..=8 {
        assert_eq!(seen.next().await, order_id);
    }
    until(|| silent.unconfirmed() == 8).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(seen.is_empty(), "nothing more is begun");
    silent.confirm(3);
    assert_eq!(seen.next().await, 9, "one is done, so the next one begins");
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_confirms_and_gives_back_what_has_none() {
    let silent = Silent::new();
    let (running, mut seen) = silent.start(2).await;
    assert_eq!((seen.next().await, seen.next().await), (1, 2));
    until(|| silent.unconfirmed() == 2).await;
    let shutdown = tokio::spawn(running.shutdown_within(Duration::from_secs(5)));
    tokio::time::sleep(Duration::from_secs(4)).await;
    silent.confirm(0);
    until(|| silent.queue().unacked == 1).await;
    assert!(!shutdown.is_finished(), "it waits for the other one");
    shutdown.await.expect("no panic").expect("a clean end");
    assert_eq!((silent.queue().ready, silent.queue().unacked), (1, 0));
}
