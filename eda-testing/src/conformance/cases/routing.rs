//! Which queues a message goes to, and which consumer of a queue gets it.

use crate::conformance::failed::{Verdict, ensure_eq};
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
