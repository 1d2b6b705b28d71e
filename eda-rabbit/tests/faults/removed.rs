//! What somebody removes at the broker, or leaves no room in.

use std::time::Duration;

use eda_core::transport::{ConsumerState, Place, Transport};
use eda_rabbit::Rabbit;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::types::FieldTable;
use rabbit_node::Node;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    PATIENCE, administrator, connect, connect_through_a_proxy, event, failure, next, node, publish, subscribe,
    subscription, until_state,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_is_removed_comes_back_with_the_next_connection() {
    let node = node().await;
    let ((mut proxy, rabbit), subscription) = (connect_through_a_proxy(&node).await, subscription("unbound"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let administrator = administrator(&node).await;
    let (queue, key) = (subscription.queue.as_str(), subscription.bindings[0].as_str());
    let unbound = administrator.queue_unbind(queue.into(), "eda.events".into(), key.into(), FieldTable::default());
    unbound.await.expect("it is unbound");

    let missed = event(&subscription, 0);
    let id = missed.id.clone().expect("it has one");
    publisher.send(missed).await.expect("there is room").confirmed().await.expect("it is parked");
    loop {
        // other tests may have events there, too
        let parked = take(&administrator, "eda.unrouted").await;
        if parked == id.to_string() {
            break;
        }
    }
    proxy.down().await;
    until_state(&*deliveries, ConsumerState::Connecting).await;
    proxy.up().await;
    until_state(&*deliveries, ConsumerState::Consuming).await;
    publisher.send(event(&subscription, 1)).await.expect("there is room").confirmed().await.expect("confirmed");
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.message().body, "1");
    delivery.ack();
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_stays_where_it_came_from_until_the_queue_of_dead_letters_has_room() {
    let node = node().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("crammed"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let administrator = administrator(&node).await;
    let dead = format!("{}.dead", subscription.queue);
    let limit = r#"{"max-length": 1, "overflow": "reject-publish"}"#;
    node.ctl(&["set_policy", "--apply-to", "queues", "crammed", &format!("^{}$", dead.replace('.', r"\.")), limit])
        .expect("it is limited");

    let mut parked = 0;
    let waiting = loop {
        publisher
            .send(event(&subscription, parked))
            .await
            .expect("there is room")
            .confirmed()
            .await
            .expect("confirmed");
        let delivery = next(&mut deliveries).await;
        let mut parking = tokio::spawn(async move { delivery.dead_letter(&failure(1)).await });
        // a quorum queue takes some more before its publishers hear of the limit
        match timeout(Duration::from_secs(3), &mut parking).await {
            Ok(ended) => ended.expect("no panic").expect("it is certain"),
            Err(_) => break parking,
        }
        parked += 1;
        assert!(parked < 50, "there is no limit");
    };
    assert!(parked > 0, "there was room for one");
    let began = Instant::now();
    // a quorum queue tells its numbers every few seconds
    while unsettled(&node, &subscription.queue).as_deref() != Some("1") {
        assert!(began.elapsed() < PATIENCE, "the original is settled, and its letter is nowhere");
    }
    assert!(!waiting.is_finished());

    for _ in 0..parked {
        take(&administrator, &dead).await;
    }
    timeout(PATIENCE, waiting).await.expect("there is room again").expect("no panic").expect("it is certain");
    take(&administrator, &dead).await;
    node.ctl(&["clear_policy", "crammed"]).expect("there is no limit any more");
    rabbit.close().await.expect("closed");
}

/// How many messages of a queue are in somebody's hands.
fn unsettled(node: &Node, queue: &str) -> Option<String> {
    let listed = node.ctl(&["list_queues", "--no-table-headers", "name", "messages_unacknowledged"]);
    let listed = listed.expect("they are listed");
    listed.lines().find_map(|line| Some(line.strip_prefix(queue)?.strip_prefix('\t')?.to_owned()))
}

/// Takes the first message out of a queue, as soon as there is one, and tells its id.
async fn take(channel: &Channel, queue: &str) -> String {
    let began = Instant::now();
    loop {
        let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await.expect("the queue is there");
        if let Some(got) = got {
            channel.basic_ack(got.delivery.delivery_tag, BasicAckOptions::default()).await.expect("acked");
            let id = got.delivery.properties.message_id().as_ref();
            return id.map(ToString::to_string).unwrap_or_default();
        }
        assert!(began.elapsed() < PATIENCE, "nothing came to {queue}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A retry that found no queue goes there when it is sent back, though nothing but this has bound the queue again.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_is_sent_back_arrives() {
    let node = node().await;
    let (rabbit, subscription) = (connect(&node, "").await, subscription("orphaned"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, &subscription, 7..8).await;
    let administrator = administrator(&node).await;
    let queue = subscription.queue.as_str();
    let unbound = administrator.queue_unbind(queue.into(), "eda.retry".into(), queue.into(), FieldTable::default());
    unbound.await.expect("it is unbound");
    next(&mut deliveries).await.retry(Duration::from_millis(100), &failure(1)).await.expect("it is certain");

    let operator = Rabbit::connect(&node.url()).await.expect("the node answers");
    let keep = operator.keep().expect("RabbitMQ keeps retries that found no queue");
    let returning = async {
        loop {
            let mut kept = keep.open(&Place::Orphaned).await.expect("it answers").expect("it is there");
            let mut is_back = false;
            while let Some(letter) = kept.next().await.expect("the broker hands it out") {
                // other tests may have some there, too
                if letter.queue.as_deref() == Some(queue) {
                    kept.send_back(&letter).await.expect("it is sent").confirmed().await.expect("it is taken");
                    kept.remove(letter.token).await.expect("the broker takes it");
                    is_back = true;
                }
            }
            kept.close().await.expect("it ends");
            if is_back {
                break;
            }
        }
    };
    timeout(PATIENCE, returning).await.expect("it is parked soon");
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.message().body, "7");
    delivery.ack();
    operator.close().await.expect("closed");
    rabbit.close().await.expect("closed");
}
