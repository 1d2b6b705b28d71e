//! The seam of the journal: who hears of everything that a program publishes and handles.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::message::Message;
use crate::transport::{Destination, Publish, Reason, Receipt, Transport};

/// Hears of everything that a program publishes and handles: [`Broker::journaled`](crate::Broker::journaled).
///
/// The feature `journal` of the facade has one that writes files, and one that writes into a queue of the broker; `trace` of
/// the tool reads both.
///
/// ```
/// use std::sync::Mutex;
///
/// use eda_core::journal::{Fact, Journal};
///
/// #[derive(Default)]
/// struct Names(Mutex<Vec<String>>);
///
/// impl Journal for Names {
///     fn record(&self, fact: &Fact<'_>) {
///         let name = fact.message.name.as_deref().unwrap_or_default().to_owned();
///         self.0.lock().expect("nobody panics while holding it").push(name);
///     }
/// }
/// ```
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Takes down what has happened. It is called between two steps of a delivery, on the threads that handle events, so it
    /// must neither wait nor panic.
    fn record(&self, fact: &Fact<'_>);

    /// Whether it writes into the journal that the broker keeps for all services, so that the broker needs to have one:
    /// [`Topology::journal`](crate::Topology::journal).
    fn is_at_broker(&self) -> bool {
        false
    }

    /// Gets to know the transport that it is to hear of, before anything is recorded. A journal that several apps or handles
    /// share is told more than once.
    fn attach(&self, transport: &Arc<dyn Transport>) {
        let _ = transport;
    }

    /// Waits, for a bounded time, until what was recorded is written down: what
    /// [`Broker::close`](crate::Broker::close) does with a journal that is at the broker.
    async fn flush(&self) {}
}

/// Something that has happened to an event.
#[non_exhaustive]
#[derive(Debug)]
pub struct Fact<'a> {
    /// The event. Of one that was published, without body and headers.
    pub message: &'a Message,
    /// When it has happened.
    pub time: SystemTime,
    /// What has happened.
    pub what: What<'a>,
}

/// What has happened to an event.
#[non_exhaustive]
#[derive(Debug)]
pub enum What<'a> {
    /// It was published, and this was the broker's word; `None` where nobody waited for it.
    Published(Option<Result<(), &'a Error>>),
    /// An attempt to handle it has ended.
    Handled {
        /// The service.
        service: &'a str,
        /// The handler, without the service's name; `None` where no handler of the queue takes the event.
        handler: Option<&'a str>,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// From its begin until what it has returned was confirmed, or it has failed.
        took: Duration,
        /// How it has ended.
        outcome: Ending<'a>,
    },
}

/// How an attempt to handle an event has ended.
#[non_exhaustive]
#[derive(Debug)]
pub enum Ending<'a> {
    /// It is done.
    Handled,
    /// It has failed, and is tried again.
    Retry {
        /// After which time.
        after: Duration,
        /// Why it has failed.
        reason: Reason,
        /// The error, as the service's [`redact`](crate::Service::redact) leaves it.
        error: &'a str,
    },
    /// It has failed, and could not be moved, so that it comes again at once.
    GivenBack {
        /// Why it has failed.
        reason: Reason,
        /// The error, as the service's [`redact`](crate::Service::redact) leaves it.
        error: &'a str,
    },
    /// It has failed for good, and the event is a dead letter.
    DeadLetter {
        /// Why it has failed.
        reason: Reason,
        /// The error, as the service's [`redact`](crate::Service::redact) leaves it.
        error: &'a str,
    },
}

/// Everything that goes through `publish` is recorded.
pub(crate) fn noted(publish: Arc<dyn Publish>, journal: Arc<dyn Journal>) -> Arc<dyn Publish> {
    Arc::new(Noted { publish, journal })
}

struct Noted {
    publish: Arc<dyn Publish>,
    journal: Arc<dyn Journal>,
}

#[async_trait]
impl Publish for Noted {
    fn destination(&self) -> Destination {
        self.publish.destination()
    }

    async fn send(&self, message: Message) -> Result<Receipt> {
        let pending = Pending { message: Some(named(&message)), journal: Arc::clone(&self.journal) };
        match self.publish.send(message).await {
            Ok(receipt) => Ok(receipt.told_to(move |word| pending.end(Some(word.as_ref().copied())))),
            Err(error) => {
                pending.end(Some(Err(&error)));
                Err(error)
            }
        }
    }
}

/// What was published and is not recorded yet. Dropped, nobody has waited for the broker's word.
struct Pending {
    message: Option<Message>,
    journal: Arc<dyn Journal>,
}

impl Pending {
    fn end(mut self, word: Option<Result<(), &Error>>) {
        self.record(word);
    }

    fn record(&mut self, word: Option<Result<(), &Error>>) {
        if let Some(message) = self.message.take() {
            let time = SystemTime::now();
            self.journal.record(&Fact { message: &message, time, what: What::Published(word) });
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.record(None);
    }
}

/// The event without what can be large.
fn named(message: &Message) -> Message {
    Message {
        id: message.id.clone(),
        name: message.name.clone(),
        version: message.version,
        source: message.source.clone(),
        time: message.time,
        routing_key: message.routing_key.clone(),
        partition_key: message.partition_key.clone(),
        correlation_id: message.correlation_id.clone(),
        causation_id: message.causation_id.clone(),
        ..Message::default()
    }
}
