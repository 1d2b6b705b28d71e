//! One delivery at a time where connections or processes die of what is handed out: each death counts towards the delivery
//! limit of all that was in hand, and the broker parks what reaches it.

use eda_core::transport::Settle;
use tokio::time::Instant;
use tracing::{info, warn};

use super::super::Task;
use super::Session;
use crate::convert;
use crate::wire::Arrived;

/// So often a delivery comes back before connections or processes may have died of it, or of one of those beside it.
const SUSPECT: u32 = 5;

pub(super) fn is_suspect(arrived: &Arrived) -> bool {
    convert::came_back(arrived) >= SUSPECT
}

/// A process knows nothing of the lives before it, but the broker counts them; and what comes again comes first.
pub(super) fn is_to_be_isolated(task: &mut Task, burst: &[Arrived]) -> bool {
    let is_to_be = task.is_newborn && task.wanted.prefetch > 1 && burst.iter().any(is_suspect);
    task.is_newborn &= !is_to_be && burst.iter().all(|arrived| arrived.redelivered);
    is_to_be
}

impl Session {
    /// Gives back what is held, before anybody works on it, and takes one at a time.
    pub(super) async fn isolate(&mut self, task: &Task) -> Result<(), String> {
        let (queue, count) = (&task.wanted.subscription.queue, self.held.len());
        warn!(
            queue,
            count, "what comes first came back again and again, as from processes that die of it: one at a time now"
        );
        self.consume_with(1, task).await?;
        (self.is_quarantined, self.began, self.fresh, self.newest) = (true, Instant::now(), None, 0);
        self.tell_state(task);
        Ok(())
    }

    /// What comes again comes first, so behind a fresh one there is nothing left to suspect.
    pub(super) fn is_beyond_suspects(&self, task: &Task) -> bool {
        let is_settled = |tag| !task.wanted.settler.is_open(self.token(tag));
        self.fresh.is_some_and(is_settled) && task.wanted.settler.made_progress()
    }

    /// The quarantine has done its work: consumes as ever.
    pub(super) async fn release(&mut self, task: &Task) -> Result<(), String> {
        self.consume_with(task.wanted.prefetch, task).await?;
        (self.is_quarantined, self.has_suspects) = (false, false);
        info!(queue = task.wanted.subscription.queue, "the quarantine is over");
        self.tell_state(task);
        Ok(())
    }

    /// A prefetch counts for consumers that begin after it.
    async fn consume_with(&mut self, prefetch: u16, task: &Task) -> Result<(), String> {
        self.channel.qos(prefetch).await.map_err(|error| error.to_string())?;
        task.wanted.settler.set_prefetch(prefetch);
        self.consume_again(task).await
    }
}
