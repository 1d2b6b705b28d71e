//! The memory transport by itself: it does what RabbitMQ does, as this framework uses it.

use std::time::{Duration, SystemTime};

use eda_core::transport::memory::Memory;
use eda_core::transport::{ConsumerState, Deliveries, Delivery, FailureRecord, Reason, Transport, Unrouted};
use eda_core::{ErrorKind, Message, Policy, Subscription, Topology};
use tokio::time::{Instant, timeout};

fn subscription(queue: &str, binding: &str) -> Subscription {
    Subscription {
        service: "test".into(),
        queue: queue.into(),
        declare: true,
        bindings: vec![binding.into()],
        policy: Policy::default(),
    }
}

async fn subscribe(memory: &Memory, subscription: &Subscription) -> Box<dyn Deliveries> {
    let topology = Topology { subscriptions: vec![subscription.clone()], emits: Vec::new() };
    memory.declare(&topology).await.expect("it is declared");
    memory.subscribe(subscription).await.expect("it is there")
}

async fn publish(memory: &Memory, key: &str, body: &str) -> eda_core::Result {
    let publisher = memory.publisher().await?;
    publisher.send(Message::new(key.to_owned(), body.to_owned())).await?.confirmed().await
}

async fn next(deliveries: &mut Box<dyn Deliveries>) -> Delivery {
    let mut batch = Vec::new();
    let received = timeout(Duration::from_secs(3_600), deliveries.receive(&mut batch, 1)).await;
    assert_eq!(received.expect("one comes").expect("no error"), 1);
    batch.remove(0)
}

async fn comes_nothing(deliveries: &mut Box<dyn Deliveries>) -> bool {
    timeout(Duration::from_secs(3_600), deliveries.receive(&mut Vec::new(), 1)).await.is_err()
}

fn body(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message().body).into_owned()
}

fn failure(attempt: u32) -> FailureRecord {
    FailureRecord {
        reason: Reason::Transient,
        detail: "later".into(),
        handler: "test.take".into(),
        attempt,
        failed_at: SystemTime::UNIX_EPOCH,
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_gets_a_message_once_however_many_bindings_match() {
    let memory = Memory::new();
    let mut twice = subscription("a", "order.*");
    twice.bindings.push("#".into());
    let (mut a, mut b) =
        (subscribe(&memory, &twice).await, subscribe(&memory, &subscription("b", "order.created")).await);
    publish(&memory, "order.created", "1").await.expect("confirmed");
    next(&mut a).await.ack();
    next(&mut b).await.ack();
    assert!(comes_nothing(&mut a).await);
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_its_first_consumer() {
    let (memory, subscription) = (Memory::new(), subscription("a", "k"));
    drop(subscribe(&memory, &subscription).await);
    publish(&memory, "k", "1").await.expect("confirmed");
    assert_eq!(body(&next(&mut subscribe(&memory, &subscription).await).await), "1");
}

#[tokio::test(start_paused = true)]
async fn two_consumers_share_a_queue_within_their_prefetch() {
    let (memory, mut subscription) = (Memory::new(), subscription("a", "k"));
    subscription.policy.prefetch = Some(1);
    let (mut one, mut two) = (subscribe(&memory, &subscription).await, subscribe(&memory, &subscription).await);
    for number in ["1", "2", "3"] {
        publish(&memory, "k", number).await.expect("confirmed");
    }
    let (first, second) = (next(&mut one).await, next(&mut two).await);
    assert_eq!((body(&first), body(&second)), ("1".into(), "2".into()));
    assert!(comes_nothing(&mut one).await, "one is in hand");
    first.ack();
    assert_eq!(body(&next(&mut one).await), "3");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_goes_before_what_is_ready_and_counts_no_attempt() {
    let (memory, mut subscription) = (Memory::new(), subscription("a", "k"));
    subscription.policy.prefetch = Some(2);
    let mut deliveries = subscribe(&memory, &subscription).await;
    for number in ["1", "2", "3"] {
        publish(&memory, "k", number).await.expect("confirmed");
    }
    let (first, second) = (next(&mut deliveries).await, next(&mut deliveries).await);
    drop(second);
    first.give_back();
    for (number, redelivered) in [("2", true), ("1", true), ("3", false)] {
        let delivery = next(&mut deliveries).await;
        assert_eq!((body(&delivery), delivery.redelivered(), delivery.attempt()), (number.into(), redelivered, 1));
        delivery.ack();
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_someone_else_is_not_declared_again_as_ours() {
    let memory = Memory::new();
    memory.declare_queue("a");
    let topology = |subscription| Topology { subscriptions: vec![subscription], emits: Vec::new() };
    let ours = subscription("a", "k");
    let error = memory.declare(&topology(ours.clone())).await.expect_err("it has other properties");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    memory.declare(&topology(Subscription { declare: false, ..ours })).await.expect("it is there");
}

#[tokio::test(start_paused = true)]
async fn idle_is_when_nothing_is_ready_or_unsettled_whatever_waits_for_its_retry() {
    let (memory, subscription) = (Memory::new(), subscription("a", "k"));
    let mut deliveries = subscribe(&memory, &subscription).await;
    memory.until_idle().await;
    publish(&memory, "k", "1").await.expect("confirmed");
    let delivery = next(&mut deliveries).await;
    assert!(timeout(Duration::from_secs(60), memory.until_idle()).await.is_err(), "one is in hand");
    let failure = failure(1);
    let (retried, ()) = tokio::join!(delivery.retry(Duration::from_secs(60), &failure), memory.until_idle());
    retried.expect("it is certain");
    assert!(memory.is_idle());
}

#[tokio::test(start_paused = true)]
async fn a_retry_comes_at_its_time_as_a_fresh_message_at_the_end() {
    let (memory, subscription) = (Memory::new(), subscription("a", "k"));
    let mut deliveries = subscribe(&memory, &subscription).await;
    publish(&memory, "k", "1").await.expect("confirmed");
    let began = Instant::now();
    next(&mut deliveries).await.retry(Duration::from_secs(7_200), &failure(1)).await.expect("it is certain");
    let snapshot = memory.queue("a").expect("it is there");
    assert_eq!((snapshot.ready, snapshot.delayed, snapshot.unacked), (0, 1, 0));
    // it outlives its consumer
    deliveries.close().await.expect("closed");
    let mut deliveries = subscribe(&memory, &subscription).await;
    let again = {
        let mut batch = Vec::new();
        deliveries.receive(&mut batch, 1).await.expect("no error");
        batch.remove(0)
    };
    assert_eq!(began.elapsed(), Duration::from_secs(7_200));
    assert_eq!((again.attempt(), again.redelivered()), (2, false));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_keeps_the_original_and_the_reason() {
    let (memory, subscription) = (Memory::new(), subscription("a", "k"));
    let mut deliveries = subscribe(&memory, &subscription).await;
    publish(&memory, "k", "1").await.expect("confirmed");
    next(&mut deliveries).await.dead_letter(&failure(3)).await.expect("it is certain");
    let dead = memory.dead_letters("a");
    assert_eq!((dead.len(), &dead[0].message.body[..], dead[0].failure.attempt), (1, &b"1"[..], 3));
    assert!(memory.is_idle());
}

#[tokio::test(start_paused = true)]
async fn an_unroutable_message_is_parked_or_refused() {
    let memory = Memory::new();
    publish(&memory, "nobody", "1").await.expect("parked");
    assert_eq!(memory.unrouted().len(), 1);
    let strict = Memory::new().with_unrouted(Unrouted::Reject);
    assert_eq!(publish(&strict, "nobody", "1").await.map_err(|error| error.kind()), Err(ErrorKind::Unroutable));
}

#[tokio::test(start_paused = true)]
async fn cancel_then_settle_then_close_loses_and_doubles_nothing() {
    let (memory, subscription) = (Memory::new(), subscription("a", "k"));
    let mut deliveries = subscribe(&memory, &subscription).await;
    for number in ["1", "2"] {
        publish(&memory, "k", number).await.expect("confirmed");
    }
    let held = next(&mut deliveries).await;
    deliveries.cancel().await.expect("cancelled");
    assert_eq!(deliveries.status().borrow().state, ConsumerState::Draining);
    assert_eq!(deliveries.receive(&mut Vec::new(), 1).await.expect("no error"), 0);
    held.ack();
    deliveries.close().await.expect("closed");
    deliveries.close().await.expect("twice is no error");
    assert_eq!(body(&next(&mut subscribe(&memory, &subscription).await).await), "2");
}

#[tokio::test(start_paused = true)]
async fn settling_after_the_close_changes_nothing() {
    let (memory, subscription) = (Memory::new(), subscription("a", "k"));
    let mut deliveries = subscribe(&memory, &subscription).await;
    publish(&memory, "k", "1").await.expect("confirmed");
    let stale = next(&mut deliveries).await;
    drop(deliveries);
    stale.ack();
    let again = next(&mut subscribe(&memory, &subscription).await).await;
    assert!(again.redelivered());
}

#[tokio::test(start_paused = true)]
async fn what_rabbitmq_would_refuse_is_refused() {
    let memory = Memory::new();
    let publisher = memory.publisher().await.expect("there is one");
    let mut reserved = Message::new("k", "1");
    reserved.headers.insert("CC", "elsewhere");
    let long = Message::new("k".repeat(256), "1");
    let large = Message::new("k", vec![b'x'; 1024 * 1024 + 1]);
    for (message, kind) in [(reserved, ErrorKind::Invalid), (long, ErrorKind::Invalid), (large, ErrorKind::TooLarge)] {
        assert_eq!(publisher.send(message).await.err().map(|error| error.kind()), Some(kind));
    }
    let topology = Topology { subscriptions: vec![subscription("amq.mine", "k")], emits: Vec::new() };
    assert!(memory.declare(&topology).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_closed_broker_says_so() {
    let (memory, subscription) = (Memory::new(), subscription("a", "k"));
    let mut deliveries = subscribe(&memory, &subscription).await;
    memory.close().await.expect("closed");
    memory.close().await.expect("twice is no error");
    assert_eq!(deliveries.receive(&mut Vec::new(), 1).await.expect("no error"), 0);
    assert_eq!(publish(&memory, "k", "1").await.map_err(|error| error.kind()), Err(ErrorKind::Closed));
    assert_eq!(memory.subscribe(&subscription).await.err().map(|error| error.kind()), Some(ErrorKind::Closed));
}

#[tokio::test]
async fn what_nobody_subscribes_to_is_kept_within_a_bound() {
    const LIMIT: usize = 100_000;
    let memory = Memory::new();
    let publisher = memory.publisher().await.expect("there is one");
    for number in 0..=LIMIT {
        publisher.send(Message::new("k", number.to_string())).await.expect("it is taken");
    }
    let unrouted = memory.unrouted();
    assert_eq!((unrouted.len(), &*unrouted[0].body), (LIMIT, b"1".as_slice()), "the oldest is dropped first");
}
