//! The memory transport's own: what the conformance suite leaves open, and what only tests ask of it.

use std::time::{Duration, SystemTime};

use eda_core::transport::memory::Memory;
use eda_core::transport::{Deliveries, Delivery, FailureRecord, Keep, Place, Reason, Transport};
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
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
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
    let topology = |subscription| Topology { subscriptions: vec![subscription], ..Topology::default() };
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

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_sent_back_to_its_queue_and_begins_anew() {
    let memory = Memory::new();
    let place = Place::DeadLettersOf("take".into());
    assert!(memory.open(&place).await.expect("it is open").is_none(), "there is no such queue");
    let mut deliveries = subscribe(&memory, &subscription("take", "order.*")).await;
    for number in ["1", "2"] {
        publish(&memory, "order.created", number).await.expect("it is routed");
        next(&mut deliveries).await.dead_letter(&failure(3)).await.expect("it is kept");
    }
    let mut kept = memory.open(&place).await.expect("it is open").expect("it is there");
    assert_eq!(kept.count(), 2);
    let first = kept.next().await.expect("it is open").expect("there is one");
    let failed = first.failure.as_ref().expect("it is dead");
    assert_eq!((&*failed.reason, failed.attempt), ("transient", Some(3)));
    kept.send_back(&first).await.expect("it is there").confirmed().await.expect("there is a queue");
    let again = next(&mut deliveries).await;
    assert_eq!((body(&again), again.attempt()), ("1".into(), 1));
    // what fails at once again is not part of this walk
    again.dead_letter(&failure(1)).await.expect("it is kept");
    kept.remove(first.token).await.expect("it is there");
    assert!(kept.send_back(&first).await.is_err(), "it is gone");
    assert!(kept.next().await.expect("it is open").is_some());
    assert!(kept.next().await.expect("it is open").is_none());
    let left: Vec<_> = memory.dead_letters("take").iter().map(|letter| letter.message.body.clone()).collect();
    assert_eq!(left, ["2", "1"]);
}

#[tokio::test]
async fn what_was_unrouted_goes_to_those_who_want_it_now_and_else_stays() {
    let memory = Memory::new();
    publish(&memory, "order.created", "{}").await.expect("it is parked");
    let mut kept = memory.open(&Place::Unrouted).await.expect("it is open").expect("it is there");
    let letter = kept.next().await.expect("it is open").expect("there is one");
    let refused = kept.send_back(&letter).await.expect("it is there").confirmed().await;
    assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Unroutable));
    assert_eq!(memory.unrouted().len(), 1, "it is not parked again");
    let mut deliveries = subscribe(&memory, &subscription("take", "order.*")).await;
    kept.send_back(&letter).await.expect("it is there").confirmed().await.expect("it is wanted");
    kept.remove(letter.token).await.expect("it is there");
    assert_eq!(body(&next(&mut deliveries).await), "{}");
    assert!(memory.unrouted().is_empty());
}
