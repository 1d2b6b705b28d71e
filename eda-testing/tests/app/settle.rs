//! When an app has settled, and what is said when it does not.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use eda_core::journal::{Fact, Journal, What};
use eda_core::{App, Service};
use eda_testing::{Settled, TestApp};
use tokio::sync::Semaphore;

use crate::support::{OrderCreated, OrderPaid, OrderShipped, billing, shop, words_of_settle};

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn an_app_that_has_nothing_to_do_has_settled() {
    let app = TestApp::start(shop()).await;
    app.settle().await;
    assert_eq!(app.history(), "nothing has happened");
    // nobody takes it, so nobody is waited for
    let unhandled = TestApp::start(billing(|_| async {})).await;
    unhandled.publish(&OrderShipped { order_id: 1 }).await;
    unhandled.settle().await;
    assert!(unhandled.history().ends_with("for which no handler is subscribed"), "{}", unhandled.history());
}

#[tokio::test]
async fn a_thousand_orders_are_all_waited_for() {
    let app = TestApp::start(shop()).await;
    for order_id in 0..1000 {
        app.publish(&OrderCreated { order_id }).await;
    }
    app.settle().await;
    app.assert_all_acked();
    assert_eq!(app.published::<OrderShipped>().len(), 1000);
    assert_eq!(app.deliveries("books.close").len(), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_orders_are_all_waited_for_on_many_threads() {
    let app = TestApp::builder(shop()).real_clock().start().await;
    for order_id in 0..1000 {
        app.publish(&OrderCreated { order_id }).await;
    }
    app.settle().await;
    app.assert_all_acked();
    assert_eq!(app.deliveries("books.close").len(), 1000);
}

#[tokio::test]
async fn a_handler_that_spins_is_named() {
    let spin = |_: OrderCreated| {
        poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        })
    };
    let app = Arc::new(TestApp::builder(billing(spin)).patience(SHORT).start().await);
    app.publish(&OrderCreated { order_id: 1 }).await;
    let words = words_of_settle(&app).await;
    let expected = "the app did not settle within 100ms; in flight:\n  \
                    billing.charge: order.created {\"order_id\":1}, attempt 1: in the handler\n\
                    what has happened:\n  the test published order.created";
    assert!(words.starts_with(expected), "{words}");
    assert!(words.contains("\nat eda-testing/tests/app/support.rs:"), "{words}");
}

#[tokio::test]
async fn on_the_real_clock_a_handler_that_never_ends_is_named() {
    let never = |_: OrderCreated| std::future::pending::<()>();
    let app = Arc::new(TestApp::builder(billing(never)).real_clock().patience(SHORT).start().await);
    app.publish(&OrderCreated { order_id: 1 }).await;
    let words = words_of_settle(&app).await;
    assert!(words.contains("billing.charge: order.created {\"order_id\":1}, attempt 1: in the handler"), "{words}");
}

#[tokio::test]
async fn what_waits_behind_another_delivery_is_in_flight() {
    let gate = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&gate);
    let wait = move |_: OrderCreated| {
        let door = Arc::clone(&door);
        async move { drop(door.acquire().await) }
    };
    let handler = eda_core::HandlerDef::from_fn("charge", wait).configure(|options| options.concurrency(1).prefetch(1));
    let service = Service::new("billing").register(handler);
    let app = Arc::new(TestApp::builder(service).real_clock().patience(SHORT).start().await);
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.publish(&OrderCreated { order_id: 2 }).await;
    let words = words_of_settle(&app).await;
    assert!(words.contains("order.created {\"order_id\":2}, attempt 1: on its way to the handler"), "{words}");
    gate.add_permits(1);
    app.settle().await;
    app.assert_all_acked();
}

/// Panics over the first event that is published while handling another one, which a journal must not.
struct Panics(AtomicBool);

impl Journal for Panics {
    fn record(&self, fact: &Fact<'_>) {
        let is_emitted = matches!(fact.what, What::Published(_)) && fact.message.causation_id.is_some();
        assert!(!(is_emitted && self.0.swap(false, Ordering::Relaxed)), "as the test asks");
    }
}

#[tokio::test]
async fn a_delivery_that_was_given_back_is_waited_for() {
    // what stands between the handler and the ack panics, so the delivery is given back
    let charge = |order: OrderCreated| async move { OrderPaid { order_id: order.order_id } };
    let app = TestApp::start(App::new().service(billing(charge)).journal(Panics(AtomicBool::new(true)))).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    let settled: Vec<_> = app.deliveries("billing.charge").into_iter().map(|delivered| delivered.settled).collect();
    assert_eq!(settled, [Some(Settled::GivenBack), Some(Settled::Acked)]);
    assert!(app.deliveries("billing.charge")[1].redelivered);
}

#[tokio::test]
async fn events_that_cause_each_other_for_ever_end_at_the_patience() {
    let pay = |event: OrderCreated| async move { OrderPaid { order_id: event.order_id } };
    let order_again = |event: OrderPaid| async move { OrderCreated { order_id: event.order_id + 1 } };
    let service = Service::new("billing").on("pay", pay).on("order", order_again);
    let app = Arc::new(TestApp::builder(App::from(service)).patience(SHORT).start().await);
    app.publish(&OrderCreated { order_id: 1 }).await;
    let words = words_of_settle(&app).await;
    assert!(words.starts_with("the app did not settle within 100ms; in flight:\n  billing."), "{words}");
}
