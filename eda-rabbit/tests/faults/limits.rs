//! Brokers with limits of their own: how large a frame is.

use std::time::Duration;

use eda_core::ErrorKind;
use eda_core::transport::{FailureRecord, Transport};
use eda_rabbit::Rabbit;
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
