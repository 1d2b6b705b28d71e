//! What reaches which handler, and what becomes a dead letter at once.

use eda_core::transport::Reason;
use eda_core::transport::memory::Memory;
use eda_core::{AnyEvent, App, Event, EventId, HandlerDef, Message, Service, event};

use crate::support::{Bench, OrderCreated, OrderPaid, notes};

#[tokio::test(start_paused = true)]
async fn an_event_reaches_every_service_that_handles_it() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let service = |name: &'static str| {
        let sender = sender.clone();
        Service::new(name).on("take", move |event: OrderCreated| {
            sender.send((name, event.order_id)).expect("the test listens");
            async {}
        })
    };
    let _running = bench.start(App::new().service(service("billing")).service(service("shipping"))).await;
    bench.publish(&OrderCreated { order_id: 7 }).await;

    let mut both = [seen.next().await, seen.next().await];
    both.sort_unstable();
    assert_eq!(both, [("billing", 7), ("shipping", 7)]);
    assert!(seen.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_routing_key_and_a_body_are_enough() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let take = move |event: OrderCreated| {
        sender.send(event.order_id).expect("the test listens");
        async {}
    };
    let _running = bench.start(App::new().service(Service::new("billing").on("take", take))).await;
    bench.send(Message::new("order.created", r#"{"order_id": 3, "added": "later"}"#)).await;
    assert_eq!(seen.next().await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_structured_cloud_event_is_understood() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let take = move |event: OrderCreated| {
        sender.send(event.order_id).expect("the test listens");
        async {}
    };
    let _running = bench.start(App::new().service(Service::new("billing").on("take", take))).await;
    let body = r#"{"specversion":"1.0","id":"a","source":"x","type":"order.created","data":{"order_id":4}}"#;
    let mut message = Message::new("order.created", body);
    message.content_type = Some("application/cloudevents+json".into());
    bench.send(message).await;
    assert_eq!(seen.next().await, 4);
}

#[tokio::test(start_paused = true)]
async fn each_unreadable_message_has_its_own_reason_at_the_first_attempt() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let take = move |event: OrderCreated| {
        sender.send(event.order_id).expect("the test listens");
        async {}
    };
    let _running = bench.start(App::new().service(Service::new("billing").on("take", take))).await;

    let message = |body: &'static str| Message::new("order.created", body);
    let cases = [
        (message("no json"), Reason::Undecodable, "expected"),
        (message(r#"{"order": 1}"#), Reason::Undecodable, "missing field `order_id`"),
        (
            message("[1]"),
            Reason::Undecodable,
            "invalid type: sequence, expected struct OrderCreated at line 1 column 0",
        ),
        (Message { version: Some(2), ..message(r#"{"order_id": 1}"#) }, Reason::UnknownVersion, "up to 1"),
        (
            Message { content_type: Some("text/csv".into()), ..message(r#"{"order_id": 1}"#) },
            Reason::UnknownContentType,
            "`text/csv`",
        ),
        (
            Message { name: Some("order.lost".into()), ..message(r#"{"order_id": 1}"#) },
            Reason::UnknownEvent,
            "`order.lost`",
        ),
    ];
    for (index, (message, reason, text)) in cases.into_iter().enumerate() {
        let body = message.body.clone();
        bench.send(message).await;
        let dead = bench.dead_letters("billing.take", index + 1).await;
        let dead = dead.last().expect("one is there");
        assert_eq!(dead.failure.reason, reason);
        assert!(dead.failure.detail.contains(text), "{}", dead.failure.detail);
        assert_eq!(dead.failure.attempt, 1);
        assert_eq!(dead.message.body, body);
    }

    bench.publish(&OrderCreated { order_id: 9 }).await;
    assert_eq!(seen.next().await, 9, "a good neighbour is unaffected");
}

/// Whose author did not expect every body.
struct Careless;

impl Event for Careless {
    const NAME: &'static str = "order.careless";

    fn encode(&self) -> event::Encoded {
        Ok("0".into())
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        assert_eq!(body, b"0", "no body that I know");
        Ok(Self)
    }
}

#[tokio::test(start_paused = true)]
async fn a_decoder_that_panics_is_a_failed_attempt_and_stops_nobody() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let take = HandlerDef::from_fn("take", move |_: Careless| {
        sender.send(()).expect("the test listens");
        async {}
    });
    let take = take.configure(|options| options.retries(0).concurrency(1));
    let _running = bench.start(App::new().service(Service::new("billing").register(take))).await;
    bench.send(Message::new("order.careless", "1")).await;
    bench.publish(&Careless).await;
    seen.next().await;
    let dead = bench.dead_letters("billing.take", 1).await;
    assert_eq!(dead[0].failure.reason, Reason::Panicked);
    assert!(dead[0].failure.detail.contains("no body that I know"), "{}", dead[0].failure.detail);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_queue_is_told_apart_by_its_discriminator() {
    let memory = Memory::new();
    memory.declare_queue("order_events");
    let bench = Bench::on(memory).await;
    let (sender, mut seen) = notes();
    let foreign = |handler: HandlerDef<()>| {
        handler.configure(|options| options.queue("order_events").declare(false).discriminator("event_type"))
    };
    let created = sender.clone();
    let created = HandlerDef::from_fn("created", move |event: OrderCreated| {
        created.send(format!("created {}", event.order_id)).expect("the test listens");
        async {}
    });
    let paid = HandlerDef::from_fn("paid", move |event: OrderPaid| {
        sender.send(format!("paid {}", event.order_id)).expect("the test listens");
        async {}
    });
    let service = Service::new("billing").register(foreign(created)).register(foreign(paid));
    let _running = bench.start(App::new().service(service)).await;

    let send = |body: &'static str| bench.memory.send_to_queue("order_events", Message::new("order_events", body));
    send(r#"{"event_type": "order.created", "order_id": 1}"#).expect("the queue is there");
    assert_eq!(seen.next().await, "created 1");
    send(r#"{"event_type": "order.paid", "order_id": 2}"#).expect("the queue is there");
    assert_eq!(seen.next().await, "paid 2");
    send(r#"{"event_type": "order.lost", "order_id": 3}"#).expect("the queue is there");
    let dead = bench.dead_letters("order_events", 1).await;
    assert_eq!(dead[0].failure.reason, Reason::UnknownEvent);
    assert!(dead[0].failure.detail.contains("field `event_type` with `order.lost`"), "{}", dead[0].failure.detail);
    for (count, body) in [(2, "no json"), (3, "[1]")] {
        send(body).expect("the queue is there");
        let dead = bench.dead_letters("order_events", count).await;
        let failure = &dead[count - 1].failure;
        assert_eq!((failure.reason, failure.attempt), (Reason::Undecodable, 1), "{}", failure.detail);
        let expected = "expected a JSON object with the event's name in field `event_type`: ";
        assert!(failure.detail.starts_with(expected), "{}", failure.detail);
    }
}

#[tokio::test(start_paused = true)]
async fn any_event_is_received_undecoded_by_its_pattern() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let audit = HandlerDef::from_fn("audit", move |event: AnyEvent| {
        sender.send((event.name().to_owned(), event.body().to_vec())).expect("the test listens");
        async {}
    })
    .configure(|options| options.pattern("order.#").concurrency(1));
    let _running = bench.start(App::new().service(Service::new("audit").register(audit))).await;
    bench.send(Message::new("order.odd.one", "no json")).await;
    bench.send(Message::new("payment.odd", "not for us")).await;
    bench.publish(&OrderPaid { order_id: 1 }).await;
    assert_eq!(seen.next().await, ("order.odd.one".to_owned(), b"no json".to_vec()));
    assert_eq!(seen.next().await, ("order.paid".to_owned(), br#"{"order_id":1}"#.to_vec()));
    assert!(seen.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_foreign_id_is_kept_as_it_is() {
    let bench = Bench::new().await;
    let _running = bench
        .start(
            App::new()
                .service(Service::new("billing").on("take", |_: OrderCreated| async { Err::<(), _>(declined()) })),
        )
        .await;
    bench
        .send(Message { id: Some(EventId::from("Order-77")), ..Message::new("order.created", r#"{"order_id":1}"#) })
        .await;
    let dead = bench.dead_letters("billing.take", 1).await;
    assert_eq!(dead[0].message.id, Some(EventId::from("Order-77")));
    assert_eq!(dead[0].failure.handler, "billing.take");
    assert_eq!(dead[0].failure.reason, Reason::Permanent);
}

fn declined() -> eda_core::Failure {
    eda_core::Failure::permanent("declined")
}
