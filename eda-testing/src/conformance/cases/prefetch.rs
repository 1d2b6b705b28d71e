//! How much a consumer has in hand.

use std::time::Duration;

use crate::conformance::failed::{OrFail, Verdict};
use crate::conformance::stage::{Stage, failure};

pub(crate) async fn the_prefetch_bounds_what_is_in_hand(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    subscription.policy.prefetch = Some(3);
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all((0..10).map(|number| stage.event("a", number.to_string()))).await?;
    let mut held = consumer.take(3).await?;
    consumer.expect_nothing("three are in hand, and the prefetch is three").await?;
    held.remove(1).ack();
    held.push(consumer.expect("3", "one was settled").await?);
    consumer.expect_nothing("three are in hand again").await?;
    held.drain(..).for_each(eda_core::transport::Delivery::ack);
    held.extend(consumer.take(3).await?);
    consumer.expect_nothing("three are in hand again").await
}

/// A consumer's prefetch is its own.
pub(crate) async fn each_consumer_has_its_own_prefetch(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    subscription.policy.prefetch = Some(2);
    let (mut first, mut second) = (stage.subscribe(&subscription).await?, stage.subscribe(&subscription).await?);
    stage.publish_all((0..5).map(|number| stage.event("a", number.to_string()))).await?;
    let _held = (first.take(2).await?, second.take(2).await?);
    first.expect_nothing("both have two in hand").await?;
    second.expect_nothing("both have two in hand").await
}

pub(crate) async fn every_way_of_settling_makes_room(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    subscription.policy.prefetch = Some(1);
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all((0..4).map(|number| stage.event("a", number.to_string()))).await?;
    consumer.expect("0", "the first").await?.ack();
    consumer.expect("1", "an ack makes room").await?.give_back();
    let later = Duration::from_secs(5);
    let again = consumer.expect("1", "giving back makes room").await?;
    again.retry(later, &failure(1)).await.or_fail("the retry to be certain")?;
    let third = consumer.expect("2", "a retry makes room").await?;
    third.dead_letter(&failure(1)).await.or_fail("the dead letter to be certain")?;
    consumer.expect("3", "a dead letter makes room").await?.ack();
    Ok(())
}
