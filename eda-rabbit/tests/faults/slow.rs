//! A network that is slow, and loses nothing: no deadline may fire.

use std::time::Instant;

use eda_core::transport::{ConsumerState, Transport};

use crate::support::{connect_through_a_proxy, event, next, node, subscribe, subscription};

/// What 50 kB a second carry within the deadline of a publish.
const COUNT: u32 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_ends_no_connection_and_no_publish() {
    let node = node().await;
    let (proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("slow");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let status = deliveries.status();
    let since = status.borrow().since;
    proxy.slow();
    let began = Instant::now();
    let mut receipts = Vec::new();
    for number in 0..COUNT {
        receipts.push(publisher.send(event(&subscription, number)).await.expect("there is room"));
    }
    for receipt in receipts {
        receipt.confirmed().await.expect("it is only slow");
    }
    for _ in 0..COUNT {
        let delivery = next(&mut deliveries).await;
        assert!(!delivery.redelivered(), "its connection was given up");
        delivery.ack();
    }
    assert!(began.elapsed().as_millis() >= 1_000, "twice there and back: the network was not slow");
    let status = status.borrow().clone();
    assert_eq!((status.state, status.since), (ConsumerState::Consuming, since), "it never was anything else");
    rabbit.close().await.expect("closed");
}
