//! Drain and close.

use std::time::{Duration, Instant};

use eda_core::ErrorKind;
use eda_core::transport::{ConsumerState, Transport};

use crate::support::{Foreign, event, next, publish, rabbit, send, subscribe, subscription};

#[tokio::test]
async fn a_drain_settles_what_is_in_hand_and_gives_back_the_rest() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("drain"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    for index in 0..10 {
        publish(&rabbit, event(&subscription, &index.to_string())).await;
    }
    let (first, second) = (next(&mut deliveries).await, next(&mut deliveries).await);
    deliveries.cancel().await.expect("cancelled");
    assert_eq!(deliveries.status().borrow().state, ConsumerState::Draining);
    assert_eq!(deliveries.receive(&mut Vec::new(), 1).await.expect("no error"), 0);
    first.ack();
    second.ack();
    deliveries.cancel().await.expect("twice is no error");
    deliveries.close().await.expect("closed");
    deliveries.close().await.expect("twice is no error");
    assert_eq!(deliveries.status().borrow().state, ConsumerState::Stopped);
    foreign.until_counts(&subscription.queue, (8, 0)).await;
}

#[tokio::test]
async fn what_is_not_settled_at_the_close_comes_again() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("unsettled"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, event(&subscription, "1")).await;
    let held = next(&mut deliveries).await;
    deliveries.close().await.expect("closed");
    held.ack();
    foreign.until_counts(&subscription.queue, (1, 0)).await;
}

#[tokio::test]
async fn dropping_the_deliveries_ends_the_consumer() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("dropped"), Foreign::new().await);
    let deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, event(&subscription, "1")).await;
    drop(deliveries);
    foreign.until_counts(&subscription.queue, (1, 0)).await;
}

#[tokio::test]
async fn twenty_drains_under_load_bring_nothing_twice() {
    let (rabbit, mut subscription, foreign) = (rabbit().await, subscription("drains"), Foreign::new().await);
    subscription.policy.prefetch = None;
    let mut seen = std::collections::BTreeMap::new();
    let first = subscribe(&rabbit, &subscription).await;
    drop(first);
    let publisher = rabbit.publisher().await.expect("there is one");
    for index in 0..2_000 {
        publisher.send(event(&subscription, &index.to_string())).await.expect("there is room");
    }
    for _ in 0..20 {
        let mut deliveries = subscribe(&rabbit, &subscription).await;
        let mut in_hand = Vec::new();
        for index in 0..100 {
            let delivery = next(&mut deliveries).await;
            *seen.entry(delivery.message().body.clone()).or_insert(0) += 1;
            // some are still being handled when the drain begins
            if index % 5 == 0 { in_hand.push(delivery) } else { delivery.ack() }
        }
        deliveries.cancel().await.expect("cancelled");
        in_hand.into_iter().for_each(eda_core::transport::Delivery::ack);
        deliveries.close().await.expect("closed");
    }
    assert_eq!(seen.len(), 2_000);
    foreign.until_counts(&subscription.queue, (0, 0)).await;
    let twice: u32 = seen.values().map(|count| count - 1).sum();
    assert_eq!(twice, 0, "came twice");
}

#[tokio::test]
async fn a_closed_transport_says_so_and_ends_its_subscriptions() {
    let (rabbit, subscription) = (rabbit().await, subscription("closed"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let began = Instant::now();
    rabbit.close().await.expect("closed");
    rabbit.close().await.expect("twice is no error");
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(deliveries.receive(&mut Vec::new(), 1).await.expect("no error"), 0);
    let kinds = [
        send(&*publisher, event(&subscription, "1")).await.expect_err("it is closed").kind(),
        rabbit.publisher().await.err().expect("it is closed").kind(),
        rabbit.subscribe(&subscription).await.err().expect("it is closed").kind(),
    ];
    assert_eq!(kinds, [ErrorKind::Closed; 3]);
}
