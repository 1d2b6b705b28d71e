//! Drain, health, and the end of a subscription.

use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::{ConsumerState, Transport};
use eda_core::{App, HandlerDef, Service};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::support::{Bench, OrderCreated, notes, until};

#[tokio::test(start_paused = true)]
async fn a_shutdown_lets_handlers_finish_and_gives_back_the_rest() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let gate = Arc::new(Semaphore::new(0));
    let handler = {
        let gate = Arc::clone(&gate);
        HandlerDef::from_fn("take", move |order: OrderCreated| {
            sender.send(order.order_id).expect("the test listens");
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await.expect("it is never closed").forget() }
        })
        .configure(|options| options.concurrency(1).prefetch(10))
    };
    let running = bench.start(App::new().service(Service::new("billing").register(handler))).await;
    for order_id in 0..5 {
        bench.publish(&OrderCreated { order_id }).await;
    }
    assert_eq!(seen.next().await, 0);
    let shutdown = tokio::spawn(running.shutdown());
    until(|| bench.memory.queue("billing.take").is_some_and(|queue| queue.ready == 4)).await;
    gate.add_permits(1);
    shutdown.await.expect("no panic").expect("a clean end");

    let queue = bench.memory.queue("billing.take").expect("it stays");
    assert_eq!((queue.ready, queue.unacked), (4, 0));
    assert!(seen.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_finish_is_given_back_at_the_limit() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("take", move |_: OrderCreated| {
        sender.send(()).expect("the test listens");
        std::future::pending::<()>()
    });
    let running = bench.start(App::new().service(Service::new("billing").register(handler))).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    seen.next().await;
    let began = Instant::now();
    running.shutdown_within(Duration::from_secs(5)).await.expect("a clean end");
    assert_eq!(began.elapsed().as_secs(), 5);
    let queue = bench.memory.queue("billing.take").expect("it stays");
    assert_eq!((queue.ready, queue.unacked), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_running_app_gives_everything_back() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("take", move |_: OrderCreated| {
        sender.send(()).expect("the test listens");
        std::future::pending::<()>()
    });
    let running = bench.start(App::new().service(Service::new("billing").register(handler))).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    seen.next().await;
    drop(running);
    until(|| bench.memory.queue("billing.take").is_some_and(|queue| (queue.ready, queue.unacked) == (1, 0))).await;
}

#[tokio::test(start_paused = true)]
async fn health_follows_the_consumers() {
    let bench = Bench::new().await;
    let handler = HandlerDef::from_fn("take", |_: OrderCreated| async {});
    let mut running = bench.start(App::new().service(Service::new("billing").register(handler))).await;
    let health = running.health();
    assert!(health.is_ready());
    assert_eq!(health.subscriptions[0].queue, "billing.take");
    assert_eq!(health.to_string(), "ready\nbilling.take: consuming");

    bench.memory.close().await.expect("memory always closes");
    let error = running.ended().await;
    assert!(error.to_string().contains("billing.take"), "{error}");
    let health = running.health();
    assert!(!health.is_ready());
    assert_eq!(health.subscriptions[0].status.state, ConsumerState::Stopped);
}
