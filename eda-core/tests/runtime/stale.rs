//! A transport whose connection is lost while deliveries wait for a worker, or that is slow to hear of the end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::memory::Memory;
use eda_core::transport::{
    Capabilities, ConsumerState, ConsumerStatus, Deliveries, Delivery, FailureRecord, Publish, Settle, Token, Transport,
};
use eda_core::{App, Broker, HandlerDef, Message, Result, Service, Subscription, Topology};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::support::{OrderCreated, notes};

/// Hands out three deliveries, the second of which came on a connection that is lost already.
struct Lossy {
    memory: Memory,
    /// How long it takes to answer a cancel.
    answers_after: Duration,
}

impl Lossy {
    async fn connected(answers_after: Duration) -> Broker {
        Broker::new(Self { memory: Memory::new(), answers_after }).await.expect("it connects")
    }
}

#[async_trait]
impl Transport for Lossy {
    fn describe(&self) -> String {
        "lossy".into()
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    async fn declare(&self, topology: &Topology) -> Result {
        self.memory.declare(topology).await
    }

    async fn publisher(&self) -> Result<Box<dyn Publish>> {
        self.memory.publisher().await
    }

    async fn subscribe(&self, _: &Subscription) -> Result<Box<dyn Deliveries>> {
        let batch = (1..=3).map(|tag| {
            let message = Message::new("order.created", format!(r#"{{"order_id":{tag}}}"#));
            Delivery::new(message, 1, false, Token { generation: 1, tag }, Arc::new(Lost))
        });
        let status = watch::Sender::new(ConsumerStatus::now(ConsumerState::Consuming, ""));
        Ok(Box::new(Three { batch: batch.collect(), status, answers_after: self.answers_after }))
    }

    async fn close(&self) -> Result {
        self.memory.close().await
    }
}

struct Three {
    batch: Vec<Delivery>,
    status: watch::Sender<ConsumerStatus>,
    answers_after: Duration,
}

#[async_trait]
impl Deliveries for Three {
    async fn receive(&mut self, batch: &mut Vec<Delivery>, _: usize) -> Result<usize> {
        if self.batch.is_empty() {
            std::future::pending::<()>().await;
        }
        batch.append(&mut self.batch);
        Ok(batch.len())
    }

    async fn cancel(&mut self) -> Result {
        tokio::time::sleep(self.answers_after).await;
        Ok(())
    }

    async fn close(&mut self) -> Result {
        Ok(())
    }

    fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.status.subscribe()
    }
}

struct Lost;

#[async_trait]
impl Settle for Lost {
    fn is_open(&self, token: Token) -> bool {
        token.tag != 2
    }

    fn ack(&self, _: Token) {}

    fn give_back(&self, _: Token) {}

    async fn retry(&self, _: Token, _: Duration, _: &FailureRecord) -> Result {
        Ok(())
    }

    async fn dead_letter(&self, _: Token, _: &FailureRecord) -> Result {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_since_its_connection_was_lost_is_not_handled_now() {
    let broker = Lossy::connected(Duration::ZERO).await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("take", move |order: OrderCreated| {
        sender.send(order.order_id).expect("the test listens");
        async {}
    });
    let service = Service::new("billing").register(handler.configure(|options| options.concurrency(1)));
    let _running = App::new().service(service).start(&broker).await.expect("it starts");
    assert_eq!((seen.next().await, seen.next().await), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_is_slow_to_hear_of_the_end_takes_of_the_same_limit() {
    let broker = Lossy::connected(Duration::from_secs(20)).await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("take", move |_: OrderCreated| {
        sender.send(()).expect("the test listens");
        std::future::pending::<()>()
    });
    let app = App::new().service(Service::new("billing").register(handler));
    let running = app.start(&broker).await.expect("it starts");
    seen.next().await;
    let began = Instant::now();
    running.shutdown_within(Duration::from_secs(30)).await.expect("a clean end");
    assert_eq!(began.elapsed().as_secs(), 30);
}
