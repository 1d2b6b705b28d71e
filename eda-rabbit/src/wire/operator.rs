//! What operators ask of a channel, beside what services do.

use async_trait::async_trait;
use eda_core::Result;

use super::Arrivals;
use crate::topology::Binding;

/// A channel for operators. A look for what is missing ends the channel.
#[async_trait]
pub(crate) trait Operator: Send + Sync {
    async fn look_for_exchange(&self, name: &str) -> Result;
    /// Of a quorum queue that RabbitMQ gets no quick answer from, it says that there is nothing in it and nobody at it.
    async fn look_for_queue(&self, name: &str) -> Result<Held>;
    async fn unbind(&self, binding: &Binding) -> Result;
    /// Tells how many messages went with it, as far as the broker knows.
    async fn delete_queue(&self, name: &str) -> Result<u64>;

    /// Consumes under a tag of our choice: the broker gives back what consumers of one channel hold in the order of their tags.
    async fn consume_as(&self, queue: &str, tag: &str) -> Result<Box<dyn Arrivals>>;

    /// A queue of our own that ends with the channel, bound by each pattern to each exchange, and its messages. It holds
    /// `limit` of them at most, and drops the oldest.
    async fn listen(&self, exchanges: &[&str], patterns: &[String], limit: u32) -> Result<Box<dyn Arrivals>>;
}

/// What a queue holds.
pub(crate) struct Held {
    pub(crate) messages: u64,
    pub(crate) consumers: u64,
}
