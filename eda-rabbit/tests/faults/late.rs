//! A queue that answers too late, or ends without a word: what was asked for and given up must not go on unseen, and who
//! hears nothing must not wait for ever.

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

    // a delete that tells nobody, as that of a quorum queue whose leader has just changed
    let forget = format!(
        "Name = rabbit_misc:r(<<\"/\">>, queue, <<\"{}\">>), {{ok, Queue}} = rabbit_amqqueue:lookup(Name), \
         ok = ra:force_delete_server(quorum_queues, amqqueue:get_pid(Queue)), \
         try rabbit_amqqueue:internal_delete(Name, <<\"eda\">>) \
         catch _:_ -> rabbit_amqqueue:internal_delete(Queue, <<\"eda\">>) end.",
        subscription.queue
    );
    node.ctl(&["eval", &forget]).expect("it is gone");
    let noticed = status.wait_for(|status| status.state == ConsumerState::Connecting);
    tokio::time::timeout(PATIENCE, noticed).await.expect("in time").expect("it goes on");
    until_state(&*deliveries, ConsumerState::Consuming).await;

    let publisher = rabbit.publisher().await.expect("there is one");
    let sent = publisher.send(event(&subscription, 1)).await.expect("there is room");
    sent.confirmed().await.expect("confirmed");
    next(&mut deliveries).await.ack();
    rabbit.close().await.expect("closed");
}

fn tell_queue(node: &Node, queue: &str, what: &str) {
    node.ctl(&["eval", &format!("sys:{what}('%2F_{queue}').")]).expect("the queue's process is there");
}
