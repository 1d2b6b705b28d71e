//! Which queues a message goes to.

use eda_core::{ErrorKind, Topology};

use crate::conformance::failed::{OrFail, Verdict, ensure, ensure_eq};
use crate::conformance::stage::Stage;

/// What patterns take, below a first segment that is this run's own.
const PATTERNS: [(&str, &[&str]); 8] = [
    ("order.*", &["order.created", "order.paid"]),
    ("order.#", &["order", "order.created", "order.paid", "order.paid.late", "order.eu.paid.late"]),
    ("*", &["order", "payment"]),
    ("*.paid", &["order.paid", "payment.paid"]),
    ("#.late", &["order.paid.late", "order.eu.paid.late"]),
    ("order.*.paid.#", &["order.eu.paid.late"]),
    ("order.#.paid.#", &["order.paid", "order.paid.late", "order.eu.paid.late"]),
    ("order.paid", &["order.paid"]),
];
const KEYS: [&str; 8] = [
    "order",
    "payment",
    "order.created",
    "order.paid",
    "payment.paid",
    "order.paid.late",
    "order.eu.paid.late",
    "other.thing",
];

pub(crate) async fn a_star_is_one_segment_and_a_hash_any_number(stage: &Stage<'_>) -> Verdict {
    let own = stage.name("pattern");
    let mut consumers = Vec::new();
    for (index, (pattern, taken)) in PATTERNS.into_iter().enumerate() {
        let mut subscription = stage.subscription(&format!("p{index}"));
        subscription.bindings = vec![format!("{own}.{pattern}")];
        consumers.push((pattern, taken, stage.subscribe(&subscription).await?));
    }
    let mut message = stage.event("unused", "");
    for key in KEYS {
        message.routing_key = format!("{own}.{key}").into();
        message.body = key.into();
        stage.publish(message.clone()).await?;
    }
    for (pattern, taken, consumer) in &mut consumers {
        for key in *taken {
            consumer.expect(key, &format!("`{pattern}` takes `{key}`, in the order of publishing")).await?.ack();
        }
    }
    for (pattern, _, mut consumer) in consumers {
        consumer.expect_nothing(&format!("`{pattern}` takes nothing else")).await?;
    }
    Ok(())
}

pub(crate) async fn a_binding_without_wildcards_takes_its_own_key_alone(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let key = stage.key("a");
    let mut message = stage.event("a", "another");
    for other in [key.to_uppercase(), format!("{key}.more"), format!("more.{key}"), key[..key.len() - 1].to_owned()] {
        message.routing_key = other.into();
        stage.publish(message.clone()).await?;
    }
    stage.publish(stage.event("a", "its own")).await?;
    consumer.expect("its own", "no other key leads here").await?.ack();
    consumer.expect_nothing("no other key leads here").await
}

pub(crate) async fn a_queue_gets_a_message_once_however_many_bindings_match(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    subscription.bindings = vec![stage.key("a"), format!("{}.*", stage.name("a")), format!("{}.#", stage.name("a"))];
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish(stage.event("a", "1")).await?;
    stage.publish(stage.event("a", "2")).await?;
    for body in ["1", "2"] {
        consumer.expect(body, "each message once").await?.ack();
    }
    consumer.expect_nothing("each message once").await
}

pub(crate) async fn several_bindings_lead_into_one_queue(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    subscription.bindings.push(stage.key("b"));
    let mut consumer = stage.subscribe(&subscription).await?;
    for what in ["a", "b", "a"] {
        stage.publish(stage.event(what, what)).await?;
    }
    for what in ["a", "b", "a"] {
        consumer.expect(what, "both keys lead here, in the order of publishing").await?.ack();
    }
    Ok(())
}

pub(crate) async fn a_message_waits_for_its_first_consumer(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    stage.declare(&subscription).await?;
    stage.publish(stage.event("a", "1")).await?;
    let mut consumer = stage.subscribe(&subscription).await?;
    consumer.expect("1", "what was published before anybody consumed").await?.ack();
    Ok(())
}

pub(crate) async fn declaring_again_keeps_what_is_there(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    stage.declare(&subscription).await?;
    stage.publish(stage.event("a", "1")).await?;
    stage.declare(&subscription).await?;
    subscription.bindings.push(stage.key("b"));
    let mut consumer = stage.subscribe(&subscription).await?;
    consumer.expect("1", "what was there before the queue was declared again").await?.ack();
    stage.publish(stage.event("b", "2")).await?;
    consumer.expect("2", "what the new binding leads here").await?.ack();
    stage.publish(stage.event("a", "3")).await?;
    consumer.expect("3", "what the first binding still leads here").await?.ack();
    consumer.expect_nothing("each message once").await
}

pub(crate) async fn a_foreign_queue_is_taken_as_it_is(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    let declared = stage.setup.declare_foreign(&subscription.queue).await;
    declared.or_fail("a foreign queue")?;
    subscription.declare = false;
    subscription.bindings = Vec::new();
    let mut consumer = stage.subscribe(&subscription).await?;
    let body = br#"{"event_type": "OrderCreated", "order_id": 123}"#;
    let sent = stage.setup.send_foreign(&subscription.queue, body).await;
    sent.or_fail("a foreign producer")?;
    let delivery = consumer.next().await?;
    ensure!(delivery.message().body == body[..], "expected the body as it was sent, found {:?}", delivery.message());
    ensure_eq!(delivery.attempt(), 1, "the attempt of a first delivery");
    drop(delivery);
    let again = consumer.next().await?;
    ensure!(again.message().body == body[..], "expected it again after it was dropped, found {:?}", again.message());
    again.ack();
    consumer.expect_nothing("it was acked").await
}

pub(crate) async fn a_foreign_queue_that_is_missing_is_told(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    subscription.declare = false;
    let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
    let found = stage.transport.declare(&topology).await;
    ensure_eq!(found.as_ref().map_err(eda_core::Error::kind), Err(ErrorKind::NotFound), "declaring what is not ours");
    let text = found.map_or_else(|error| error.to_string(), |()| String::new());
    ensure!(text.contains(&subscription.queue), "expected the error to name the queue, found: {text}");
    Ok(())
}
