//! Brokers with limits of their own: how large a frame is, and how many channels a connection has.

use std::time::Duration;

use eda_core::transport::{ConsumerState, FailureRecord, Transport};
use eda_core::{ErrorKind, Topology};
use eda_rabbit::Rabbit;
use futures_util::future::join_all;
use rabbit_node::{Node, Options};
use tokio::time::{Instant, timeout};

use crate::support::{PATIENCE, event, failure, next, subscribe, subscription};

fn node_with(config: &str) -> Node {
    Node::start(Options { config: config.into(), ..Options::default() }).expect("a private node starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_without_a_limit_of_frames_is_connected_to() {
    let node = node_with("frame_max = 0");
    let rabbit = Rabbit::connect(&node.url()).await.expect("the node answers");
    let subscription = subscription("no-limit");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let mut long = event(&subscription, 1);
    long.body = vec![b'x'; 1_000_000].into();
    publisher.send(long).await.expect("there is room").confirmed().await.expect("it is taken");
    let detail = "x".repeat(FailureRecord::DETAIL_LIMIT);
    let long = FailureRecord { detail, ..failure(1) };
    next(&mut deliveries).await.retry(Duration::from_millis(100), &long).await.expect("its copy is taken");
    let again = next(&mut deliveries).await;
    assert_eq!((again.attempt(), again.message().body.len()), (2, 1_000_000));
    again.ack();
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_whose_frames_are_too_small_is_refused_at_once() {
    let node = node_with("frame_max = 8192");
    let began = Instant::now();
    let error = Rabbit::connect(&node.url()).await.err().expect("a failed delivery might not fit into a frame");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let text = error.to_string();
    assert!(["frame_max", "8192", "131072"].iter().all(|part| text.contains(part)), "{text}");
    assert!(began.elapsed() < Duration::from_secs(5), "refused after {:?}", began.elapsed());
    let connected = || node.ctl(&["list_connections", "-q", "pid"]).expect("the node tells");
    let gone = async {
        while connected().contains('<') {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("nothing stays connected");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_subscriptions_than_channels_are_an_error_and_the_others_go_on() {
    let node = node_with("channel_max = 4");
    let rabbit = Rabbit::connect(&node.url()).await.expect("the node answers");
    let subscriptions: Vec<_> = (0..6).map(|_| subscription("many")).collect();
    let subscribing = join_all(subscriptions.iter().map(|subscription| rabbit.subscribe(subscription)));
    let opened = timeout(PATIENCE, subscribing).await.expect("each is told");
    let (mut consuming, mut refused) = (Vec::new(), Vec::new());
    for (subscription, opened) in subscriptions.iter().zip(opened) {
        match opened {
            Ok(deliveries) => consuming.push((subscription, deliveries)),
            Err(error) => refused.push(error),
        }
    }
    assert_eq!((consuming.len(), refused.len()), (2, 4), "two channels are for what comes and goes");
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        let text = error.to_string();
        assert!(
            ["channel_max", "2 subscriptions", "4 channels", "found 3"].iter().all(|part| text.contains(part)),
            "{text}"
        );
    }
    let since: Vec<_> = consuming.iter().map(|(_, deliveries)| deliveries.status().borrow().since).collect();
    let publisher = rabbit.publisher().await.expect("there is one");
    for (subscription, deliveries) in &mut consuming {
        // each delay has a queue of its own, which is declared on a channel that comes and goes
        for (attempt, millis) in [(1, 1_000), (2, 2_000)] {
            let receipt = publisher.send(event(subscription, attempt)).await.expect("there is room");
            receipt.confirmed().await.expect("it is taken");
            let (after, failure) = (Duration::from_millis(millis), failure(attempt));
            next(deliveries).await.retry(after, &failure).await.expect("its copy is taken");
            next(deliveries).await.ack();
        }
    }
    for ((_, deliveries), since) in consuming.iter().zip(&since) {
        let status = deliveries.status().borrow().clone();
        assert_eq!((status.state, status.since), (ConsumerState::Consuming, *since), "without a loss: {}", status.why);
    }
    // as many find room on the next connection
    node.ctl(&["close_all_connections", "test"]).expect("they are closed");
    for ((_, deliveries), since) in consuming.iter().zip(since) {
        let mut status = deliveries.status();
        let is_back = status.wait_for(|status| status.state == ConsumerState::Consuming && status.since != since);
        timeout(PATIENCE, is_back).await.expect("in time").expect("it goes on");
    }
    // and who ends makes room
    let (_, mut first) = consuming.remove(0);
    first.close().await.expect("closed");
    subscribe(&rabbit, &subscriptions[5]).await;
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_more_subscriptions_than_channels_takes_no_message() {
    let node = node_with("channel_max = 4");
    let rabbit = Rabbit::connect(&node.url()).await.expect("the node answers");
    let subscriptions: Vec<_> = (0..3).map(|_| subscription("start")).collect();
    let topology = Topology { subscriptions: subscriptions.clone(), ..Topology::default() };
    rabbit.declare(&topology).await.expect("as many queues as one likes");
    for subscription in &subscriptions {
        let error = rabbit.subscribe(subscription).await.err().expect("the others would not fit");
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        assert!(error.to_string().contains("2 subscriptions at most"), "{error}");
        assert!(error.to_string().contains("found 3"), "{error}");
    }
    assert_eq!(node.ctl(&["list_consumers", "-q"]).expect("the node tells").trim(), "");
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_have_few_channels_is_told_so() {
    let node = node_with("");
    let ctl = |arguments: &[&str]| node.ctl(arguments).expect("it is done");
    ctl(&["add_user", "few", "secret"]);
    ctl(&["set_permissions", "few", ".*", ".*", ".*"]);
    ctl(&["set_user_limits", "few", r#"{"max-channels": 3}"#]);
    let rabbit = Rabbit::connect(&node.url().replacen("guest:guest", "few:secret", 1)).await.expect("he is let in");
    let mut consuming = Vec::new();
    let refused = loop {
        match rabbit.subscribe(&subscription("few")).await {
            Ok(deliveries) => consuming.push(deliveries),
            Err(error) => break error,
        }
        assert!(consuming.len() <= 3, "one of three is for publishing");
    };
    assert_eq!(refused.kind(), ErrorKind::Rejected, "{refused}");
    assert!(refused.to_string().contains("max-channels"), "{refused}");
}
