//! What a test sees of what happened.

use std::time::Duration;

use eda_core::transport::Reason;
use eda_core::{AnyEvent, Failure, HandlerDef, HeaderValue, Headers, Message, Service};
use eda_testing::{Settled, TestApp};

use crate::support::{OrderCreated, OrderPaid, OrderShipped, billing, no_answer, shop};

#[tokio::test]
async fn a_chain_over_three_services_is_followed_to_its_end() {
    let app = TestApp::start(shop()).await;
    let id = app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;

    app.assert_all_acked();
    assert_eq!(app.published::<OrderPaid>(), [OrderPaid { order_id: 1 }]);
    app.assert_published(&OrderShipped { order_id: 1 });
    assert_eq!(app.deliveries("books.close")[0].event::<OrderShipped>(), OrderShipped { order_id: 1 });
    let correlated = app.published_messages().into_iter().map(|message| message.correlation_id);
    assert_eq!(correlated.collect::<Vec<_>>(), [Some(id.to_string()), Some(id.to_string())]);
}

#[tokio::test]
async fn what_the_test_publishes_is_not_the_apps() {
    let app = TestApp::start(shop()).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.broker().publisher("web").publish(&OrderCreated { order_id: 2 }).await.expect("memory confirms");
    app.settle().await;
    assert_eq!(app.published::<OrderCreated>(), [OrderCreated { order_id: 2 }]);
    assert_eq!(app.published::<OrderPaid>().len(), 2);
}

#[tokio::test]
async fn a_permanent_failure_is_a_dead_letter_with_its_reason() {
    let app = TestApp::start(billing(|_| async { Err::<(), _>(Failure::permanent("card declined")) })).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;

    let letter = app.assert_dead_letter("billing.charge", Reason::Permanent);
    assert_eq!(letter.event::<OrderCreated>(), OrderCreated { order_id: 1 });
    let failure = letter.failure().expect("it failed");
    assert_eq!((&*failure.detail, &*failure.handler, failure.attempt), ("card declined", "billing.charge", 1));
    app.assert_retried("billing.charge", 0);
    app.assert_not_published::<OrderPaid>();
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt() {
    let app = TestApp::start(billing(|order| async move { assert!(order.order_id != 1, "order 1 is broken") })).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.publish(&OrderCreated { order_id: 2 }).await;
    app.settle().await;

    let [broken, sound] = &app.deliveries("billing.charge")[..] else { panic!("two deliveries") };
    let failure = broken.failure().expect("it failed");
    assert_eq!((failure.reason, &*failure.detail), (Reason::Panicked, "the handler panicked: order 1 is broken"));
    assert!(broken.is_retried());
    assert_eq!(sound.settled, Some(Settled::Acked));
}

#[tokio::test]
async fn broken_bytes_and_unknown_events_are_dead_letters() {
    let app = TestApp::start(shop()).await;
    app.publish_message(Message::new("order.created", &b"\xff{"[..])).await;
    app.settle().await;
    app.assert_dead_letter("billing.charge", Reason::Undecodable);

    let mut renamed = Message::new("order.paid", "{}");
    renamed.name = Some("order.payed".into());
    app.publish_message(renamed).await;
    app.settle().await;
    app.assert_dead_letter("shipping.ship", Reason::UnknownEvent);
}

#[tokio::test]
async fn a_foreign_message_comes_with_its_headers() {
    let service = Service::new("audit").on("log", |_: AnyEvent| async {});
    let app = TestApp::start(service).await;
    let headers = Headers::new().with("tenant", "acme");
    app.publish_message(Message { headers, ..Message::new("order.created", "[1]") }).await;
    app.settle().await;
    let [logged] = &app.deliveries("audit.log")[..] else { panic!("one delivery") };
    assert_eq!(logged.message.headers.get("tenant"), Some(&HeaderValue::from("acme")));
    assert_eq!(logged.message.routing_key, "order.created");
}

#[tokio::test]
async fn a_queue_of_someone_else_is_there_and_can_be_sent_to() {
    let handler = HandlerDef::from_fn("import", |_: OrderCreated| async {})
        .configure(|options| options.queue("order_events").declare(false));
    let app = TestApp::start(Service::new("billing").register(handler)).await;
    app.send_to_queue("order_events", Message::new("order_events", r#"{"order_id": 7}"#));
    app.settle().await;
    app.assert_all_acked();
    assert_eq!(app.deliveries("order_events")[0].event::<OrderCreated>().order_id, 7);
}

#[tokio::test]
async fn how_each_attempt_was_settled_is_told_in_order() {
    let attempts = std::sync::atomic::AtomicU32::new(0);
    let third_time_lucky = move |_| {
        let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move { if attempt < 2 { Err(no_answer()) } else { Ok(()) } }
    };
    let app = TestApp::start(billing(third_time_lucky)).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.advance(Duration::from_secs(3 * 3600)).await;

    let deliveries = app.deliveries("billing.charge");
    let attempts: Vec<_> = deliveries.iter().map(|delivered| delivered.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    let waits = app.retries("billing.charge").into_iter().map(|retried| match retried.settled {
        Some(Settled::Retried { after, .. }) => after.as_secs() / 3600,
        other => panic!("{other:?}"),
    });
    assert_eq!(waits.collect::<Vec<_>>(), [1, 2]);
    assert_eq!(deliveries[2].settled, Some(Settled::Acked));
}
