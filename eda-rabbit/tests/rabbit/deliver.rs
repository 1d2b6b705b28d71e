//! What RabbitMQ counts, and what somebody deletes.

use eda_core::Topology;
use eda_core::transport::{ConsumerState, Transport};

use crate::support::{Foreign, event, next, publish, rabbit, subscribe, subscription};

#[tokio::test]
async fn what_is_given_back_or_dropped_comes_again() {
    let (rabbit, subscription) = (rabbit().await, subscription("again"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, event(&subscription, "1")).await;
    next(&mut deliveries).await.give_back();
    drop(next(&mut deliveries).await);
    let third = next(&mut deliveries).await;
    assert!(third.redelivered());
    assert_eq!(third.attempt(), 1, "no handler has failed");
    third.ack();
}

#[tokio::test]
async fn a_queue_that_goes_between_its_declaration_and_its_consumer_is_made_again() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("gone"), Foreign::new().await);
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    rabbit.declare(&topology).await.expect("it is declared");
    foreign.delete(&subscription.queue).await;
    let mut deliveries = rabbit.subscribe(&subscription).await.expect("it is declared once more");
    publish(&rabbit, event(&subscription, "after")).await;
    assert_eq!(next(&mut deliveries).await.message().body, "after");
}

#[tokio::test]
async fn a_deleted_queue_is_made_again_and_consumed() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("deleted"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut status = deliveries.status();
    assert_eq!(status.borrow_and_update().state, ConsumerState::Consuming);
    foreign.delete(&subscription.queue).await;
    status.wait_for(|status| status.state == ConsumerState::Connecting).await.expect("it is noticed");
    status.wait_for(|status| status.state == ConsumerState::Consuming).await.expect("it is mended");
    publish(&rabbit, event(&subscription, "after")).await;
    assert_eq!(next(&mut deliveries).await.message().body, "after");
}
