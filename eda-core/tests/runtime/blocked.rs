//! A handler that blocks its thread is named.

use std::thread;
use std::time::Duration;

use eda_core::{App, HandlerDef, Service};
use tokio::sync::mpsc;

use crate::support::{Bench, OrderCreated, log};

const LONG: Duration = Duration::from_millis(120);

/// Counts what it handled; blocks for so long first.
fn handler(name: &'static str, blocks: Duration, done: &mpsc::UnboundedSender<u64>) -> HandlerDef<()> {
    let done = done.clone();
    HandlerDef::from_fn(name, move |order: OrderCreated| {
        let done = done.clone();
        async move {
            thread::sleep(blocks);
            done.send(order.order_id).expect("the test listens");
        }
    })
}

#[tokio::test]
async fn a_poll_that_takes_long_is_a_warning_with_the_handlers_name() {
    let (log, _guard) = log();
    let (done, mut handled) = mpsc::unbounded_channel();
    let bench = Bench::new().await;
    let service = Service::new("billing").register(handler("charge", LONG, &done)).register(handler(
        "note",
        Duration::ZERO,
        &done,
    ));
    let running = bench.start(App::new().service(service)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    for _ in 0..2 {
        handled.recv().await.expect("both handlers take it");
    }
    running.shutdown().await.expect("nothing is in hand");
    let text = log.text();
    let warnings: Vec<_> = text.lines().filter(|line| line.contains("blocked its thread")).collect();
    assert_eq!(warnings.len(), 1, "{text}");
    for part in ["WARN", "handler=\"billing.charge\"", "event=\"order.created\"", "id=", "took=", "spawn_blocking"] {
        assert!(warnings[0].contains(part), "{part}: {}", warnings[0]);
    }
}

#[tokio::test]
async fn a_handler_that_always_blocks_is_warned_about_once_in_a_while() {
    let (log, _guard) = log();
    let (done, mut handled) = mpsc::unbounded_channel();
    let bench = Bench::new().await;
    let service = Service::new("billing").register(handler("charge", LONG, &done));
    let running = bench.start(App::new().service(service)).await;
    for order_id in 0..5 {
        bench.publish(&OrderCreated { order_id }).await;
    }
    for _ in 0..5 {
        handled.recv().await.expect("it is handled");
    }
    running.shutdown().await.expect("nothing is in hand");
    assert_eq!(log.text().matches("blocked its thread").count(), 1, "{}", log.text());
}
