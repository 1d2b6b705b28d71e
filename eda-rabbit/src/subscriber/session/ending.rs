//! How a consumer ends: what it was sent before goes back, and what was settled is written down first.

use std::time::Duration;

use eda_core::transport::Settle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use super::super::Task;
use super::super::burst::next;
use super::Session;
use crate::convert::Original;
use crate::wire::Arrived;

/// How long what the broker had sent before a cancel may take to come.
const LAST_ARRIVALS: Duration = Duration::from_secs(2);
/// A quorum queue forgets acks that a close follows at once, also after a cancel (measured: 140 of 400), because it hears
/// of the channel's end before it has written them down. It tells nobody when it has; how long it took to answer the
/// cancel, which it writes down, too, is the best guess.
const SETTLE: Duration = Duration::from_millis(100);
const LONGEST_SETTLE: Duration = Duration::from_secs(2);

/// What becomes of that which came before a consumer had ended.
#[derive(Clone, Copy)]
pub(super) enum Rest {
    GoesBack,
    Stays,
}

impl Session {
    /// No more deliveries; what had come and was not handed out goes back.
    pub(super) async fn cancel(&mut self, task: &Task) -> Result<(), String> {
        if std::mem::replace(&mut self.is_cancelled, true) {
            return Ok(());
        }
        if !self.end_consumer(Rest::GoesBack, task).await? {
            let queue = &task.wanted.subscription.queue;
            warn!(queue, "the consumer did not end; the channel's end will give its messages back");
        }
        Ok(())
    }

    /// Tells whether everything has come that the broker had sent before.
    pub(super) async fn end_consumer(&mut self, what: Rest, task: &Task) -> Result<bool, String> {
        // a quorum queue answers a cancel when it has written down all that came before it
        self.tell(task.wanted.settler.flush(true)).await?;
        let asked = Instant::now();
        self.answered(self.channel.cancel(self.arrivals.tag())).await?;
        self.answer = asked.elapsed();
        for arrived in std::mem::take(&mut self.held) {
            self.deliver_back(task, arrived);
        }
        let rest = async {
            while let Some(Ok(arrived)) = next(&mut *self.arrivals).await {
                match what {
                    Rest::GoesBack => self.deliver_back(task, arrived),
                    Rest::Stays => self.deliver(task, arrived),
                }
            }
        };
        let has_ended = timeout(LAST_ARRIVALS, rest).await.is_ok();
        self.tell(task.wanted.settler.flush(false)).await?;
        Ok(has_ended)
    }

    fn deliver_back(&self, task: &Task, arrived: Arrived) {
        let Arrived { tag, exchange, routing_key, properties, body, .. } = arrived;
        task.wanted.settler.open(tag, Original { exchange, routing_key, properties, body });
        task.wanted.settler.give_back(self.token(tag));
    }

    /// Cancel → settle → wait → close, in that order.
    pub(super) async fn close(&mut self, task: &Task) -> Result<(), String> {
        self.cancel(task).await?;
        self.tell(task.wanted.settler.flush(true)).await?;
        sleep_until(self.told + self.answer.saturating_mul(4).clamp(SETTLE, LONGEST_SETTLE)).await;
        self.answered(self.channel.close()).await
    }
}
