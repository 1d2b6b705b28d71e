//! By what an event is known, and what its effects inherit.

use std::borrow::Cow;

use eda_core::event::{CodecError, Decoded, Encoded, Key, OptionalKey};
use eda_core::transport::{Reason, limits};
use eda_core::{AnyEvent, App, Event, Failure, HandlerDef, Message, Service, json};
use serde::{Deserialize, Serialize};

use crate::support::{Bench, OrderCreated, OrderPaid, OrderShipped, notes};

/// Routed by its region, kept in order by its number, and known to others by another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OrderPlaced {
    number: u64,
    region: String,
}

impl Event for OrderPlaced {
    const NAME: &'static str = "order.placed";
    const BINDING: &'static str = "order.*.placed";
    const ACCEPT: &'static [&'static str] = &["OrderPlacedV1"];

    fn routing_key(&self) -> Key<'_> {
        Cow::Owned(format!("order.{}.placed", self.region))
    }

    fn partition_key(&self) -> OptionalKey<'_> {
        Some(Cow::Owned(self.number.to_string()))
    }

    fn encode(&self) -> Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> Decoded<Self> {
        json::decode(body)
    }
}

const BODY: &str = r#"{"number": 1, "region": "eu"}"#;

#[tokio::test(start_paused = true)]
async fn an_event_is_known_by_its_names_and_by_a_key_that_varies() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let take = move |event: OrderPlaced| {
        sender.send(event.region).expect("the test listens");
        async {}
    };
    // another handler of the queue, so that each message has to be identified
    let service = Service::new("billing")
        .register(HandlerDef::from_fn("take", take).configure(|options| options.queue("both")))
        .register(HandlerDef::from_fn("paid", |_: OrderPaid| async {}).configure(|options| options.queue("both")));
    let _running = bench.start(App::new().service(service)).await;
    bench.publish(&OrderPlaced { number: 1, region: "eu".into() }).await;
    assert_eq!(seen.next().await, "eu");
    bench.send(Message { name: Some("OrderPlacedV1".into()), ..Message::new("order.us.placed", BODY) }).await;
    assert_eq!(seen.next().await, "eu", "known by its other name");
    bench.send(Message::new("order.us.placed", BODY)).await;
    assert_eq!(seen.next().await, "eu", "known by its routing key");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_queue_with_one_handler_holds_what_that_takes() {
    let bench = Bench::new().await;
    bench.memory.declare_queue("orders");
    let (sender, mut seen) = notes();
    let take = HandlerDef::from_fn("take", move |event: OrderPlaced| {
        sender.send(event.number).expect("the test listens");
        async {}
    });
    let service = Service::new("billing").register(take.configure(|options| options.queue("orders").declare(false)));
    let _running = bench.start(App::new().service(service)).await;
    bench.memory.send_to_queue("orders", Message::new("orders", BODY)).expect("the queue is there");
    assert_eq!(seen.next().await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_is_not_looked_into() {
    let bench = Bench::new().await;
    bench.memory.declare_queue("orders");
    let handler =
        HandlerDef::from_fn("take", |_: AnyEvent| async { Err::<(), _>(Failure::permanent("it was called")) });
    let service = Service::new("billing").register(handler.configure(|options| options.queue("orders").declare(false)));
    let _running = bench.start(App::new().service(service)).await;
    let huge = Message::new("orders", "x".repeat(limits::BODY_LIMIT + 1));
    bench.memory.send_to_queue("orders", huge).expect("the queue is there");
    let dead = bench.dead_letters("orders", 1).await;
    assert_eq!((dead[0].failure.reason, dead[0].failure.attempt), (Reason::TooLarge, 1));
}

#[tokio::test(start_paused = true)]
async fn a_chain_shares_its_correlation_and_each_event_names_its_cause() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let record = HandlerDef::from_fn("record", move |event: AnyEvent| {
        sender.send(event.message().clone()).expect("the test listens");
        async {}
    });
    let app = App::new()
        .service(
            Service::new("billing")
                .on("charge", |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } }),
        )
        .service(
            Service::new("shipping")
                .on("ship", |paid: OrderPaid| async move { OrderShipped { order_id: paid.order_id } }),
        )
        .service(Service::new("audit").register(record.configure(|options| options.pattern("#").concurrency(1))));
    let _running = bench.start(app).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let (created, paid, shipped) = (seen.next().await, seen.next().await, seen.next().await);
    assert_eq!(
        (paid.correlation_id.clone(), shipped.correlation_id),
        (created.correlation_id.clone(), created.correlation_id)
    );
    assert_eq!(paid.causation_id, created.id.map(|id| id.to_string()));
    assert_eq!(shipped.causation_id, paid.id.map(|id| id.to_string()));
}

#[tokio::test(start_paused = true)]
async fn an_event_carries_its_partition_key() {
    let bench = Bench::new().await;
    bench.publish(&OrderPlaced { number: 77, region: "eu".into() }).await;
    assert_eq!(bench.memory.unrouted()[0].partition_key.as_deref(), Some("77"));
}

/// What no format can express.
#[derive(Debug)]
struct Unwritable;

impl Event for Unwritable {
    const NAME: &'static str = "order.unwritable";

    fn encode(&self) -> Encoded {
        Err(CodecError::new("a map with keys that are no text"))
    }

    fn decode(_: &[u8]) -> Decoded<Self> {
        Ok(Self)
    }
}

#[tokio::test(start_paused = true)]
async fn a_returned_event_that_cannot_be_written_is_no_reason_to_try_again() {
    let bench = Bench::new().await;
    let service = Service::new("billing").on("charge", |_: OrderCreated| async { Unwritable });
    let _running = bench.start(App::new().service(service)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let dead = bench.dead_letters("billing.charge", 1).await;
    assert_eq!((dead[0].failure.reason, dead[0].failure.attempt), (Reason::Permanent, 1));
    assert!(dead[0].failure.detail.contains("keys that are no text"), "{}", dead[0].failure.detail);
}
