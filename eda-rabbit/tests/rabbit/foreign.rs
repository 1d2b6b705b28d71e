//! Queues and messages of programs that know nothing of this framework.

use std::time::Duration;

use eda_core::transport::Transport;
use eda_core::{ErrorKind, EventId, HeaderValue, Topology};
use lapin::BasicProperties;
use lapin::options::QueueBindOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::support::{Foreign, failure, fresh, next, publish, rabbit, subscribe, subscription};

#[tokio::test]
async fn a_queue_of_others_is_taken_as_it_is() {
    let (rabbit, foreign, mut subscription) = (rabbit().await, Foreign::new().await, subscription("foreign"));
    subscription.declare = false;
    subscription.bindings.clear();
    foreign.declare_transient(&subscription.queue).await;
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let body = r#"{"event_type": "OrderCreated", "order_id": 123, "amount": 250}"#;
    foreign.publish("", &subscription.queue, BasicProperties::default(), body).await;

    let first = next(&mut deliveries).await;
    assert_eq!(first.message().body, body);
    first.retry(Duration::from_millis(100), &failure(1)).await.expect("it is certain");
    let second = next(&mut deliveries).await;
    assert_eq!((second.attempt(), &*second.message().routing_key), (2, &*subscription.queue));
    second.dead_letter(&failure(2)).await.expect("it is certain");
    assert_eq!(foreign.take(&format!("{}.dead", subscription.queue)).await.body, body.as_bytes());
    // as it was declared: declaring it the same way again is no error
    foreign.declare_transient(&subscription.queue).await;
}

#[tokio::test]
async fn a_missing_queue_of_others_is_named() {
    let (rabbit, mut subscription) = (rabbit().await, subscription("missing"));
    subscription.declare = false;
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    let error = rabbit.declare(&topology).await.expect_err("nobody has declared it");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(&subscription.queue), "{error}");
}

#[tokio::test]
async fn headers_of_every_type_are_no_trouble() {
    let (rabbit, foreign, subscription) = (rabbit().await, Foreign::new().await, subscription("types"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let mut headers = FieldTable::default();
    let mut put = |name: &str, value| {
        headers.insert(name.into(), value);
    };
    put("a", AMQPValue::Boolean(true));
    put("b", AMQPValue::ShortShortInt(-1));
    put("c", AMQPValue::ShortShortUInt(255));
    put("d", AMQPValue::ShortInt(-2));
    put("e", AMQPValue::ShortUInt(65_535));
    put("f", AMQPValue::LongInt(-3));
    put("g", AMQPValue::LongUInt(4));
    put("h", AMQPValue::LongLongInt(-5));
    put("i", AMQPValue::Float(0.5));
    put("j", AMQPValue::Double(0.25));
    put("k", AMQPValue::DecimalValue(lapin::types::DecimalValue { scale: 1, value: 15 }));
    put("l", AMQPValue::LongString(vec![0xff, 0xfe].into()));
    put("m", AMQPValue::FieldArray(vec![AMQPValue::Void].into()));
    put("n", AMQPValue::Timestamp(1));
    put("o", AMQPValue::FieldTable(FieldTable::default()));
    put("p", AMQPValue::ByteArray(vec![1].into()));
    put("q", AMQPValue::Void);
    put("cloudEvents_id", AMQPValue::Boolean(true));
    put("cloudEvents:type", AMQPValue::LongString("order.created".into()));
    put("ce-time", AMQPValue::LongString("soon".into()));
    foreign
        .publish("eda.events", &subscription.bindings[0], BasicProperties::default().with_headers(headers), "1")
        .await;
    let delivery = next(&mut deliveries).await;
    let message = delivery.message();
    assert_eq!(message.name.as_deref(), Some("order.created"));
    assert_eq!(message.headers.get("c"), Some(&HeaderValue::Int(255)));
    assert_eq!(message.headers.get("k"), Some(&HeaderValue::Decimal { scale: 1, value: 15 }));
    assert_eq!(message.headers.get("q"), Some(&HeaderValue::Null));
    assert_eq!(message.time, None);
}

#[tokio::test]
async fn a_foreign_id_type_and_time_are_read() {
    let (rabbit, foreign, subscription) = (rabbit().await, Foreign::new().await, subscription("props"));
    let mut deliveries = subscribe(&rabbit, &subscription).await;
    let properties = BasicProperties::default()
        .with_message_id("Order-77".into())
        .with_type("OrderCreated".into())
        .with_content_type("application/json; charset=utf-8".into())
        .with_timestamp(1_700_000_000)
        .with_app_id("legacy".into());
    foreign.publish("eda.events", &subscription.bindings[0], properties, "1").await;
    let delivery = next(&mut deliveries).await;
    let message = delivery.message();
    assert_eq!(message.id, Some(EventId::from("Order-77")));
    assert_eq!(message.name.as_deref(), Some("OrderCreated"));
    assert_eq!(message.content_type.as_deref(), Some("application/json; charset=utf-8"));
    assert_eq!(message.source.as_deref(), Some("legacy"));
    assert!(message.time.is_some());
}

#[tokio::test]
async fn a_foreign_consumer_reads_plain_json_with_attributes_beside() {
    let (rabbit, foreign, subscription) = (rabbit().await, Foreign::new().await, subscription("reader"));
    let queue = fresh("reader");
    foreign.declare_transient(&queue).await;
    let _declares_the_exchange = subscribe(&rabbit, &subscription).await;
    let channel = foreign.channel().await;
    let bound = channel.queue_bind(
        queue.as_str().into(),
        "eda.events".into(),
        subscription.bindings[0].as_str().into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    bound.await.expect("anybody may bind to our exchange");
    let mut message = crate::support::event(&subscription, r#"{"order_id":1}"#);
    message.source = Some("orders".into());
    message.version = Some(1);
    let id = message.id.clone().expect("it has one").to_string();
    publish(&rabbit, message).await;
    let found = foreign.take(&queue).await;
    assert_eq!(found.body, br#"{"order_id":1}"#);
    assert_eq!(found.text("cloudEvents_id"), id);
    assert_eq!(found.text("cloudEvents_type"), subscription.bindings[0]);
    assert_eq!(found.text("cloudEvents_source"), "orders");
    assert_eq!(found.text("cloudEvents_specversion"), "1.0");
    assert_eq!(found.properties.content_type().as_ref().map(ShortString::as_str), Some("application/json"));
    assert_eq!(found.properties.delivery_mode(), &Some(2));
    assert_eq!(found.properties.message_id().as_ref().map(ShortString::as_str), Some(id.as_str()));
}
