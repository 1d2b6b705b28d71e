//! Sends events and waits until the broker is responsible for them.

mod cause;
mod lists;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{CodecError, Event};
use crate::message::{EventId, Headers, Message};
use crate::transport::{Publish, Receipt};

pub use self::cause::Cause;
pub use self::lists::{Alone, AnyOf, At, EventList, ListedIn};

/// Sends events and waits until the broker is responsible for them.
///
/// Outside of handlers it comes from [`Broker::publisher`](crate::Broker::publisher) and may publish every event. As a
/// handler's parameter it says which: `Publisher<(A, B)>` publishes `A` and `B` at once, for progress, and nothing
/// else compiles, so what a handler emits is known without running it. Cloning is cheap.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{Broker, Event, event, json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct OrderCreated { order_id: u64 }
///
/// impl Event for OrderCreated {
///     const NAME: &'static str = "order.created";
///
///     fn encode(&self) -> event::Encoded {
///         json::encode(self)
///     }
///
///     fn decode(body: &[u8]) -> event::Decoded<Self> {
///         json::decode(body)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> eda_core::Result {
/// let memory = Memory::new();
/// let publisher = Broker::new(memory.clone()).await?.publisher("web");
/// let id = publisher.publish(&OrderCreated { order_id: 1 }).await?;
/// let others = publisher.publish_all((2..=100).map(|order_id| OrderCreated { order_id })).await?;
/// assert!(!others.contains(&id));
/// assert_eq!(memory.unrouted().len(), 100);
/// # Ok(())
/// # }
/// ```
pub struct Publisher<L = AnyOf> {
    publish: Arc<dyn Publish>,
    source: Cow<'static, str>,
    cause: Option<Arc<Cause>>,
    lists: PhantomData<fn() -> L>,
}

impl<L> Publisher<L> {
    /// A publisher for the events of `source`, usually a service's name, as effects of `cause` where there is one.
    pub fn new(publish: Arc<dyn Publish>, source: impl Into<Cow<'static, str>>, cause: Option<Arc<Cause>>) -> Self {
        Self { publish, source: source.into(), cause, lists: PhantomData }
    }

    /// Publishes an event and waits until the broker has taken responsibility. Gives the event's id.
    ///
    /// # Errors
    /// See [`ErrorKind`]. After [`Unconfirmed`](ErrorKind::Unconfirmed) the event may have been published: publish it
    /// again with the id that the error names (`error.fact("id")`), through [`publish_as`](Self::publish_as).
    ///
    /// # Cancel safety
    /// Cancelled, the event may or may not be published.
    pub fn publish<E: Event + ListedIn<L, I>, I>(&self, event: &E) -> Publishing<'_> {
        self.publish_as(self.next_id(E::NAME), event)
    }

    /// Publishes an event under an id of the caller's: the same id again is the same event to whoever remembers ids.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    ///
    /// # Cancel safety
    /// As [`publish`](Self::publish).
    pub fn publish_as<E: Event + ListedIn<L, I>, I>(&self, id: EventId, event: &E) -> Publishing<'_> {
        let message = self.compose(id.clone(), event);
        Box::pin(async move {
            let outcome = match self.publish.hand_over(message?).await {
                Ok(receipt) => receipt.confirmed().await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => Ok(id),
                Err(error) => Err(error.with("event", E::NAME).with("id", id)),
            }
        })
    }

    /// Publishes many events in order, without waiting for each: as many are under way as the transport's window holds.
    /// Returns when the broker has spoken on every one, with their ids in order. Beside ids and failures it keeps only what the broker
    /// has not spoken on, and what came after that.
    ///
    /// # Errors
    /// Where any was not confirmed: [`PublishAllError`] says which, and with what id to send it again.
    ///
    /// # Cancel safety
    /// Cancelled, any of the events may or may not be published.
    pub async fn publish_all<E: Event + ListedIn<L, I>, I>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> std::result::Result<Vec<EventId>, PublishAllError> {
        let (mut ids, mut receipts, mut failed) = (Vec::new(), VecDeque::new(), Vec::new());
        let mut broker_is_away = None;
        for (index, event) in events.into_iter().enumerate() {
            let id = self.next_id(E::NAME);
            ids.push(id.clone());
            let sent = match (&broker_is_away, self.compose(id, &event)) {
                (None, Ok(message)) => self.publish.hand_over(message).await,
                (Some(error), Ok(_)) => Err(Error::clone(error)),
                (_, Err(error)) => Err(error),
            };
            match sent {
                Ok(receipt) => {
                    receipts.push_back((index, receipt));
                    let_go(&mut receipts, &mut failed);
                }
                Err(error) => {
                    // one deadline is waited for, not one for each event that is left
                    if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Closed) {
                        broker_is_away = Some(error.clone());
                    }
                    failed.push((index, error));
                }
            }
        }
        for (index, receipt) in receipts {
            if let Err(error) = receipt.confirmed().await {
                failed.push((index, error));
            }
        }
        if failed.is_empty() {
            return Ok(ids);
        }
        failed.sort_by_key(|(index, _)| *index);
        let total = ids.len();
        let failed = failed.into_iter().map(|(index, error)| Unpublished { index, id: ids[index].clone(), error });
        Err(PublishAllError { event: E::NAME, total, failed: failed.collect() })
    }

    pub(crate) fn compose<E: Event>(&self, id: EventId, event: &E) -> Result<Message> {
        let refuse = |error: CodecError| {
            Error::new(ErrorKind::Encode, "the event could not be written as its body")
                .with("event", E::NAME)
                .caused_by(error)
        };
        let body = event.encode().map_err(refuse)?;
        let correlation_id = match &self.cause {
            Some(cause) => cause.correlation_id().to_owned(),
            None => id.to_text(),
        };
        let routing_key = match event.routing_key() {
            // an event without a template has its name as its key: nothing to allocate
            Cow::Borrowed(key) if key == E::NAME => Cow::Borrowed(E::NAME),
            key => Cow::Owned(key.into_owned()),
        };
        Ok(Message {
            id: Some(id),
            name: Some(Cow::Borrowed(E::NAME)),
            version: Some(E::VERSION),
            source: Some(self.source.clone()),
            time: Some(SystemTime::now()),
            routing_key,
            partition_key: event.partition_key().map(Cow::into_owned),
            correlation_id: Some(correlation_id),
            causation_id: self.cause.as_ref().map(|cause| cause.id().to_text()),
            content_type: Some(Cow::Borrowed(E::CONTENT_TYPE)),
            headers: Headers::new(),
            body,
        })
    }

    pub(crate) fn next_id(&self, event: &'static str) -> EventId {
        self.cause.as_ref().map_or_else(EventId::new, |cause| cause.next_id(event))
    }
}

/// Takes those in front that the broker has spoken on; one that it is silent on keeps all behind it.
fn let_go(receipts: &mut VecDeque<(usize, Receipt)>, failed: &mut Vec<(usize, Error)>) {
    while let Some((index, receipt)) = receipts.front_mut()
        && let Some(word) = receipt.heard()
    {
        failed.extend(word.err().map(|error| (*index, error)));
        receipts.pop_front();
    }
}

impl<L> Clone for Publisher<L> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.publish), self.source.clone(), self.cause.clone())
    }
}

impl<L> fmt::Debug for Publisher<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("source", &self.source).field("cause", &self.cause).finish_non_exhaustive()
    }
}

/// An event on its way: gives its id when the broker has taken responsibility.
///
/// It is the same type for every event. So an event that the publisher does not list is one error, not one for the call
/// and another for each thing that is done with the result.
pub type Publishing<'a> = Pin<Box<dyn Future<Output = Result<EventId>> + Send + 'a>>;

/// Some events of [`Publisher::publish_all`] were not confirmed; all others were.
#[derive(Debug, thiserror::Error)]
#[error("{} of {total} events `{event}` were not published; the first: {}", failed.len(), failed[0].error)]
pub struct PublishAllError {
    event: &'static str,
    total: usize,
    failed: Vec<Unpublished>,
}

/// One event that was not confirmed.
#[derive(Clone, Debug)]
pub struct Unpublished {
    /// Its place among the events, from 0.
    pub index: usize,
    /// Its id: publish it again under the same.
    pub id: EventId,
    /// Why.
    pub error: Error,
}

impl PublishAllError {
    /// What was not published, in order; never empty.
    pub fn failed(&self) -> &[Unpublished] {
        &self.failed
    }
}

impl From<PublishAllError> for Error {
    fn from(error: PublishAllError) -> Self {
        let kind = error.failed[0].error.kind();
        Error::new(kind, error.to_string()).caused_by(error)
    }
}
