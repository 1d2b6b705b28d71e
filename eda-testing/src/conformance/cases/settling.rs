//! Ack, give back, drop.

use crate::conformance::failed::Verdict;
use crate::conformance::stage::Stage;

pub(crate) async fn an_ack_consumes(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish(stage.event("a", "1")).await?;
    consumer.expect("1", "what was published").await?.ack();
    consumer.expect_nothing("it was acked").await?;
    consumer.end().await?;
    let mut next = stage.subscribe(&subscription).await?;
    stage.publish(stage.event("a", "2")).await?;
    next.expect("2", "what was acked is gone, also for the next consumer").await?.ack();
    next.expect_nothing("everything was acked").await
}
