//! How deliveries are handed out.

use eda_core::transport::ConsumerState;
use tokio::time::timeout;

use crate::conformance::failed::{OrFail, Verdict, ensure, ensure_eq};
use crate::conformance::stage::{Stage, body_of};

pub(crate) async fn no_more_is_received_than_was_asked_for(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    stage.publish_all((0..10).map(|number| stage.event("a", number.to_string()))).await?;
    let mut batch = vec![consumer.next().await?];
    let count = consumer.receive(&mut batch, 3).await?;
    ensure!((1..=3).contains(&count), "expected 1 to 3 deliveries since 3 were asked for, found {count}");
    ensure!(batch.len() == 1 + count, "expected {count} more deliveries in the batch, found {}", batch.len() - 1);
    let bodies: Vec<_> = batch.iter().map(body_of).collect();
    let expected: Vec<_> = (0..=count).map(|number| number.to_string()).collect();
    ensure_eq!(bodies, expected, "what was there stays, and more comes behind it");
    Ok(())
}

/// `receive` is cancel safe: whoever waits in a `select!` loses nothing.
pub(crate) async fn a_receive_that_is_cancelled_loses_nothing(stage: &Stage<'_>) -> Verdict {
    const COUNT: usize = 200;
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let sending = stage.publish_all((0..COUNT).map(|number| stage.event("a", number.to_string())));
    let receiving = async {
        let (mut received, mut batch) = (Vec::new(), Vec::new());
        while received.len() < COUNT {
            for _ in 0..10 {
                tokio::select! {
                    biased;
                    count = consumer.deliveries.receive(&mut batch, 1) => { count.or_fail("deliveries")?; }
                    // polled once and then dropped
                    () = std::future::ready(()) => {}
                }
                tokio::task::yield_now().await;
            }
            if batch.is_empty() {
                consumer.receive(&mut batch, 1).await?;
            }
            for delivery in batch.drain(..) {
                received.push(body_of(&delivery));
                delivery.ack();
            }
        }
        ensure_eq!(received, (0..COUNT).map(|number| number.to_string()).collect::<Vec<_>>(), "everything, in order");
        Ok(())
    };
    let (sent, received) = tokio::join!(sending, receiving);
    sent.and(received)
}

pub(crate) async fn health_tells_what_the_consumer_does(stage: &Stage<'_>) -> Verdict {
    let mut consumer = stage.subscribe(&stage.subscription("a")).await?;
    let mut status = consumer.deliveries.status();
    let expect = async |status: &mut tokio::sync::watch::Receiver<_>, expected: ConsumerState| {
        let waiting = status.wait_for(|status: &eda_core::transport::ConsumerStatus| status.state == expected);
        let is_so = timeout(stage.patience(), waiting).await.is_ok_and(|found| found.is_ok());
        let found = status.borrow().state;
        ensure!(is_so, "expected the consumer to be {expected}, found it {found}");
        Ok(())
    };
    expect(&mut status, ConsumerState::Consuming).await?;
    consumer.deliveries.cancel().await.or_fail("the subscription to be cancelled")?;
    expect(&mut status, ConsumerState::Draining).await?;
    consumer.deliveries.close().await.or_fail("the subscription to close")?;
    expect(&mut status, ConsumerState::Stopped).await
}
