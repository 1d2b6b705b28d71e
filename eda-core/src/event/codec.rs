//! An event's type with its name forgotten: what tools read bodies with.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::{CodecError, Event, Schema};
use crate::message::{EventId, Headers, Message};

/// An event's type, as far as tools need it. All are equal: what an event is, its name and version say.
///
/// ```
/// use eda_core::{Event, event, json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct OrderCreated { order_id: u64 }
///
/// impl Event for OrderCreated {
///     const NAME: &'static str = "order.created";
///     fn encode(&self) -> event::Encoded { json::encode(self) }
///     fn decode(body: &[u8]) -> event::Decoded<Self> { json::decode(body) }
/// }
///
/// let codec = OrderCreated::info().codec;
/// assert!(codec.message(br#"{"order_id": 1}"#).is_ok());
/// let error = codec.message(br#"{"order_id": "one"}"#).expect_err("it is no number");
/// assert!(error.to_string().starts_with("order_id: invalid type: string \"one\", expected u64"));
/// ```
#[derive(Clone, Copy)]
pub struct Codec {
    message: fn(&[u8]) -> Result<Message, CodecError>,
    schema: fn() -> Schema,
}

impl Codec {
    /// Of an event.
    pub const fn of<E: Event>() -> Self {
        Self { message: message::<E>, schema: E::schema }
    }

    /// Reads the event and makes the message that publishes it: with a new id, its routing key and its partition key, and
    /// without source and time, which a publisher knows. The body is as the event writes itself.
    ///
    /// # Errors
    /// Where the body is not of the event's shape, or can't be written again.
    pub fn message(&self, body: &[u8]) -> Result<Message, CodecError> {
        (self.message)(body)
    }

    /// The JSON Schema of the body, where it is known.
    pub fn schema(&self) -> Schema {
        (self.schema)()
    }
}

fn message<E: Event>(body: &[u8]) -> Result<Message, CodecError> {
    let event = E::decode(body)?;
    let id = EventId::new();
    Ok(Message {
        correlation_id: Some(id.to_string()),
        id: Some(id),
        name: Some(Cow::Borrowed(E::NAME)),
        version: Some(E::VERSION),
        source: None,
        time: None,
        routing_key: Cow::Owned(event.routing_key().into_owned()),
        partition_key: event.partition_key().map(Cow::into_owned),
        causation_id: None,
        content_type: Some(Cow::Borrowed(E::CONTENT_TYPE)),
        headers: Headers::new(),
        body: event.encode()?,
    })
}

impl PartialEq for Codec {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Codec {}

impl Hash for Codec {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Codec")
    }
}
