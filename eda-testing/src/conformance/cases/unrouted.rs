//! What no queue is bound for: parked, or an error for its publisher.

use eda_core::ErrorKind;
use eda_core::transport::Unrouted;

use crate::conformance::failed::{OrFail, Verdict, ensure, ensure_eq};
use crate::conformance::setup::Options;
use crate::conformance::stage::Stage;

pub(crate) async fn an_unroutable_message_is_parked(stage: &Stage<'_>) -> Verdict {
    let sent = stage.event("nobody", "kept");
    stage.publish(sent.clone()).await?;
    let parked = stage.setup.parked(&sent.routing_key).await.or_fail("the parked messages to be shown")?;
    ensure!(parked.len() == 1, "expected the message once among the parked ones, found {parked:?}");
    ensure_eq!(parked[0], sent, "the parked message");
    Ok(())
}

pub(crate) async fn an_unroutable_message_is_an_error(stage: &Stage<'_>) -> Verdict {
    let strict = stage.connect_with(&Options { unrouted: Unrouted::Reject }).await?;
    let publisher = strict.publisher().await.or_fail("a publisher")?;
    let found = stage.send(&*publisher, stage.event("nobody", "1")).await?;
    ensure_eq!(found.map_err(|error| error.kind()), Err(ErrorKind::Unroutable), "sending what no queue is bound for");
    // the strict one routes as the other does
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.send(&*publisher, stage.event("a", "2")).await?.or_fail("a message with a queue to be confirmed")?;
    consumer.expect("2", "what a queue is bound for").await?.ack();
    Ok(())
}

/// With many in flight each word belongs to its own message.
pub(crate) async fn of_many_in_flight_the_unroutable_ones_are_errors(stage: &Stage<'_>) -> Verdict {
    const COUNT: u32 = 2_000;
    let strict = stage.connect_with(&Options { unrouted: Unrouted::Reject }).await?;
    let publisher = strict.publisher().await.or_fail("a publisher")?;
    stage.declare(&stage.subscription("a")).await?;
    // no pattern that a batch could hide
    let is_wanted = |number: u32| number.wrapping_mul(2_654_435_761) & 0x1000 == 0;
    let mut receipts = Vec::new();
    for number in 0..COUNT {
        let what = if is_wanted(number) { "a" } else { "nobody" };
        receipts.push(publisher.send(stage.event(what, number.to_string())).await.or_fail("room for a message")?);
    }
    for (number, receipt) in (0..COUNT).zip(receipts) {
        let word = stage.word(receipt).await?.map_err(|error| error.kind());
        let expected = if is_wanted(number) { Ok(()) } else { Err(ErrorKind::Unroutable) };
        ensure_eq!(word, expected, "the word on message {number} of {COUNT}");
    }
    Ok(())
}
