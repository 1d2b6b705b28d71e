//! A dead letter is kept with its reason and the original.

use std::time::{Duration, SystemTime};

use eda_core::transport::{FailureRecord, Reason};

use crate::conformance::failed::{Failed, OrFail, Verdict, ensure, ensure_eq};
use crate::conformance::setup::DeadLetter;
use crate::conformance::stage::{Stage, failure};

pub(crate) async fn a_dead_letter_keeps_the_reason_and_the_original(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    let mut sent = stage.event("a", "\u{0}no json");
    sent.headers.insert("tenant", "acme");
    sent.partition_key = Some("order 7".into());
    stage.publish(sent.clone()).await?;
    let failure = FailureRecord { reason: Reason::Undecodable, ..failure(1) };
    consumer.next().await?.dead_letter(&failure).await.or_fail("the dead letter to be certain")?;
    let letter = only(dead_letters(stage, &subscription.queue).await?)?;
    ensure_eq!(letter.message, sent, "the original");
    same_failure(&letter.failure, &failure)?;
    consumer.expect_nothing("a dead letter is gone from its queue").await?;
    consumer.end().await?;
    let mut next = stage.subscribe(&subscription).await?;
    stage.publish(stage.event("a", "2")).await?;
    next.expect("2", "a dead letter is gone from its queue").await?.ack();
    Ok(())
}

pub(crate) async fn every_reason_is_kept(stage: &Stage<'_>) -> Verdict {
    const REASONS: [Reason; 10] = [
        Reason::Transient,
        Reason::Permanent,
        Reason::Panicked,
        Reason::TimedOut,
        Reason::Undecodable,
        Reason::UnknownEvent,
        Reason::UnknownContentType,
        Reason::UnknownVersion,
        Reason::TooLarge,
        Reason::Unpublished,
    ];
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    for reason in REASONS {
        stage.publish(stage.event("a", reason.as_str())).await?;
        let record = FailureRecord { reason, ..failure(1) };
        let delivery = consumer.expect(reason.as_str(), "what was published").await?;
        delivery.dead_letter(&record).await.or_fail("the dead letter to be certain")?;
    }
    let found = dead_letters(stage, &subscription.queue).await?;
    let body = |letter: &DeadLetter| String::from_utf8_lossy(&letter.message.body).into_owned();
    let found: Vec<_> = found.iter().map(|letter| (letter.failure.reason, body(letter))).collect();
    let expected: Vec<_> = REASONS.into_iter().map(|reason| (reason, reason.to_string())).collect();
    ensure_eq!(found, expected, "the dead letters, oldest first");
    Ok(())
}

pub(crate) async fn a_long_detail_is_kept(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish(stage.event("a", "1")).await?;
    let detail = "ü\n".repeat(FailureRecord::DETAIL_LIMIT / 3);
    let failure = FailureRecord { detail, ..failure(1) };
    consumer.next().await?.dead_letter(&failure).await.or_fail("the dead letter to be certain")?;
    same_failure(&only(dead_letters(stage, &subscription.queue).await?)?.failure, &failure)
}

pub(crate) async fn a_dead_letter_after_retries_tells_the_last_failure(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    let sent = stage.event("a", "1");
    stage.publish(sent.clone()).await?;
    let first = FailureRecord { reason: Reason::TimedOut, ..failure(1) };
    let delivery = consumer.next().await?;
    delivery.retry(Duration::from_millis(100), &first).await.or_fail("the retry to be certain")?;
    let last = FailureRecord { reason: Reason::Permanent, detail: "declined".into(), ..failure(2) };
    consumer.next().await?.dead_letter(&last).await.or_fail("the dead letter to be certain")?;
    let letter = only(dead_letters(stage, &subscription.queue).await?)?;
    ensure_eq!(letter.message, sent, "the original");
    same_failure(&letter.failure, &last)
}

async fn dead_letters(stage: &Stage<'_>, queue: &str) -> Verdict<Vec<DeadLetter>> {
    stage.setup.dead_letters(queue).await.or_fail("the dead letters to be shown")
}

fn only(letters: Vec<DeadLetter>) -> Verdict<DeadLetter> {
    <[_; 1]>::try_from(letters)
        .map(|[letter]| letter)
        .map_err(|letters| Failed(format!("expected one dead letter, found {letters:?}")))
}

fn same_failure(found: &FailureRecord, expected: &FailureRecord) -> Verdict {
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    ensure!(
        seconds(found.failed_at) == seconds(expected.failed_at),
        "when it failed: expected {:?}, found {:?}",
        expected.failed_at,
        found.failed_at
    );
    let found = FailureRecord { failed_at: expected.failed_at, ..found.clone() };
    ensure_eq!(found, *expected, "the failure");
    Ok(())
}
