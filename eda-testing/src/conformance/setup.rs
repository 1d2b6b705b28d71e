//! What the author of a transport says: how to connect, and what the suite may do to the broker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eda_core::transport::Unrouted;
use eda_core::transport::{Capabilities, FailureRecord, Transport};
use eda_core::{Error, ErrorKind, Message, Result};

/// A broker, and how the suite reaches it. Each case gets a setup of its own; the broker behind it may be shared.
///
/// Only [`connect`](Self::connect) has to be written. What else can't be done is named in [`gaps`](Self::gaps): a method
/// that is neither written nor named there fails the cases that call it.
#[async_trait]
pub trait Setup: Send + Sync {
    /// By which clock the cases run. Default [`Clock::Real`].
    fn clock() -> Clock
    where
        Self: Sized,
    {
        Clock::Real
    }

    /// A new connection to this setup's broker: what was published over one is received over another.
    ///
    /// # Errors
    /// Where the broker can't be reached: the case fails.
    async fn connect(&self, options: &Options) -> Result<Arc<dyn Transport>>;

    /// What can't be had or shown here, each with the reason; cases that need it are skipped. Default: none.
    fn gaps(&self) -> Vec<(Need, &'static str)> {
        Vec::new()
    }

    /// How long the suite waits for what must happen, before the case fails. Longer than the transport's own deadlines and
    /// reconnects. Default 30 s.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// How long the suite listens where nothing must come. Too short finds less; it never fails a transport that is right.
    /// Default 300 ms.
    fn quiet(&self) -> Duration {
        Duration::from_millis(300)
    }

    /// The dead letters of a queue, oldest first; they stay where they are. For [`Need::DeadLetters`].
    ///
    /// # Errors
    /// Where they can't be read: the case fails.
    async fn dead_letters(&self, queue: &str) -> Result<Vec<DeadLetter>> {
        let _ = queue;
        missing("dead_letters", Need::DeadLetters)
    }

    /// The messages with this routing key that were parked since no queue was bound for them. For [`Need::Parked`].
    ///
    /// # Errors
    /// Where they can't be read: the case fails.
    async fn parked(&self, routing_key: &str) -> Result<Vec<Message>> {
        let _ = routing_key;
        missing("parked", Need::Parked)
    }

    /// Declares a queue as another program would, with none of our properties. For [`Need::ForeignQueues`].
    ///
    /// # Errors
    /// Where it can't be declared: the case fails.
    async fn declare_foreign(&self, queue: &str) -> Result {
        let _ = queue;
        missing("declare_foreign", Need::ForeignQueues)
    }

    /// Sends a body straight to a queue, as another program would. For [`Need::ForeignQueues`].
    ///
    /// # Errors
    /// Where it can't be sent: the case fails.
    async fn send_foreign(&self, queue: &str, body: &[u8]) -> Result {
        let _ = (queue, body);
        missing("send_foreign", Need::ForeignQueues)
    }

    /// Ends every connection that this setup has made, without a word to the program; new ones are possible at once.
    /// Resolves when they are ended. For [`Need::ConnectionLoss`].
    ///
    /// # Errors
    /// Where they can't be ended: the case fails.
    async fn cut_connections(&self) -> Result {
        missing("cut_connections", Need::ConnectionLoss)
    }

    /// Takes the broker away from this setup's connections, or gives it back: connections end, and new ones are refused.
    /// Resolves when it is so. For [`Need::BrokerAway`].
    ///
    /// # Errors
    /// Where that can't be done: the case fails.
    async fn set_reachable(&self, reachable: bool) -> Result {
        let _ = reachable;
        missing("set_reachable", Need::BrokerAway)
    }

    /// Lets the broker end a queue's consumers by itself, as it does when someone deletes the queue; the connection stays,
    /// and the queue may be gone with all that it held. For [`Need::ConsumerCancel`].
    ///
    /// # Errors
    /// Where that can't be done: the case fails.
    async fn cancel_consumers(&self, queue: &str) -> Result {
        let _ = queue;
        missing("cancel_consumers", Need::ConsumerCancel)
    }
}

fn missing<T>(method: &str, need: Need) -> Result<T> {
    let text =
        format!("the setup has no `{method}`: write it, or name `Need::{need:?}` among the gaps, with the reason");
    Err(Error::new(ErrorKind::Unsupported, text))
}

/// How a connection is to behave.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What happens to messages that no queue is bound for. [`Unrouted::Park`] is also what a transport does that knows
    /// one policy only and confirms them.
    pub unrouted: Unrouted,
}

/// By which clock cases run.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's: for everything that waits for another program or for a file.
    #[default]
    Real,
    /// tokio's, paused: waits cost nothing. For a transport that lives in this process and waits by tokio's clock alone.
    Paused,
}

/// What a case needs beyond the traits.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// [`Capabilities::delayed_retry`].
    DelayedRetry,
    /// [`Capabilities::dead_letters`], and [`Setup::dead_letters`] to look at them.
    DeadLetters,
    /// [`Capabilities::patterns`].
    Patterns,
    /// [`Capabilities::foreign_queues`], and [`Setup::declare_foreign`] with [`Setup::send_foreign`].
    ForeignQueues,
    /// [`Capabilities::persistent`]: what was confirmed is there for the next connection after the last one was closed.
    Persistent,
    /// [`Unrouted::Park`], and [`Setup::parked`] to look at what was parked.
    Parked,
    /// [`Unrouted::Reject`]: the publisher of a message without a queue gets an error.
    Reject,
    /// [`Setup::cut_connections`].
    ConnectionLoss,
    /// [`Setup::set_reachable`].
    BrokerAway,
    /// [`Setup::cancel_consumers`].
    ConsumerCancel,
}

impl Need {
    /// The capability's name, where the transport does not declare it.
    pub(super) fn undeclared(self, capabilities: Capabilities) -> Option<&'static str> {
        let (declared, name) = match self {
            Self::DelayedRetry => (capabilities.delayed_retry, "delayed_retry"),
            Self::DeadLetters => (capabilities.dead_letters, "dead_letters"),
            Self::Patterns => (capabilities.patterns, "patterns"),
            Self::ForeignQueues => (capabilities.foreign_queues, "foreign_queues"),
            Self::Persistent => (capabilities.persistent, "persistent"),
            Self::Parked | Self::Reject | Self::ConnectionLoss | Self::BrokerAway | Self::ConsumerCancel => {
                return None;
            }
        };
        (!declared).then_some(name)
    }
}

/// A dead letter as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The original.
    pub message: Message,
    /// Why, where and when; the time at least to the second.
    pub failure: FailureRecord,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DelayedRetry => "delayed retry",
            Self::DeadLetters => "dead letters",
            Self::Patterns => "patterns",
            Self::ForeignQueues => "foreign queues",
            Self::Persistent => "persistent",
            Self::Parked => "parked messages",
            Self::Reject => "unrouted messages as errors",
            Self::ConnectionLoss => "connection loss",
            Self::BrokerAway => "a broker that is away",
            Self::ConsumerCancel => "a consumer that the broker cancels",
        })
    }
}
