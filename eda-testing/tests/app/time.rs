//! Time passes where the test says so, and no further.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use eda_core::transport::Reason;
use eda_core::{App, Service};
use eda_testing::TestApp;
use tokio::time::{Instant, sleep};

use crate::support::{OrderCreated, OrderPaid, billing, no_answer, shop};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn hours_of_backoff_take_no_time_and_come_in_their_order() {
    let real = std::time::Instant::now();
    let app = TestApp::start(billing(|_| async { Err::<(), _>(no_answer()) })).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    app.assert_retried("billing.charge", 1);

    app.advance(59 * 60 * SECOND).await;
    app.assert_retried("billing.charge", 1);
    app.advance(60 * SECOND).await;
    app.assert_retried("billing.charge", 2);
    // 2 h and 4 h are left, one after the other
    app.advance(6 * HOUR).await;
    app.assert_retried("billing.charge", 3);
    let letter = app.assert_dead_letter("billing.charge", Reason::Transient);
    assert_eq!(letter.attempt, 4);
    assert!(real.elapsed() < Duration::from_secs(60), "took {:?}", real.elapsed());
}

#[tokio::test]
async fn to_settle_takes_no_time_where_no_handler_waits() {
    let app = TestApp::start(shop()).await;
    let start = Instant::now();
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    assert_eq!(app.published::<OrderPaid>().len(), 1);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn to_settle_takes_as_long_as_handlers_wait_and_fires_no_retry_before_its_time() {
    let slow = |order: OrderCreated| async move {
        if order.order_id == 1 {
            return Err(no_answer());
        }
        sleep(9 * SECOND).await;
        Ok(())
    };
    let app = TestApp::start(billing(slow)).await;
    let start = Instant::now();
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.publish(&OrderCreated { order_id: 2 }).await;
    app.settle().await;
    assert_eq!(start.elapsed().as_secs(), 9);
    assert_eq!(app.deliveries("billing.charge").len(), 2);
    // an app that has settled lets no time pass
    app.settle().await;
    assert_eq!(start.elapsed().as_secs(), 9);
}

#[tokio::test]
async fn a_handler_that_never_ends_meets_its_timeout() {
    let app = TestApp::start(billing(|_| std::future::pending::<()>())).await;
    let start = Instant::now();
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    assert_eq!(start.elapsed().as_secs(), 10);
    let [retried] = &app.retries("billing.charge")[..] else { panic!("one retry") };
    assert_eq!(retried.failure().map(|failure| failure.reason), Some(Reason::TimedOut));
}

#[tokio::test]
async fn blocking_work_outlasts_no_timeout_of_a_paused_clock() {
    let work = |_: OrderCreated| async {
        let work = || std::thread::sleep(Duration::from_millis(50));
        tokio::task::spawn_blocking(work).await.expect("it does not panic");
    };
    let app = TestApp::start(billing(work)).await;
    let start = Instant::now();
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.settle().await;
    app.assert_all_acked();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn several_retries_come_in_the_order_of_their_times() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let start = Instant::now();
    let charge = move |order: OrderCreated| {
        notes.lock().expect("nobody panics").push((order.order_id, start.elapsed().as_secs() / 3600));
        async { Err::<(), _>(no_answer()) }
    };
    let app = TestApp::start(billing(charge)).await;
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.advance(HOUR / 2).await;
    app.publish(&OrderCreated { order_id: 2 }).await;
    app.advance(24 * HOUR).await;
    let seen = seen.lock().expect("nobody panics").clone();
    assert_eq!(seen, [(1, 0), (2, 0), (1, 1), (2, 1), (1, 3), (2, 3), (1, 7), (2, 7)]);
    assert_eq!(app.dead_letters("billing.charge").len(), 2);
}

#[tokio::test]
async fn on_the_real_clock_time_is_real_and_no_longer_than_needed() {
    let attempts = std::sync::atomic::AtomicU32::new(0);
    let quick = move |_: OrderCreated| {
        let first = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        async move {
            sleep(Duration::from_millis(20)).await;
            if first { Err(no_answer()) } else { Ok(()) }
        }
    };
    let handler = eda_core::HandlerDef::from_fn("charge", quick)
        .configure(|options| options.backoff(eda_core::Backoff::millis(50, 50)));
    let app =
        TestApp::builder(App::new().service(Service::new("billing").register(handler))).real_clock().start().await;
    let start = std::time::Instant::now();
    app.publish(&OrderCreated { order_id: 1 }).await;
    app.advance(HOUR).await;
    app.assert_retried("billing.charge", 1);
    assert_eq!(app.deliveries("billing.charge").len(), 2);
    assert!(start.elapsed() >= Duration::from_millis(90), "took {:?}", start.elapsed());
}
