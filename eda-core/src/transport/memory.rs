//! The in-memory transport: routes like RabbitMQ as this framework uses it, within one process. It is the reference for
//! other transports and the double for tests.
//!
//! | as on RabbitMQ | here |
//! |---|---|
//! | topic routing with `*` and `#`; a queue gets a message once, however many bindings match | the same |
//! | an event that nobody subscribes to is parked, bounded, oldest dropped first | the same; [`Unrouted::Reject`] makes it an error |
//! | a queue serves its consumers in turn, each up to its prefetch, whether they receive or not | the same |
//! | a message that came without an id gets one with its first retry | the same |
//! | a retry comes back after its delay, at the queue's end, as a fresh message | the same, without a ladder of fixed delays |
//! | a delivery that is given back goes before what is ready, in the order of giving back, with `redelivered` set | the same; it counts as no attempt |
//! | what a consumer has not settled when it closes is given back in order; settling it then changes nothing | the same |
//! | a queue that someone else declared is not declared again as ours | the same: a conflict |
//! | names, keys, headers, bodies and delays over the limits are refused | the same |
//! | a delivery limit ends crash loops | none: what crashes here takes the broker along |
//!
//! How RabbitMQ does these was looked at on 3.10.8, with quorum queues that have a delivery limit, as ours have.
//!
//! Time is tokio's clock and no task is spawned: under a paused clock an app runs deterministically.

mod consumer;
mod inspect;
mod keep;
mod port;
mod queue;
mod state;
mod unsettled;

use std::sync::Arc;

use async_trait::async_trait;

use self::consumer::Consumer;
use self::queue::Owner;
use self::state::Shared;
use crate::error::Result;
use crate::message::{EventId, Message};
use crate::topology::{Subscription, Topology};
use crate::transport::{Capabilities, Deliveries, Destination, Keep, Publish, Receipt, Transport, Unrouted, limits};

pub use self::inspect::{DeadLetter, QueueSnapshot};

/// A broker in this process. Clones are handles to the same one.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{AnyEvent, Broker, Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> eda_core::Result {
/// let memory = Memory::new();
/// let broker = Broker::new(memory.clone()).await?;
/// let running = Service::new("audit").on("log", |_: AnyEvent| async {}).start(&broker).await?;
/// assert_eq!(memory.queue("audit.log").map(|queue| queue.ready), Some(0));
/// running.shutdown().await
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory {
    shared: Arc<Shared>,
}

impl Memory {
    /// An empty broker.
    pub fn new() -> Self {
        Self::default()
    }

    /// What happens to messages that no queue is bound for. Default [`Unrouted::Park`].
    #[must_use]
    pub fn with_unrouted(self, unrouted: Unrouted) -> Self {
        self.shared.state().unrouted_policy = unrouted;
        self
    }

    /// Declares a queue as a foreign program would: bound to nothing, there for handlers with `declare = false`. One that
    /// exists stays as it is.
    pub fn declare_queue(&self, name: &str) {
        self.shared.state().queue_or_insert(name, Owner::Foreign);
    }

    /// Sends a message straight to a queue, as a foreign producer does through AMQP's default exchange: with any headers,
    /// and of any size.
    ///
    /// ```
    /// use eda_core::Message;
    /// use eda_core::transport::memory::Memory;
    ///
    /// let memory = Memory::new();
    /// memory.declare_queue("order_events");
    /// memory.send_to_queue("order_events", Message::new("order_events", r#"{"order_id": 1}"#))?;
    /// assert_eq!(memory.queue("order_events").map(|queue| queue.ready), Some(1));
    /// # Ok::<_, eda_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Unroutable`](crate::ErrorKind::Unroutable) where there is no such queue, [`Invalid`](crate::ErrorKind::Invalid)
    /// where a text is longer than AMQP allows, [`Closed`](crate::ErrorKind::Closed) after the end.
    pub fn send_to_queue(&self, queue: &str, message: Message) -> Result {
        limits::check_texts(&message)?;
        self.shared.state().send_to_queue(queue, message)
    }

    fn publish(&self, mut message: Message) -> Result<Receipt> {
        message.id.get_or_insert_with(EventId::new);
        limits::check(&message)?;
        limits::check_headers(&message)?;
        // taken into its place before the lock is
        let message = Arc::new(message);
        self.shared.state().publish(&message).map(Receipt::ready)
    }
}

#[async_trait]
impl Transport for Memory {
    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            delayed_retry: true,
            dead_letters: true,
            patterns: true,
            foreign_queues: true,
            persistent: false,
        }
    }

    async fn declare(&self, topology: &Topology) -> Result<()> {
        self.shared.state().declare(topology)
    }

    async fn publisher(&self) -> Result<Box<dyn Publish>> {
        self.shared.state().check_open()?;
        Ok(Box::new(self.clone()))
    }

    async fn subscribe(&self, subscription: &Subscription) -> Result<Box<dyn Deliveries>> {
        Ok(Box::new(Consumer::open(&self.shared, subscription)?))
    }

    fn keep(&self) -> Option<&dyn Keep> {
        Some(self)
    }

    async fn close(&self) -> Result<()> {
        self.shared.close();
        Ok(())
    }
}

#[async_trait]
impl Publish for Memory {
    async fn send(&self, message: Message) -> Result<Receipt> {
        self.publish(message)
    }

    fn try_send(&self, message: Message) -> std::result::Result<Result<Receipt>, Message> {
        Ok(self.publish(message))
    }

    fn destination(&self) -> Destination {
        Destination::new("memory", "")
    }
}
