//! Retries, backoff, timeouts and panics.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use eda_core::transport::{FailureRecord, Reason};
use eda_core::{App, Backoff, Extractor, Failure, FromDelivery, Handler, HandlerDef, HandlerMeta, Service};
use tokio::time::Instant;

use crate::support::{Bench, OrderCreated, log, notes};

fn billing(handler: HandlerDef<()>) -> App {
    let options = |meta: HandlerMeta| meta.retries(3).backoff(Backoff::millis(1_000, 60_000)).timeout_millis(10_000);
    App::new().service(Service::new("billing").register(handler.configure(options)))
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_follows_the_schedule_and_ends_as_a_dead_letter() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("charge", move |_: OrderCreated| {
        sender.send(Instant::now()).expect("the test listens");
        async { Err::<(), _>(Failure::transient("the card network is down")) }
    });
    let _running = bench.start(billing(handler)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;

    let mut times = Vec::new();
    for _ in 0..4 {
        times.push(seen.next().await);
    }
    let waits: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4]);
    let dead = bench.dead_letters("billing.charge", 1).await;
    assert_eq!(dead[0].failure.reason, Reason::Transient);
    assert_eq!(dead[0].failure.attempt, 4);
    assert_eq!(dead[0].failure.detail, "the card network is down");
    assert!(seen.is_empty(), "there is no fifth attempt");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_retry_holds_up_nobody() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("charge", move |order: OrderCreated| {
        sender.send((order.order_id, Instant::now())).expect("the test listens");
        async move { if order.order_id == 1 { Err(Failure::transient("later")) } else { Ok(()) } }
    })
    .configure(|options| options.concurrency(1));
    let started = Instant::now();
    let _running = bench.start(billing(handler)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    bench.publish(&OrderCreated { order_id: 2 }).await;
    seen.next().await;
    let (order, at) = seen.next().await;
    assert_eq!(order, 2);
    assert!(at - started < Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failed_attempt_and_the_worker_lives_on() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("charge", move |order: OrderCreated| {
        sender.send(order.order_id).expect("the test listens");
        async move { assert!(order.order_id != 1, "order 1 is broken") }
    })
    .configure(|options| options.concurrency(1));
    let _running = bench.start(billing(handler)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let dead = bench.dead_letters("billing.charge", 1).await;
    assert_eq!(dead[0].failure.reason, Reason::Panicked);
    assert_eq!(dead[0].failure.detail, "the handler panicked: order 1 is broken");
    assert_eq!(dead[0].failure.attempt, 4);
    for _ in 0..4 {
        assert_eq!(seen.next().await, 1);
    }
    bench.publish(&OrderCreated { order_id: 2 }).await;
    assert_eq!(seen.next().await, 2);
}

#[derive(Debug)]
struct Unshowable;

impl std::fmt::Display for Unshowable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Err(std::fmt::Error)
    }
}

impl std::error::Error for Unshowable {}

#[tokio::test(start_paused = true)]
async fn an_error_that_cannot_be_shown_kills_no_worker() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("charge", move |order: OrderCreated| {
        sender.send(order.order_id).expect("the test listens");
        async move { if order.order_id == 1 { Err(Failure::permanent(Unshowable)) } else { Ok(()) } }
    })
    .configure(|options| options.concurrency(1));
    let _running = bench.start(billing(handler)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    assert_eq!(bench.dead_letters("billing.charge", 1).await.len(), 1);
    bench.publish(&OrderCreated { order_id: 2 }).await;
    assert_eq!((seen.next().await, seen.next().await), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_takes_too_long_is_cancelled_and_tried_again() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("charge", move |_: OrderCreated| {
        sender.send(Instant::now()).expect("the test listens");
        std::future::pending::<()>()
    });
    let _running = bench.start(billing(handler)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let (first, second) = (seen.next().await, seen.next().await);
    assert_eq!((second - first).as_secs(), 11, "10 s of timeout and 1 s of backoff");
    let dead = bench.dead_letters("billing.charge", 1).await;
    assert_eq!(dead[0].failure.reason, Reason::TimedOut);
    assert_eq!(dead[0].failure.detail, "the handler took longer than its timeout of 10s");
}

#[tokio::test(start_paused = true)]
async fn the_whole_chain_of_causes_is_kept() {
    let bench = Bench::new().await;
    let handler = HandlerDef::from_fn("charge", |_: OrderCreated| async {
        let error =
            eda_core::Error::new(eda_core::ErrorKind::Internal, "outer").caused_by(std::io::Error::other("inner"));
        Err::<(), _>(Failure::permanent(error))
    });
    let _running = bench.start(billing(handler)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    assert_eq!(bench.dead_letters("billing.charge", 1).await[0].failure.detail, "outer: inner");
}

#[tokio::test(start_paused = true)]
async fn an_error_text_without_end_is_cut() {
    let bench = Bench::new().await;
    // of three bytes each, so that the limit falls into one
    let handler = HandlerDef::from_fn("charge", |_: OrderCreated| async {
        Err::<(), _>(Failure::permanent("€".repeat(9_999)))
    });
    let _running = bench.start(billing(handler)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let detail = &bench.dead_letters("billing.charge", 1).await[0].failure.detail;
    assert_eq!(detail.len(), FailureRecord::DETAIL_LIMIT - 1);
}

/// Takes too long, and panics when it is given up.
struct Bomb(bool);

impl Future for Bomb {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.0, "dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_what_a_handler_leaves_behind_kills_no_worker() {
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("charge", move |order: OrderCreated| {
        sender.send(order.order_id).expect("the test listens");
        Bomb(order.order_id == 1)
    })
    .configure(|options| options.concurrency(1));
    let _running = bench.start(billing(handler)).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    bench.publish(&OrderCreated { order_id: 2 }).await;
    assert_eq!((seen.next().await, seen.next().await), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_what_is_given_up_at_its_timeout_is_a_timeout_all_the_same() {
    let (log, _guard) = log();
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("charge", move |_: OrderCreated| {
        sender.send(Instant::now()).expect("the test listens");
        Bomb(true)
    });
    let handler = billing(handler.configure(|options| options.concurrency(1)));
    let _running = bench.start(handler).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let (first, second) = (seen.next().await, seen.next().await);
    assert_eq!((second - first).as_secs(), 11, "10 s of timeout and 1 s of backoff");
    let dead = bench.dead_letters("billing.charge", 1).await;
    assert_eq!((dead[0].failure.reason, dead[0].failure.attempt), (Reason::TimedOut, 4));
    let text = log.text();
    assert_eq!(text.matches("what a handler left behind panicked when it was dropped").count(), 4, "{text}");
}

/// Has its result at once, and panics when it is dropped.
struct LateBomb(Result<(), &'static str>);

impl Future for LateBomb {
    type Output = Result<(), Failure>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.0.map_err(Failure::permanent))
    }
}

impl Drop for LateBomb {
    fn drop(&mut self) {
        panic!("dropped late");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_what_is_dropped_as_a_handler_ends_is_one_of_the_handler() {
    for result in [Ok(()), Err("declined")] {
        let bench = Bench::new().await;
        let handler = HandlerDef::from_fn("charge", move |_: OrderCreated| LateBomb(result));
        let _running = bench.start(billing(handler)).await;
        bench.publish(&OrderCreated { order_id: 1 }).await;
        let failure = &bench.dead_letters("billing.charge", 1).await[0].failure;
        assert_eq!((failure.reason, failure.attempt), (Reason::Panicked, 4));
        assert_eq!(failure.detail, "the handler panicked: dropped late");
    }
}

/// An error that panics when it is dropped.
#[derive(Debug)]
struct Mine;

impl std::fmt::Display for Mine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a mine")
    }
}

impl std::error::Error for Mine {}

impl Drop for Mine {
    fn drop(&mut self) {
        panic!("stepped on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_an_error_that_is_dropped_changes_nothing() {
    let (log, _guard) = log();
    let bench = Bench::new().await;
    let (sender, mut seen) = notes();
    let handler = HandlerDef::from_fn("charge", move |order: OrderCreated| {
        sender.send(order.order_id).expect("the test listens");
        async move { if order.order_id == 1 { Err(Failure::transient(Mine)) } else { Ok(()) } }
    });
    let handler = billing(handler.configure(|options| options.concurrency(1)));
    let _running = bench.start(handler).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let failure = &bench.dead_letters("billing.charge", 1).await[0].failure;
    assert_eq!((failure.reason, failure.attempt, failure.detail.as_str()), (Reason::Transient, 4, "a mine"));
    bench.publish(&OrderCreated { order_id: 2 }).await;
    while seen.next().await != 2 {}
    let text = log.text();
    assert_eq!(text.matches("panicked when it was dropped").count(), 4, "{text}");
    assert!(!text.contains("given back"), "{text}");
}

struct Tenant;

impl Extractor for Tenant {}

impl FromDelivery<()> for Tenant {
    async fn from_delivery(context: &eda_core::Context<'_, ()>) -> Result<Self, Failure> {
        context.message().headers.text("tenant").map(|_| Self).ok_or_else(|| Failure::permanent("no tenant"))
    }
}

struct OfTenant;

impl Handler for OfTenant {
    type Event = OrderCreated;
    type Extract = (Tenant,);
    type Output = ();
    const META: HandlerMeta = HandlerMeta::new("of_tenant");

    async fn call(_: OrderCreated, (_tenant,): Self::Extract) {}
}

#[tokio::test(start_paused = true)]
async fn what_an_extractor_misses_fails_the_attempt_with_its_class() {
    let bench = Bench::new().await;
    let _running = bench.start(App::new().service(Service::new("billing").handler::<OfTenant>())).await;
    bench.publish(&OrderCreated { order_id: 1 }).await;
    let dead = bench.dead_letters("billing.of_tenant", 1).await;
    assert_eq!((dead[0].failure.reason, dead[0].failure.detail.as_str()), (Reason::Permanent, "no tenant"));
}
