//! What came on a connection that was lost comes again, so nobody works on it any more.

use std::time::Duration;

use eda_core::ErrorKind;
use eda_core::transport::{ConsumerState, Transport};
use tokio::time::timeout;

use crate::support::{
    PATIENCE, connect, connect_through_a_proxy, event, failure, next, node, subscribe, subscription, until_state,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_of_a_lost_connection_is_not_open_any_more() {
    let node = node().await;
    let ((mut proxy, rabbit), subscription) = (connect_through_a_proxy(&node).await, subscription("stale"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    publisher.send(event(&subscription, 0)).await.expect("there is room").confirmed().await.expect("confirmed");
    let delivery = next(&mut deliveries).await;
    assert!(delivery.is_open());
    proxy.down().await;
    until_state(&*deliveries, ConsumerState::Connecting).await;
    assert!(!delivery.is_open());
    proxy.up().await;
    let again = next(&mut deliveries).await;
    assert!(again.is_open() && !delivery.is_open());
    again.ack();
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_waits_for_a_broker_that_takes_nothing_for_now() {
    let node = node().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("held"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    publisher.send(event(&subscription, 0)).await.expect("there is room").confirmed().await.expect("confirmed");
    let delivery = next(&mut deliveries).await;
    node.ctl(&["set_vm_memory_high_watermark", "0.000001"]).expect("the alarm is on");
    // the first publish makes the broker say so
    let retried = tokio::spawn(async move { delivery.retry(Duration::from_millis(100), &failure(1)).await });
    until_state(&*deliveries, ConsumerState::Blocked).await;
    // longer than a publish may take
    let early = timeout(Duration::from_secs(12), deliveries.receive(&mut Vec::new(), 1)).await;
    assert!(early.is_err(), "it came again though it was held: {early:?}");
    assert!(!retried.is_finished());
    node.ctl(&["set_vm_memory_high_watermark", "0.4"]).expect("the alarm is off");
    timeout(PATIENCE, retried).await.expect("in time").expect("no panic").expect("it is certain");
    let again = next(&mut deliveries).await;
    assert_eq!((again.attempt(), again.redelivered()), (2, false));
    again.ack();
    // a second copy would have come with the first one
    let more = timeout(Duration::from_secs(3), deliveries.receive(&mut Vec::new(), 1)).await;
    assert!(more.is_err(), "it came twice: {more:?}");
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_ends_with_its_connection_and_the_original_comes_again() {
    let node = node().await;
    let ((mut proxy, rabbit), subscription) = (connect_through_a_proxy(&node).await, subscription("raced"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    publisher.send(event(&subscription, 0)).await.expect("there is room").confirmed().await.expect("confirmed");
    let delivery = next(&mut deliveries).await;
    node.ctl(&["set_vm_memory_high_watermark", "0.000001"]).expect("the alarm is on");
    let retried = tokio::spawn(async move { delivery.retry(Duration::from_millis(100), &failure(1)).await });
    until_state(&*deliveries, ConsumerState::Blocked).await;
    proxy.cut().await;
    let outcome = timeout(PATIENCE, retried).await.expect("in time").expect("no panic");
    assert_eq!(outcome.map_err(|error| error.kind()), Err(ErrorKind::Unavailable));
    node.ctl(&["set_vm_memory_high_watermark", "0.4"]).expect("the alarm is off");
    let again = next(&mut deliveries).await;
    assert!(again.redelivered(), "the original came again");
    again.ack();
    rabbit.close().await.expect("closed");
}
