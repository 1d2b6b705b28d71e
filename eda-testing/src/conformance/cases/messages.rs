//! What is published arrives, byte for byte; what is over a limit is refused.

use std::time::{Duration, SystemTime};

use eda_core::{EventId, HeaderValue, Headers, Message};

use crate::conformance::failed::{Verdict, ensure, ensure_eq};
use crate::conformance::stage::Stage;

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
