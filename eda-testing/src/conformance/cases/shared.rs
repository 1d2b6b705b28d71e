//! Several subscriptions of one event, several consumers of one subscription.

use std::collections::BTreeMap;

use crate::conformance::failed::{Verdict, ensure, ensure_eq};
use crate::conformance::stage::{Stage, body_of};

pub(crate) async fn two_subscriptions_both_get_it(stage: &Stage<'_>) -> Verdict {
    let (first, mut second) = (stage.subscription("a"), stage.subscription("b"));
    second.bindings.clone_from(&first.bindings);
    let (mut first, mut second) = (stage.subscribe(&first).await?, stage.subscribe(&second).await?);
    for body in ["1", "2"] {
        stage.publish(stage.event("a", body)).await?;
    }
    for (name, consumer) in [("first", &mut first), ("second", &mut second)] {
        for body in ["1", "2"] {
            consumer.expect(body, &format!("the {name} subscription gets everything, too")).await?.ack();
        }
        consumer.expect_nothing(&format!("the {name} subscription gets it once")).await?;
    }
    Ok(())
}

pub(crate) async fn two_consumers_of_one_subscription_share_it(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    subscription.policy.prefetch = Some(1);
    let (mut first, mut second) = (stage.subscribe(&subscription).await?, stage.subscribe(&subscription).await?);
    for number in 0..10 {
        stage.publish(stage.event("a", number.to_string())).await?;
    }
    let mut seen = BTreeMap::<String, usize>::new();
    // each holds one while the other takes: neither gets everything
    for _ in 0..5 {
        let (one, other) = (first.next().await?, second.next().await?);
        for delivery in [one, other] {
            *seen.entry(body_of(&delivery)).or_default() += 1;
            delivery.ack();
        }
    }
    ensure!(seen.len() == 10, "expected ten messages, each at one consumer, found {seen:?}");
    first.expect_nothing("everything was acked").await?;
    second.expect_nothing("everything was acked").await
}

/// A consumer of another connection is of the same group.
pub(crate) async fn what_one_consumer_leaves_another_takes(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut first = stage.subscribe(&subscription).await?;
    for body in ["1", "2", "3"] {
        stage.publish(stage.event("a", body)).await?;
    }
    let (one, two) = (first.next().await?, first.next().await?);
    let other = stage.connect().await?;
    let mut second = stage.consume(&*other, &subscription).await?;
    one.ack();
    two.give_back();
    first.end().await?;
    let mut rest = BTreeMap::new();
    for _ in 0..2 {
        let delivery = second.next().await?;
        rest.insert(body_of(&delivery), delivery.redelivered());
        delivery.ack();
    }
    ensure_eq!(rest.keys().collect::<Vec<_>>(), ["2", "3"], "what the first consumer did not ack");
    ensure!(rest["2"], "expected redelivered to be set on what was given back");
    second.expect_nothing("everything was acked").await
}
