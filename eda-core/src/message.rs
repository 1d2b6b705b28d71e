//! What a transport carries: bytes with an identity, a name, keys and headers.

mod headers;
mod id;

use std::borrow::Cow;
use std::time::SystemTime;

use bytes::Bytes;

pub use self::headers::{HeaderValue, Headers};
pub use self::id::EventId;

/// What a transport carries. It knows nothing of event types.
///
/// On the way out, [`Publisher`](crate::Publisher) sets every field. On the way in, a field is `None` where the
/// producer did not say it: a foreign producer needs to send nothing but a routing key and a body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// The identity of the event: made once, kept over every resend, retry and replay.
    pub id: Option<EventId>,
    /// The event's name, such as `order.created`.
    pub name: Option<Cow<'static, str>>,
    /// The event's version; a missing one means 1.
    pub version: Option<u32>,
    /// The service that published it.
    pub source: Option<Cow<'static, str>>,
    /// When the event was published.
    pub time: Option<SystemTime>,
    /// By what the broker routes it to queues: segments divided by dots.
    pub routing_key: Cow<'static, str>,
    /// Messages with the same key belong to the same thing, such as one order.
    pub partition_key: Option<String>,
    /// What all events of one business process share.
    pub correlation_id: Option<String>,
    /// The id of the event whose handling published this one.
    pub causation_id: Option<String>,
    /// The media type of the body.
    pub content_type: Option<Cow<'static, str>>,
    /// What else the producer said.
    pub headers: Headers,
    /// The event itself; for events of this framework plain JSON.
    pub body: Bytes,
}

impl Message {
    /// A message with a routing key and a body, and nothing else said.
    pub fn new(routing_key: impl Into<Cow<'static, str>>, body: impl Into<Bytes>) -> Self {
        Self { routing_key: routing_key.into(), body: body.into(), ..Self::default() }
    }

    /// The id as text, or `-` for a message that has none: for logs. What would begin a line of its own there is escaped.
    pub fn id_or_dash(&self) -> Cow<'_, str> {
        let Some(id) = &self.id else { return Cow::Borrowed("-") };
        let text = id.to_string();
        Cow::Owned(if text.contains(char::is_control) { text.escape_debug().to_string() } else { text })
    }
}
