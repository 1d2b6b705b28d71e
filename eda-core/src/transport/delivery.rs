//! One arrival of a message, settled exactly once.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;

/// One arrival of a message. Each way to settle it consumes it, so it can't be settled twice; one that is dropped
/// unsettled is given back, so it can't be lost.
pub struct Delivery {
    message: Arc<Message>,
    attempt: u32,
    redelivered: bool,
    token: Token,
    settle: Option<Arc<dyn Settle>>,
}

/// By what a transport knows a delivery again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// Counts the channels of a subscription: what belongs to an older one can't be settled any more.
    pub generation: u64,
    /// The delivery's number on that channel.
    pub tag: u64,
}

/// How a transport settles. A token is settled at most once, and maybe late: for one that is not in hand any more, `ack` and
/// `give_back` do nothing, and `retry` and `dead_letter` give [`Unavailable`](ErrorKind::Unavailable).
#[async_trait]
pub trait Settle: Send + Sync {
    /// Whether settling the delivery would still reach the broker. Where a connection was lost in the meantime, it would
    /// not: the message comes again by itself, so it is not handled now. Always `true` by default, for transports that have
    /// no connection to lose.
    fn is_open(&self, _token: Token) -> bool {
        true
    }

    /// The delivery is done. Does not wait: if the broker never hears of it, the message comes back.
    fn ack(&self, token: Token);

    /// The delivery goes back to its queue, for this or another consumer. Counts as no attempt where the broker allows.
    fn give_back(&self, token: Token);

    /// The delivery comes back after the delay, and not before, as attempt `failure.attempt + 1`. Resolves when that is
    /// certain. On an error the transport has given it back: it is never lost.
    async fn retry(&self, token: Token, after: Duration, failure: &FailureRecord) -> Result<()>;

    /// The delivery is kept as a dead letter, with the reason and the original bytes. Resolves when that is certain. On
    /// an error the transport has given it back: it is never lost.
    async fn dead_letter(&self, token: Token, failure: &FailureRecord) -> Result<()>;
}

/// Why an attempt failed, as it is kept with a retry or a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRecord {
    /// The class of the failure, one word for filters.
    pub reason: Reason,
    /// The error and its causes, for a person; at most [`DETAIL_LIMIT`](Self::DETAIL_LIMIT) bytes.
    pub detail: String,
    /// The service and the handler, such as `billing.charge`.
    pub handler: String,
    /// The number of the attempt that failed, from 1.
    pub attempt: u32,
    /// When it failed.
    pub failed_at: SystemTime,
}

impl FailureRecord {
    /// How much of the error text is kept.
    pub const DETAIL_LIMIT: usize = 4096;
}

/// Why a delivery could not be handled, in one word that tools group by.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The handler failed and may succeed later.
    Transient,
    /// The handler failed and said that it can never succeed.
    Permanent,
    /// The handler panicked.
    Panicked,
    /// The handler took longer than its timeout.
    TimedOut,
    /// The body could not be read as the event.
    Undecodable,
    /// The message names no event that a handler of the queue takes.
    UnknownEvent,
    /// The content type is none that the event is written in.
    UnknownContentType,
    /// The event's version is newer than the handler knows.
    UnknownVersion,
    /// The body is over the limit.
    TooLarge,
    /// An event that the handler returned could not be published.
    Unpublished,
}

impl Reason {
    /// All that this version knows.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter()
    }

    const ALL: [Self; 10] = [
        Self::Transient,
        Self::Permanent,
        Self::Panicked,
        Self::TimedOut,
        Self::Undecodable,
        Self::UnknownEvent,
        Self::UnknownContentType,
        Self::UnknownVersion,
        Self::TooLarge,
        Self::Unpublished,
    ];

    /// Whether another attempt may succeed.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Transient | Self::Panicked | Self::TimedOut | Self::Unpublished)
    }

    /// The word that is written to headers and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed-out",
            Self::Undecodable => "undecodable",
            Self::UnknownEvent => "unknown-event",
            Self::UnknownContentType => "unknown-content-type",
            Self::UnknownVersion => "unknown-version",
            Self::TooLarge => "too-large",
            Self::Unpublished => "unpublished",
        }
    }
}

impl FromStr for Reason {
    type Err = Error;

    /// Reads what [`as_str`](Self::as_str) gives.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for any other word, such as one of a later version.
    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::new(ErrorKind::Invalid, format!("`{text}` is no reason that this version knows"));
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(unknown)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Delivery {
    /// A delivery as a transport hands it out. `attempt` counts from 1 and grows with each retry; a delivery that comes
    /// again since it was given back, or since its connection was lost, is the same attempt.
    pub fn new(
        message: impl Into<Arc<Message>>,
        attempt: u32,
        redelivered: bool,
        token: Token,
        settle: Arc<dyn Settle>,
    ) -> Self {
        Self { message: message.into(), attempt, redelivered, token, settle: Some(settle) }
    }

    /// What arrived.
    pub fn message(&self) -> &Arc<Message> {
        &self.message
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the broker says that it delivered it before. `false` does not mean the first time: a publisher that sends
    /// again makes a fresh message. Only the [id](Message::id) tells duplicates.
    pub fn redelivered(&self) -> bool {
        self.redelivered
    }

    /// Whether settling it would still reach the broker; see [`Settle::is_open`].
    pub fn is_open(&self) -> bool {
        self.settle.as_ref().is_some_and(|settle| settle.is_open(self.token))
    }

    /// What a build without the safeguard does.
    pub(crate) fn ack_unhandled(&self) {
        if let Some(settle) = &self.settle {
            settle.ack(self.token);
        }
    }

    /// It is done; see [`Settle::ack`].
    pub fn ack(mut self) {
        if let Some(settle) = self.settle.take() {
            settle.ack(self.token);
        }
    }

    /// It goes back to its queue; see [`Settle::give_back`].
    pub fn give_back(self) {
        drop(self);
    }

    /// It comes back after the delay; see [`Settle::retry`].
    ///
    /// # Errors
    /// Where the transport could not make that certain: then it was given back.
    ///
    /// # Cancel safety
    /// Cancelled, it comes back: after the delay, or at once, or both.
    pub async fn retry(mut self, after: Duration, failure: &FailureRecord) -> Result<()> {
        match self.settle.take() {
            Some(settle) => settle.retry(self.token, after, failure).await,
            None => Ok(()),
        }
    }

    /// It is kept as a dead letter; see [`Settle::dead_letter`].
    ///
    /// # Errors
    /// Where the transport could not make that certain: then it was given back.
    ///
    /// # Cancel safety
    /// Cancelled, it is kept as a dead letter, or comes back, or both.
    pub async fn dead_letter(mut self, failure: &FailureRecord) -> Result<()> {
        match self.settle.take() {
            Some(settle) => settle.dead_letter(self.token, failure).await,
            None => Ok(()),
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(settle) = self.settle.take() {
            settle.give_back(self.token);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("message", &self.message)
            .field("attempt", &self.attempt)
            .field("redelivered", &self.redelivered)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
