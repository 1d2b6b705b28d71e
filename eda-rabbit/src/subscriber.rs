//! One subscription, over every reconnect: declare → qos → consume, and again.

mod burst;
mod session;
mod settler;

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::{ConsumerState, ConsumerStatus, Deliveries, Delivery};
use eda_core::{Error, ErrorKind, Result, Subscription};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tracing::warn;

use self::session::{End, Progress, Session};
pub(crate) use self::settler::Settler;
use crate::backoff::Backoff;
use crate::connection::{Connection, spawn};
use crate::wire::{Channel, Link};

/// After so many connections that died without a settlement, the subscription takes one delivery at a time.
const BARREN_DEATHS: u32 = 2;
/// How long the task may take to answer the handle; its own waits are shorter.
const ANSWER: Duration = Duration::from_secs(20);

/// The handle that the runtime receives from.
pub(crate) struct Subscriber {
    deliveries: mpsc::UnboundedReceiver<Delivery>,
    control: mpsc::UnboundedSender<Control>,
    status: watch::Receiver<ConsumerStatus>,
}

/// What the handle tells the task; each is answered when it is done.
pub(crate) enum Control {
    Cancel(oneshot::Sender<Result>),
    Close(oneshot::Sender<Result>),
}

impl Subscriber {
    /// Resolves when the broker has confirmed the consumer.
    ///
    /// # Errors
    /// What trying again can't mend: a missing queue, a missing permission, other arguments; or what each attempt met.
    pub(crate) async fn open(wanted: Wanted, publishing: &Connection) -> Result<Self> {
        let (control, commands) = mpsc::unbounded_channel();
        // bounded by the prefetch, and by twice that while a quarantine ends
        let (sender, deliveries) = mpsc::unbounded_channel();
        let (status, watched) = watch::channel(ConsumerStatus::now(ConsumerState::Connecting, ""));
        let (ready, is_ready) = oneshot::channel();
        let blocked = publishing.blocked();
        let task = Task { wanted, deliveries: sender, commands, status, blocked, is_newborn: true };
        spawn(task.run(ready));
        let ended = || Error::new(ErrorKind::Closed, "the connection was closed while subscribing");
        is_ready.await.map_err(|_| ended())??;
        Ok(Self { deliveries, control, status: watched })
    }

    async fn tell(&self, control: impl FnOnce(oneshot::Sender<Result>) -> Control) -> Result {
        let (done, is_done) = oneshot::channel();
        if self.control.send(control(done)).is_err() {
            // the task has ended, and the consumer with it
            return Ok(());
        }
        match timeout(ANSWER, is_done).await {
            // the task that ends without an answer has nothing left to end
            Ok(answer) => answer.unwrap_or(Ok(())),
            Err(_) => {
                Err(Error::new(ErrorKind::Unavailable, format!("the subscription did not end within {ANSWER:?}")))
            }
        }
    }
}

#[async_trait]
impl Deliveries for Subscriber {
    async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Result<usize> {
        Ok(self.deliveries.recv_many(batch, max).await)
    }

    async fn cancel(&mut self) -> Result<()> {
        let told = self.tell(Control::Cancel).await;
        self.deliveries.close();
        // each is given back when it is dropped
        while self.deliveries.try_recv().is_ok() {}
        told
    }

    async fn close(&mut self) -> Result<()> {
        self.tell(Control::Close).await
    }

    fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.status.clone()
    }
}

/// What is consumed, and over what.
pub(crate) struct Wanted {
    pub(crate) connection: Connection,
    pub(crate) subscription: Subscription,
    pub(crate) prefetch: u16,
    pub(crate) settler: Arc<Settler>,
    /// How long it is tried to begin with where each attempt fails.
    pub(crate) patience: Option<Duration>,
    /// Where all that it needs has just been declared.
    pub(crate) declared_on: Option<Weak<dyn Link>>,
}

struct Task {
    wanted: Wanted,
    deliveries: mpsc::UnboundedSender<Delivery>,
    commands: mpsc::UnboundedReceiver<Control>,
    status: watch::Sender<ConsumerStatus>,
    blocked: watch::Receiver<Option<String>>,
    /// Nothing has come yet that had not come to others before.
    is_newborn: bool,
}

impl Task {
    async fn run(mut self, ready: oneshot::Sender<Result>) {
        let mut ready = Some(ready);
        let (mut backoff, mut barren_deaths) = (Backoff::new(), 0);
        let mut is_cancelled = false;
        while !is_cancelled {
            let is_quarantined = barren_deaths >= BARREN_DEATHS && self.wanted.prefetch > 1;
            let (mut channel, declared_on) = (None, self.wanted.declared_on.take());
            let is_declared = declared_on.is_some();
            let opened = tokio::select! {
                opened = open_session(&self.wanted, is_quarantined, declared_on, &mut channel) => Ok(opened),
                command = self.commands.recv() => Err(command),
            };
            let opened = match opened {
                Ok(opened) => opened,
                Err(command) => {
                    // a consumer that was asked for may be there, and would hold messages that nobody takes
                    if let Some(channel) = channel {
                        let _ = channel.close().await;
                    }
                    is_cancelled = answer_while_down(command);
                    continue;
                }
            };
            drop(channel);
            let session = match opened {
                Ok(session) => session,
                Err(error) if error.kind() == ErrorKind::Closed => break,
                // what was declared has been deleted since
                Err(error) if is_declared && error.kind() == ErrorKind::NotFound => continue,
                Err(error) => {
                    let may_mend = error.kind() == ErrorKind::Unavailable && backoff.is_within(self.wanted.patience);
                    if let Some(ready) = ready.take_if(|_| !may_mend) {
                        let _ = ready.send(Err(error));
                        break;
                    }
                    is_cancelled = self.pause(&mut backoff, &error.to_string()).await;
                    continue;
                }
            };
            // before anyone hears that it is ready: who looks at its health then finds it so
            session.tell_state(&self);
            if let Some(ready) = ready.take() {
                let _ = ready.send(Ok(()));
            }
            match session.run(&mut self).await {
                End::Closed => break,
                End::Lost { why, progress } => {
                    match progress {
                        Progress::Made => barren_deaths = 0,
                        Progress::Barren => barren_deaths += 1,
                        Progress::Doubtful => barren_deaths = BARREN_DEATHS,
                        Progress::Idle => {}
                    }
                    // it has lived for a while
                    if matches!(progress, Progress::Made | Progress::Idle) {
                        backoff.reset();
                    }
                    is_cancelled = self.pause(&mut backoff, &why).await;
                }
            }
        }
        self.tell(ConsumerState::Stopped, "");
        // what the handle still asks is answered, so that nobody waits in vain
        while let Ok(command) = self.commands.try_recv() {
            answer_while_down(Some(command));
        }
    }

    /// Waits a little, and says why; tells whether the subscription was ended meanwhile.
    async fn pause(&mut self, backoff: &mut Backoff, why: &str) -> bool {
        let wait = backoff.next();
        warn!(queue = self.wanted.subscription.queue, why, "not consuming; trying again in {wait:?}");
        self.tell(ConsumerState::Connecting, why);
        tokio::select! {
            () = sleep(wait) => false,
            command = self.commands.recv() => answer_while_down(command),
        }
    }

    fn tell(&self, state: ConsumerState, why: &str) {
        self.status.send_modify(|status| {
            if status.state != state {
                *status = ConsumerStatus::now(state, why);
            }
            // the same state goes on, for what may be another reason
            why.clone_into(&mut status.why);
        });
    }
}

/// Whoever gives it up closes the channel.
async fn open_session(
    wanted: &Wanted,
    is_quarantined: bool,
    declared_on: Option<Weak<dyn Link>>,
    channel: &mut Option<Arc<dyn Channel>>,
) -> Result<Session> {
    let link = wanted.connection.link().await?;
    let is_declared = declared_on.is_some_and(|declared_on| Weak::ptr_eq(&declared_on, &Arc::downgrade(&link)));
    let session = tokio::select! {
        session = Session::open(wanted, Arc::clone(&link), is_quarantined, is_declared, channel) => session,
        // what a client is asked on a connection that has just ended, it may never answer
        () = wanted.connection.lost(&link) => {
            return Err(Error::new(ErrorKind::Unavailable, "the connection was lost while subscribing"));
        }
    };
    if session.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
        wanted.connection.abandon_if_silent(&link, "it takes no consumer").await;
    }
    session
}

/// Without a channel there is nothing to cancel or to flush. Tells whether the subscription ends.
fn answer_while_down(command: Option<Control>) -> bool {
    if let Some(Control::Cancel(done) | Control::Close(done)) = command {
        let _ = done.send(Ok(()));
    }
    true
}

#[cfg(test)]
mod tests;
