//! A retry comes back after its delay, and not before.

use std::time::Duration;

use eda_core::ErrorKind;
use tokio::time::Instant;

use crate::conformance::failed::{OrFail, Verdict, ensure, ensure_eq};
use crate::conformance::stage::{Stage, failure};

const DELAY: Duration = Duration::from_millis(400);

pub(crate) async fn a_retry_comes_after_its_delay_and_not_before(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let mut sent = stage.event("a", "1");
    sent.headers.insert("tenant", "acme");
    sent.correlation_id = Some("correlation-1".into());
    stage.publish(sent.clone()).await?;
    let mut delivery = consumer.next().await?;
    for attempt in 1..=3 {
        ensure_eq!(delivery.attempt(), attempt, "the attempt's number");
        let began = Instant::now();
        delivery.retry(DELAY, &failure(attempt)).await.or_fail("the retry to be certain")?;
        delivery = consumer.next().await?;
        let waited = began.elapsed();
        ensure!(waited >= DELAY, "expected the retry not before {DELAY:?}, found it after {waited:?}");
        ensure_eq!(**delivery.message(), sent, "the message that is tried again");
    }
    ensure_eq!(delivery.attempt(), 4, "the attempt's number");
    delivery.ack();
    consumer.expect_nothing("it was acked").await
}

pub(crate) async fn a_retry_holds_up_nobody(stage: &Stage<'_>) -> Verdict {
    let mut subscription = stage.subscription("a");
    subscription.policy.prefetch = Some(1);
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all(["1", "2", "3"].map(|body| stage.event("a", body))).await?;
    let first = consumer.expect("1", "the first").await?;
    first.retry(Duration::from_secs(2), &failure(1)).await.or_fail("the retry to be certain")?;
    for body in ["2", "3"] {
        consumer.expect(body, "what is behind a retry does not wait for it").await?.ack();
    }
    let again = consumer.expect("1", "the retry comes, too").await?;
    ensure_eq!(again.attempt(), 2, "the attempt's number");
    again.ack();
    Ok(())
}

pub(crate) async fn a_short_delay_overtakes_a_long_one(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish_all(["long", "short"].map(|body| stage.event("a", body))).await?;
    let (long, short) = (consumer.next().await?, consumer.next().await?);
    let (began, delay) = (Instant::now(), Duration::from_secs(3));
    long.retry(delay, &failure(1)).await.or_fail("the retry to be certain")?;
    short.retry(DELAY, &failure(1)).await.or_fail("the retry to be certain")?;
    consumer.expect("short", "what is due first comes first").await?.ack();
    ensure!(began.elapsed() < delay, "expected the short delay to end before the long one");
    consumer.expect("long", "the long delay ends, too").await?.ack();
    ensure!(began.elapsed() >= delay, "expected the long delay not before {delay:?}, found {:?}", began.elapsed());
    Ok(())
}

pub(crate) async fn a_retry_comes_to_its_own_queue_alone(stage: &Stage<'_>) -> Verdict {
    let (first, mut second) = (stage.subscription("a"), stage.subscription("b"));
    second.bindings.clone_from(&first.bindings);
    let (mut first, mut second) = (stage.subscribe(&first).await?, stage.subscribe(&second).await?);
    stage.publish(stage.event("a", "1")).await?;
    second.expect("1", "both subscriptions get it").await?.ack();
    let failed = first.expect("1", "both subscriptions get it").await?;
    failed.retry(DELAY, &failure(1)).await.or_fail("the retry to be certain")?;
    first.expect("1", "the retry").await?.ack();
    second.expect_nothing("the other subscription did not fail").await
}

pub(crate) async fn a_retry_outlives_its_consumer(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish(stage.event("a", "1")).await?;
    let (began, delivery) = (Instant::now(), consumer.next().await?);
    delivery.retry(DELAY, &failure(1)).await.or_fail("the retry to be certain")?;
    consumer.end().await?;
    let again = stage.subscribe(&subscription).await?.expect("1", "the retry, at another consumer").await?;
    ensure!(began.elapsed() >= DELAY, "expected the retry not before {DELAY:?}, found it after {:?}", began.elapsed());
    ensure_eq!(again.attempt(), 2, "the attempt's number");
    again.ack();
    Ok(())
}

/// As when a whole service fails: none is lost among many.
pub(crate) async fn many_retries_all_come_back(stage: &Stage<'_>) -> Verdict {
    const COUNT: usize = 200;
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish_all((0..COUNT).map(|number| stage.event("a", number.to_string()))).await?;
    for (number, delivery) in consumer.take(COUNT).await?.into_iter().enumerate() {
        let delay = Duration::from_millis([100, 200, 400][number % 3]);
        delivery.retry(delay, &failure(1)).await.or_fail("the retry to be certain")?;
    }
    let mut again = std::collections::BTreeSet::new();
    for delivery in consumer.take(COUNT).await? {
        ensure_eq!(delivery.attempt(), 2, "the attempt's number");
        again.insert(delivery.message().body.clone());
        delivery.ack();
    }
    ensure_eq!(again.len(), COUNT, "how many came back, each once");
    consumer.expect_nothing("everything was acked").await
}

pub(crate) async fn a_delay_over_the_longest_is_refused_and_it_comes_again(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish(stage.event("a", "1")).await?;
    let days = Duration::from_secs(2 * 24 * 60 * 60);
    let found = consumer.next().await?.retry(days, &failure(1)).await.map_err(|error| error.kind());
    ensure_eq!(found, Err(ErrorKind::Invalid), "a retry after two days");
    let again = consumer.expect("1", "it was given back").await?;
    ensure!(again.redelivered(), "expected redelivered to be set on what was given back");
    again.ack();
    Ok(())
}
