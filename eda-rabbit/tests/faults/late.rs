//! A queue that answers too late: what was asked for and given up must not go on unseen.

use eda_core::transport::{ConsumerState, Transport};
use rabbit_node::Node;

use crate::support::{PATIENCE, connect_through_a_proxy, event, next, node, subscribe, subscription, until_state};

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_the_broker_confirms_too_late_takes_no_messages() {
    let node = node().await;
    let (mut proxy, rabbit) = connect_through_a_proxy(&node).await;
    let subscription = subscription("late");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut status = deliveries.status();

    // as when most of a cluster is away: the node answers, the queue does not
    tell_queue(&node, &subscription.queue, "suspend");
    proxy.cut().await;
    let gave_up = status
        .wait_for(|status| status.state == ConsumerState::Connecting && status.why.contains("did not answer within"));
    tokio::time::timeout(PATIENCE, gave_up).await.expect("in time").expect("it goes on");
    tell_queue(&node, &subscription.queue, "resume");
    until_state(&*deliveries, ConsumerState::Consuming).await;

    let publisher = rabbit.publisher().await.expect("there is one");
    for number in 0..600 {
        let sent = publisher.send(event(&subscription, number)).await.expect("there is room");
        sent.confirmed().await.expect("confirmed");
    }
    // more than the prefetch of two consumers: one that nobody reads would hold some for ever
    for _ in 0..600 {
        next(&mut deliveries).await.ack();
    }
    let consumers = node.ctl(&["list_consumers", "queue_name", "--no-table-headers"]).expect("the broker lists them");
    assert_eq!(consumers.lines().filter(|queue| queue.trim() == subscription.queue).count(), 1, "{consumers}");
    rabbit.close().await.expect("closed");
}

fn tell_queue(node: &Node, queue: &str, what: &str) {
    node.ctl(&["eval", &format!("sys:{what}('%2F_{queue}').")]).expect("the queue's process is there");
}
