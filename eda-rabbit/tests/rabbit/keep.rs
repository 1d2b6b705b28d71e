//! What an operator looks at: dead letters stay where they are, however often somebody looks.

use eda_core::transport::{Kept, Place, Transport};
use eda_rabbit::Rabbit;

use crate::support::{event, failure, next, publish, rabbit, subscribe, subscription, url};

async fn open(rabbit: &Rabbit, place: &Place) -> Box<dyn Kept> {
    let keep = rabbit.keep().expect("RabbitMQ keeps dead letters");
    keep.open(place).await.expect("the broker answers").expect("it is there")
}

async fn bodies(kept: &mut dyn Kept) -> Vec<String> {
    let mut bodies = Vec::new();
    while let Some(letter) = kept.next().await.expect("the broker hands it out") {
        bodies.push(String::from_utf8_lossy(&letter.message.body).into_owned());
    }
    bodies
}

/// RabbitMQ 4 drops what was handed out 20 times and given back, unless the queue says otherwise.
#[tokio::test]
async fn a_dead_letter_outlives_25_looks() {
    let (service, subscription) = (rabbit().await, subscription("looked-at"));
    let mut deliveries = subscribe(&service, &subscription).await;
    let body = r#"{"order_id": 1}"#;
    publish(&service, event(&subscription, body)).await;
    next(&mut deliveries).await.dead_letter(&failure(1)).await.expect("it is certain");

    // a service needs no right to look
    let operator = Rabbit::connect(&url()).await.expect("the broker answers");
    let place = Place::DeadLettersOf(subscription.queue.clone());
    for look in 1..=25 {
        let mut kept = open(&operator, &place).await;
        assert_eq!(kept.count(), 1, "look {look}");
        assert_eq!(bodies(&mut *kept).await, [body], "look {look}");
        kept.close().await.expect("it ends");
    }
    let kept = open(&operator, &place).await;
    assert_eq!((kept.count(), kept.others()), (1, 0));
}

/// None is left out or comes twice, however many the broker hands out at once.
#[tokio::test]
async fn a_walk_that_removes_sees_each_letter_once() {
    const LETTERS: usize = 300;
    let (service, subscription) = (rabbit().await, subscription("removed"));
    let mut deliveries = subscribe(&service, &subscription).await;
    let sent: Vec<_> = (0..LETTERS).map(|number| number.to_string()).collect();
    for body in &sent {
        publish(&service, event(&subscription, body)).await;
        next(&mut deliveries).await.dead_letter(&failure(1)).await.expect("it is certain");
    }
    let operator = Rabbit::connect(&url()).await.expect("the broker answers");
    let place = Place::DeadLettersOf(subscription.queue.clone());
    let mut kept = open(&operator, &place).await;
    let (mut removed, mut stays) = (Vec::new(), Vec::new());
    while let Some(letter) = kept.next().await.expect("the broker hands it out") {
        let body = String::from_utf8_lossy(&letter.message.body).into_owned();
        if removed.len() + stays.len() == 100 {
            // and one in the middle stays
            stays.push(body);
        } else {
            kept.remove(letter.token).await.expect("the broker takes it");
            removed.push(body);
        }
    }
    kept.close().await.expect("it ends");
    let mut all = [&removed[..100], &stays, &removed[100..]].concat();
    assert_eq!(all, sent, "oldest first");
    let mut kept = open(&operator, &place).await;
    all = bodies(&mut *kept).await;
    assert_eq!(all, stays);
    kept.close().await.expect("it ends");
}
