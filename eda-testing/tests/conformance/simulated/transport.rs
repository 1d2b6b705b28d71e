//! The transport: one connection to the simulated broker.

use std::sync::Arc;

use async_trait::async_trait;
use eda_core::transport::memory::Memory;
use eda_core::transport::{Capabilities, Deliveries, Publish, Transport};
use eda_core::{Error, ErrorKind, EventId, Result, Subscription, Topology};
use tokio::sync::watch;

use super::Fault;
use super::consumer::Consumer;
use super::link::Link;
use super::publisher::Publisher;

/// What everything of a connection shares.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) memory: Memory,
    pub(super) link: watch::Receiver<Link>,
    pub(super) is_closed: Arc<watch::Sender<bool>>,
    pub(super) fault: Fault,
}

impl Connection {
    pub(super) fn new(memory: Memory, link: watch::Receiver<Link>, fault: Fault) -> Self {
        Self { memory, link, is_closed: Arc::new(watch::Sender::new(false)), fault }
    }

    pub(super) fn check_open(&self) -> Result {
        if *self.is_closed.borrow() && self.fault != Fault::StaysOpen {
            return Err(Error::new(ErrorKind::Closed, "the connection was closed"));
        }
        Ok(())
    }

    pub(super) fn is_down(&self) -> bool {
        self.link.borrow().is_down
    }

    /// Resolves when the broker can be reached.
    pub(super) async fn until_up(&self) {
        // the setup outlives its connections, or nobody is left to wait
        let _ = self.link.clone().wait_for(|link| !link.is_down).await;
    }

    async fn declare_as_wanted(&self, subscription: &Subscription) -> Result {
        let mut wanted = subscription.clone();
        let bindings = &mut wanted.bindings;
        match self.fault {
            Fault::IgnoresWildcards => bindings.retain(|binding| !binding.contains(['*', '#'])),
            Fault::TakesPrefixes => bindings.iter_mut().for_each(|binding| binding.push_str(".#")),
            Fault::BindsOnce => bindings.truncate(1),
            Fault::MakesForeignQueues if !wanted.declare => self.memory.declare_queue(&wanted.queue),
            Fault::EmptiesQueues if self.memory.queue(&wanted.queue).is_some() => self.empty(&wanted).await?,
            Fault::FirstQueueOnly => {
                // remembered by a queue that nobody consumes
                bindings.retain(|binding| self.memory.queue(&format!("first of {binding}")).is_none());
                for binding in bindings.iter() {
                    self.memory.declare_queue(&format!("first of {binding}"));
                }
            }
            _ => {}
        }
        let declared = self.memory.declare(&Topology { subscriptions: vec![wanted], ..Topology::default() }).await;
        if self.fault == Fault::AcceptsEverything { Ok(()) } else { declared }
    }

    async fn empty(&self, subscription: &Subscription) -> Result {
        let mut deliveries = self.memory.subscribe(subscription).await?;
        let mut batch = Vec::new();
        while self.memory.queue(&subscription.queue).is_some_and(|queue| queue.ready + queue.unacked > 0) {
            deliveries.receive(&mut batch, 100).await?;
            batch.drain(..).for_each(eda_core::transport::Delivery::ack);
        }
        Ok(())
    }
}

#[async_trait]
impl Transport for Connection {
    fn describe(&self) -> String {
        "memory beyond a network".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.memory.capabilities();
        capabilities.persistent = true;
        capabilities
    }

    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.check_open()?;
        if self.fault == Fault::DeclaresLate {
            return Ok(());
        }
        for subscription in &topology.subscriptions {
            self.declare_as_wanted(subscription).await?;
        }
        Ok(())
    }

    async fn publisher(&self) -> Result<Box<dyn Publish>> {
        self.check_open()?;
        Ok(Box::new(Publisher(self.clone())))
    }

    async fn subscribe(&self, subscription: &Subscription) -> Result<Box<dyn Deliveries>> {
        self.check_open()?;
        let mut subscription = subscription.clone();
        match self.fault {
            Fault::IgnoresPrefetch => subscription.policy.prefetch = Some(u16::MAX),
            Fault::DeclaresLate => self.declare_as_wanted(&subscription).await?,
            Fault::EveryConsumerGetsAll => {
                subscription.queue = format!("{}-{}", subscription.queue, EventId::new());
                self.declare_as_wanted(&subscription).await?;
            }
            _ => {}
        }
        self.until_up().await;
        Ok(Box::new(Consumer::open(self.clone(), subscription).await?))
    }

    async fn close(&self) -> Result<()> {
        let was_closed = self.is_closed.send_replace(true);
        match self.fault {
            Fault::HangsOnClose => std::future::pending().await,
            Fault::WaitsForEver => self.until_up().await,
            Fault::RefusesTheSecondClose if was_closed => self.check_open()?,
            Fault::LosesQueuesOnClose => self.memory.close().await?,
            _ => {}
        }
        Ok(())
    }
}
