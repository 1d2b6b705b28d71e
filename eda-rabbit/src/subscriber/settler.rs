//! How deliveries are settled: acks into the ledger; retries and dead letters as confirmed copies first.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{FailureRecord, Settle, Token};
use eda_core::{Error, ErrorKind, Result, Subscription, mutant};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::connection::Connection;
use crate::convert::{Original, dead_copy, retry_copy};
use crate::publisher::{DEADLINE, Publisher, is_refusal};
use crate::settle::{Flush, Ledger, Settled};
use crate::topology::{Plan, rung};
use crate::wire::Outgoing;

/// How long a delivery is held whose copy the broker does not take. Given back at once, it would be handled again whatever
/// its backoff says, and on brokers before 4.3 every return counts towards the delivery limit. Well below the 30 minutes
/// after which a broker ends the channel of an open delivery.
const HOLD: Duration = Duration::from_secs(5 * 60);
/// How long it rests between the tries, doubled with each.
const REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(15);
/// As long at least where the broker refuses the copy for what it is: each try ends the channel on which all others publish.
const REFUSED_REST: Duration = Duration::from_secs(60);
/// How long it may take to make again what a copy needs.
const DECLARE: Duration = Duration::from_secs(10);

/// Settles the deliveries of one subscription; shared by the subscription's task and its deliveries.
pub(crate) struct Settler {
    channel: Mutex<Open>,
    /// The present one, for those who wait for its end.
    generation: watch::Sender<u64>,
    wake: Notify,
    publisher: Publisher,
    connection: Connection,
    subscription: Subscription,
    /// The delays that were declared over the present connection.
    delays: Mutex<BTreeSet<u64>>,
}

/// What is open on the present channel.
struct Open {
    generation: u64,
    ledger: Ledger<Arc<Original>>,
    /// How many were acked.
    acked: u64,
}

impl Open {
    /// Whether a delivery came on this channel.
    fn is_of(&self, token: Token) -> bool {
        self.generation == token.generation || mutant::is_without("generations")
    }
}

impl Settler {
    pub(crate) fn new(publisher: Publisher, connection: Connection, subscription: Subscription) -> Self {
        let open = Open { generation: 0, ledger: Ledger::new(0), acked: 0 };
        let (channel, generation, delays) = (Mutex::new(open), watch::Sender::new(0), Mutex::default());
        Self { channel, generation, wake: Notify::new(), publisher, connection, subscription, delays }
    }

    /// A new channel, on which everything that the subscription needs was declared: what was open on the older one can't
    /// be settled any more, and comes again.
    pub(super) fn begin(&self, prefetch: u16) -> u64 {
        let policy = &self.subscription.policy;
        *self.delays() = policy.backoff.waits(policy.retries).filter_map(|wait| rung(wait).ok()).collect();
        self.replace(prefetch);
        self.channel().generation
    }

    /// The broker hands out so many on the present channel from now on.
    pub(super) fn set_prefetch(&self, prefetch: u16) {
        self.channel().ledger.set_prefetch(prefetch);
    }

    /// The channel has ended. Tells whether anything was settled on it, and whether anything was open.
    pub(super) fn end(&self) -> (bool, bool) {
        let ended = self.replace(0);
        (ended.acked > 0, ended.ledger.open_count() > 0)
    }

    pub(super) fn open(&self, tag: u64, original: Original) {
        // a ledger of small entries costs less
        let original = Arc::new(original);
        self.channel().ledger.open(tag, original);
    }

    pub(super) fn has_open(&self) -> bool {
        self.channel().ledger.open_count() > 0
    }

    /// The tag of the one that is longest in hand.
    pub(super) fn oldest_open(&self) -> Option<u64> {
        self.channel().ledger.oldest_open()
    }

    /// The tag of the last that came; 0 before there is one.
    pub(super) fn newest(&self) -> u64 {
        self.channel().ledger.newest()
    }

    /// How many were settled on the present channel.
    pub(super) fn acked(&self) -> u64 {
        self.channel().acked
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

    /// Gives the channel before, and makes those hear of it who settle something of it right now.
    fn replace(&self, prefetch: u16) -> Open {
        let mut channel = self.channel();
        let generation = channel.generation + 1;
        let present = Open { generation, ledger: Ledger::new(prefetch), acked: 0 };
        self.generation.send_replace(generation);
        std::mem::replace(&mut *channel, present)
    }

    fn channel(&self) -> MutexGuard<'_, Open> {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `change` if the token is of the present channel, and wakes the task if the broker should hear of it now.
    fn settle(&self, token: Token, change: impl FnOnce(&mut Open) -> Option<Settled<Arc<Original>>>) {
        let mut channel = self.channel();
        let settled = if channel.is_of(token) { change(&mut channel) } else { None };
        drop(channel);
        // the original is dropped here, where nobody waits for the lock
        if settled.is_some_and(|settled| settled.is_due) {
            self.wake.notify_one();
        }
    }

    /// A confirmed copy first, then the ack of the original; where the copy fails, the original is given back.
    async fn move_away(&self, token: Token, after: Option<Duration>, failure: &FailureRecord) -> Result {
        let original = {
            let channel = self.channel();
            (channel.is_of(token)).then(|| channel.ledger.get(token.tag).cloned()).flatten()
        };
        let Some(original) = original else { return Err(comes_again()) };
        // cancelled at any point from here on, it is given back
        let mut guard = GiveBack { settler: self, token, is_armed: true };
        if mutant::is_without("copy-before-ack") {
            self.ack(token);
        }
        let delay = after.map(rung).transpose()?;
        let copy = Arc::new(match delay {
            Some(delay) => retry_copy(&original, &self.subscription, delay, failure),
            None => dead_copy(&original, &self.subscription.queue, failure),
        });
        tokio::select! {
            biased;
            // the original comes again by itself, so a copy would be one too many
            () = self.ended(token.generation) => return Err(comes_again()),
            published = self.publish_patiently(&copy, delay) => published?,
        }
        guard.is_armed = false;
        self.ack(token);
        Ok(())
    }

    async fn ended(&self, generation: u64) {
        // the sender is held right here, so the wait can't fail
        let _ = self.generation.subscribe().wait_for(|present| *present != generation).await;
    }

    async fn publish_patiently(&self, copy: &Arc<Outgoing>, delay: Option<u64>) -> Result {
        let (deadline, mut rest) = (Instant::now() + HOLD, REST);
        loop {
            let published = self.publish_copy(copy, delay, deadline).await;
            let wait = if published.as_ref().is_err_and(ends_the_channel) { REFUSED_REST } else { rest };
            match published {
                Err(error) if error.kind() != ErrorKind::Closed && Instant::now() + wait < deadline => {
                    let queue = &self.subscription.queue;
                    warn!(queue, %error, "a failed delivery can't be moved; it is held, and tried again in {wait:?}");
                    sleep(wait).await;
                    rest = (rest * 2).min(LONGEST_REST);
                }
                published => return published,
            }
        }
    }

    /// One that is not confirmed stays in hand: another one beside it would come, too.
    async fn publish_copy(&self, copy: &Arc<Outgoing>, delay: Option<u64>, deadline: Instant) -> Result {
        if let Some(delay) = delay.filter(|delay| !self.delays().contains(delay)) {
            self.declare(Plan::delay(&self.subscription.service, delay)).await?;
            self.delays().insert(delay);
        }
        match self.confirm(copy, deadline).await {
            // somebody has deleted where it should go: it is made again, once
            Err(error) if matches!(error.kind(), ErrorKind::Unroutable | ErrorKind::NotFound) => {
                warn!(queue = self.subscription.queue, %error, "the way of a failed delivery is gone; making it again");
                let mut plan = Plan::shared();
                plan.merge(Plan::subscription(&self.subscription)?);
                plan.merge(delay.map(|delay| Plan::delay(&self.subscription.service, delay)).unwrap_or_default());
                self.declare(plan).await?;
                self.confirm(copy, deadline).await
            }
            published => published,
        }
    }

    /// Says so where it takes long.
    async fn confirm(&self, copy: &Arc<Outgoing>, deadline: Instant) -> Result {
        let mut publishing = pin!(self.publisher.publish(Arc::clone(copy), deadline));
        if let Ok(published) = timeout(DEADLINE, &mut publishing).await {
            return published;
        }
        let (queue, why) = (&self.subscription.queue, self.publisher.trouble());
        warn!(queue, why, "a failed delivery is held: the broker has not confirmed its copy within {DEADLINE:?}");
        publishing.await
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

/// Whether channels end over a copy, each time that it is sent: before its time is over, that is what `Unconfirmed` says.
fn ends_the_channel(error: &Error) -> bool {
    use ErrorKind::{Closed, NotFound, Rejected, Unroutable};
    is_refusal(error) && !matches!(error.kind(), Closed | NotFound | Rejected | Unroutable)
}

fn comes_again() -> Error {
    Error::new(ErrorKind::Unavailable, "the channel that it came on has ended: it comes again")
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
    fn is_open(&self, token: Token) -> bool {
        let channel = self.channel();
        channel.is_of(token) && channel.ledger.get(token.tag).is_some()
    }

    fn ack(&self, token: Token) {
        self.settle(token, |channel| {
            channel.acked += 1;
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
