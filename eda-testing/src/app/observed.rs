//! A transport around another one: it writes down all that passes, and changes nothing but names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{
    Capabilities, ConsumerStatus, Deliveries, Delivery, Destination, FailureRecord, Publish, Receipt, Settle, Token,
    Transport,
};
use eda_core::{Message, Result, Subscription, Topology};
use tokio::sync::watch;

use super::log::Log;
use super::names::Names;
use super::record::{By, Settled};

#[derive(Clone)]
pub(super) struct Observed {
    inner: Arc<dyn Transport>,
    log: Arc<Log>,
    names: Names,
}

impl Observed {
    pub(super) fn new(inner: Arc<dyn Transport>, log: Arc<Log>, names: Names) -> Self {
        Self { inner, log, names }
    }

    /// A publisher whose messages are written down as the test's own.
    pub(super) async fn publisher_of(&self, by: By) -> Result<Box<dyn Publish>> {
        let inner = self.inner.publisher().await?;
        Ok(Box::new(ObservedPublish { inner, log: Arc::clone(&self.log), names: self.names.clone(), by }))
    }
}

#[async_trait]
impl Transport for Observed {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn declare(&self, topology: &Topology) -> Result<()> {
        let subscriptions =
            topology.subscriptions.iter().map(|subscription| self.names.outside(subscription)).collect();
        self.inner.declare(&Topology { subscriptions, ..topology.clone() }).await
    }

    async fn publisher(&self) -> Result<Box<dyn Publish>> {
        self.publisher_of(By::App).await
    }

    async fn subscribe(&self, subscription: &Subscription) -> Result<Box<dyn Deliveries>> {
        let inner = self.inner.subscribe(&self.names.outside(subscription)).await?;
        let (log, names) = (Arc::clone(&self.log), self.names.clone());
        let settle = Arc::new(ObservedSettle { log: Arc::clone(&log), in_hand: Mutex::default() });
        Ok(Box::new(ObservedDeliveries {
            inner,
            queue: subscription.queue.clone(),
            log,
            names,
            settle,
            batch: Vec::new(),
        }))
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

struct ObservedPublish {
    inner: Box<dyn Publish>,
    log: Arc<Log>,
    names: Names,
    by: By,
}

#[async_trait]
impl Publish for ObservedPublish {
    /// Waits for the broker's word, to write it down before anyone acts on it.
    async fn send(&self, message: Message) -> Result<Receipt> {
        let entry = self.log.publish(&message, self.by);
        let sent = self.inner.send(self.names.send(message)).await;
        let (word, receipt) = match sent {
            Ok(receipt) => {
                let word = receipt.confirmed().await;
                (word.clone(), Ok(Receipt::ready(word)))
            }
            Err(error) => (Err(error.clone()), Err(error)),
        };
        self.log.confirmed(entry, word);
        receipt
    }

    fn destination(&self) -> Destination {
        self.inner.destination()
    }
}

struct ObservedDeliveries {
    inner: Box<dyn Deliveries>,
    queue: String,
    log: Arc<Log>,
    names: Names,
    settle: Arc<ObservedSettle>,
    /// Empty between calls.
    batch: Vec<Delivery>,
}

#[async_trait]
impl Deliveries for ObservedDeliveries {
    async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Result<usize> {
        let count = self.inner.receive(&mut self.batch, max).await?;
        for delivery in self.batch.drain(..) {
            let (attempt, redelivered) = (delivery.attempt(), delivery.redelivered());
            let message = self.names.receive(delivery.message());
            let entry = self.log.arrived(&self.queue, Arc::new(message.clone()), attempt, redelivered);
            let token = self.settle.take(entry, delivery);
            batch.push(Delivery::new(
                message,
                attempt,
                redelivered,
                token,
                Arc::clone(&self.settle) as Arc<dyn Settle>,
            ));
        }
        Ok(count)
    }

    async fn cancel(&mut self) -> Result<()> {
        self.inner.cancel().await
    }

    async fn close(&mut self) -> Result<()> {
        self.inner.close().await
    }

    fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.inner.status()
    }
}

/// Settles the other transport's delivery, and writes down how.
struct ObservedSettle {
    log: Arc<Log>,
    /// By their entry in the log, which is their tag.
    in_hand: Mutex<HashMap<u64, Delivery>>,
}

impl ObservedSettle {
    fn take(&self, entry: usize, delivery: Delivery) -> Token {
        let token = Token { generation: 0, tag: entry as u64 };
        self.in_hand().insert(token.tag, delivery);
        token
    }

    fn give(&self, token: Token) -> Option<(usize, Delivery)> {
        let delivery = self.in_hand().remove(&token.tag)?;
        Some((usize::try_from(token.tag).ok()?, delivery))
    }

    fn in_hand(&self) -> MutexGuard<'_, HashMap<u64, Delivery>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Settle for ObservedSettle {
    fn is_open(&self, token: Token) -> bool {
        self.in_hand().get(&token.tag).is_some_and(Delivery::is_open)
    }

    fn ack(&self, token: Token) {
        if let Some((entry, delivery)) = self.give(token) {
            delivery.ack();
            self.log.settled(entry, Settled::Acked);
        }
    }

    fn give_back(&self, token: Token) {
        if let Some((entry, delivery)) = self.give(token) {
            self.log.expect_again(entry, Duration::ZERO, delivery.attempt());
            delivery.give_back();
            self.log.settled(entry, Settled::GivenBack);
        }
    }

    async fn retry(&self, token: Token, after: Duration, failure: &FailureRecord) -> Result<()> {
        let Some((entry, delivery)) = self.give(token) else { return Ok(()) };
        self.log.expect_again(entry, after, failure.attempt.saturating_add(1));
        let outcome = delivery.retry(after, failure).await;
        let settled = if outcome.is_ok() {
            Settled::Retried { after, failure: failure.clone() }
        } else {
            self.log.expect_now(entry);
            Settled::GivenBack
        };
        self.log.settled(entry, settled);
        outcome
    }

    async fn dead_letter(&self, token: Token, failure: &FailureRecord) -> Result<()> {
        let Some((entry, delivery)) = self.give(token) else { return Ok(()) };
        // in case that it comes back
        self.log.expect_again(entry, Duration::ZERO, delivery.attempt());
        let outcome = delivery.dead_letter(failure).await;
        let settled = if outcome.is_ok() {
            self.log.expect_no_more(entry);
            Settled::DeadLettered { failure: failure.clone() }
        } else {
            Settled::GivenBack
        };
        self.log.settled(entry, settled);
        outcome
    }
}
