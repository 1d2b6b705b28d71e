//! What operators do at a broker, beside what services do.

use std::fmt;

use async_trait::async_trait;

use crate::error::Result;
use crate::message::Message;
use crate::topology::Topology;

/// What operators do at a broker: look at what exists, remove what is left over, follow events.
#[async_trait]
pub trait Operate: Send + Sync {
    /// What would have to change for the topology to exist, in the order in which to do it; changes nothing. `former` is what
    /// earlier builds of the same services had, as far as it is known: what only they had is left over.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`AccessRefused`](crate::ErrorKind::AccessRefused).
    async fn compare(&self, topology: &Topology, former: &Topology) -> Result<Vec<Change>>;

    /// Unbinds or deletes, as a [`Change`] says. What is missing is made by [`Transport::declare`](super::Transport::declare).
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) where a queue to delete is not empty, or is consumed: it is kept.
    async fn remove(&self, item: &Item) -> Result<()>;

    /// What the topology's queues hold, in its order; leaves out those that do not exist.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`AccessRefused`](crate::ErrorKind::AccessRefused).
    async fn queues(&self, topology: &Topology) -> Result<Vec<QueueState>>;

    /// Follows, from now on, copies of events whose routing keys match one of the patterns. They are taken from nobody; but
    /// a pattern that nobody else is bound by makes the broker believe that those events are wanted, so it does not park
    /// them.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`AccessRefused`](crate::ErrorKind::AccessRefused).
    async fn tail(&self, patterns: &[String]) -> Result<Box<dyn Tail>>;
}

/// Events as they pass.
#[async_trait]
pub trait Tail: Send {
    /// The next one. What passes faster than it is read is left out, oldest first.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) where the connection was lost: what passed since is not known.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn next(&mut self) -> Result<Message>;
}

/// A step from what exists to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is done.
    pub action: Action,
    /// To what.
    pub item: Item,
    /// What else there is to know, or nothing.
    pub why: String,
}

/// What is done to an [`Item`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is made.
    Declare,
    /// It is bound, unless it is already.
    Bind,
    /// It is left over, and unbound.
    Unbind,
    /// It is left over, and deleted, and a queue's bindings with it: those are no steps of their own.
    Delete,
    /// It is left over, and kept for now.
    Keep,
    /// It stands in the way: it exists with other properties, or is missing and not ours to make.
    Conflict,
}

/// Something that exists at a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Where messages are published.
    Exchange(String),
    /// Where messages wait.
    Queue(String),
    /// The way from an exchange to a queue.
    Binding {
        /// The queue.
        queue: String,
        /// The exchange.
        exchange: String,
        /// The pattern of routing keys.
        routing_key: String,
    },
}

/// What a queue holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// The queue.
    pub queue: String,
    /// How many messages wait in it; those in hand of a consumer do not count.
    pub messages: u64,
    /// How many processes consume from it.
    pub consumers: u64,
    /// How many dead letters it has; those that somebody looks at do not count.
    pub dead: u64,
    /// How many look at its dead letters right now.
    pub dead_others: u64,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Declare => "declare",
            Self::Bind => "bind",
            Self::Unbind => "unbind",
            Self::Delete => "delete",
            Self::Keep => "keep",
            Self::Conflict => "conflict",
        })
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(name) => write!(f, "exchange {name}"),
            Self::Queue(name) => write!(f, "queue {name}"),
            Self::Binding { queue, exchange, routing_key } if routing_key.is_empty() => {
                write!(f, "queue {queue} to {exchange}")
            }
            Self::Binding { queue, exchange, routing_key } => write!(f, "queue {queue} to {exchange} by {routing_key}"),
        }
    }
}
