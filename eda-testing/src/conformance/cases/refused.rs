//! What one transport refuses, all refuse: before anything is sent or declared.

use eda_core::transport::limits::{
    BODY_LIMIT, DELAY_LIMIT, HEADER_COUNT_LIMIT, HEADERS_LIMIT, SERVICE_LIMIT, SHORT_TEXT_LIMIT,
};
use eda_core::{Backoff, ErrorKind, EventId, HeaderValue, Headers, Message, Subscription, Topology};

use crate::conformance::failed::{Verdict, ensure_eq};
use crate::conformance::stage::Stage;

pub(crate) async fn a_message_over_a_limit_is_refused(stage: &Stage<'_>) -> Verdict {
    let too_long = "x".repeat(SHORT_TEXT_LIMIT + 1);
    let many = || (0..=HEADER_COUNT_LIMIT).map(|number| (number.to_string(), 1)).collect();
    let with = |change: &dyn Fn(&mut Message)| {
        let mut message = stage.event("a", "1");
        change(&mut message);
        message
    };
    let refused = [
        ("body", ErrorKind::TooLarge, with(&|message| message.body = vec![b'x'; BODY_LIMIT + 1].into())),
        ("headers", ErrorKind::TooLarge, with(&|message| message.headers.insert("a", "x".repeat(HEADERS_LIMIT)))),
        ("routing key", ErrorKind::Invalid, with(&|message| message.routing_key = too_long.clone().into())),
        ("id", ErrorKind::Invalid, with(&|message| message.id = Some(EventId::from(too_long.as_str())))),
        ("name", ErrorKind::Invalid, with(&|message| message.name = Some(too_long.clone().into()))),
        ("header name", ErrorKind::Invalid, with(&|message| message.headers.insert(too_long.clone(), 1))),
        ("number of headers", ErrorKind::TooLarge, with(&|message| message.headers = many())),
        ("routing key of two lines", ErrorKind::Invalid, with(&|message| message.routing_key = "a\nb".into())),
        ("name that ends within", ErrorKind::Invalid, with(&|message| message.name = Some("a\0b".into()))),
        ("header name of two lines", ErrorKind::Invalid, with(&|message| message.headers.insert("a\rb", 1))),
    ];
    refuses(stage, refused).await
}

pub(crate) async fn a_header_that_could_steer_a_broker_is_refused(stage: &Stage<'_>) -> Verdict {
    let names = ["CC", "bcc", "x-delay", "X-Death", "cloudEvents_id", "cloudEvents:type", "ce-id", "eda-attempt"];
    let refused = names.map(|name| {
        let mut message = stage.event("a", "1");
        message.headers.insert(name, "elsewhere");
        (name, ErrorKind::Invalid, message)
    });
    refuses(stage, refused).await
}

/// Some brokers have no such numbers, and end the connection over one.
pub(crate) async fn a_float_that_is_no_number_is_refused(stage: &Stage<'_>) -> Verdict {
    let nan = HeaderValue::Float(f64::NAN);
    let table = Headers::new().with("inner", HeaderValue::List(vec![1.into(), nan.clone()]));
    let refused = [
        ("NaN", nan),
        ("infinity", HeaderValue::Float(f64::INFINITY)),
        ("negative infinity", HeaderValue::Float(f64::NEG_INFINITY)),
        ("table that holds NaN", HeaderValue::Table(table)),
    ];
    let refused = refused.map(|(what, value)| {
        let mut message = stage.event("a", "1");
        message.headers.insert("number", value);
        (what, ErrorKind::Invalid, message)
    });
    refuses(stage, refused).await
}

pub(crate) async fn a_subscription_that_no_broker_takes_is_refused(stage: &Stage<'_>) -> Verdict {
    let with = |change: &dyn Fn(&mut Subscription)| {
        let mut subscription = stage.subscription("a");
        change(&mut subscription);
        subscription
    };
    let too_long = "x".repeat(SHORT_TEXT_LIMIT + 1);
    let day = u64::try_from(DELAY_LIMIT.as_millis()).unwrap_or(u64::MAX);
    let refused = [
        ("empty queue name", with(&|subscription| subscription.queue.clear())),
        ("reserved queue name", with(&|subscription| subscription.queue.insert_str(0, "amq."))),
        ("queue name", with(&|subscription| subscription.queue.clone_from(&too_long))),
        ("service name", with(&|subscription| subscription.service = "x".repeat(SERVICE_LIMIT + 1))),
        ("service name of two lines", with(&|subscription| subscription.service = "a\nb".into())),
        ("binding", with(&|subscription| subscription.bindings.push(too_long.clone()))),
        ("queue name of two lines", with(&|subscription| subscription.queue.push_str("\r\nb"))),
        ("binding that ends within", with(&|subscription| subscription.bindings.push("a\0b".into()))),
        ("prefetch", with(&|subscription| subscription.policy.prefetch = Some(0))),
        ("delay", with(&|subscription| subscription.policy.backoff = Backoff::millis(1_000, 2 * day))),
        ("delay", with(&|subscription| subscription.policy.backoff = Backoff::millis(2 * day, 2 * day))),
    ];
    for (what, mut subscription) in refused {
        // so that doubling comes to the last one
        subscription.policy.retries = 60;
        let topology = Topology { subscriptions: vec![subscription], ..Topology::default() };
        let found = stage.transport.declare(&topology).await.map_err(|error| error.kind());
        ensure_eq!(found, Err(ErrorKind::Invalid), "declaring a subscription whose {what} is beyond the limits");
    }
    Ok(())
}

/// Each is refused, and none of them arrives.
async fn refuses<const N: usize>(stage: &Stage<'_>, messages: [(&str, ErrorKind, Message); N]) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let publisher = stage.publisher().await?;
    for (what, kind, message) in messages {
        let found = stage.send(&*publisher, message).await?.map_err(|error| error.kind());
        ensure_eq!(found, Err(kind), "sending a message whose {what} is not allowed");
    }
    stage.publish(stage.event("a", "allowed")).await?;
    consumer.expect("allowed", "what is refused is not sent").await?.ack();
    Ok(())
}
