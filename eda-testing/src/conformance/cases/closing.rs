//! Drain and close: nothing is lost, nothing hangs.

use std::collections::BTreeMap;
use std::time::Duration;

use eda_core::ErrorKind;
use eda_core::transport::{Delivery, Transport};
use tokio::time::timeout;

use crate::conformance::failed::{OrFail, Verdict, ensure, ensure_eq};
use crate::conformance::stage::{Stage, body_of, failure};

/// Cancel, settle, close: in this order nothing comes twice.
pub(crate) async fn a_drain_settles_what_is_in_hand_and_gives_back_the_rest(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all((0..10).map(|number| stage.event("a", number.to_string()))).await?;
    let held = consumer.take(2).await?;
    consumer.deliveries.cancel().await.or_fail("the subscription to be cancelled")?;
    ensure_eq!(consumer.receive(&mut Vec::new(), 1).await?, 0, "deliveries after the subscription was cancelled");
    held.into_iter().for_each(Delivery::ack);
    consumer.end().await?;
    let mut next = stage.subscribe(&subscription).await?;
    let rest = next.ack(8).await?;
    ensure_eq!(rest, (2..10).map(|number| number.to_string()).collect::<Vec<_>>(), "what was not in hand");
    next.expect_nothing("two were settled").await
}

pub(crate) async fn what_is_unsettled_when_the_subscription_closes_comes_again(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all((0..4).map(|number| stage.event("a", number.to_string()))).await?;
    let held = consumer.take(3).await?;
    consumer.end().await?;
    let mut next = stage.subscribe(&subscription).await?;
    let again = next.ack(4).await?;
    ensure_eq!(again, ["0", "1", "2", "3"], "what nobody has settled");
    drop(held);
    Ok(())
}

/// As when the task that consumes is aborted.
pub(crate) async fn dropping_a_subscription_gives_back_what_it_had(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all((0..4).map(|number| stage.event("a", number.to_string()))).await?;
    let held = consumer.take(2).await?;
    drop(consumer);
    drop(held);
    let mut next = stage.subscribe(&subscription).await?;
    let again = next.ack(4).await?;
    ensure_eq!(again, ["0", "1", "2", "3"], "what nobody has settled");
    Ok(())
}

pub(crate) async fn settling_after_the_close_changes_nothing(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all((0..4).map(|number| stage.event("a", number.to_string()))).await?;
    let mut late = consumer.take(4).await?;
    consumer.end().await?;
    let mut next = stage.subscribe(&subscription).await?;
    // before and after they were handed out again
    for _ in 0..2 {
        late.pop().into_iter().for_each(Delivery::ack);
    }
    let again = next.take(4).await?;
    late.pop().into_iter().for_each(Delivery::ack);
    late.pop().into_iter().for_each(Delivery::give_back);
    next.expect_nothing("all four are in hand").await?;
    let mut bodies = again.iter().map(body_of).collect::<Vec<_>>();
    bodies.sort_unstable();
    ensure_eq!(bodies, ["0", "1", "2", "3"], "what was not settled before the close");
    again.into_iter().for_each(Delivery::ack);
    next.expect_nothing("everything was acked").await
}

/// The copy would be one too many, and there is nothing left to move: it is an error, and it comes again.
pub(crate) async fn a_retry_or_dead_letter_after_the_close_is_an_error(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish_all(["1", "2"].map(|body| stage.event("a", body))).await?;
    let (first, second) = (consumer.next().await?, consumer.next().await?);
    consumer.end().await?;
    let retried = timeout(stage.patience(), first.retry(Duration::from_millis(100), &failure(1))).await;
    ensure!(stage.in_time(retried, "an end of the retry")?.is_err(), "expected an error of the late retry, found none");
    let moved = timeout(stage.patience(), second.dead_letter(&failure(1))).await;
    ensure!(stage.in_time(moved, "an end of the dead letter")?.is_err(), "expected an error of the late dead letter");
    let mut next = stage.subscribe(&subscription).await?;
    let again = next.ack(2).await?;
    ensure_eq!(again, ["1", "2"], "what was not settled before the close");
    next.expect_nothing("each comes again once").await
}

pub(crate) async fn consumers_that_come_and_go_lose_and_double_nothing(stage: &Stage<'_>) -> Verdict {
    const COUNT: usize = 2_000;
    const ROUNDS: usize = 20;
    let subscription = stage.subscription("a");
    stage.declare(&subscription).await?;
    stage.publish_all((0..COUNT).map(|number| stage.event("a", number.to_string()))).await?;
    let mut seen = BTreeMap::<String, usize>::new();
    for _ in 0..ROUNDS {
        let mut consumer = stage.consume(&*stage.transport, &subscription).await?;
        let mut held = Vec::new();
        for (index, delivery) in consumer.take(COUNT / ROUNDS).await?.into_iter().enumerate() {
            *seen.entry(body_of(&delivery)).or_default() += 1;
            // some are still being handled when the drain begins
            if index % 5 == 0 { held.push(delivery) } else { delivery.ack() }
        }
        consumer.deliveries.cancel().await.or_fail("the subscription to be cancelled")?;
        held.into_iter().for_each(Delivery::ack);
        consumer.end().await?;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).take(5).collect();
    ensure!(twice.is_empty(), "expected nothing twice, found {twice:?} …");
    ensure_eq!(seen.len(), COUNT, "how many came");
    stage.subscribe(&subscription).await?.expect_nothing("everything was acked").await
}

pub(crate) async fn a_close_ends_a_receive_that_waits(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let (mut batch, mut closing) = (Vec::new(), Box::pin(close(stage, &*stage.transport)));
    let waiting = consumer.receive(&mut batch, 1);
    let (received, closed) = tokio::join!(waiting, async {
        tokio::task::yield_now().await;
        closing.as_mut().await
    });
    closed?;
    ensure_eq!(received?, 0, "deliveries at the close");
    Ok(())
}

pub(crate) async fn closing_twice_is_no_error(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    for time in ["first", "second"] {
        consumer.deliveries.cancel().await.or_fail(format_args!("the {time} cancel to be no error"))?;
    }
    for time in ["first", "second"] {
        consumer.deliveries.close().await.or_fail(format_args!("the {time} close of a subscription to be no error"))?;
    }
    consumer.deliveries.cancel().await.or_fail("a cancel after the close to be no error")?;
    close(stage, &*stage.transport).await?;
    close(stage, &*stage.transport).await?;
    consumer.deliveries.close().await.or_fail("the close of a subscription after its transport's to be no error")
}

pub(crate) async fn a_closed_transport_says_so(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    let publisher = stage.publisher().await?;
    close(stage, &*stage.transport).await?;
    ensure_eq!(consumer.receive(&mut Vec::new(), 1).await?, 0, "deliveries after the close");
    let sent = stage.send(&*publisher, stage.event("a", "1")).await?;
    ensure_eq!(sent.map_err(|error| error.kind()), Err(ErrorKind::Closed), "sending after the close");
    let publisher = timeout(stage.patience(), stage.transport.publisher()).await;
    let found = stage.in_time(publisher, "an end of `publisher`")?.err().map(|error| error.kind());
    ensure_eq!(found, Some(ErrorKind::Closed), "a publisher after the close");
    let consumer = timeout(stage.patience(), stage.transport.subscribe(&subscription)).await;
    let found = stage.in_time(consumer, "an end of `subscribe`")?.err().map(|error| error.kind());
    ensure_eq!(found, Some(ErrorKind::Closed), "a consumer after the close");
    Ok(())
}

/// Handlers that are still running settle what is not there any more.
pub(crate) async fn a_close_while_handlers_run_returns(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish_all((0..10).map(|number| stage.event("a", number.to_string()))).await?;
    let mut held = consumer.take(5).await?;
    close(stage, &*stage.transport).await?;
    held.pop().into_iter().for_each(Delivery::ack);
    held.pop().into_iter().for_each(Delivery::give_back);
    if let Some(delivery) = held.pop() {
        let retried = timeout(stage.patience(), delivery.retry(Duration::from_millis(100), &failure(1))).await;
        ensure!(stage.in_time(retried, "an end of the retry")?.is_err(), "expected an error of the late retry");
    }
    drop(held);
    // what had arrived may still be handed out; then it ends
    let mut late = Vec::new();
    while consumer.receive(&mut late, 64).await? > 0 {}
    let closing = timeout(stage.patience(), consumer.deliveries.close()).await;
    // what it could still say is that the transport is closed
    drop(stage.in_time(closing, "an end of the subscription's close")?);
    Ok(())
}

pub(crate) async fn what_was_in_hand_when_the_transport_closed_comes_again(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    stage.declare(&subscription).await?;
    let other = stage.connect().await?;
    let mut consumer = stage.consume(&*other, &subscription).await?;
    stage.publish_all((0..10).map(|number| stage.event("a", number.to_string()))).await?;
    let held = consumer.take(5).await?;
    close(stage, &*other).await?;
    held.into_iter().for_each(Delivery::ack);
    drop(consumer);
    let mut again = std::collections::BTreeSet::new();
    let mut next = stage.subscribe(&subscription).await?;
    while again.len() < 10 {
        let delivery = next.next().await?;
        again.insert(body_of(&delivery));
        delivery.ack();
    }
    next.expect_nothing("everything was acked").await
}

/// Messages, acks, retries and dead letters that were certain before the close are so after it.
pub(crate) async fn what_is_certain_outlives_the_connection(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    stage.declare(&subscription).await?;
    let other = stage.connect().await?;
    let publisher = other.publisher().await.or_fail("a publisher")?;
    let events = (0..100).map(|number| stage.event("a", number.to_string()));
    stage.publish_all_by(&*publisher, events).await?;
    let mut consumer = stage.consume(&*other, &subscription).await?;
    let mut held = consumer.take(52).await?;
    for delivery in held.drain(..50) {
        delivery.ack();
    }
    for (delivery, is_retry) in held.into_iter().zip([true, false]) {
        let (delay, failure) = (Duration::from_millis(500), failure(1));
        let moved = if is_retry { delivery.retry(delay, &failure).await } else { delivery.dead_letter(&failure).await };
        moved.or_fail("the copy to be certain")?;
    }
    consumer.end().await?;
    close(stage, &*other).await?;
    let third = stage.connect().await?;
    let mut consumer = stage.consume(&*third, &subscription).await?;
    let mut rest = BTreeMap::new();
    while rest.len() < 49 {
        let delivery = consumer.next().await?;
        let body = body_of(&delivery);
        ensure!(rest.insert(body.clone(), delivery.attempt()).is_none(), "expected each once, found `{body}` twice");
        delivery.ack();
    }
    let missing: Vec<_> =
        (52..100).map(|number: u32| number.to_string()).filter(|body| !rest.contains_key(body)).collect();
    ensure!(missing.is_empty(), "expected what was confirmed, found that these are missing: {missing:?}");
    ensure_eq!(rest.get("50"), Some(&2), "the attempt of the retry");
    let letters = stage.setup.dead_letters(&subscription.queue).await.or_fail("the dead letters to be shown")?;
    ensure_eq!(
        letters.iter().map(|letter| &letter.message.body[..]).collect::<Vec<_>>(),
        [b"51"],
        "the bodies of the dead letters"
    );
    consumer.expect_nothing("everything was settled").await
}

async fn close(stage: &Stage<'_>, transport: &dyn Transport) -> Verdict {
    let closing = timeout(stage.patience(), transport.close()).await;
    stage.in_time(closing, "an end of the transport's close")?.or_fail("the transport to close")
}
