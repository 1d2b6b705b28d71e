//! One channel's life: from the confirmed consumer to its end, asked for or not.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::{ConsumerState, Delivery, Token};
use eda_core::{Result, Subscription};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use super::{Control, Settler, Task};
use crate::connection::Connection;
use crate::convert::{self, Original};
use crate::topology::Plan;
use crate::wire::{Arrivals, Arrived, Channel, Link};

/// How long what the broker had sent before a cancel may take to come.
const LAST_ARRIVALS: Duration = Duration::from_secs(2);

pub(super) struct Session {
    connection: Connection,
    link: Arc<dyn Link>,
    channel: Arc<dyn Channel>,
    arrivals: Box<dyn Arrivals>,
    generation: u64,
    is_quarantined: bool,
}

pub(super) enum End {
    /// Asked for.
    Closed,
    /// The quarantine has done its work: consume again as ever.
    Released,
    Lost {
        why: String,
        made_progress: bool,
        had_open: bool,
    },
}

impl Session {
    /// Declare → qos → consume.
    pub(super) async fn open(
        connection: &Connection,
        link: Arc<dyn Link>,
        subscription: &Subscription,
        prefetch: u16,
        settler: &Settler,
    ) -> Result<Self> {
        let connection = connection.clone();
        let channel = link.channel().await?;
        let mut plan = Plan::shared();
        plan.merge(Plan::subscription(subscription)?);
        plan.declare(&*channel).await?;
        channel.qos(prefetch).await?;
        // deliveries may come as soon as the consumer is there
        let generation = settler.begin();
        let arrivals = channel.consume(&subscription.queue).await?;
        let is_quarantined = prefetch == 1 && subscription.policy.prefetch != Some(1);
        Ok(Self { connection, link, channel, arrivals, generation, is_quarantined })
    }

    pub(super) async fn run(mut self, task: &mut Task) -> End {
        self.tell_state(task);
        let end = self.consume(task).await;
        let (made_progress, had_open) = task.settler.end();
        match end {
            Ok(end) => end,
            Err(why) => End::Lost { why, made_progress, had_open },
        }
    }

    /// # Errors
    /// Why the channel is of no use any more.
    async fn consume(&mut self, task: &mut Task) -> Result<End, String> {
        let (connection, link) = (self.connection.clone(), Arc::clone(&self.link));
        let mut lost = pin!(connection.lost(&link));
        let mut is_cancelled = false;
        loop {
            let due = task.settler.due();
            tokio::select! {
                biased;
                command = task.commands.recv() => match command {
                    Some(Control::Cancel(done)) => {
                        task.tell(ConsumerState::Draining, "");
                        self.cancel(task).await?;
                        is_cancelled = true;
                        let _ = done.send(());
                    }
                    Some(Control::Close(done)) => {
                        let closed = self.close(task, is_cancelled).await;
                        let _ = done.send(());
                        return closed.map(|()| End::Closed);
                    }
                    None => return self.close(task, is_cancelled).await.map(|()| End::Closed),
                },
                () = &mut lost => return Err("the connection was lost".to_owned()),
                () = task.settler.woken() => self.flush(&task.settler, false).await?,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.flush(&task.settler, false).await?;
                    if self.is_quarantined && task.settler.made_progress() && !is_cancelled {
                        self.cancel(task).await?;
                        self.flush(&task.settler, true).await?;
                        return Ok(End::Released);
                    }
                }
                Ok(()) = task.blocked.changed() => self.tell_state(task),
                arrived = next(&mut *self.arrivals), if !is_cancelled => match arrived {
                    Some(Ok(arrived)) => self.deliver(task, arrived),
                    Some(Err(error)) => return Err(error.to_string()),
                    None => return Err("the broker ended the consumer: was the queue deleted?".to_owned()),
                },
            }
        }
    }

    fn deliver(&self, task: &Task, arrived: Arrived) {
        let (message, attempt) = convert::incoming(&arrived, task.subscription.declare);
        let Arrived { tag, exchange, routing_key, redelivered, properties, body } = arrived;
        task.settler.open(tag, Original { exchange, routing_key, properties, body });
        let token = Token { generation: self.generation, tag };
        let settle = Arc::clone(&task.settler) as Arc<dyn eda_core::transport::Settle>;
        // a handle that is gone drops the delivery, which gives it back
        let _ = task.deliveries.send(Delivery::new(message, attempt, redelivered, token, settle));
    }

    /// No more deliveries; what had come and was not handed out goes back.
    async fn cancel(&mut self, task: &Task) -> Result<(), String> {
        self.channel.cancel(self.arrivals.tag()).await.map_err(|error| error.to_string())?;
        let rest = async {
            while let Some(Ok(arrived)) = next(&mut *self.arrivals).await {
                self.deliver_back(task, arrived);
            }
        };
        if timeout(LAST_ARRIVALS, rest).await.is_err() {
            warn!(
                queue = task.subscription.queue,
                "the consumer did not end; the channel's end will give its messages back"
            );
        }
        self.flush(&task.settler, false).await
    }

    fn deliver_back(&self, task: &Task, arrived: Arrived) {
        let Arrived { tag, exchange, routing_key, properties, body, .. } = arrived;
        task.settler.open(tag, Original { exchange, routing_key, properties, body });
        task.settler.give_back_now(Token { generation: self.generation, tag });
    }

    /// Cancel → settle → close, in that order: a quorum queue loses acks that are followed by the close at once.
    async fn close(&mut self, task: &Task, is_cancelled: bool) -> Result<(), String> {
        if !is_cancelled {
            self.cancel(task).await?;
        }
        self.flush(&task.settler, true).await?;
        self.channel.close().await.map_err(|error| error.to_string())
    }

    async fn flush(&self, settler: &Settler, everything: bool) -> Result<(), String> {
        let flush = settler.flush(everything);
        let told = async {
            // before the acks: an ack of everything up to a tag would take these with it
            for tag in flush.given_back {
                self.channel.requeue(tag).await?;
            }
            if let Some(tag) = flush.up_to {
                self.channel.ack(tag, true).await?;
            }
            for tag in flush.single {
                self.channel.ack(tag, false).await?;
            }
            Ok(())
        };
        told.await.map_err(|error: eda_core::Error| error.to_string())
    }

    fn tell_state(&self, task: &Task) {
        let blocked = task.blocked.borrow().clone();
        match blocked {
            Some(why) => task.tell(ConsumerState::Blocked, &why),
            None if self.is_quarantined => task.tell(ConsumerState::Quarantined, "connections died without progress"),
            None => task.tell(ConsumerState::Consuming, ""),
        }
    }
}

async fn next(arrivals: &mut dyn Arrivals) -> Option<Result<Arrived>> {
    poll_fn(|context| arrivals.poll_next(context)).await
}
