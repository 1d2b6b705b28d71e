//! One delivery at a time where connections or processes die of what is handed out: each death counts towards the delivery
//! limit of all that was in hand, and the broker parks what reaches it. With each that nobody dies of, more are taken.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use super::super::Task;
use super::ending::Rest;
use super::{SOON, Session};
use crate::convert;
use crate::wire::Arrived;

/// So often a delivery comes back before connections or processes may have died of it, or of one of those beside it.
const SUSPECT: u32 = 5;

/// As often where nothing else is known: those who ended well have given it back, too, as at each new version of a service, and
/// brokers before 4.3 count that alike. Half of [`DELIVERY_LIMIT`](crate::topology::DELIVERY_LIMIT) leaves the other half to those beside it.
const SUSPECT_OF_OTHERS: u32 = 25;

/// What is given back comes back once more often, and one process after the other may begin and do so, as in a fleet with a new
/// version. So at one in so many counts it is worked on.
const WORKED_ON: u32 = 5;

pub(super) fn is_suspect(arrived: &Arrived) -> bool {
    convert::came_back(arrived) >= SUSPECT
}

/// A process knows nothing of the lives before it, but the broker counts them; and what comes again comes first.
pub(super) fn is_to_be_isolated(task: &mut Task, burst: &[Arrived]) -> bool {
    let beyond = burst.iter().map(convert::came_back).max().and_then(|most| most.checked_sub(SUSPECT_OF_OTHERS));
    let is_to_be =
        task.is_newborn && task.wanted.prefetch > 1 && beyond.is_some_and(|beyond| beyond % WORKED_ON != WORKED_ON - 1);
    task.is_newborn &= !is_to_be && burst.iter().all(|arrived| arrived.redelivered);
    is_to_be
}

/// How long as many are taken as before, at least: a broker forgets acks that the end of their channel follows at once.
const PROOF: Duration = Duration::from_secs(1);

/// How many are taken at a time, since when; how many were settled before, and what was the newest.
#[derive(Clone, Copy)]
pub(super) struct Quarantine {
    width: u16,
    since: Instant,
    settled: u64,
    newest: u64,
}

impl Quarantine {
    pub(super) fn begin(settled: u64) -> Self {
        Self { width: 1, since: Instant::now(), settled, newest: 0 }
    }
}

impl Session {
    /// Gives back what is held, before anybody works on it, and takes one at a time.
    pub(super) async fn isolate(&mut self, task: &Task) -> Result<(), String> {
        let (queue, count) = (&task.wanted.subscription.queue, self.held.len());
        warn!(
            queue,
            count, "what comes first came back again and again, as from processes that die of it: one at a time now"
        );
        // before what may end the session, which is then known to have been one
        (self.is_quarantined, self.began, self.fresh) = (true, Instant::now(), None);
        self.quarantine = Quarantine::begin(task.wanted.settler.acked());
        self.consume_with(1, Rest::GoesBack, task).await?;
        self.tell_state(task);
        Ok(())
    }

    /// What comes again comes first, so behind a fresh one there is nothing left to suspect. Until it comes, as many more are taken
    /// at a time as were settled and nobody died of: slow handlers would take hours over what came again. One that is still in hand
    /// has proven nothing.
    pub(super) async fn review(&mut self, was_outlived: bool, task: &Task) -> Result<(), String> {
        let settler = &task.wanted.settler;
        let (acked, oldest) = (settler.acked(), settler.oldest_open());
        let all_are_settled_to = |tag| oldest.is_none_or(|oldest| oldest > tag);
        let is_beyond_suspects = acked > 0 && self.fresh.is_some_and(all_are_settled_to);
        let Quarantine { width, since, settled, newest } = self.quarantine;
        let is_proven = acked >= settled + u64::from(width) && all_are_settled_to(newest) && since.elapsed() >= PROOF;
        let wider = width.saturating_mul(2);
        if is_beyond_suspects || (was_outlived && oldest.is_none()) || (is_proven && wider >= task.wanted.prefetch) {
            return self.release(task).await;
        }
        if !is_proven {
            return Ok(());
        }
        // given back, what is fresh would come as old
        self.consume_with(wider, Rest::Stays, task).await?;
        self.quarantine = Quarantine { width: wider, since: Instant::now(), settled: acked, newest: settler.newest() };
        Ok(())
    }

    pub(super) fn is_idle(&self, task: &Task) -> bool {
        !self.is_cancelled && !task.wanted.settler.has_open()
    }

    /// What comes again would have come by then: the queue holds nothing to suspect.
    pub(super) fn idle_until(&self) -> Instant {
        self.began.max(self.told).max(self.heard.at()) + SOON
    }

    /// The quarantine has done its work: consumes as ever.
    pub(super) async fn release(&mut self, task: &Task) -> Result<(), String> {
        self.consume_with(task.wanted.prefetch, Rest::GoesBack, task).await?;
        self.is_quarantined = false;
        info!(queue = task.wanted.subscription.queue, "the quarantine is over");
        self.tell_state(task);
        Ok(())
    }

    /// A prefetch counts for consumers that begin after it.
    async fn consume_with(&mut self, prefetch: u16, rest: Rest, task: &Task) -> Result<(), String> {
        self.answered(self.channel.qos(prefetch)).await?;
        task.wanted.settler.set_prefetch(prefetch);
        self.consume_again(rest, task).await
    }
}
