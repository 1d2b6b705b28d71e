//! The queue of an old system.

use eda::prelude::*;
use eda::{Error, ErrorKind, HandlerDef};

use crate::support::{Bench, Take, at, dead_letters, fresh, python, service, try_python, url};

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "old-order.created", accept = "OrderCreated")]
struct OrderCreated {
    order_id: u64,
    amount: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(name = "old-order.cancelled", accept = "OrderCancelled")]
struct OrderCancelled {
    order_id: u64,
    why: String,
}

#[derive(Debug, PartialEq)]
enum Order {
    Created(OrderCreated),
    Cancelled(OrderCancelled),
}

#[handler(queue = "order_events", declare = false, discriminator = "event_type")]
async fn created(order: OrderCreated, State(take): State<Take<Order>>) {
    let _ = take.send(Order::Created(order));
}

#[handler(queue = "order_events", declare = false, discriminator = "event_type")]
async fn cancelled(order: OrderCancelled, State(take): State<Take<Order>>) {
    let _ = take.send(Order::Cancelled(order));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_script_of_years_ago_needs_no_change() {
    let queue = fresh("order_events");
    python("order_events.py", &[&queue]);
    let (service, mut taken) = service(&fresh("service"));
    let bench = Bench::start(service.register(at(&queue, HandlerDef::of::<created>()))).await;
    let order = || Order::Created(OrderCreated { order_id: 123, amount: 250 });
    assert_eq!(taken.next().await, order(), "sent before the service ran");
    python("order_events.py", &[&queue]);
    assert_eq!(taken.next().await, order(), "sent while it runs");
    bench.stop().await;
    assert_eq!(taken.rest(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_of_others_is_left_as_it_was_declared() {
    for options in [
        "{}",
        r#"{"durable": true}"#,
        r#"{"durable": true, "arguments": {"x-max-length": 1000, "x-message-ttl": 3600000}}"#,
        r#"{"durable": true, "arguments": {"x-queue-type": "quorum"}}"#,
    ] {
        let queue = fresh("left-alone");
        python("declare_queue.py", &[&queue, options]);
        let (service, mut taken) = service(&fresh("service"));
        let bench = Bench::start(service.register(at(&queue, HandlerDef::of::<created>()))).await;

        // declared again with the same options, it is no error: nothing of it has changed
        assert_eq!(python("declare_queue.py", &[&queue, options]), "0 1\n", "{options}");
        let refused =
            try_python("declare_queue.py", &[&queue, r#"{"durable": true, "arguments": {"x-max-length": 7}}"#]);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("PRECONDITION_FAILED"), "the check has no teeth");

        // nor is it bound to events: this one does not get there, and the next one does
        let ours = OrderCreated { order_id: 1, amount: 1 };
        bench.broker.publisher("test").publish(&ours).await.expect("it is confirmed");
        let body = r#"{"event_type": "OrderCreated", "order_id": 2, "amount": 2}"#;
        python("publish.py", &["", &queue, body]);
        assert_eq!(taken.next().await, Order::Created(OrderCreated { order_id: 2, amount: 2 }), "{options}");
        bench.stop().await;
        assert_eq!(taken.rest(), []);
        assert_eq!(python("declare_queue.py", &[&queue, options]), "0 0\n", "{options}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_nobody_has_declared_is_named() {
    let queue = fresh("nobody");
    let (service, _taken) = service(&fresh("service"));
    let broker = eda::connect(&url()).await.expect("the broker answers");
    let error: Error = service
        .register(at(&queue, HandlerDef::of::<created>()))
        .start(&broker)
        .await
        .expect_err("there is no such queue");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(&queue), "{error}");
    broker.close().await.expect("it closes");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_events_in_one_queue_are_told_apart_by_a_field() {
    let queue = fresh("two-events");
    python("declare_queue.py", &[&queue, r#"{"durable": true}"#]);
    python(
        "publish.py",
        &[
            "",
            &queue,
            r#"{"event_type": "OrderCreated", "order_id": 1, "amount": 250}"#,
            r#"{"order_id": 1, "why": "too dear", "event_type": "OrderCancelled"}"#,
            r#"{"event_type": "OrderReturned", "order_id": 1}"#,
            r#"{"order_id": 1}"#,
            r#"{"event_type": 7, "order_id": 1}"#,
            r#"{"event_type": "OrderCreated", "order_id": 2, "amount": 100}"#,
        ],
    );
    let (service, mut taken) = service(&fresh("service"));
    let handlers = (at(&queue, HandlerDef::of::<created>()), at(&queue, HandlerDef::of::<cancelled>()));
    let bench = Bench::start(service.register(handlers.0).register(handlers.1)).await;

    assert_eq!(taken.next().await, Order::Created(OrderCreated { order_id: 1, amount: 250 }));
    assert_eq!(taken.next().await, Order::Cancelled(OrderCancelled { order_id: 1, why: "too dear".into() }));
    assert_eq!(taken.next().await, Order::Created(OrderCreated { order_id: 2, amount: 100 }));
    let letters = dead_letters(&queue, 3);
    let expected = "expected one of the events `old-order.created`, `old-order.cancelled`, found ";
    for (letter, found) in letters.iter().zip([
        "field `event_type` with `OrderReturned`",
        "no text in field `event_type`",
        "no text in field `event_type`",
    ]) {
        assert_eq!((letter.attempt, &*letter.reason), (1, "unknown-event"), "{letter:?}");
        assert!(letter.detail.starts_with(&format!("{expected}{found}")), "{letter:?}");
    }
    bench.stop().await;
    assert_eq!(taken.rest(), []);
}
