//! What a transport is: it sees messages and subscriptions, never event types or handlers.

mod append;
mod delivery;
mod destination;
mod keep;
pub mod limits;
pub mod memory;
mod operate;
mod permit;
mod state;
mod unrouted;

use std::fmt;
use std::mem;

use async_trait::async_trait;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{oneshot, watch};

use crate::error::{Error, ErrorKind, Result};
use crate::message::Message;
use crate::topology::{Subscription, Topology};

pub use self::append::Append;
pub use self::delivery::{Delivery, FailureRecord, Reason, Settle, Token};
pub use self::destination::Destination;
pub use self::keep::{Keep, Kept, Letter, LetterFailure, Place};
pub use self::operate::{Action, Change, Item, Operate, QueueState, Tail};
pub use self::permit::Permit;
pub use self::state::{ConsumerState, ConsumerStatus};
pub use self::unrouted::Unrouted;

/// A connection to a broker, or something that behaves like one.
///
/// A transport moves [messages](Message): it declares what a [`Topology`] wants, takes messages over, and hands out
/// deliveries. It reconnects on its own; an error that it returns is final. It never decides whether to retry: a
/// [`Delivery`] is told.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// For logs and tables: `memory`, `rabbitmq at localhost:5672`. Never holds a secret.
    fn describe(&self) -> String;

    /// What it can do. An app that needs more is refused before anything is declared.
    fn capabilities(&self) -> Capabilities;

    /// Makes everything exist that the topology needs; what exists already with the same properties is kept.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) with the difference where something exists with other properties;
    /// [`NotFound`](ErrorKind::NotFound) where a queue that is not ours to declare is missing.
    async fn declare(&self, topology: &Topology) -> Result<()>;

    /// A publisher; all of a broker's services share one.
    ///
    /// # Errors
    /// [`Closed`](ErrorKind::Closed) after the end; a transport that connects here says why it can't.
    async fn publisher(&self) -> Result<Box<dyn Publish>>;

    /// Begins to consume; resolves when the broker has confirmed the consumer.
    ///
    /// # Errors
    /// What trying again can't mend: [`NotFound`](ErrorKind::NotFound) for a queue that was not declared,
    /// [`AccessRefused`](ErrorKind::AccessRefused), [`Closed`](ErrorKind::Closed).
    ///
    /// # Cancel safety
    /// Cancelled, the consumer ends, and what came for it goes back.
    async fn subscribe(&self, subscription: &Subscription) -> Result<Box<dyn Deliveries>>;

    /// What operators do beside what services do; `None` where there is nothing, as in a broker that lives in one process.
    fn operate(&self) -> Option<&dyn Operate> {
        None
    }

    /// What operators do with dead letters and what found no queue; `None` where nothing is kept that can be looked at.
    fn keep(&self) -> Option<&dyn Keep> {
        None
    }

    /// A way into the journal that the broker keeps for all services; `None` where it keeps none. What it holds is looked at
    /// by [`Keep`], as [`Place::Journal`].
    fn journal(&self) -> Option<Box<dyn Append>> {
        None
    }

    /// Ends everything; later calls give [`Closed`](ErrorKind::Closed). Calling it twice is no error. Returns within a
    /// bounded time whatever the broker does.
    ///
    /// # Errors
    /// What a transport has to say of its end. Those of this project have nothing to say: what the broker did not hear in time ends with
    /// the connection.
    async fn close(&self) -> Result<()>;
}

/// Sends messages to the broker.
#[async_trait]
pub trait Publish: Send + Sync {
    /// Takes a message in hand as soon as there is room in the window of unconfirmed messages, in the order of calls.
    ///
    /// The [`Receipt`] resolves when the broker has taken responsibility, or when the transport's deadline has passed:
    /// it never stays open. Dropping it does not take the message back. A message without an id gets one.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where the broker could not be reached before the deadline: nothing was
    /// sent. [`TooLarge`](ErrorKind::TooLarge) and [`Invalid`](ErrorKind::Invalid) before anything is sent.
    ///
    /// # Cancel safety
    /// Cancelled before it resolves, the message may or may not be sent.
    async fn send(&self, message: Message) -> Result<Receipt>;

    /// As [`send`](Self::send), where nothing has to be waited for; else the message comes back. It spares the future that
    /// `send` gives. By default it gives the message back: then `send` is asked.
    ///
    /// # Errors
    /// The message, where it would have to wait.
    #[expect(clippy::result_large_err, reason = "it is what was given")]
    fn try_send(&self, message: Message) -> std::result::Result<Result<Receipt>, Message> {
        Err(message)
    }

    /// Where messages go, as traces and metrics call it.
    fn destination(&self) -> Destination {
        Destination::default()
    }
}

impl dyn Publish + '_ {
    /// Hands a message over at once where there is room, else when there is.
    pub(crate) fn hand_over(&self, message: Message) -> impl Future<Output = Result<Receipt>> + Send {
        // a message is large, and a future keeps what it was given beside what it works on
        let sent = self.try_send(message).map_err(|message| self.send(message));
        async {
            match sent {
                Ok(sent) => sent,
                Err(sending) => sending.await,
            }
        }
    }
}

/// The broker's word on one message, to be awaited.
pub struct Receipt {
    word: Word,
    told: Option<Told>,
}

#[derive(Debug)]
enum Word {
    Known(Result<()>),
    Awaited(oneshot::Receiver<Result<()>>),
}

/// Hears the broker's word before the publisher does.
type Told = Box<dyn FnOnce(&Result<()>) + Send + Sync>;

impl Receipt {
    /// A receipt and the place where the transport writes the broker's word. Dropping that place unused means
    /// [`Unconfirmed`](ErrorKind::Unconfirmed).
    pub fn new() -> (oneshot::Sender<Result<()>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self { word: Word::Awaited(receiver), told: None })
    }

    /// A receipt whose word is known.
    pub fn ready(word: Result<()>) -> Self {
        Self { word: Word::Known(word), told: None }
    }

    /// Waits for the broker's word.
    ///
    /// # Errors
    /// What the broker said, or [`Unconfirmed`](ErrorKind::Unconfirmed) where it said nothing.
    ///
    /// # Cancel safety
    /// Cancelling does not take the message back.
    pub async fn confirmed(self) -> Result<()> {
        let word = match self.word {
            Word::Known(word) => word,
            Word::Awaited(word) => word.await.unwrap_or_else(|_| Err(unheard())),
        };
        if let Some(told) = self.told {
            told(&word);
        }
        word
    }

    /// The broker's word if there is one; after that it must not be asked again.
    pub(crate) fn heard(&mut self) -> Option<Result<()>> {
        let word = match &mut self.word {
            Word::Known(word) => mem::replace(word, Ok(())),
            Word::Awaited(word) => match word.try_recv() {
                Ok(word) => word,
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Closed) => Err(unheard()),
            },
        };
        if let Some(told) = self.told.take() {
            told(&word);
        }
        Some(word)
    }

    /// The same receipt, whose word is told to somebody else, too; dropped unheard where nobody waits for it.
    pub(crate) fn told_to(self, told: impl FnOnce(&Result<()>) + Send + Sync + 'static) -> Self {
        let Self { word, told: before } = self;
        let both = move |word: &Result<()>| {
            if let Some(before) = before {
                before(word);
            }
            told(word);
        };
        Self { word, told: Some(Box::new(both)) }
    }
}

fn unheard() -> Error {
    Error::new(ErrorKind::Unconfirmed, "the connection ended before the broker confirmed the message")
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receipt").field(&self.word).finish()
    }
}

/// The deliveries of one subscription, over every reconnect.
///
/// The order of a clean end is: [`cancel`](Self::cancel), settle every delivery, [`close`](Self::close). What is unsettled at
/// the close goes back to its queue; dropping it does the same as closing.
#[async_trait]
pub trait Deliveries: Send {
    /// Waits for deliveries and appends those that have arrived to `batch`, `max` at most. Returns how many; 0 means that
    /// there will be no more, which happens only after [`cancel`](Self::cancel) or when the transport was closed.
    ///
    /// # Errors
    /// Only when the transport can't go on by itself, ever.
    ///
    /// # Cancel safety
    /// Cancel safe: a delivery is either in `batch` or will be in a later one.
    async fn receive(&mut self, batch: &mut Vec<Delivery>, max: usize) -> Result<usize>;

    /// Tells the broker to send no more. Deliveries that were handed out stay valid and are settled as ever; what had
    /// arrived but was not received goes back to the queue. Calling it twice is no error.
    ///
    /// # Errors
    /// Where the broker could not be told: then what was not settled comes again when the connection has ended.
    ///
    /// # Cancel safety
    /// Dropped where a drain's limit is over; [`close`](Self::close) follows, and does what was left.
    async fn cancel(&mut self) -> Result<()>;

    /// Flushes all settlements and ends the subscription. Returns within a bounded time whatever the broker does.
    ///
    /// # Errors
    /// Where the last settlements may not have reached the broker: those deliveries come again.
    ///
    /// # Cancel safety
    /// Dropped a second after a drain's limit: what the broker has not heard by then comes again.
    async fn close(&mut self) -> Result<()>;

    /// What the consumer is doing right now, for health: `Consuming` once `subscribe` has resolved, `Draining` after a cancel,
    /// `Stopped` after a close.
    fn status(&self) -> watch::Receiver<ConsumerStatus>;
}

/// What a transport can do.
///
/// ```
/// use eda_core::transport::Capabilities;
///
/// let mut capabilities = Capabilities::default();
/// capabilities.patterns = true;
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent ability")]
pub struct Capabilities {
    /// A retry comes back after its delay, and not before.
    pub delayed_retry: bool,
    /// Dead letters are kept with their reason.
    pub dead_letters: bool,
    /// Bindings may hold the wildcards `*` and `#`.
    pub patterns: bool,
    /// A queue that someone else declared can be consumed as it is.
    pub foreign_queues: bool,
    /// Messages outlive the process.
    pub persistent: bool,
}
