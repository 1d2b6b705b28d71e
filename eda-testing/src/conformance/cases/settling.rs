//! Ack, give back, drop.

use crate::conformance::failed::{Verdict, ensure, ensure_eq};
use crate::conformance::stage::{Stage, body_of};

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

pub(crate) async fn acks_in_any_order_consume(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all((0..100).map(|number| stage.event("a", number.to_string()))).await?;
    let mut held = consumer.take(100).await?;
    // the newest first, then the others from both ends
    while let Some(delivery) = held.pop() {
        delivery.ack();
        if held.len() % 3 == 0 && !held.is_empty() {
            held.remove(0).ack();
        }
    }
    consumer.end().await?;
    let mut next = stage.subscribe(&subscription).await?;
    stage.publish(stage.event("a", "after")).await?;
    next.expect("after", "all hundred were acked").await?.ack();
    Ok(())
}

pub(crate) async fn an_ack_consumes_no_other_delivery(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all((0..5).map(|number| stage.event("a", number.to_string()))).await?;
    let held = consumer.take(5).await?;
    let mut unsettled = Vec::new();
    for delivery in held {
        match body_of(&delivery).as_str() {
            "1" | "4" => delivery.ack(),
            _ => unsettled.push(delivery),
        }
    }
    consumer.end().await?;
    let mut next = stage.subscribe(&subscription).await?;
    let again = next.ack(3).await?;
    ensure_eq!(again, ["0", "2", "3"], "what was not acked comes again");
    drop(unsettled);
    Ok(())
}

pub(crate) async fn what_is_given_back_comes_again(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let sent = stage.event("a", "1");
    stage.publish(sent.clone()).await?;
    consumer.next().await?.give_back();
    let again = consumer.next().await?;
    ensure_eq!(**again.message(), sent, "what was given back, unchanged");
    ensure!(again.redelivered(), "expected redelivered to be set on what was given back");
    again.ack();
    consumer.expect_nothing("it was acked").await
}

pub(crate) async fn what_is_dropped_comes_again(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let sent = stage.event("a", "1");
    stage.publish(sent.clone()).await?;
    drop(consumer.next().await?);
    let again = consumer.next().await?;
    ensure_eq!(**again.message(), sent, "what was dropped, unchanged");
    ensure!(again.redelivered(), "expected redelivered to be set on what was dropped");
    again.ack();
    consumer.expect_nothing("it was acked").await
}

/// As when a handler panics: nothing else may be lost on the way.
pub(crate) async fn a_batch_that_is_dropped_comes_again(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish_all((0..20).map(|number| stage.event("a", number.to_string()))).await?;
    drop(consumer.take(20).await?);
    let mut again = Vec::new();
    for delivery in consumer.take(20).await? {
        again.push(body_of(&delivery).parse::<u32>().unwrap_or(u32::MAX));
        delivery.ack();
    }
    again.sort_unstable();
    ensure_eq!(again, (0..20).collect::<Vec<_>>(), "everything that was dropped");
    consumer.expect_nothing("everything was acked").await
}
