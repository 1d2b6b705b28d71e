//! A queue that answers too late, or ends without a word: what was asked for and given up must not go on unseen, and who
//! hears nothing must not wait for ever.

use std::time::{Duration, Instant};

use eda_core::transport::{ConsumerState, Transport};
use rabbit_node::Node;

use crate::support::{
    PATIENCE, connect, connect_through_a_proxy, event, next, node, subscribe, subscription, until_state,
};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_the_broker_forgot_without_a_word_consumes_again() {
    let node = node().await;
    let rabbit = connect(&node, "").await;
    let subscription = subscription("forgotten");
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut status = deliveries.status();

    forget(&node, &subscription.queue);
    let noticed = status.wait_for(|status| status.state == ConsumerState::Connecting);
    tokio::time::timeout(PATIENCE, noticed).await.expect("in time").expect("it goes on");
    until_state(&*deliveries, ConsumerState::Consuming).await;

    let publisher = rabbit.publisher().await.expect("there is one");
    let sent = publisher.send(event(&subscription, 1)).await.expect("there is room");
    sent.confirmed().await.expect("confirmed");
    next(&mut deliveries).await.ack();
    rabbit.close().await.expect("closed");
}

/// The broker counts the consumer of the one that asks first; the other one must not take it for its own.
#[tokio::test(flavor = "multi_thread")]
async fn each_of_two_consumers_that_the_broker_forgot_consumes_again() {
    let node = node().await;
    let subscription = subscription("forgotten-twice");
    let first = connect(&node, "").await;
    let _first = subscribe(&first, &subscription).await;
    // so much later it asks
    tokio::time::sleep(Duration::from_secs(3)).await;
    let second = connect(&node, "").await;
    let _second = subscribe(&second, &subscription).await;
    forget(&node, &subscription.queue);

    let consumers = || {
        let told = node.ctl(&["list_consumers", "queue_name", "--no-table-headers"]).expect("the broker lists them");
        told.lines().filter(|queue| queue.trim() == subscription.queue).count()
    };
    let began = Instant::now();
    while consumers() != 2 {
        // to ask takes half a core
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(began.elapsed() < 2 * PATIENCE, "the broker has {} consumers", consumers());
    }
    first.close().await.expect("closed");
    second.close().await.expect("closed");
}

/// A delete that tells nobody, as that of a quorum queue whose leader has just changed.
fn forget(node: &Node, queue: &str) {
    let forget = format!(
        "Name = rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>), {{ok, Queue}} = rabbit_amqqueue:lookup(Name), \
         ok = ra:force_delete_server(quorum_queues, amqqueue:get_pid(Queue)), \
         try rabbit_amqqueue:internal_delete(Name, <<\"eda\">>) \
         catch _:_ -> rabbit_amqqueue:internal_delete(Queue, <<\"eda\">>) end."
    );
    node.ctl(&["eval", &forget]).expect("it is gone");
}

fn tell_queue(node: &Node, queue: &str, what: &str) {
    node.ctl(&["eval", &format!("sys:{what}('%2F_{queue}').")]).expect("the queue's process is there");
}
