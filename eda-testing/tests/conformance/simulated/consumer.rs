//! Consumes, over every loss of the link.

use std::sync::Arc;

use async_trait::async_trait;
use eda_core::transport::{ConsumerState, ConsumerStatus, Deliveries, Delivery, Transport};
use eda_core::{Result, Subscription};
use tokio::sync::{mpsc, oneshot, watch};

use super::Fault;
use super::link::Link;
use super::settler::Settler;
use super::transport::Connection;

/// The handle that the suite receives from.
pub(super) struct Consumer {
    connection: Connection,
    deliveries: mpsc::UnboundedReceiver<Delivery>,
    commands: mpsc::UnboundedSender<Command>,
    status: watch::Receiver<ConsumerStatus>,
    is_closed: bool,
    /// What was passed over.
    older: Option<Delivery>,
}

enum Command {
    Cancel(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

impl Consumer {
    pub(super) async fn open(connection: Connection, subscription: Subscription) -> Result<Self> {
        let mut link = connection.link.clone();
        let seen = link.borrow_and_update().clone();
        let inner = connection.memory.subscribe(&subscription).await?;
        let (sender, deliveries) = mpsc::unbounded_channel();
        let (commands, commanded) = mpsc::unbounded_channel();
        let (told, status) = watch::channel(ConsumerStatus::now(ConsumerState::Consuming, ""));
        let settler = Arc::new(Settler::new(connection.clone()));
        let task = Task { connection: connection.clone(), subscription, settler, sender, commanded, told };
        tokio::spawn(task.run(inner, link, seen));
        Ok(Self { connection, deliveries, commands, status, is_closed: false, older: None })
    }

    async fn tell(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (done, is_done) = oneshot::channel();
        // a task that has ended has nothing left to end
        if self.commands.send(command(done)).is_ok() {
            let _ = is_done.await;
        }
    }
}

#[async_trait]
impl Deliveries for Consumer {
    async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Result<usize> {
        match self.connection.fault {
            Fault::GivesTooMuch => Ok(self.deliveries.recv_many(batch, max + 1).await),
            Fault::LosesCancelledReceives => {
                let mut received = Vec::new();
                let count = self.deliveries.recv_many(&mut received, max).await;
                tokio::task::yield_now().await;
                batch.append(&mut received);
                Ok(count)
            }
            Fault::Reorders => {
                let next = match self.older.take() {
                    Some(older) => Some(older),
                    None => self.deliveries.recv().await,
                };
                let Some(older) = next else { return Ok(0) };
                batch.push(match self.deliveries.try_recv() {
                    Ok(newer) => {
                        self.older = Some(older);
                        newer
                    }
                    Err(_) => older,
                });
                Ok(1)
            }
            fault => {
                let count = self.deliveries.recv_many(batch, max).await;
                if count == 0 && fault == Fault::NeverEnds {
                    std::future::pending::<()>().await;
                }
                Ok(count)
            }
        }
    }

    async fn cancel(&mut self) -> Result<()> {
        if self.connection.fault == Fault::WaitsForEver {
            self.connection.until_up().await;
        }
        if self.connection.fault == Fault::IgnoresCancel {
            return Ok(());
        }
        self.tell(Command::Cancel).await;
        self.deliveries.close();
        self.older = None;
        // each is given back when it is dropped
        while self.deliveries.try_recv().is_ok() {}
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        if self.connection.fault == Fault::RefusesTheSecondClose && std::mem::replace(&mut self.is_closed, true) {
            return Err(eda_core::Error::new(eda_core::ErrorKind::Closed, "it is closed"));
        }
        self.tell(Command::Close).await;
        Ok(())
    }

    fn status(&self) -> watch::Receiver<ConsumerStatus> {
        self.status.clone()
    }
}

struct Task {
    connection: Connection,
    subscription: Subscription,
    settler: Arc<Settler>,
    sender: mpsc::UnboundedSender<Delivery>,
    commanded: mpsc::UnboundedReceiver<Command>,
    told: watch::Sender<ConsumerStatus>,
}

impl Task {
    async fn run(mut self, mut inner: Box<dyn Deliveries>, mut link: watch::Receiver<Link>, mut seen: Link) {
        let fault = self.connection.fault;
        let mut closing = Box::pin(closed(self.connection.clone()));
        let (mut is_cancelled, mut batch) = (false, Vec::new());
        loop {
            tokio::select! {
                biased;
                command = self.commanded.recv() => match command {
                    Some(Command::Cancel(done)) => {
                        // memory has no reason to refuse
                        let _ = inner.cancel().await;
                        is_cancelled = true;
                        self.tell(ConsumerState::Draining);
                        let _ = done.send(());
                    }
                    Some(Command::Close(done)) => {
                        self.end(inner);
                        let _ = done.send(());
                        return;
                    }
                    None => return self.end(inner),
                },
                () = &mut closing, if fault != Fault::StaysOpen => return self.end(inner),
                changed = link.changed() => {
                    let now = link.borrow_and_update().clone();
                    let is_lost = changed.is_err() || now.cuts != seen.cuts;
                    let is_ended = now.ended != seen.ended && now.ended.0 == self.subscription.queue;
                    seen = now;
                    if !is_lost && !is_ended {
                        continue;
                    }
                    self.settler.let_go(fault == Fault::LosesInHand);
                    drop(inner);
                    self.tell(ConsumerState::Connecting);
                    if is_cancelled || changed.is_err() {
                        return self.tell(ConsumerState::Stopped);
                    }
                    if fault == Fault::NeverReconnects || (is_ended && fault == Fault::MissesTheBrokersCancel) {
                        return std::future::pending().await;
                    }
                    let Some(again) = self.consume_again().await else { return self.tell(ConsumerState::Stopped) };
                    inner = again;
                    // what was cut meanwhile concerns the older one
                    seen = link.borrow_and_update().clone();
                }
                received = inner.receive(&mut batch, 16), if !is_cancelled => {
                    if !matches!(received, Ok(1..)) {
                        return self.end(inner);
                    }
                    for delivery in batch.drain(..) {
                        // a handle that is gone drops it, which gives it back
                        let _ = self.sender.send(self.settler.hold(delivery));
                    }
                }
            }
        }
    }

    /// `None` where the subscription was ended meanwhile.
    async fn consume_again(&mut self) -> Option<Box<dyn Deliveries>> {
        let (connection, subscription) = (self.connection.clone(), self.subscription.clone());
        tokio::select! {
            command = self.commanded.recv() => {
                if let Some(Command::Cancel(done) | Command::Close(done)) = command {
                    let _ = done.send(());
                }
                None
            }
            () = closed(connection.clone()) => None,
            () = connection.until_up() => {
                let inner = connection.memory.subscribe(&subscription).await.ok()?;
                self.tell(ConsumerState::Consuming);
                Some(inner)
            }
        }
    }

    fn end(&self, inner: Box<dyn Deliveries>) {
        self.settler.let_go(self.connection.fault == Fault::LosesOnClose);
        drop(inner);
        self.tell(ConsumerState::Stopped);
    }

    fn tell(&self, state: ConsumerState) {
        if self.connection.fault != Fault::TellsNoHealth {
            self.told.send_replace(ConsumerStatus::now(state, ""));
        }
    }
}

async fn closed(connection: Connection) {
    // the sender is held right here, so this can't fail
    let _ = connection.is_closed.subscribe().wait_for(|is_closed| *is_closed).await;
}
