//! What the state machines need of a connection: a small trait, with lapin behind it in one module, and room for a
//! simulated broker behind it in another.

mod error;
mod attempt;
mod operator;
mod lapin;
#[cfg(feature = "__simulation")]
pub mod simulation;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::lapin::BasicProperties;
use async_trait::async_trait;
use bytes::Bytes;
use eda_core::Result;
use tokio::sync::watch;

pub(crate) use self::lapin::{Lapin, LapinConfirm};
pub(crate) use self::operator::{Held, Operator};
use crate::topology::{Binding, Exchange, Plan, Queue};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes connections.
#[async_trait]
pub(crate) trait Connect: Send + Sync {
    /// One try, at every address in turn.
    async fn connect(&self) -> Result<Arc<dyn Link>>;
}

/// A connection.
#[async_trait]
pub(crate) trait Link: Send + Sync {
    /// For what is soon over.
    async fn channel(&self) -> Result<Arc<dyn Channel>>;

    /// For a subscription: leaves room for others that come and go.
    ///
    /// # Errors
    /// [`Rejected`](eda_core::ErrorKind::Rejected) where the broker allows no more.
    async fn lasting_channel(&self) -> Result<Arc<dyn Channel>> {
        self.channel().await
    }

    /// Whether there is room for so many subscriptions; says so before any of them takes a message.
    ///
    /// # Errors
    /// As [`lasting_channel`](Self::lasting_channel).
    fn check_room(&self, _subscriptions: usize) -> Result {
        Ok(())
    }

    /// Why the broker takes nothing for now; `None` while it does.
    fn blocked(&self) -> watch::Receiver<Option<String>>;

    /// Resolves with the reason when the connection has ended.
    async fn ended(&self) -> String;

    /// Gives the connection up, without asking the broker: for a peer that does not answer.
    fn abandon(&self, why: &str);

    async fn close(&self);
}

/// A channel. Every wait in it has a deadline but those for the broker's word on a publish, and for what it delivers.
#[async_trait]
pub(crate) trait Channel: Send + Sync {
    async fn declare_exchange(&self, exchange: &Exchange) -> Result;
    async fn declare_queue(&self, queue: &Queue) -> Result;
    async fn bind(&self, binding: &Binding) -> Result;

    async fn confirm_select(&self) -> Result;

    /// The frames are handed over when the future is first polled, and written in the order of polling. It resolves when
    /// they are written, or with an error when the channel ends; the deadline is the caller's.
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<Result<Confirm>>;

    /// How many consumers the broker knows of a queue. One that is gone ends the channel.
    async fn consumers(&self, queue: &str) -> Result<u32>;

    async fn qos(&self, prefetch: u16) -> Result;
    async fn consume(&self, queue: &str) -> Result<Box<dyn Arrivals>>;
    async fn cancel(&self, consumer_tag: &str) -> Result;

    /// `multiple` acks everything up to the tag.
    async fn ack(&self, tag: u64, multiple: bool) -> Result;
    /// Acks each by itself, in this order.
    async fn ack_each(&self, tags: &[u64]) -> Result {
        for tag in tags {
            self.ack(*tag, false).await?;
        }
        Ok(())
    }
    async fn requeue(&self, tag: u64) -> Result;

    /// What operators may ask, where there is a broker to ask.
    fn operator(&self) -> Option<&dyn Operator> {
        None
    }

    async fn close(&self) -> Result;
}

impl Plan {
    /// Makes it exist; what exists already with the same properties is kept.
    pub(crate) async fn declare(&self, channel: &dyn Channel) -> Result {
        for exchange in &self.exchanges {
            channel.declare_exchange(exchange).await?;
        }
        for queue in &self.queues {
            channel.declare_queue(queue).await?;
        }
        for binding in &self.bindings {
            channel.bind(binding).await?;
        }
        Ok(())
    }
}

/// What the broker hands to a consumer.
pub(crate) trait Arrivals: Send + Sync {
    fn tag(&self) -> &str;

    /// `None` is the end, whoever asked for it.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Arrived>>>;
}

/// A message on its way to the broker.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

/// A message from the broker.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) tag: u64,
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) redelivered: bool,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

/// The broker's word on a publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It has taken responsibility; and it came with the return of a message, which need not be this one.
    Ack { returned: Option<Returned> },
    /// It refused.
    Nack { returned: Option<Returned> },
}

/// Resolves with the broker's word on a publish, or an error when the channel ends.
pub(crate) enum Confirm {
    Lapin(LapinConfirm),
    #[cfg(feature = "__simulation")]
    Simulated(BoxFuture<Result<Word>>),
}

impl Future for Confirm {
    type Output = Result<Word>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Word>> {
        match self.get_mut() {
            Self::Lapin(confirm) => Pin::new(confirm).poll(context),
            #[cfg(feature = "__simulation")]
            Self::Simulated(word) => word.as_mut().poll(context),
        }
    }
}

/// A message that the broker could not route, known by its id and by where it was to go: copies of one event for two queues
/// have one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Returned {
    pub(crate) message_id: String,
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) text: String,
}
