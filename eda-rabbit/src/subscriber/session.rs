//! One channel's life: from the confirmed consumer to its end, asked for or not.

mod ending;
mod listen;
mod quarantine;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use eda_core::transport::{ConsumerState, Delivery, Settle, Token};
use eda_core::{Error, ErrorKind, Result, mutant};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use self::listen::Heard;
use self::quarantine::{Quarantine, is_suspect, is_to_be_isolated};
use super::burst::next_burst;
use super::{Control, Task, Wanted};
use crate::connection::Connection;
use crate::convert::{self, Original};
use crate::settle::Flush;
use crate::topology::Plan;
use crate::wire::{Arrivals, Arrived, Channel, Link};

/// A session that ends before may have died of a message that this program never got to see.
const SOON: Duration = Duration::from_secs(5);
const LOST: &str = "the connection was lost";

pub(super) struct Session {
    connection: Connection,
    link: Arc<dyn Link>,
    channel: Arc<dyn Channel>,
    arrivals: Box<dyn Arrivals>,
    /// What came and is to go back as soon as no more comes, oldest first.
    held: Vec<Arrived>,
    generation: u64,
    /// When it began to consume as it does.
    began: Instant,
    /// When the broker was last told of a settlement, and how long it took to answer the cancel.
    told: Instant,
    answer: Duration,
    heard: Heard,
    is_quarantined: bool,
    quarantine: Quarantine,
    is_cancelled: bool,
    /// The first delivery that had never come before.
    fresh: Option<u64>,
    /// Deliveries that connections were lost with again and again; those that are settled may still be among them.
    suspects: Vec<u64>,
}

pub(super) enum End {
    /// Asked for.
    Closed,
    Lost {
        why: String,
        progress: Progress,
    },
}

/// What a session that was lost had come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Something was settled.
    Made,
    /// Something may have been settled, and beside it is what connections are lost with: handed out many at a time, it takes
    /// its neighbours along to the delivery limit.
    Doubtful,
    /// It ended soon, or while a delivery was in hand, which may be what it died of.
    Barren,
    /// Nothing came, so nothing is known.
    Idle,
}

impl Session {
    /// Declare → qos → consume.
    pub(super) async fn open(
        wanted: &Wanted,
        link: Arc<dyn Link>,
        is_quarantined: bool,
        is_declared: bool,
        opened: &mut Option<Arc<dyn Channel>>,
    ) -> Result<Self> {
        let channel = link.lasting_channel().await?;
        *opened = Some(Arc::clone(&channel));
        let prefetch = if is_quarantined { 1 } else { wanted.prefetch };
        let (generation, arrivals) = match Self::begin(wanted, &*channel, prefetch, is_declared).await {
            Ok(begun) => begun,
            Err(error) => {
                // what was not answered in time may still be done, and a consumer that nobody hears holds messages for ever;
                // a channel that an error has closed can't be closed again
                let _ = channel.close().await;
                return Err(error);
            }
        };
        let (connection, began) = (wanted.connection.clone(), Instant::now());
        Ok(Self {
            connection,
            link,
            channel,
            arrivals,
            held: Vec::new(),
            generation,
            began,
            told: began,
            answer: Duration::ZERO,
            heard: Heard::now(),
            is_quarantined,
            quarantine: Quarantine::begin(0),
            is_cancelled: false,
            fresh: None,
            suspects: Vec::new(),
        })
    }

    async fn begin(
        wanted: &Wanted,
        channel: &dyn Channel,
        prefetch: u16,
        is_declared: bool,
    ) -> Result<(u64, Box<dyn Arrivals>)> {
        if !is_declared {
            let mut plan = Plan::shared();
            plan.merge(Plan::subscription(&wanted.subscription)?);
            plan.declare(channel).await?;
        }
        if !mutant::is_without("prefetch") {
            channel.qos(prefetch).await?;
        }
        // deliveries may come as soon as the consumer is there
        let generation = wanted.settler.begin(prefetch);
        Ok((generation, channel.consume(&wanted.subscription.queue).await?))
    }

    pub(super) async fn run(mut self, task: &mut Task) -> End {
        let end = self.consume(task).await;
        let has_suspects = self.suspects.iter().any(|tag| self.is_open(task, *tag));
        let (made_progress, had_open) = task.wanted.settler.end();
        if let Err(why) = &end
            && !self.is_cancelled
        {
            // before what may take seconds: nobody consumes now, and nothing is open that came on it
            task.tell(ConsumerState::Connecting, why);
        }
        if end.is_err() {
            // the connection may live on, and hold for this channel what is to come again on the next one
            let _ = self.answered(self.channel.close()).await;
        }
        match end {
            Ok(()) => End::Closed,
            // to consume again is what nobody wants any more
            Err(why) if self.is_cancelled => {
                warn!(
                    queue = task.wanted.subscription.queue,
                    why, "the channel ended while draining; what was open comes again"
                );
                End::Closed
            }
            Err(why) => {
                let progress = match (made_progress, had_open || self.began.elapsed() < SOON) {
                    _ if self.is_quarantined || has_suspects => Progress::Doubtful,
                    (true, _) => Progress::Made,
                    (false, true) => Progress::Barren,
                    (false, false) => Progress::Idle,
                };
                End::Lost { why, progress }
            }
        }
    }

    /// # Errors
    /// Why the channel is of no use any more.
    async fn consume(&mut self, task: &mut Task) -> Result<(), String> {
        let mut burst = Vec::new();
        let (connection, link) = (self.connection.clone(), Arc::clone(&self.link));
        let mut lost = pin!(connection.lost(&link));
        loop {
            let due = task.wanted.settler.due();
            tokio::select! {
                biased;
                command = task.commands.recv() => match command {
                    Some(Control::Cancel(done)) => {
                        task.tell(ConsumerState::Draining, "");
                        let cancelled = self.cancel(task).await;
                        answer(done, &cancelled);
                        cancelled?;
                    }
                    Some(Control::Close(done)) => {
                        let closed = self.close(task).await;
                        // before the answer: what is settled after it changes nothing
                        task.wanted.settler.end();
                        answer(done, &closed);
                        return closed;
                    }
                    None => return self.close(task).await,
                },
                () = &mut lost => return Err(LOST.to_owned()),
                () = task.wanted.settler.woken() => self.settle(task).await?,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.settle(task).await?,
                () = sleep_until(self.idle_until()), if self.is_quarantined && due.is_none() && self.is_idle(task) => {
                    self.release(task).await?;
                }
                () = sleep_until(self.heard.due()), if !self.is_cancelled => self.listen(task).await?,
                Ok(()) = task.blocked.changed(), if !self.is_cancelled => self.tell_state(task),
                end = next_burst(&mut *self.arrivals, &mut burst), if !self.is_cancelled => {
                    self.heard.something();
                    if end.is_none() && !self.is_quarantined && is_to_be_isolated(task, &burst) {
                        self.held.append(&mut burst);
                        self.isolate(task).await?;
                    }
                    burst.drain(..).for_each(|arrived| self.deliver(task, arrived));
                    match end {
                        None => {}
                        Some(Some(error)) => return Err(error.to_string()),
                        Some(None) if mutant::is_without("resume") => std::future::pending().await,
                        Some(None) => {
                            let why = "the broker ended the consumer: was the queue deleted?";
                            task.tell(ConsumerState::Connecting, why);
                            // the channel lives, and what was settled need not come again
                            self.tell(task.wanted.settler.flush(true)).await?;
                            return Err(why.to_owned());
                        }
                    }
                },
            }
        }
    }

    async fn settle(&mut self, task: &Task) -> Result<(), String> {
        let flush = task.wanted.settler.flush(false);
        // nobody died of what is given back here, whatever became of those who had it before
        let was_outlived = !flush.given_back.is_empty();
        self.tell(flush).await?;
        if self.is_quarantined && !self.is_cancelled { self.review(was_outlived, task).await } else { Ok(()) }
    }

    fn is_open(&self, task: &Task, tag: u64) -> bool {
        task.wanted.settler.is_open(self.token(tag))
    }

    fn token(&self, tag: u64) -> Token {
        Token { generation: self.generation, tag }
    }

    fn deliver(&mut self, task: &Task, arrived: Arrived) {
        if !arrived.redelivered {
            self.fresh.get_or_insert(arrived.tag);
        }
        if is_suspect(&arrived) {
            let mut suspects = std::mem::take(&mut self.suspects);
            suspects.retain(|tag| self.is_open(task, *tag));
            suspects.push(arrived.tag);
            self.suspects = suspects;
        }
        let (message, attempt) = convert::incoming(&arrived);
        let Arrived { tag, exchange, routing_key, redelivered, properties, body } = arrived;
        task.wanted.settler.open(tag, Original { exchange, routing_key, properties, body });
        let token = self.token(tag);
        let settle = Arc::clone(&task.wanted.settler) as Arc<dyn Settle>;
        // a handle that is gone drops the delivery, which gives it back
        let _ = task.deliveries.send(Delivery::new(message, attempt, redelivered, token, settle));
    }

    async fn tell(&mut self, flush: Flush) -> Result<(), String> {
        if flush != Flush::default() {
            self.told = Instant::now();
        }
        let told = async {
            // before the acks: an ack of everything up to a tag would take these with it
            for tag in flush.given_back {
                self.channel.requeue(tag).await?;
            }
            if let Some(tag) = flush.up_to {
                self.channel.ack(tag, true).await?;
            }
            self.channel.ack_each(&flush.single).await
        };
        self.answered(told).await
    }

    /// What a client is asked on a connection that has just ended, it may never answer.
    async fn answered<T>(&self, asked: impl Future<Output = Result<T>>) -> Result<T, String> {
        tokio::select! {
            biased;
            answer = asked => answer.map_err(|error| error.to_string()),
            () = self.connection.lost(&self.link) => Err(LOST.to_owned()),
        }
    }

    pub(super) fn tell_state(&self, task: &Task) {
        let blocked = task.blocked.borrow().clone();
        match blocked {
            Some(why) => task.tell(ConsumerState::Blocked, &why),
            None if self.is_quarantined => {
                task.tell(ConsumerState::Quarantined, "connections or processes died of what was in hand");
            }
            None => task.tell(ConsumerState::Consuming, ""),
        }
    }
}

fn answer(done: oneshot::Sender<Result>, outcome: &Result<(), String>) {
    // whoever asked may have stopped waiting
    let _ = done.send(outcome.clone().map_err(|why| Error::new(ErrorKind::Unavailable, why)));
}
