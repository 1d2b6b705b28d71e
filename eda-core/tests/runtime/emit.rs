//! Returned events, publishers inside of handlers, and the ids of effects.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use eda_core::transport::memory::Memory;
use eda_core::transport::{Reason, Unrouted, limits};
use eda_core::{
    AnyEvent, App, EventId, Failure, Handler, HandlerDef, HandlerMeta, Message, Meta, Publisher, Service, envelope,
};

use crate::support::{Bench, OrderCreated, OrderPaid, OrderShipped, ReportMade, notes};

fn record(sender: tokio::sync::mpsc::UnboundedSender<Message>) -> Service {
    let record = HandlerDef::from_fn("record", move |event: AnyEvent| {
        sender.send(event.message().clone()).expect("the test listens");
        async {}
    });
    Service::new("record").register(record.configure(|options| options.pattern("#").concurrency(1)))
}

#[tokio::test(start_paused = true)]
async fn returned_events_carry_their_cause() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let billing = Service::new("billing").on("charge", |order: OrderCreated| async move {
        (OrderPaid { order_id: order.order_id }, Some(OrderShipped { order_id: order.order_id }))
    });
    let _running = bench.start(App::new().service(billing).service(record(sender))).await;
    bench.publish(&OrderCreated { order_id: 5 }).await;

    let created = seen.next().await;
    let paid = seen.next().await;
    let shipped = seen.next().await;
    assert_eq!(paid.name.as_deref(), Some("order.paid"));
    assert_eq!(shipped.name.as_deref(), Some("order.shipped"));
    assert_eq!(paid.source.as_deref(), Some("billing"));
    assert_eq!(paid.causation_id, created.id.as_ref().map(ToString::to_string));
    assert_eq!(paid.correlation_id, created.correlation_id);
    assert_eq!(created.correlation_id, created.id.as_ref().map(ToString::to_string));
    assert_ne!(paid.id, shipped.id);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_comes_twice_returns_the_same_ids() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let billing = Service::new("billing")
        .on("charge", |order: OrderCreated| async move { vec![OrderPaid { order_id: order.order_id }; 2] });
    let _running = bench.start(App::new().service(billing).service(record(sender))).await;
    let order = Message { id: Some(EventId::from("7")), ..Message::new("order.created", r#"{"order_id":1}"#) };
    let mut effects = Vec::new();
    for _ in 0..2 {
        bench.send(order.clone()).await;
        assert_eq!(seen.next().await.id, order.id);
        effects.push((seen.next().await.id, seen.next().await.id));
    }
    assert_ne!(effects[0].0, effects[0].1);
    assert_eq!(effects[0], effects[1]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_duplicates_are_handled_each_with_the_same_effect() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let billing = Service::new("billing")
        .on("charge", |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } });
    let _running = bench.start(App::new().service(billing).service(record(sender))).await;
    let order = Message { id: Some(EventId::from("7")), ..Message::new("order.created", r#"{"order_id":1}"#) };
    for _ in 0..1_000 {
        bench.send(order.clone()).await;
    }
    let (mut came, mut effects) = (0, BTreeSet::new());
    let mut paid = 0;
    while came + paid < 2_000 {
        let message = seen.next().await;
        if message.id == order.id {
            came += 1;
        } else {
            paid += 1;
            effects.insert(message.id);
        }
    }
    assert_eq!((came, paid, effects.len()), (1_000, 1_000, 1));
    assert!(bench.memory.dead_letters("billing.charge").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_another_body_is_another_delivery() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let _running = bench.start(App::new().service(record(sender))).await;
    let id = EventId::from("7");
    for order_id in [1, 2] {
        let body = format!(r#"{{"order_id":{order_id}}}"#);
        bench.send(Message { id: Some(id.clone()), ..Message::new("order.created", body) }).await;
    }
    let both = [seen.next().await, seen.next().await];
    assert!(both.iter().all(|message| message.id.as_ref() == Some(&id)));
    let bodies = both.map(|message| message.body);
    assert_eq!(
        bodies,
        [r#"{"order_id":1}"#, r#"{"order_id":2}"#],
        "ids are for whoever remembers them: nothing is dropped over one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_foreign_id_of_any_length_has_effects() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let billing = Service::new("billing")
        .on("charge", |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } });
    let _running = bench.start(App::new().service(billing).service(record(sender))).await;
    let body =
        format!(r#"{{"specversion":"1.0","id":"{}","type":"order.created","data":{{"order_id":1}}}}"#, "7".repeat(300));
    let structured = Message { content_type: Some(envelope::STRUCTURED.into()), ..Message::new("order.created", body) };
    bench.send(structured.clone()).await;
    bench.send(structured).await;
    let (_, _, first, second) = (seen.next().await, seen.next().await, seen.next().await, seen.next().await);
    assert_eq!(first.name.as_deref(), Some("order.paid"));
    assert!(first.correlation_id.is_some());
    assert_eq!((first.id, first.correlation_id), (second.id, second.correlation_id));
}

#[tokio::test(start_paused = true)]
async fn a_second_attempt_publishes_the_same_ids() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let attempts = Arc::new(AtomicU32::new(0));
    let fails_once = {
        let attempts = Arc::clone(&attempts);
        move |call: eda_core::Call| {
            let attempts = Arc::clone(&attempts);
            async move {
                let publisher = call.publisher::<OrderShipped>();
                publisher.publish(&OrderShipped { order_id: 1 }).await?;
                if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                    return Err(Failure::transient("not yet"));
                }
                Ok(())
            }
        }
    };
    let handler = Arc::new(fails_once);
    let layer = tower::layer::layer_fn(move |inner: eda_core::middleware::CallService| {
        let handler = Arc::clone(&handler);
        tower::service_fn(move |call: eda_core::Call| {
            let (handler, inner) = (Arc::clone(&handler), inner.clone());
            async move {
                handler(call.clone()).await.map_err(|failure| failure.detail())?;
                tower::ServiceExt::oneshot(inner, call).await
            }
        })
    });
    let billing = Service::new("billing").on("charge", |_: OrderCreated| async {}).layer(layer);
    let _running = bench.start(App::new().service(billing).service(record(sender))).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;

    let _created = seen.next().await;
    let (first, second) = (seen.next().await, seen.next().await);
    assert_eq!(first.name.as_deref(), Some("order.shipped"));
    assert_eq!(first.id, second.id);
}

struct Progress;

impl Handler for Progress {
    type Event = OrderCreated;
    type Extract = (Publisher<(OrderPaid, OrderShipped)>, Meta);
    type Output = Result<(), Failure>;
    const META: HandlerMeta = HandlerMeta::new("progress");

    async fn call(order: OrderCreated, (publisher, meta): Self::Extract) -> Self::Output {
        assert_eq!(meta.attempt, 1);
        publisher.publish(&OrderPaid { order_id: order.order_id }).await?;
        publisher.publish_all((0..3).map(|order_id| OrderShipped { order_id })).await?;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_listed_publisher_sends_at_once_and_is_known_without_running() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let service = Service::new("billing").handler::<Progress>();
    let emits: Vec<_> = service.handlers()[0].emits().iter().map(|event| event.name).collect();
    assert_eq!(emits, ["order.paid", "order.shipped"]);

    let _running = bench.start(App::new().service(service).service(record(sender))).await;
    bench.publish(&OrderCreated { order_id: 5 }).await;
    let mut ids = Vec::new();
    for name in ["order.created", "order.paid", "order.shipped", "order.shipped", "order.shipped"] {
        let message = seen.next().await;
        assert_eq!(message.name.as_deref(), Some(name));
        ids.push(message.id);
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 5, "each has an id of its own");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_published_fails_the_attempt() {
    let bench = Bench::on(Memory::new().with_unrouted(Unrouted::Reject)).await;
    let billing = Service::new("billing").register(
        HandlerDef::from_fn("charge", |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } })
            .configure(|options| options.retries(2)),
    );
    let _running = bench.start(App::new().service(billing)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let dead = bench.dead_letters("billing.charge", 1).await;
    assert_eq!(dead[0].failure.reason, Reason::Unpublished);
    assert_eq!(dead[0].failure.attempt, 3);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_can_never_be_published_is_no_reason_to_try_again() {
    let bench = Bench::new().await;
    let billing = Service::new("billing")
        .on("report", |_: OrderCreated| async { ReportMade { text: "x".repeat(limits::BODY_LIMIT) } });
    let _running = bench.start(App::new().service(billing)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let dead = bench.dead_letters("billing.report", 1).await;
    assert_eq!((dead[0].failure.reason, dead[0].failure.attempt), (Reason::Permanent, 1));
    assert!(dead[0].failure.detail.contains("report.made"), "{}", dead[0].failure.detail);
}
