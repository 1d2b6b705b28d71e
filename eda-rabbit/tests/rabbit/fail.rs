//! Retries and dead letters.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use eda_core::{ErrorKind, Message};
use lapin::BasicProperties;
use lapin::options::ExchangeDeleteOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use tokio::task::JoinSet;

use crate::support::{Foreign, event, failure, next, publish, rabbit, subscribe, subscription};

#[tokio::test]
async fn a_retry_comes_back_after_its_delay_with_everything_it_had() {
    let (rabbit, subscription) = (rabbit().await, subscription("retry"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut sent = event(&subscription, r#"{"order_id": 1}"#);
    sent.headers.insert("tenant", "acme");
    sent.correlation_id = Some("c-1".into());
    publish(&rabbit, sent.clone()).await;
    for attempt in 1..=3 {
        let delivery = next(&mut deliveries).await;
        assert_eq!(delivery.attempt(), attempt);
        assert_eq!(**delivery.message(), sent);
        let began = Instant::now();
        delivery.retry(Duration::from_millis(200), &failure(attempt)).await.expect("it is certain");
        let again = next(&mut deliveries).await;
        assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
        again.give_back();
    }
}

#[tokio::test]
async fn a_delay_that_no_policy_named_is_made_when_it_is_needed() {
    let (rabbit, subscription) = (rabbit().await, subscription("rung"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, event(&subscription, "1")).await;
    let began = Instant::now();
    next(&mut deliveries).await.retry(Duration::from_millis(1_500), &failure(1)).await.expect("it is certain");
    assert_eq!(next(&mut deliveries).await.attempt(), 2);
    assert!(began.elapsed() >= Duration::from_millis(1_500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_dead_letter_keeps_the_reason_and_the_original() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("dead"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut headers = FieldTable::default();
    headers.insert("odd".into(), AMQPValue::ShortShortUInt(7));
    let properties = BasicProperties::default()
        .with_message_id("m-1".into())
        .with_content_encoding("identity".into())
        .with_priority(3)
        .with_headers(headers);
    foreign.publish("eda.events", &subscription.bindings[0], properties, "\u{0}raw").await;

    let first = next(&mut deliveries).await;
    first.retry(Duration::from_millis(100), &failure(1)).await.expect("it is certain");
    let second = next(&mut deliveries).await;
    let mut last = failure(2);
    last.detail = "declined".into();
    second.dead_letter(&last).await.expect("it is certain");

    let dead = foreign.take(&format!("{}.dead", subscription.queue)).await;
    assert_eq!(dead.body, b"\0raw");
    assert_eq!(dead.properties.message_id().as_ref().map(ShortString::as_str), Some("m-1"));
    assert_eq!(dead.properties.content_encoding().as_ref().map(ShortString::as_str), Some("identity"));
    assert_eq!(dead.properties.priority(), &Some(3));
    assert_eq!(dead.properties.delivery_mode(), &Some(2));
    assert_eq!(dead.headers.get("odd"), Some(&AMQPValue::ShortShortUInt(7)), "its very type is kept");
    assert_eq!(dead.headers.get("eda-attempt"), Some(&AMQPValue::LongLongInt(2)));
    assert_eq!(dead.text("eda-reason"), "transient");
    assert_eq!(dead.text("eda-detail"), "declined");
    assert_eq!(dead.text("eda-handler"), "billing.charge");
    assert_eq!(dead.text("eda-exchange"), "eda.events");
    assert_eq!(dead.text("eda-routing-key"), subscription.bindings[0]);
    assert!(dead.text("eda-first-failed-at") < dead.text("eda-last-failed-at"));
    assert!(!dead.headers.contains_key("x-death"));
}

#[tokio::test]
async fn a_forged_attempt_or_death_counts_nothing() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("forged"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut headers = FieldTable::default();
    headers.insert("eda-attempt".into(), AMQPValue::LongLongInt(99));
    headers.insert("eda-routing-key".into(), AMQPValue::LongString("elsewhere".into()));
    headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(99));
    headers.insert("x-death".into(), AMQPValue::FieldArray(vec![AMQPValue::LongLongInt(99)].into()));
    let properties = BasicProperties::default().with_headers(headers);
    foreign.publish("eda.events", &subscription.bindings[0], properties, "1").await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(delivery.attempt(), 1);
    assert_eq!(delivery.message().routing_key, subscription.bindings[0]);
    assert!(delivery.message().headers.is_empty());
    delivery.retry(Duration::from_millis(100), &failure(1)).await.expect("it is certain");
    assert_eq!(next(&mut deliveries).await.attempt(), 2);
}

#[tokio::test]
async fn injected_properties_end_or_copy_nothing() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("inject"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let inject = async || {
        let mut headers = FieldTable::default();
        headers.insert("CC".into(), AMQPValue::FieldArray(vec![AMQPValue::LongString("eda.unrouted".into())].into()));
        let properties = BasicProperties::default().with_headers(headers).with_expiration("60000".into());
        foreign.publish("eda.events", &subscription.bindings[0], properties, "1").await;
    };
    inject().await;
    // a delay that no other test uses
    next(&mut deliveries).await.retry(Duration::from_secs(1_200), &failure(1)).await.expect("it is certain");
    let retried = foreign.take(&format!("eda.wait.{}.1200000", subscription.service)).await;
    inject().await;
    next(&mut deliveries).await.dead_letter(&failure(1)).await.expect("it is certain");
    let dead = foreign.take(&format!("{}.dead", subscription.queue)).await;
    for copy in [retried, dead] {
        assert_eq!(copy.body, b"1");
        assert_eq!(copy.properties.expiration(), &None);
        assert!(!copy.headers.contains_key("CC"));
    }
}

#[tokio::test]
async fn retries_of_a_deleted_queue_hold_up_nobody() {
    const GONE: usize = 200;
    const DELAY: Duration = Duration::from_secs(5);
    let (rabbit, gone, here) = (rabbit().await, subscription("gone"), subscription("here"));
    let foreign = Foreign::new().await;
    let mut gone_deliveries = subscribe(&rabbit, &gone).await;
    let mut here_deliveries = subscribe(&rabbit, &here).await;
    let mut orphans = BTreeSet::new();
    for index in 0..GONE {
        let event = event(&gone, &index.to_string());
        orphans.extend(event.id.as_ref().map(ToString::to_string));
        publish(&rabbit, event).await;
    }
    // all at once: the first must not be back before the queue is gone
    let mut retrying = JoinSet::new();
    for _ in 0..GONE {
        let delivery = next(&mut gone_deliveries).await;
        retrying.spawn(async move { delivery.retry(DELAY, &failure(1)).await });
    }
    retrying.join_all().await.into_iter().for_each(|retried| retried.expect("it is certain"));
    gone_deliveries.cancel().await.expect("cancelled");
    gone_deliveries.close().await.expect("closed");
    foreign.delete(&gone.queue).await;

    publish(&rabbit, event(&here, "1")).await;
    let began = Instant::now();
    next(&mut here_deliveries).await.retry(DELAY, &failure(1)).await.expect("it is certain");
    assert_eq!(next(&mut here_deliveries).await.attempt(), 2);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(orphans.len(), GONE);
    while !orphans.is_empty() {
        // other tests may have orphans there, too
        let parked = foreign.take("eda.retry.orphaned").await;
        orphans.remove(parked.properties.message_id().as_ref().map_or("", ShortString::as_str));
    }
}

#[tokio::test]
async fn a_dead_letter_queue_that_is_gone_is_made_again() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("remade"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    foreign.delete(&format!("{}.dead", subscription.queue)).await;
    publish(&rabbit, event(&subscription, "1")).await;
    next(&mut deliveries).await.dead_letter(&failure(1)).await.expect("it is certain");
    assert_eq!(foreign.take(&format!("{}.dead", subscription.queue)).await.body, b"1");
}

#[tokio::test]
async fn settling_on_a_channel_that_has_ended_says_so() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("stale"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, event(&subscription, "1")).await;
    let (stale, mut status) = (next(&mut deliveries).await, deliveries.status());
    status.borrow_and_update();
    foreign.delete(&subscription.queue).await;
    status.changed().await.expect("it is noticed");
    status.wait_for(eda_core::transport::ConsumerStatus::is_ready).await.expect("it is mended");
    let error = stale.retry(Duration::from_millis(100), &failure(1)).await.expect_err("its channel is gone");
    assert!(error.to_string().contains("comes again"), "{error}");
    publish(&rabbit, event(&subscription, "2")).await;
    let fresh = next(&mut deliveries).await;
    assert_eq!(fresh.message().body, "2");
    fresh.ack();
}

#[tokio::test]
async fn a_message_without_an_id_gets_one_with_its_first_copy() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("nameless"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    foreign.publish("eda.events", &subscription.bindings[0], BasicProperties::default(), "{}").await;
    let first = next(&mut deliveries).await;
    let bare = Message::new(subscription.bindings[0].clone(), "{}");
    assert_eq!(**first.message(), bare);
    first.retry(Duration::from_millis(100), &failure(1)).await.expect("it is certain");
    let second = next(&mut deliveries).await;
    let id = second.message().id.clone().expect("it has one now");
    second.retry(Duration::from_millis(100), &failure(2)).await.expect("it is certain");
    assert_eq!(next(&mut deliveries).await.message().id, Some(id));
}

#[tokio::test]
async fn a_delay_whose_exchange_is_gone_is_made_again() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("unmade"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    for body in ["1", "2"] {
        publish(&rabbit, event(&subscription, body)).await;
    }
    // a delay that no other test uses
    let delay = Duration::from_secs(5);
    next(&mut deliveries).await.retry(delay, &failure(1)).await.expect("it is certain");
    let wait = format!("eda.wait.{}.5000", subscription.service);
    foreign.take(&wait).await;
    let delete = foreign.channel().await;
    delete.exchange_delete(wait.as_str().into(), ExchangeDeleteOptions::default()).await.expect("deleted");
    next(&mut deliveries).await.retry(delay, &failure(1)).await.expect("it is certain");
    assert_eq!(next(&mut deliveries).await.message().body, "2");
}

#[tokio::test]
async fn a_delay_over_the_longest_is_refused_and_the_delivery_comes_again() {
    let (rabbit, subscription) = (rabbit().await, subscription("longest"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    publish(&rabbit, event(&subscription, "1")).await;
    let days = Duration::from_secs(2 * 24 * 60 * 60);
    let error = next(&mut deliveries).await.retry(days, &failure(1)).await.expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(next(&mut deliveries).await.redelivered());
}

#[tokio::test]
async fn headers_that_fill_a_frame_are_no_trouble() {
    let (rabbit, subscription, foreign) = (rabbit().await, subscription("frame"), Foreign::new().await);
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut headers = FieldTable::default();
    headers.insert("tenant".into(), AMQPValue::LongString("acme".into()));
    headers.insert("huge".into(), AMQPValue::LongString("x".repeat(125_000).into()));
    let properties = BasicProperties::default().with_headers(headers);
    foreign.publish("eda.events", &subscription.bindings[0], properties, "1").await;
    next(&mut deliveries).await.retry(Duration::from_millis(100), &failure(1)).await.expect("it is certain");
    let again = next(&mut deliveries).await;
    assert_eq!((again.attempt(), again.message().headers.text("tenant")), (2, Some("acme")));
    again.dead_letter(&failure(2)).await.expect("it is certain");
    assert_eq!(foreign.take(&format!("{}.dead", subscription.queue)).await.text("eda-handler"), "billing.charge");
}
