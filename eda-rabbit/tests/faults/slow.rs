//! A network that is slow, and loses nothing: no deadline may fire.

use std::time::Instant;

use eda_core::transport::{ConsumerState, Place, Transport};
use eda_rabbit::Rabbit;

use crate::proxy::Proxy;
use crate::support::{connect, connect_through_a_proxy, event, failure, next, node, subscribe, subscription};

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

/// The queue has handed out everything long before it is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_walk_over_a_slow_network_sees_every_letter() {
    const LETTERS: u32 = 8;
    let node = node().await;
    let (service, subscription) = (connect(&node, "").await, subscription("slow-walk"));
    let mut deliveries = subscribe(&service, &subscription).await;
    let publisher = service.publisher().await.expect("there is one");
    for number in 0..LETTERS {
        let mut large = event(&subscription, number);
        large.body = vec![b' '; 100_000].into();
        publisher.send(large).await.expect("there is room").confirmed().await.expect("it is confirmed");
        next(&mut deliveries).await.dead_letter(&failure(1)).await.expect("it is certain");
    }
    deliveries.close().await.expect("the broker hears of it");
    service.close().await.expect("closed");

    let proxy = Proxy::to(format!("127.0.0.1:{}", node.port())).await;
    let url = node.url().replacen(&format!("127.0.0.1:{}", node.port()), proxy.address(), 1);
    let operator = Rabbit::connect(&url).await.expect("the node answers");
    let keep = operator.keep().expect("RabbitMQ keeps dead letters");
    let mut kept =
        keep.open(&Place::DeadLettersOf(subscription.queue)).await.expect("it answers").expect("it is there");
    proxy.slow();
    let mut seen = 0;
    while kept.next().await.expect("the broker hands it out").is_some() {
        seen += 1;
    }
    assert_eq!(seen, LETTERS);
    drop(kept);
    operator.close().await.expect("closed");
}
