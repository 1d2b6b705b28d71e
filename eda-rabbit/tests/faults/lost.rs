//! Lost connections and lost brokers, under load: nothing is lost.

use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::{ConsumerState, Delivery, Transport};
use eda_core::{ErrorKind, Topology};

use tokio::sync::watch;

use crate::support::{
    connect, event, next, node, publisher, receive_all, settle_down, subscribe, subscription, until_state,
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_connections_are_cut_while_publishing_and_consuming() {
    let node = node().await;
    let (rabbit, subscription) = (Arc::new(connect(&node, "").await), subscription("cut"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publishing = publisher(&rabbit, &subscription, 20_000);
    let (told, mut progress) = watch::channel(0);
    let receiving = tokio::spawn(async move { receive_all(&mut deliveries, 20_000, &told).await });
    for reached in [1_000, 5_000, 10_000] {
        progress.wait_for(|progress| *progress >= reached).await.expect("it goes on");
        node.ctl(&["close_all_connections", "test"]).expect("they are cut");
    }
    publishing.await.expect("everything is confirmed");
    let seen = receiving.await.expect("everything comes");
    assert_eq!(seen.len(), 20_000);
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_broker_is_killed_under_load() {
    let mut node = node().await;
    let subscription = subscription("killed");
    let topology = Topology { subscriptions: vec![subscription.clone()], emits: Vec::new() };
    connect(&node, "").await.declare(&topology).await.expect("it is declared");
    settle_down(&mut node);
    let rabbit = Arc::new(connect(&node, "").await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let status = deliveries.status();
    let publishing = publisher(&rabbit, &subscription, 10_000);
    let (told, mut progress) = watch::channel(0);
    let receiving = tokio::spawn(async move { receive_all(&mut deliveries, 10_000, &told).await });
    progress.wait_for(|progress| *progress >= 1_000).await.expect("it goes on");
    node.kill().expect("killed");
    assert_ne!(status.borrow().state, ConsumerState::Stopped);
    node.start_again().expect("it is back");
    publishing.await.expect("everything is confirmed");
    assert_eq!(receiving.await.expect("everything comes").len(), 10_000);
    assert!(status.borrow().is_ready());
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_waits_for_a_broker_that_is_away_and_then_says_so() {
    let mut node = node().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("away"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    node.stop().expect("stopped");
    until_state(&*deliveries, ConsumerState::Connecting).await;

    let given_up = publisher.send(event(&subscription, 1)).await.expect("there is room").confirmed().await;
    let error = given_up.expect_err("the broker is away");
    assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unconfirmed), "{error:?}");

    let patient = publisher.send(event(&subscription, 2)).await.expect("there is room");
    node.start_again().expect("it is back");
    patient.confirmed().await.expect("it came back in time");
    loop {
        // the first one may have been written to a connection that was about to end
        let delivery = next(&mut deliveries).await;
        let is_patient = delivery.message().body == "2";
        delivery.ack();
        if is_patient {
            break;
        }
    }
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_takes_one_at_a_time_after_barren_deaths() {
    let node = node().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("barren"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    for number in 0..3 {
        publisher
            .send(event(&subscription, number))
            .await
            .expect("there is room")
            .confirmed()
            .await
            .expect("confirmed");
    }
    // nothing is settled, as by a process that dies of what it receives
    let mut held = vec![next(&mut deliveries).await];
    node.ctl(&["close_all_connections", "test"]).expect("they are cut");
    while !held.iter().any(Delivery::redelivered) {
        held.push(next(&mut deliveries).await);
    }
    node.ctl(&["close_all_connections", "test"]).expect("they are cut");
    until_state(&*deliveries, ConsumerState::Quarantined).await;
    // what came on the channels that died can't be settled any more; the first one that can ends it
    let mut progress = deliveries.status();
    let released = tokio::spawn(async move {
        progress.wait_for(|status| status.state == ConsumerState::Consuming).await.expect("the subscription lives");
    });
    while !released.is_finished() {
        tokio::select! {
            delivery = next(&mut deliveries) => delivery.ack(),
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_without_a_broker_does_not_hang() {
    let mut node = node().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("gone"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    node.kill().expect("killed");
    let began = std::time::Instant::now();
    let _ = deliveries.cancel().await;
    let _ = deliveries.close().await;
    rabbit.close().await.expect("closed");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    node.start_again().expect("it is back");
}
