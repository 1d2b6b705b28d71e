//! How deliveries are settled: acks into the ledger; retries and dead letters as confirmed copies first.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{FailureRecord, Settle, Token};
use eda_core::{Error, ErrorKind, Result, Subscription};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::connection::Connection;
use crate::convert::{Original, dead_copy, retry_copy};
use crate::publisher::Publisher;
use crate::settle::{Flush, Ledger};
use crate::topology::{Plan, rung};
use crate::wire::Outgoing;

/// How long a delivery rests that could not be moved, before it is given back, doubled with each further one: a broken
/// broker is no reason to spin, and on brokers before 4.3 every return counts towards the delivery limit.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How long it may take to make again what a copy needs.
const DECLARE: Duration = Duration::from_secs(10);

/// Settles the deliveries of one subscription; shared by the subscription's task and its deliveries.
pub(crate) struct Settler {
    channel: Mutex<Open>,
    wake: Notify,
    publisher: Publisher,
    connection: Connection,
    subscription: Subscription,
    /// The delays that were declared over the present connection.
    delays: Mutex<BTreeSet<u64>>,
    /// How many copies have failed since the last one that succeeded.
    failures: AtomicU32,
}

/// What is open on the present channel.
struct Open {
    generation: u64,
    ledger: Ledger<Original>,
    made_progress: bool,
}

impl Settler {
    pub(crate) fn new(publisher: Publisher, connection: Connection, subscription: Subscription) -> Self {
        let open = Open { generation: 0, ledger: Ledger::new(0), made_progress: false };
        let (delays, failures) = (Mutex::default(), AtomicU32::new(0));
        Self { channel: Mutex::new(open), wake: Notify::new(), publisher, connection, subscription, delays, failures }
    }

    /// A new channel, on which everything that the subscription needs was declared: what was open on the older one can't
    /// be settled any more, and comes again.
    pub(super) fn begin(&self, prefetch: u16) -> u64 {
        let policy = &self.subscription.policy;
        *self.delays() = policy.backoff.waits(policy.retries).filter_map(|wait| rung(wait).ok()).collect();
        let mut channel = self.channel();
        let generation = channel.generation + 1;
        *channel = Open { generation, ledger: Ledger::new(prefetch), made_progress: false };
        generation
    }

    /// The broker hands out so many on the present channel from now on.
    pub(super) fn set_prefetch(&self, prefetch: u16) {
        self.channel().ledger.set_prefetch(prefetch);
    }

    /// The channel has ended. Tells whether anything was settled on it, and whether anything was open.
    pub(super) fn end(&self) -> (bool, bool) {
        let mut channel = self.channel();
        let told = (channel.made_progress, channel.ledger.open_count() > 0);
        let generation = channel.generation + 1;
        *channel = Open { generation, ledger: Ledger::new(0), made_progress: false };
        told
    }

    pub(super) fn open(&self, tag: u64, original: Original) {
        self.channel().ledger.open(tag, original);
    }

    pub(super) fn made_progress(&self) -> bool {
        self.channel().made_progress
    }

    pub(super) fn give_back_now(&self, token: Token) {
        self.give_back(token);
    }

    /// Resolves when there is something to flush.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.channel().ledger.due()
    }

    pub(super) fn flush(&self, everything: bool) -> Flush {
        self.channel().ledger.flush(Instant::now(), everything)
    }

    fn channel(&self) -> MutexGuard<'_, Open> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `change` if the token is of the present channel, and wakes the task if that says so.
    fn settle(&self, token: Token, change: impl FnOnce(&mut Open) -> bool) {
        let mut channel = self.channel();
        if channel.generation == token.generation && change(&mut channel) {
            drop(channel);
            self.wake.notify_one();
        }
    }

    /// A confirmed copy first, then the ack of the original; where the copy fails, the original is given back.
    async fn move_away(&self, token: Token, after: Option<Duration>, failure: &FailureRecord) -> Result {
        let original = {
            let channel = self.channel();
            (channel.generation == token.generation).then(|| channel.ledger.get(token.tag).cloned()).flatten()
        };
        let Some(original) = original else {
            return Err(Error::new(ErrorKind::Unavailable, "the channel that it came on has ended: it comes again"));
        };
        // cancelled at any point from here on, it is given back
        let mut guard = GiveBack { settler: self, token, is_armed: true };
        let delay = after.map(rung).transpose()?;
        let queue = &self.subscription.queue;
        let copy = match delay {
            Some(delay) => retry_copy(&original, queue, delay, failure),
            None => dead_copy(&original, queue, failure),
        };
        if let Err(error) = self.publish_copy(copy, delay).await {
            let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
            sleep(REST.saturating_mul(1 << failures).min(LONGEST_REST)).await;
            return Err(error);
        }
        self.failures.store(0, Ordering::Relaxed);
        guard.is_armed = false;
        self.ack(token);
        Ok(())
    }

    async fn publish_copy(&self, copy: Outgoing, delay: Option<u64>) -> Result {
        if let Some(delay) = delay.filter(|delay| !self.delays().contains(delay)) {
            self.declare(Plan::delay(delay)).await?;
            self.delays().insert(delay);
        }
        match self.publisher.publish(copy.clone()).await {
            // somebody has deleted where it should go: it is made again, once
            Err(error) if matches!(error.kind(), ErrorKind::Unroutable | ErrorKind::NotFound) => {
                warn!(queue = self.subscription.queue, %error, "the way of a failed delivery is gone; making it again");
                let mut plan = Plan::shared();
                plan.merge(Plan::subscription(&self.subscription)?);
                plan.merge(delay.map(Plan::delay).unwrap_or_default());
                self.declare(plan).await?;
                self.publisher.publish(copy).await
            }
            published => published,
        }
    }

    async fn declare(&self, plan: Plan) -> Result {
        let declare = async {
            let channel = self.connection.link().await?.channel().await?;
            let declared = plan.declare(&*channel).await;
            // a channel that an error has closed can't be closed again
            let _ = channel.close().await;
            declared
        };
        let late = |_| Error::new(ErrorKind::Unavailable, format!("the broker did not declare it within {DECLARE:?}"));
        timeout(DECLARE, declare).await.map_err(late)?
    }

    fn delays(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct GiveBack<'a> {
    settler: &'a Settler,
    token: Token,
    is_armed: bool,
}

impl Drop for GiveBack<'_> {
    fn drop(&mut self) {
        if self.is_armed {
            self.settler.give_back(self.token);
        }
    }
}

#[async_trait]
impl Settle for Settler {
    fn ack(&self, token: Token) {
        self.settle(token, |channel| {
            channel.made_progress = true;
            channel.ledger.ack(token.tag, Instant::now())
        });
    }

    fn give_back(&self, token: Token) {
        self.settle(token, |channel| channel.ledger.give_back(token.tag));
    }

    async fn retry(&self, token: Token, after: Duration, failure: &FailureRecord) -> Result<()> {
        self.move_away(token, Some(after), failure).await
    }

    async fn dead_letter(&self, token: Token, failure: &FailureRecord) -> Result<()> {
        self.move_away(token, None, failure).await
    }
}
