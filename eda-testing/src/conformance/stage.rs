//! What a case works with: fresh names, and consumers that wait with a deadline.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use eda_core::transport::{Deliveries, Delivery, FailureRecord, Publish, Reason, Receipt, Transport};
use eda_core::{Backoff, EventId, Message, Policy, Result, Subscription, Topology};
use tokio::time::timeout;

use super::failed::{Failed, OrFail, Verdict, ensure, ensure_eq};
use super::setup::{Options, Setup};

/// A setup, a connection, and names that nobody has used before.
pub(super) struct Stage<'a> {
    pub(super) setup: &'a dyn Setup,
    pub(super) transport: Arc<dyn Transport>,
    unique: String,
}

impl<'a> Stage<'a> {
    pub(super) fn new(setup: &'a dyn Setup, transport: Arc<dyn Transport>) -> Self {
        Self { setup, transport, unique: EventId::new().to_string() }
    }

    /// A name of this run: a single segment.
    pub(super) fn name(&self, what: &str) -> String {
        format!("conformance-{what}-{}", self.unique)
    }

    /// A queue of this run, whose name begins with its service's, bound to the key [`key`](Self::key) of the same name, with retries from 100 ms to a second.
    pub(super) fn subscription(&self, what: &str) -> Subscription {
        Subscription {
            service: "conformance".into(),
            queue: format!("conformance.{what}-{}", self.unique),
            declare: true,
            bindings: vec![self.key(what)],
            policy: Policy { retries: 5, backoff: Backoff::millis(100, 1_000), ..Policy::default() },
        }
    }

    /// The routing key that leads into the queue of that name.
    pub(super) fn key(&self, what: &str) -> String {
        format!("{}.happened", self.name(what))
    }

    /// An event for the queue of that name.
    pub(super) fn event(&self, what: &str, body: impl Into<String>) -> Message {
        let mut message = Message::new(self.key(what), body.into());
        message.id = Some(EventId::new());
        message.name = Some("thing.happened".into());
        message.content_type = Some("text/plain".into());
        message
    }

    /// Another connection to the same broker.
    pub(super) async fn connect(&self) -> Verdict<Arc<dyn Transport>> {
        self.connect_with(&Options::default()).await
    }

    pub(super) async fn connect_with(&self, options: &Options) -> Verdict<Arc<dyn Transport>> {
        self.setup.connect(options).await.or_fail("another connection")
    }

    pub(super) async fn declare(&self, subscription: &Subscription) -> Verdict {
        let topology = Topology { subscriptions: vec![subscription.clone()], ..Topology::default() };
        self.transport.declare(&topology).await.or_fail(format_args!("`{}` to be declared", subscription.queue))
    }

    /// Declares and consumes.
    pub(super) async fn subscribe(&self, subscription: &Subscription) -> Verdict<Consumer> {
        self.declare(subscription).await?;
        self.consume(&*self.transport, subscription).await
    }

    /// Consumes what is declared.
    pub(super) async fn consume(&self, transport: &dyn Transport, subscription: &Subscription) -> Verdict<Consumer> {
        let subscribing = timeout(self.patience(), transport.subscribe(subscription)).await;
        let deliveries = self.in_time(subscribing, "a consumer")?.or_fail("a consumer")?;
        Ok(Consumer { deliveries, patience: self.patience(), quiet: self.setup.quiet() })
    }

    pub(super) async fn publisher(&self) -> Verdict<Box<dyn Publish>> {
        self.transport.publisher().await.or_fail("a publisher")
    }

    /// Publishes and waits for the broker's word.
    pub(super) async fn publish(&self, message: Message) -> Verdict {
        let publisher = self.publisher().await?;
        self.send(&*publisher, message).await?.or_fail("the message to be confirmed")
    }

    /// Publishes all at once, and waits for the broker's word on each.
    pub(super) async fn publish_all(&self, messages: impl IntoIterator<Item = Message>) -> Verdict {
        let publisher = self.publisher().await?;
        self.publish_all_by(&*publisher, messages).await
    }

    pub(super) async fn publish_all_by(
        &self,
        publisher: &dyn Publish,
        messages: impl IntoIterator<Item = Message>,
    ) -> Verdict {
        let mut receipts = Vec::new();
        for message in messages {
            let sent = timeout(self.patience(), publisher.send(message)).await;
            receipts.push(self.in_time(sent, "room for a message")?.or_fail("a message to be taken in hand")?);
        }
        for receipt in receipts {
            self.word(receipt).await?.or_fail("the message to be confirmed")?;
        }
        Ok(())
    }

    /// The broker's word on a message, within the patience.
    pub(super) async fn send(&self, publisher: &dyn Publish, message: Message) -> Verdict<Result> {
        let word = timeout(self.patience(), async { publisher.send(message).await?.confirmed().await }).await;
        self.in_time(word, "the broker's word on a message")
    }

    /// The broker's word, within the patience.
    pub(super) async fn word(&self, receipt: Receipt) -> Verdict<Result> {
        let word = timeout(self.patience(), receipt.confirmed()).await;
        self.in_time(word, "the broker's word on a message")
    }

    pub(super) fn patience(&self) -> Duration {
        self.setup.patience()
    }

    pub(super) fn in_time<T>(&self, waited: Result<T, tokio::time::error::Elapsed>, what: &str) -> Verdict<T> {
        waited.map_err(|_| Failed(format!("expected {what} within {:?}, found none", self.patience())))
    }
}

/// One subscription's deliveries.
pub(super) struct Consumer {
    pub(super) deliveries: Box<dyn Deliveries>,
    patience: Duration,
    quiet: Duration,
}

impl Consumer {
    /// The next delivery.
    pub(super) async fn next(&mut self) -> Verdict<Delivery> {
        let mut batch = Vec::new();
        match (self.receive(&mut batch, 1).await?, batch.pop()) {
            (1, Some(delivery)) if batch.is_empty() => Ok(delivery),
            (0, None) => Err(Failed("expected a delivery, found the end of the subscription".into())),
            (count, _) => Err(Failed(format!("expected a single delivery since one was asked for, found {count}"))),
        }
    }

    /// At least one and at most `max` deliveries.
    pub(super) async fn some(&mut self, max: usize) -> Verdict<Vec<Delivery>> {
        let mut batch = Vec::new();
        let count = self.receive(&mut batch, max).await?;
        ensure!(count > 0, "expected deliveries, found the end of the subscription");
        ensure_eq!(batch.len(), count, "how many deliveries are in the batch");
        Ok(batch)
    }

    /// The next deliveries, however they come.
    pub(super) async fn take(&mut self, count: usize) -> Verdict<Vec<Delivery>> {
        let mut batch = Vec::new();
        while batch.len() < count {
            let missing = count - batch.len();
            let more = self.some(missing).await;
            let found = batch.len();
            batch.append(
                &mut more.map_err(|Failed(text)| Failed(format!("after {found} of {count} deliveries: {text}")))?,
            );
        }
        Ok(batch)
    }

    /// Acks the next deliveries; gives their bodies, sorted.
    pub(super) async fn ack(&mut self, count: usize) -> Verdict<Vec<String>> {
        let mut bodies = Vec::new();
        for delivery in self.take(count).await? {
            bodies.push(body_of(&delivery));
            delivery.ack();
        }
        bodies.sort_unstable();
        Ok(bodies)
    }

    /// [`Deliveries::receive`], within the patience.
    pub(super) async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Verdict<usize> {
        let patience = self.patience;
        let receiving = timeout(patience, self.deliveries.receive(batch, max)).await;
        let count = receiving.map_err(|_| Failed(format!("expected a delivery within {patience:?}, found none")))?;
        count.or_fail("a delivery")
    }

    /// The next delivery, which has this body.
    pub(super) async fn expect(&mut self, body: &str, why: &str) -> Verdict<Delivery> {
        let delivery = self.next().await?;
        ensure_eq!(body_of(&delivery), body, "{why}");
        Ok(delivery)
    }

    /// Fails if something comes while it listens.
    pub(super) async fn expect_nothing(&mut self, why: &str) -> Verdict {
        let mut batch = Vec::new();
        match timeout(self.quiet, self.deliveries.receive(&mut batch, 1)).await {
            Err(_) => Ok(()),
            Ok(received) => {
                let found: Vec<_> = batch.iter().map(body_of).collect();
                let count = received.or_fail("the subscription to go on")?;
                Err(Failed(format!("{why}: expected nothing, found {count} deliveries: {found:?}")))
            }
        }
    }

    /// Cancels and closes; what is not settled goes back.
    pub(super) async fn end(mut self) -> Verdict {
        self.deliveries.cancel().await.or_fail("the subscription to be cancelled")?;
        let closing = timeout(self.patience, self.deliveries.close()).await;
        closing
            .map_err(|_| Failed("expected the subscription to close in time, found it hanging".into()))?
            .or_fail("the subscription to close")
    }
}

pub(super) fn body_of(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message().body).into_owned()
}

/// The record of an attempt that failed.
pub(super) fn failure(attempt: u32) -> FailureRecord {
    FailureRecord {
        reason: Reason::Transient,
        detail: "the card network does not answer: timed out ü".into(),
        handler: "conformance.charge".into(),
        attempt,
        failed_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
    }
}
