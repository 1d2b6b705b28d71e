//! Lost connections and lost brokers, under load: nothing is lost.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eda_core::transport::{ConsumerState, ConsumerStatus, Delivery, Transport};
use eda_core::{ErrorKind, Topology};
use tokio::sync::watch;

use crate::support::{
    PATIENCE, connect, connect_through_a_proxy, event, failure, next, node, publisher, receive_all, settle_down,
    subscribe, subscription, until_state,
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
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
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
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("away");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    proxy.down().await;
    until_state(&*deliveries, ConsumerState::Connecting).await;

    let began = Instant::now();
    let given_up = publisher.send(event(&subscription, 1)).await.expect("there is room").confirmed().await;
    let error = given_up.expect_err("the broker is away");
    assert!(matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unconfirmed), "{error:?}");
    assert!(error.to_string().contains("is it running?"), "{error}");
    assert!((9..12).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());

    let patient = publisher.send(event(&subscription, 2)).await.expect("there is room");
    proxy.up().await;
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
async fn a_drain_that_loses_its_connection_takes_nothing_more() {
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("drained");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    for number in 0..5 {
        let sent = publisher.send(event(&subscription, number)).await.expect("there is room");
        sent.confirmed().await.expect("confirmed");
    }
    let held = next(&mut deliveries).await;
    deliveries.cancel().await.expect("cancelled");
    proxy.cut().await;
    until_state(&*deliveries, ConsumerState::Stopped).await;
    held.ack();
    deliveries.close().await.expect("there is nothing left to end");

    // each comes once more: nobody has taken it and given it back meanwhile
    let counts = take_all(&node.url(), &subscription.queue).await;
    assert_eq!(counts.len(), 5);
    assert!(counts.iter().all(|count| *count <= 2), "{counts:?}");
    rabbit.close().await.expect("closed");
}

/// Empties a queue, and tells how often each message in it had come back.
async fn take_all(url: &str, queue: &str) -> Vec<i64> {
    let connection = lapin::Connection::connect(url, lapin::ConnectionProperties::default()).await;
    let channel = connection.expect("the broker answers").create_channel().await.expect("a channel");
    let mut counts = Vec::new();
    let options = lapin::options::BasicGetOptions { no_ack: true };
    while let Some(got) = channel.basic_get(queue.into(), options).await.expect("the queue is there") {
        let headers = got.delivery.properties.headers().as_ref();
        counts.push(match headers.and_then(|headers| headers.inner().get("x-delivery-count")) {
            Some(lapin::types::AMQPValue::LongLongInt(count)) => *count,
            other => panic!("expected a count, found {other:?}"),
        });
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_and_dead_letters_survive_cut_connections() {
    const COUNT: u32 = 60;
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("copies");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    for number in 0..COUNT {
        let sent = publisher.send(event(&subscription, number)).await.expect("there is room");
        sent.confirmed().await.expect("confirmed");
    }
    // even numbers fail once, odd ones for good
    let (mut done, mut dead, mut settled) = (BTreeSet::new(), BTreeSet::new(), 0);
    while done.len() + dead.len() < COUNT as usize {
        let delivery = next(&mut deliveries).await;
        let number: u32 = std::str::from_utf8(&delivery.message().body).expect("ours").parse().expect("ours");
        settled += 1;
        if settled % 20 == 0 {
            proxy.cut().await;
        }
        if number % 2 == 1 {
            if delivery.dead_letter(&failure(1)).await.is_ok() {
                dead.insert(number);
            }
        } else if delivery.attempt() == 1 {
            // an error means that it was given back, and comes again
            let _ = delivery.retry(Duration::from_millis(100), &failure(1)).await;
        } else {
            delivery.ack();
            done.insert(number);
        }
    }
    // the last delivery may have cut the connection, which is an error here; what was open on it comes again
    let _ = (deliveries.cancel().await, deliveries.close().await);
    let name = format!("{}.dead", subscription.queue);
    let began = Instant::now();
    // the broker counts a quorum queue's messages every few seconds only
    loop {
        let listed = node.ctl(&["list_queues", "name", "messages"]).expect("they are listed");
        let line = listed.lines().find(|line| line.split_whitespace().next() == Some(&name));
        let found = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0);
        if found >= COUNT / 2 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{found} dead letters of {}", COUNT / 2);
    }
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_die_at_once_lead_to_quarantine_though_nothing_was_received() {
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("unseen");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    proxy.cut().await;
    until_state(&*deliveries, ConsumerState::Connecting).await;
    until_state(&*deliveries, ConsumerState::Consuming).await;
    proxy.cut().await;
    until_state(&*deliveries, ConsumerState::Quarantined).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    for number in 0..3 {
        let sent = publisher.send(event(&subscription, number)).await.expect("there is room");
        sent.confirmed().await.expect("confirmed");
    }
    // one that is in hand keeps the quarantine, however long the broker's tool takes
    let first = next(&mut deliveries).await;
    let told = node.ctl(&["list_consumers", "queue_name", "prefetch_count", "--no-table-headers"]).expect("listed");
    let own = told.lines().find(|line| line.starts_with(&*subscription.queue)).expect("it consumes");
    assert_eq!(own.split_whitespace().last(), Some("1"), "one at a time: {told}");
    first.ack();
    let held = next(&mut deliveries).await;
    until_state(&*deliveries, ConsumerState::Consuming).await;
    // what was in hand stays valid when the quarantine ends
    held.ack();
    next(&mut deliveries).await.ack();
    deliveries.cancel().await.expect("cancelled");
    deliveries.close().await.expect("closed");
    let mut again = subscribe(&rabbit, &subscription).await;
    let sent = publisher.send(event(&subscription, 9)).await.expect("there is room");
    sent.confirmed().await.expect("confirmed");
    assert_eq!(next(&mut again).await.message().body, "9", "nothing else was left");
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
    // what came on the channels that died can't be settled any more; the first that never came before ends it
    let sent = publisher.send(event(&subscription, 3)).await.expect("there is room");
    sent.confirmed().await.expect("confirmed");
    let mut progress = deliveries.status();
    let released = tokio::spawn(async move {
        progress.wait_for(|status| status.state == ConsumerState::Consuming).await.expect("the subscription lives");
    });
    tokio::pin!(released);
    loop {
        tokio::select! {
            released = &mut released => break released.expect("it is released"),
            delivery = next(&mut deliveries) => delivery.ack(),
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
    let began = Instant::now();
    let _ = deliveries.cancel().await;
    let _ = deliveries.close().await;
    rabbit.close().await.expect("closed");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    node.start_again().expect("it is back");
}

#[tokio::test]
async fn a_declare_on_a_connection_that_dies_is_done_on_the_next_one() {
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let topology = Topology { subscriptions: vec![subscription("declared")], ..Topology::default() };
    rabbit.declare(&topology).await.expect("declared");
    // where in its death the declare meets the connection is chance
    for _ in 0..20 {
        proxy.cut().await;
        let began = Instant::now();
        rabbit.declare(&topology).await.expect("it is declared again");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_queue_leaves_quarantine_by_itself() {
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("idle");
    let deliveries = subscribe(&rabbit, &subscription).await;
    for _ in 0..2 {
        proxy.cut().await;
        until_state(&*deliveries, ConsumerState::Connecting).await;
        let mut status = deliveries.status();
        let ready = status.wait_for(ConsumerStatus::is_ready);
        tokio::time::timeout(PATIENCE, ready).await.expect("it consumes again").expect("it lives");
    }
    until_state(&*deliveries, ConsumerState::Quarantined).await;
    until_state(&*deliveries, ConsumerState::Consuming).await;
    rabbit.close().await.expect("closed");
}
