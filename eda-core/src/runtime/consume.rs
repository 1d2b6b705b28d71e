//! The life of one subscription: receive until told to stop, then cancel → settle → close, in that order.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::schedule::Workers;
use crate::error::{Error, ErrorKind, Result};
use crate::transport::Deliveries;

/// How many deliveries are taken over from the transport at once.
const BATCH: usize = 64;
/// How long the end may take beside what the handlers have left of the limit.
const CLOSE: Duration = Duration::from_secs(1);

/// What all subscriptions of an app are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    /// Finish what runs within the limit.
    Draining(Duration),
}

/// # Errors
/// Where the subscription ended without being told to.
pub(super) async fn consume(
    queue: String,
    mut deliveries: Box<dyn Deliveries>,
    workers: Workers,
    mut phase: watch::Receiver<Phase>,
) -> Result {
    let mut batch = Vec::new();
    let ended = loop {
        tokio::select! {
            biased;
            // a sender that is gone means that nobody waits for this app any more
            _ = phase.wait_for(|phase| *phase != Phase::Running) => break Ok(()),
            received = deliveries.receive(&mut batch, BATCH) => match received {
                Ok(0) => break Err(Error::new(ErrorKind::Closed, "the transport ended the subscription")),
                Ok(_) => workers.push(&mut batch),
                Err(error) => break Err(error),
            },
        }
    };
    drop(batch);
    let began = Instant::now();
    let limit = match *phase.borrow() {
        Phase::Draining(limit) => limit,
        // it has ended by itself
        Phase::Running => Duration::ZERO,
    };
    // a broker that is slow to hear of the end takes of the same time
    let left = || limit.saturating_sub(began.elapsed());
    match timeout(left(), deliveries.cancel()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            debug!(queue, %error, "the broker did not hear that the consumer ends; the connection's end will tell it");
        }
        Err(_) => debug!(queue, "the broker has not heard that the consumer ends; the connection's end will tell it"),
    }
    let unfinished = workers.drain(left()).await;
    if unfinished > 0 {
        warn!(queue, unfinished, "handlers did not finish in time; their deliveries were given back");
    }
    let closed = timeout(left().max(CLOSE), deliveries.close()).await;
    if let Err(error) = closed.unwrap_or_else(|_| Err(silent())) {
        warn!(queue, %error, "the last settlements may not have reached the broker; those deliveries come again");
    }
    ended.map_err(|error| error.with("queue", queue))
}

fn silent() -> Error {
    Error::new(ErrorKind::Unavailable, "the broker did not answer until the end of the limit")
}
