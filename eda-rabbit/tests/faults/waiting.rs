//! Retries that their queue does not take. They wait on, and hold up no other service's.

use std::time::Duration;

use eda_core::Subscription;
use eda_core::transport::{Deliveries, Delivery, Transport};
use eda_rabbit::Rabbit;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use rabbit_node::Node;
use tokio::time::{sleep, timeout};

use crate::support::{administrator, event, failure, next, node, subscribe, subscription};
use crate::unanswered::leader;

/// RabbitMQ has no more than 32 of a waiting queue on their way.
const MANY: u32 = 40;
/// Much shorter than the three minutes after which RabbitMQ tries again.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_a_full_queue_hold_up_no_other_service() {
    let node = node().await;
    let (rabbit, full) = (operator(&node).await, of_service("full"));
    let (mut deliveries, failed) = in_hand(&rabbit, &full, MANY).await;
    deliveries.cancel().await.expect("cancelled");
    for number in 0..3 {
        publish(&rabbit, &full, number).await;
    }
    let (pattern, limit) = (format!("^{}$", full.queue.replace('.', r"\.")), r#"{"max-length": 1}"#);
    node.ctl(&["set_policy", "--apply-to", "queues", "full", &pattern, limit]).expect("it is limited");
    sleep(Duration::from_secs(2)).await;
    for delivery in failed {
        delivery.retry(Duration::from_millis(200), &failure(1)).await.expect("it is certain");
    }
    sleep(Duration::from_secs(2)).await;

    let comes = a_retry_comes(&rabbit, &of_service("beside-full"), Duration::from_millis(200)).await;
    let taken = messages_in(&node, &full.queue).await;
    node.ctl(&["clear_policy", "full"]).expect("there is no limit any more");
    assert!(taken < MANY - 32, "there was room for {taken}");
    assert!(comes, "the retry of another service did not come within {SOON:?}");
    rabbit.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_a_queue_that_does_not_answer_hold_up_no_other_service() {
    let node = node().await;
    let (rabbit, away) = (operator(&node).await, of_service("away"));
    let (_deliveries, failed) = in_hand(&rabbit, &away, MANY).await;
    for delivery in failed {
        delivery.retry(Duration::from_secs(2), &failure(1)).await.expect("it is certain");
    }
    leader(&node, "suspend", &away.queue);
    sleep(Duration::from_secs(3)).await;

    let comes = a_retry_comes(&rabbit, &of_service("beside-away"), Duration::from_secs(2)).await;
    leader(&node, "resume", &away.queue);
    assert!(comes, "the retry of another service did not come within {SOON:?}");
    rabbit.close().await.expect("closed");
}

/// Several services at once are more than the tests' user may be.
async fn operator(node: &Node) -> Rabbit {
    Rabbit::connect(&node.url()).await.expect("the node answers")
}

fn of_service(service: &str) -> Subscription {
    Subscription { service: service.into(), ..subscription(service) }
}

async fn publish(rabbit: &Rabbit, to: &Subscription, number: u32) {
    let publisher = rabbit.publisher().await.expect("there is one");
    publisher.send(event(to, number)).await.expect("there is room").confirmed().await.expect("confirmed");
}

async fn in_hand(rabbit: &Rabbit, of: &Subscription, count: u32) -> (Box<dyn Deliveries>, Vec<Delivery>) {
    let (mut deliveries, mut taken) = (subscribe(rabbit, of).await, Vec::new());
    for number in 0..count {
        publish(rabbit, of, number).await;
        taken.push(next(&mut deliveries).await);
    }
    (deliveries, taken)
}

async fn a_retry_comes(rabbit: &Rabbit, of: &Subscription, delay: Duration) -> bool {
    let (mut deliveries, mut failed) = in_hand(rabbit, of, 1).await;
    failed.remove(0).retry(delay, &failure(1)).await.expect("it is certain");
    let mut batch = Vec::new();
    timeout(SOON, deliveries.receive(&mut batch, 1)).await.is_ok_and(|received| received.is_ok())
}

async fn messages_in(node: &Node, queue: &str) -> u32 {
    let channel = administrator(node).await;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let declared = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.expect("it is there");
    declared.message_count()
}
