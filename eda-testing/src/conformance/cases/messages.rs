//! What is published arrives, byte for byte.

use std::time::{Duration, SystemTime};

use eda_core::transport::limits::{BODY_LIMIT, SHORT_TEXT_LIMIT};
use eda_core::{EventId, HeaderValue, Headers, Message};

use crate::conformance::failed::{OrFail, Verdict, ensure, ensure_eq};
use crate::conformance::stage::{Stage, body_of};

pub(crate) async fn every_part_of_a_message_arrives(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let sent = Message {
        id: Some(EventId::new()),
        name: Some("order.created".into()),
        version: Some(3),
        source: Some("orders".into()),
        time: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123)),
        routing_key: stage.key("a").into(),
        partition_key: Some("order 7".into()),
        correlation_id: Some("correlation-1".into()),
        causation_id: Some("cause-1".into()),
        content_type: Some("application/json".into()),
        headers: Headers::new().with("tenant", "acme"),
        body: r#"{"order_id": 7}"#.into(),
    };
    stage.publish(sent.clone()).await?;
    let delivery = consumer.next().await?;
    ensure_eq!(**delivery.message(), sent, "a message with every property");
    ensure_eq!((delivery.attempt(), delivery.redelivered()), (1, false), "attempt and redelivered of a first delivery");
    delivery.ack();
    Ok(())
}

/// A foreign producer says nothing but a key and a body.
pub(crate) async fn a_message_that_says_nothing_arrives_as_it_is(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let sent = Message::new(stage.key("a"), "");
    stage.publish(sent.clone()).await?;
    let delivery = consumer.next().await?;
    ensure_eq!(**delivery.message(), sent, "a message without properties");
    delivery.ack();
    Ok(())
}

pub(crate) async fn every_header_value_arrives(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let mut sent = stage.event("a", "");
    sent.headers = every_header_value();
    stage.publish(sent.clone()).await?;
    let delivery = consumer.next().await?;
    same_headers(&delivery.message().headers, &sent.headers)?;
    delivery.ack();
    Ok(())
}

pub(crate) async fn bodies_arrive_byte_for_byte(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let largest: Vec<u8> = every_byte.iter().copied().cycle().take(BODY_LIMIT).collect();
    for body in
        [vec![], vec![0], vec![0xff, 0xfe, 0xc3, 0x28], b"{\"a\": \"\xc3\xbc\"}\r\n".to_vec(), every_byte, largest]
    {
        let mut sent = stage.event("a", "");
        sent.body = body.into();
        stage.publish(sent.clone()).await?;
        let delivery = consumer.next().await?;
        let received = &delivery.message().body;
        let start = sent.body.slice(..sent.body.len().min(20));
        ensure!(
            *received == sent.body,
            "expected the {} bytes that begin with {start:?}, found {} bytes that differ",
            sent.body.len(),
            received.len()
        );
        delivery.ack();
    }
    Ok(())
}

pub(crate) async fn texts_of_the_greatest_length_arrive(stage: &Stage<'_>) -> Verdict {
    let longest = |start: &str| format!("{start}{}", "x".repeat(SHORT_TEXT_LIMIT - start.len()));
    let mut subscription = stage.subscription("a");
    let key = longest(&format!("{}.", stage.name("key")));
    subscription.bindings = vec![key.clone()];
    let mut consumer = stage.subscribe(&subscription).await?;
    let sent = Message {
        id: Some(EventId::from(longest("id").as_str())),
        name: Some(longest("order.").into()),
        source: Some(longest("source").into()),
        correlation_id: Some(longest("correlation")),
        causation_id: Some("c".repeat(1_000)),
        partition_key: Some("ü".repeat(1_000)),
        content_type: Some(longest("application/").into()),
        headers: Headers::new().with(longest("name"), "a").with("long", "ü".repeat(25_000)),
        ..Message::new(key, "body")
    };
    stage.publish(sent.clone()).await?;
    let delivery = consumer.next().await?;
    same_headers(&delivery.message().headers, &sent.headers)?;
    let mut received = (**delivery.message()).clone();
    received.headers = sent.headers.clone();
    ensure_eq!(received, sent, "a message with the longest texts");
    delivery.ack();
    Ok(())
}

/// Without retries, and with one consumer.
pub(crate) async fn the_order_of_one_publisher_is_kept(stage: &Stage<'_>) -> Verdict {
    const COUNT: usize = 2_000;
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let sending = stage.publish_all((0..COUNT).map(|number| stage.event("a", number.to_string())));
    let receiving = async {
        let mut number = 0;
        while number < COUNT {
            for delivery in consumer.some(64).await? {
                ensure_eq!(body_of(&delivery), number.to_string(), "the order of publishing");
                number += 1;
                delivery.ack();
            }
        }
        Ok(())
    };
    let (sent, received) = tokio::join!(sending, receiving);
    sent.and(received)
}

pub(crate) async fn several_publishers_and_connections_get_everything_through(stage: &Stage<'_>) -> Verdict {
    const COUNT: usize = 300;
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let other = stage.connect().await?;
    let second = other.publisher().await.or_fail("a publisher")?;
    let (first, third) = (stage.publisher().await?, stage.publisher().await?);
    let events =
        |name: &str| -> Vec<_> { (0..COUNT).map(|number| stage.event("a", format!("{name} {number}"))).collect() };
    let receiving = async {
        let mut received = std::collections::BTreeMap::<String, usize>::new();
        while received.values().sum::<usize>() < 3 * COUNT {
            for delivery in consumer.some(64).await? {
                let body = body_of(&delivery);
                let (name, number) = body.split_once(' ').unwrap_or((&body, "?"));
                let next = received.entry(name.to_owned()).or_default();
                ensure_eq!(number, next.to_string(), "each publisher's own order, each message once");
                *next += 1;
                delivery.ack();
            }
        }
        consumer.expect_nothing("everything has come").await
    };
    let (first, second, third, received) = tokio::join!(
        stage.publish_all_by(&*first, events("first")),
        stage.publish_all_by(&*second, events("second")),
        stage.publish_all_by(&*third, events("third")),
        receiving
    );
    first.and(second).and(third).and(received)
}

/// Every kind of value, at its bounds.
fn every_header_value() -> Headers {
    let long_ago = HeaderValue::Timestamp(0);
    let inner =
        Headers::new().with("deep", HeaderValue::List(vec![HeaderValue::Null, true.into()])).with("", "no name");
    Headers::new()
        .with("null", HeaderValue::Null)
        .with("yes", true)
        .with("no", false)
        .with("zero", 0)
        .with("least", i64::MIN)
        .with("greatest", i64::MAX)
        .with("unsigned", HeaderValue::UInt(u64::MAX))
        .with("half", HeaderValue::Float(1.5))
        .with("negative zero", HeaderValue::Float(-0.0))
        .with("tiny", HeaderValue::Float(f64::MIN_POSITIVE))
        .with("greatest float", HeaderValue::Float(f64::MAX))
        .with("price", HeaderValue::Decimal { scale: 2, value: 1_999 })
        .with("text", "ü \u{1f980} \"quoted\" \u{0}")
        .with("empty text", "")
        .with("bytes", HeaderValue::Bytes(vec![0, 159, 146, 150, 255].into()))
        .with("bytes that are text", HeaderValue::Bytes("text".into()))
        .with("no bytes", HeaderValue::Bytes(vec![].into()))
        .with("long ago", long_ago.clone())
        .with("later", HeaderValue::Timestamp(4_102_444_800))
        .with("list", HeaderValue::List(vec![1.into(), "two".into(), HeaderValue::Float(3.0), long_ago]))
        .with("empty list", HeaderValue::List(Vec::new()))
        .with("table", HeaderValue::Table(inner))
        .with("empty table", HeaderValue::Table(Headers::new()))
        .with("Ünïcode Näme", "kept")
        .with("CASE", "is kept")
        .with("case", "is another")
}

/// In any order: a broker's table has none.
fn same_headers(found: &Headers, sent: &Headers) -> Verdict {
    for (name, value) in sent.iter() {
        match found.get(name) {
            Some(found) => {
                ensure!(is_same(found, value), "header `{name}`: expected {value:?}, found {found:?}");
            }
            None => ensure!(false, "header `{name}`: expected {value:?}, found no such header"),
        }
    }
    let more: Vec<_> = found.iter().filter(|(name, _)| sent.get(name).is_none()).collect();
    ensure!(more.is_empty(), "expected the headers that were sent, found more: {more:?}");
    Ok(())
}

fn is_same(found: &HeaderValue, sent: &HeaderValue) -> bool {
    match (found, sent) {
        (HeaderValue::Float(found), HeaderValue::Float(sent)) => found.to_bits() == sent.to_bits(),
        (HeaderValue::List(found), HeaderValue::List(sent)) => {
            found.len() == sent.len() && found.iter().zip(sent).all(|(found, sent)| is_same(found, sent))
        }
        (HeaderValue::Table(found), HeaderValue::Table(sent)) => same_headers(found, sent).is_ok(),
        // AMQP 0-9-1 has no unsigned number of 64 bits: one over the range of the signed ones may come as text
        (HeaderValue::Text(found), HeaderValue::UInt(sent)) => *found == sent.to_string(),
        (found, sent) => found == sent,
    }
}
