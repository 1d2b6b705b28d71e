//! Connections that are lost, brokers that are away, consumers that the broker ends: nothing is lost, nothing hangs.

use std::collections::BTreeSet;
use std::time::Duration;

use eda_core::transport::{ConsumerStatus, Delivery, Publish};
use eda_core::{ErrorKind, Message};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::conformance::failed::{OrFail, Verdict, ensure, ensure_eq};
use crate::conformance::stage::{Consumer, Stage, body_of, failure};

const COUNT: usize = 10_000;

/// Whoever publishes is told in time, and is never told that all is well.
pub(crate) async fn a_publish_without_a_broker_is_an_error_in_time(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let publisher = stage.publisher().await?;
    stage.publish_all_by(&*publisher, [stage.event("a", "before")]).await?;
    consumer.expect("before", "what was published before").await?.ack();
    let mut status = consumer.deliveries.status();
    status.borrow_and_update();
    stage.setup.set_reachable(false).await.or_fail("the broker to be taken away")?;
    // a connection may take a moment to notice; what it still takes over must arrive
    until(stage, &mut status, "not ready", |status| !status.is_ready()).await?;
    let sent = stage.event("a", "meanwhile");
    let word = stage.send(&*publisher, sent.clone()).await?.map_err(|error| error.kind());
    ensure!(
        matches!(word, Err(ErrorKind::Unavailable | ErrorKind::Unconfirmed)),
        "expected a publish without a broker to be `Unavailable` or `Unconfirmed`, found {word:?}"
    );
    stage.setup.set_reachable(true).await.or_fail("the broker to be given back")?;
    publish_for_certain(stage, &*publisher, vec![sent.clone()], None).await?;
    let delivery = next_but(&mut consumer, "before").await?;
    ensure_eq!(body_of(&delivery), "meanwhile", "what was sent again");
    ensure_eq!(delivery.message().id, sent.id, "the id of what was sent again");
    delivery.ack();
    Ok(())
}

pub(crate) async fn a_publish_goes_through_when_the_broker_is_back(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let publisher = stage.publisher().await?;
    stage.setup.set_reachable(false).await.or_fail("the broker to be taken away")?;
    let events = (0..100).map(|number| stage.event("a", number.to_string())).collect();
    let (sent, reachable) = tokio::join!(publish_for_certain(stage, &*publisher, events, None), async {
        tokio::task::yield_now().await;
        stage.setup.set_reachable(true).await.or_fail("the broker to be given back")
    });
    reachable?;
    sent?;
    everything(&mut consumer, 100, None).await
}

pub(crate) async fn nothing_is_lost_when_the_connection_is_lost_while_publishing(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    stage.declare(&subscription).await?;
    let publisher = stage.publisher().await?;
    let events: Vec<_> = (0..COUNT).map(|number| stage.event("a", number.to_string())).collect();
    for (index, chunk) in events.chunks(COUNT / 20).enumerate() {
        let cut = [2, 9, 15].contains(&index).then_some(stage);
        publish_for_certain(stage, &*publisher, chunk.to_vec(), cut).await?;
    }
    everything(&mut stage.subscribe(&subscription).await?, COUNT, None).await
}

pub(crate) async fn nothing_is_lost_when_the_connection_is_lost_while_consuming(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish_all((0..COUNT).map(|number| stage.event("a", number.to_string()))).await?;
    everything(&mut consumer, COUNT, Some(stage)).await
}

pub(crate) async fn what_was_in_hand_when_the_connection_was_lost_comes_again(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish_all((0..5).map(|number| stage.event("a", number.to_string()))).await?;
    let mut old = consumer.take(5).await?;
    let mut status = consumer.deliveries.status();
    status.borrow_and_update();
    stage.setup.cut_connections().await.or_fail("the connections to be cut")?;
    again_ready(stage, &mut status).await?;
    // what these say is of a connection that is gone
    old.pop().into_iter().for_each(Delivery::ack);
    drop(old);
    everything(&mut consumer, 5, None).await
}

pub(crate) async fn a_retry_while_the_connection_is_lost_loses_nothing(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish(stage.event("a", "1")).await?;
    let (delivery, failure) = (consumer.next().await?, failure(1));
    stage.setup.set_reachable(false).await.or_fail("the broker to be taken away")?;
    let retrying = timeout(stage.patience(), delivery.retry(Duration::from_millis(100), &failure));
    let (retried, reachable) = tokio::join!(retrying, stage.setup.set_reachable(true));
    reachable.or_fail("the broker to be given back")?;
    // certain or not, it comes
    drop(stage.in_time(retried, "an end of the retry")?);
    consumer.expect("1", "what failed while the broker was away").await?.ack();
    Ok(())
}

pub(crate) async fn a_dead_letter_while_the_connection_is_lost_is_not_lost(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    stage.publish(stage.event("a", "1")).await?;
    let (delivery, failure) = (consumer.next().await?, failure(1));
    stage.setup.set_reachable(false).await.or_fail("the broker to be taken away")?;
    let moving = timeout(stage.patience(), delivery.dead_letter(&failure));
    let (moved, reachable) = tokio::join!(moving, stage.setup.set_reachable(true));
    reachable.or_fail("the broker to be given back")?;
    if stage.in_time(moved, "an end of the dead letter")?.is_err() {
        // it comes again, and now it works
        let again = consumer.expect("1", "what could not be moved").await?;
        again.dead_letter(&failure).await.or_fail("the dead letter to be certain")?;
    }
    let letters = stage.setup.dead_letters(&subscription.queue).await.or_fail("the dead letters to be shown")?;
    ensure!(!letters.is_empty(), "expected the dead letter that was certain, found none");
    Ok(())
}

pub(crate) async fn health_tells_a_connection_that_is_lost(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let mut status = consumer.deliveries.status();
    stage.setup.set_reachable(false).await.or_fail("the broker to be taken away")?;
    until(stage, &mut status, "not ready", |status| !status.is_ready()).await?;
    stage.setup.set_reachable(true).await.or_fail("the broker to be given back")?;
    until(stage, &mut status, "ready", ConsumerStatus::is_ready).await?;
    stage.publish(stage.event("a", "1")).await?;
    consumer.expect("1", "what was published after the loss").await?.ack();
    Ok(())
}

pub(crate) async fn a_consumer_that_the_broker_cancels_consumes_again(stage: &Stage<'_>) -> Verdict {
    let subscription = stage.subscription("a");
    let mut consumer = stage.subscribe(&subscription).await?;
    let mut status = consumer.deliveries.status();
    stage.publish(stage.event("a", "before")).await?;
    let old = consumer.expect("before", "what was published before").await?;
    status.borrow_and_update();
    stage.setup.cancel_consumers(&subscription.queue).await.or_fail("the broker to end the consumers")?;
    again_ready(stage, &mut status).await?;
    // of a consumer that is gone: it may come again or not, and may not hurt
    old.ack();
    stage.publish(stage.event("a", "after")).await?;
    let delivery = next_but(&mut consumer, "before").await?;
    ensure_eq!(body_of(&delivery), "after", "what was published to the new consumer");
    delivery.ack();
    Ok(())
}

pub(crate) async fn a_close_without_a_broker_returns(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish(stage.event("a", "1")).await?;
    let held = consumer.next().await?;
    stage.setup.set_reachable(false).await.or_fail("the broker to be taken away")?;
    // it may say that the broker is away; it may not hang
    let cancelled = timeout(stage.patience(), consumer.deliveries.cancel()).await;
    drop(stage.in_time(cancelled, "an end of the cancel")?);
    held.ack();
    let closed = timeout(stage.patience(), consumer.deliveries.close()).await;
    drop(stage.in_time(closed, "an end of the subscription's close")?);
    let closed = timeout(stage.patience(), stage.transport.close()).await;
    drop(stage.in_time(closed, "an end of the transport's close")?);
    Ok(())
}

/// The next delivery that is not this one: its ack may not have reached the broker.
async fn next_but(consumer: &mut Consumer, acked: &str) -> Verdict<Delivery> {
    loop {
        let delivery = consumer.next().await?;
        if body_of(&delivery) != acked {
            return Ok(delivery);
        }
        delivery.ack();
    }
}

/// As a caller does it who may not lose anything: sends again, with the same id, what was not confirmed. Where asked, the
/// connections are cut after everything was sent once and before the first word is awaited.
async fn publish_for_certain(
    stage: &Stage<'_>,
    publisher: &dyn Publish,
    mut messages: Vec<Message>,
    mut cut: Option<&Stage<'_>>,
) -> Verdict {
    let publishing = async {
        while !messages.is_empty() {
            let mut sent = Vec::new();
            for message in messages.drain(..) {
                let receipt = publisher.send(message.clone()).await;
                sent.push((message, receipt));
            }
            if let Some(stage) = cut.take() {
                stage.setup.cut_connections().await.or_fail("the connections to be cut")?;
            }
            for (message, receipt) in sent {
                let word = match receipt {
                    Ok(receipt) => receipt.confirmed().await,
                    Err(error) => Err(error),
                };
                match word.map_err(|error| error.kind()) {
                    Ok(()) => {}
                    Err(ErrorKind::Unavailable | ErrorKind::Unconfirmed) => messages.push(message),
                    Err(kind) => {
                        ensure!(false, "expected `Unavailable` or `Unconfirmed` of a lost connection, found {kind:?}");
                    }
                }
            }
        }
        Ok(())
    };
    // one round may wait for the transport's deadline, the next one for its reconnect
    let done = timeout(2 * stage.patience(), publishing).await;
    stage.in_time(done, "everything to be confirmed after the connection came back")?
}

/// Receives and acks until every number has come at least once. Where asked, the connections are cut three times on the
/// way, with deliveries in hand.
async fn everything(consumer: &mut Consumer, count: usize, cut: Option<&Stage<'_>>) -> Verdict {
    let mut cuts = vec![count * 7 / 10, count * 4 / 10, count / 10];
    let mut missing: BTreeSet<_> = (0..count).map(|number| number.to_string()).collect();
    while !missing.is_empty() {
        let received = consumer.some(64).await;
        ensure!(
            received.is_ok(),
            "expected every one of {count} messages, found {} missing: {:?} …",
            missing.len(),
            missing.iter().take(5).collect::<Vec<_>>()
        );
        for (index, delivery) in received?.into_iter().enumerate() {
            if index == 0
                && let Some(stage) = cut
                && cuts.last().is_some_and(|at| count - missing.len() >= *at)
            {
                cuts.pop();
                stage.setup.cut_connections().await.or_fail("the connections to be cut")?;
            }
            missing.remove(&body_of(&delivery));
            delivery.ack();
        }
    }
    Ok(())
}

async fn again_ready(stage: &Stage<'_>, status: &mut watch::Receiver<ConsumerStatus>) -> Verdict {
    let changed = timeout(stage.patience(), status.changed()).await;
    let is_noticed = changed.is_ok_and(|changed| changed.is_ok());
    ensure!(is_noticed, "expected health to tell that the consumer was lost, found {:?}", status.borrow());
    until(stage, status, "ready", ConsumerStatus::is_ready).await
}

async fn until(
    stage: &Stage<'_>,
    status: &mut watch::Receiver<ConsumerStatus>,
    expected: &str,
    is_so: impl FnMut(&ConsumerStatus) -> bool,
) -> Verdict {
    let waited = timeout(stage.patience(), status.wait_for(is_so)).await.is_ok_and(|found| found.is_ok());
    ensure!(waited, "expected health to tell that the consumer is {expected}, found {:?}", status.borrow());
    Ok(())
}
