//! What is kept at a broker until an operator decides: dead letters, and what found no queue.

use std::any::Any;
use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;

use super::{Receipt, Token};
use crate::error::Result;
use crate::message::Message;

/// A broker whose kept messages can be looked at, sent back and removed.
#[async_trait]
pub trait Keep: Send + Sync {
    /// Opens a place for one walk over what it holds, oldest first; `None` where there is no such place.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`AccessRefused`](crate::ErrorKind::AccessRefused).
    ///
    /// # Cancel safety
    /// Cancelled, nothing has changed.
    async fn open(&self, place: &Place) -> Result<Option<Box<dyn Kept>>>;
}

/// Where a transport keeps messages.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The dead letters of a queue.
    DeadLettersOf(String),
    /// Events that nobody subscribed to.
    Unrouted,
    /// Retries whose queue was gone when their time came.
    Orphaned,
    /// The journal of all services. A letter's body holds lines of it; they belong nowhere else, so none can be sent back.
    Journal,
}

/// A walk over what a place held when it was opened. What comes later is not part of it.
///
/// Looking costs nothing: whatever is not [removed](Self::remove) stays, in its order, also where the process dies. While the
/// walk lasts, a broker may hide what it has shown from others.
#[async_trait]
pub trait Kept: Send {
    /// How many letters the walk has at most.
    fn count(&self) -> u64;

    /// How many others are on a walk here right now. What they hold is not part of this one.
    fn others(&self) -> u64 {
        0
    }

    /// The next letter; `None` after the last one. A walk holds a bounded number of them in memory, however many there are.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) where the connection was lost: what is not removed stays.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn next(&mut self) -> Result<Option<Letter>>;

    /// Sends a copy to where the letter belongs: a dead letter, or a retry, to the one queue that it came from; an event that
    /// nobody subscribed to, to those who do now. Returns as soon as the copy is in hand, so that many can be under way.
    ///
    /// Removes nothing: when the receipt is good, [`remove`](Self::remove) the letter, else [`leave`](Self::leave) it. In
    /// between, dying leaves two of it, never none.
    ///
    /// A dead letter starts anew, as attempt 1; it keeps its id.
    ///
    /// # Errors
    /// As [`Publish::send`](super::Publish::send). The receipt says [`Unroutable`](crate::ErrorKind::Unroutable) where there is
    /// no queue for it: then nothing was sent.
    ///
    /// # Cancel safety
    /// Cancelled, the copy may or may not be sent.
    async fn send_back(&mut self, letter: &Letter) -> Result<Receipt>;

    /// Removes a letter for good. The broker may be told with later ones, or by [`close`](Self::close).
    ///
    /// # Errors
    /// Where the broker may not have heard of it, or of those before: then these letters stay.
    ///
    /// # Cancel safety
    /// Cancelled, the letter may or may not be removed.
    async fn remove(&mut self, letter: Token) -> Result<()>;

    /// A letter that was sent back stays here after all.
    fn leave(&mut self, letter: Token);

    /// Ends the walk. Dropping it does the same, but for that the last removals may be lost: those letters stay.
    ///
    /// # Errors
    /// Where the broker may not have heard of the last removals.
    async fn close(&mut self) -> Result<()>;
}

/// A message that is kept.
#[non_exhaustive]
pub struct Letter {
    /// By what the walk knows it again.
    pub token: Token,
    /// The message, as whoever takes it will see it when it is sent back.
    pub message: Message,
    /// The queue that it belongs to; `None` for an event that nobody subscribed to.
    pub queue: Option<String>,
    /// Why it is kept; `None` where no handler has failed.
    pub failure: Option<LetterFailure>,
    original: Box<dyn Any + Send + Sync>,
}

/// What a dead letter says of its failure. All of it is text that came over the wire: tools show it with care.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFailure {
    /// One word: that of a [`Reason`](super::Reason), or [`SUSPECT`](Self::SUSPECT), or [`UNKNOWN`](Self::UNKNOWN), or one
    /// of a later version.
    pub reason: String,
    /// The error and its causes.
    pub detail: String,
    /// The service and the handler, such as `billing.charge`.
    pub handler: String,
    /// The attempt that failed last.
    pub attempt: Option<u32>,
    /// When it failed first.
    pub first_failed_at: Option<SystemTime>,
    /// When it failed last.
    pub last_failed_at: Option<SystemTime>,
    /// Where it had been published, if that is known.
    pub exchange: Option<String>,
}

impl LetterFailure {
    /// The reason of a letter that the broker itself has parked: it was handed out again and again, and never settled.
    pub const SUSPECT: &'static str = "suspect";
    /// The reason of a letter that says none: somebody else has put it there.
    pub const UNKNOWN: &'static str = "unknown";
}

impl Letter {
    /// A letter, with what the transport needs to send it back.
    pub fn new(
        token: Token,
        message: Message,
        queue: Option<String>,
        failure: Option<LetterFailure>,
        original: impl Any + Send + Sync,
    ) -> Self {
        Self { token, message, queue, failure, original: Box::new(original) }
    }

    /// What the transport gave to [`new`](Self::new); `None` where that was of another type.
    pub fn original<T: Any>(&self) -> Option<&T> {
        self.original.downcast_ref()
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("token", &self.token)
            .field("message", &self.message)
            .field("queue", &self.queue)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}
