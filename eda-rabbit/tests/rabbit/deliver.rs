//! Publish, receive, settle.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use eda_core::transport::{ConsumerState, Transport};
use eda_core::{ErrorKind, EventId, HeaderValue, Headers};

use crate::support::{Foreign, event, fresh, next, publish, rabbit, send, subscribe, subscription};

#[tokio::test]
async fn everything_a_message_says_arrives() {
    let (rabbit, subscription) = (rabbit().await, subscription("whole"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut sent = event(&subscription, r#"{"order_id": 1}"#);
    sent.version = Some(3);
    sent.source = Some("orders".into());
    sent.time = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123));
    sent.partition_key = Some("order 7".into());
    sent.correlation_id = Some("c-1".into());
    sent.causation_id = Some("a-1".into());
    sent.headers = Headers::new()
        .with("null", HeaderValue::Null)
        .with("bool", true)
        .with("int", i64::MIN)
        .with("float", HeaderValue::Float(1.5))
        .with("decimal", HeaderValue::Decimal { scale: 2, value: 1999 })
        .with("text", "ü")
        .with("bytes", HeaderValue::Bytes(Bytes::from_static(&[0, 159, 255])))
        .with("time", HeaderValue::Timestamp(1_700_000_000))
        .with("list", HeaderValue::List(vec![1_i64.into(), "two".into()]))
        .with("table", HeaderValue::Table(Headers::new().with("inner", "x")));
    publish(&rabbit, sent.clone()).await;

    let delivery = next(&mut deliveries).await;
    assert_eq!((delivery.attempt(), delivery.redelivered()), (1, false));
    let received = delivery.message();
    for (name, value) in sent.headers.iter() {
        assert_eq!(received.headers.get(name), Some(value), "{name}");
    }
    assert_eq!(received.headers.len(), sent.headers.len());
    let mut without_headers = (**received).clone();
    without_headers.headers = sent.headers.clone();
    assert_eq!(without_headers, sent);
    delivery.ack();
}

#[tokio::test]
async fn acks_reach_the_broker_in_any_order() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("acks"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    for index in 0..200 {
        publish(&rabbit, event(&subscription, &index.to_string())).await;
    }
    let (mut held, mut count) = (Vec::new(), 0);
    while count < 200 {
        held.push(next(&mut deliveries).await);
        count += 1;
        if held.len() == 20 {
            // the newest first, and one in each batch is held back
            while held.len() > 1 {
                held.pop().expect("it is not empty").ack();
            }
        }
    }
    held.into_iter().for_each(eda_core::transport::Delivery::ack);
    deliveries.cancel().await.expect("cancelled");
    deliveries.close().await.expect("closed");
    foreign.until_counts(&subscription.queue, (0, 0)).await;
}

#[tokio::test]
async fn what_is_given_back_or_dropped_comes_again() {
    let (rabbit, subscription) = (rabbit().await, subscription("again"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, event(&subscription, "1")).await;
    next(&mut deliveries).await.give_back();
    drop(next(&mut deliveries).await);
    let third = next(&mut deliveries).await;
    assert!(third.redelivered());
    assert_eq!(third.attempt(), 3, "this broker counts every delivery");
    third.ack();
}

#[tokio::test]
async fn the_prefetch_bounds_what_is_in_hand() {
    let (rabbit, mut subscription) = (rabbit().await, subscription("prefetch"));
    subscription.policy.prefetch = Some(2);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    for index in 0..5 {
        publish(&rabbit, event(&subscription, &index.to_string())).await;
    }
    let (first, second) = (next(&mut deliveries).await, next(&mut deliveries).await);
    let mut batch = Vec::new();
    let third = tokio::time::timeout(Duration::from_millis(300), deliveries.receive(&mut batch, 1)).await;
    assert!(third.is_err(), "a third one came while two are in hand");
    first.ack();
    next(&mut deliveries).await.ack();
    second.ack();
}

#[tokio::test]
async fn two_subscriptions_both_get_it_and_two_consumers_share() {
    let (rabbit, first) = (rabbit().await, subscription("fanout"));
    let mut second = first.clone();
    second.queue = format!("{}.other", fresh("fanout"));
    let mut one = subscribe(&rabbit, &first).await;
    let mut two = subscribe(&rabbit, &second).await;
    let mut two_again = subscribe(&rabbit, &second).await;
    publish(&rabbit, event(&first, "1")).await;
    publish(&rabbit, event(&first, "2")).await;
    for _ in 0..2 {
        next(&mut one).await.ack();
    }
    let (a, b) = (next(&mut two).await, next(&mut two_again).await);
    assert_ne!(a.message().body, b.message().body);
}

#[tokio::test]
async fn a_burst_is_confirmed_whole_and_in_order() {
    let (rabbit, mut subscription) = (rabbit().await, subscription("burst"));
    subscription.policy.prefetch = Some(500);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let publisher = rabbit.publisher().await.expect("there is one");
    let mut receipts = Vec::new();
    for index in 0..3_000 {
        receipts.push(publisher.send(event(&subscription, &index.to_string())).await.expect("there is room"));
    }
    for receipt in receipts {
        receipt.confirmed().await.expect("confirmed");
    }
    for index in 0..3_000 {
        let delivery = next(&mut deliveries).await;
        assert_eq!(delivery.message().body, index.to_string());
        delivery.ack();
    }
}

#[tokio::test]
async fn what_could_steer_the_broker_is_refused() {
    let (rabbit, subscription) = (rabbit().await, subscription("steer"));
    let publisher = rabbit.publisher().await.expect("there is one");
    for name in ["CC", "bcc", "x-death", "X-Delay", "cloudEvents_id", "ce-id", "eda-attempt"] {
        let mut message = event(&subscription, "1");
        message.headers.insert(name, "elsewhere");
        let error = send(&*publisher, message).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    let mut message = event(&subscription, "1");
    message.body = vec![b'x'; 1024 * 1024 + 1].into();
    assert_eq!(send(&*publisher, message).await.expect_err("too large").kind(), ErrorKind::TooLarge);
    let mut message = event(&subscription, "1");
    message.headers.insert("huge", "x".repeat(64 * 1024));
    assert_eq!(send(&*publisher, message).await.expect_err("too large").kind(), ErrorKind::TooLarge);
    let mut message = event(&subscription, "1");
    message.id = Some(EventId::from("x".repeat(256).as_str()));
    assert_eq!(send(&*publisher, message).await.expect_err("too long").kind(), ErrorKind::Invalid);
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
