//! A typed fact of the business, and how it becomes bytes.

mod key;
mod codec;
mod schema;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use bytes::Bytes;

pub use self::codec::Codec;
pub use self::key::{Key, KeyPart, OptionalKey, partition_key, routing_key};
pub use self::schema::{NoSchema, Schema, SchemaOf};

/// A typed fact of the business, past tense. `#[derive(Event)]` writes this for a struct that is `Serialize` and
/// `Deserialize`; by hand it is as short:
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
///
///     fn encode(&self) -> event::Encoded {
///         json::encode(self)
///     }
///
///     fn decode(body: &[u8]) -> event::Decoded<Self> {
///         json::decode(body)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "write `#[derive(Serialize, Deserialize, Event)]` and `#[event(name = \"…\")]` on it"
)]
pub trait Event: Sized + Send + Sync + 'static {
    /// The name, such as `order.created`: what other services know it by, so it never changes. See [`is_valid_name`].
    const NAME: &'static str;
    /// The version of the body's shape, from 1. A handler refuses a newer one than it knows.
    const VERSION: u32 = 1;
    /// The pattern that its routing keys match, with `*` for each segment that varies.
    const BINDING: &'static str = Self::NAME;
    /// Other names under which foreign producers send it.
    const ACCEPT: &'static [&'static str] = &[];
    /// What it stands for, in Markdown: the doc comment of the struct. Empty where there is none.
    const DOC: &'static str = "";
    /// The media type of the body.
    const CONTENT_TYPE: &'static str = "application/json";

    /// By what the broker routes it; matches [`BINDING`](Self::BINDING).
    fn routing_key(&self) -> Key<'_> {
        Cow::Borrowed(Self::NAME)
    }

    /// What it belongs to, such as its order: told beside the event, for whoever keeps what belongs together in order.
    /// RabbitMQ and memory do not.
    fn partition_key(&self) -> OptionalKey<'_> {
        None
    }

    /// Writes the body.
    ///
    /// # Errors
    /// What the format can't express, such as a map whose keys are no strings in JSON.
    fn encode(&self) -> Encoded;

    /// Reads a body that is of this event's name, of this or an older version.
    ///
    /// # Errors
    /// Where the body is not of this shape; the delivery becomes a dead letter at once.
    fn decode(body: &[u8]) -> Decoded<Self>;

    /// The JSON Schema of the body, where it is known: `#[derive(Event)]` gives the one of a struct that is
    /// `JsonSchema` of schemars, with the feature `schemas`.
    fn schema() -> Schema {
        None
    }

    /// What tools see of it, as a value.
    fn info() -> EventInfo {
        EventInfo::of::<Self>()
    }
}

/// An event as tools and transports see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventInfo {
    /// The name, such as `order.created`.
    pub name: &'static str,
    /// The version, from 1.
    pub version: u32,
    /// The pattern that its routing keys match: `*` stands for one segment.
    pub binding: &'static str,
    /// Its doc comment, in Markdown. Empty where there is none.
    pub doc: &'static str,
    /// The media type of its bodies.
    pub content_type: &'static str,
    /// Its type, as far as tools need it.
    pub codec: Codec,
}

impl EventInfo {
    /// Of an event.
    pub const fn of<E: Event>() -> Self {
        Self {
            name: E::NAME,
            version: E::VERSION,
            binding: E::BINDING,
            doc: E::DOC,
            content_type: E::CONTENT_TYPE,
            codec: Codec::of::<E>(),
        }
    }
}

/// What [`Event::encode`] gives.
pub type Encoded = Result<Bytes, CodecError>;

/// What [`Event::decode`] gives.
pub type Decoded<E> = Result<E, CodecError>;

/// A body that could not be written or read; holds the codec's own error.
pub struct CodecError(Box<dyn StdError + Send + Sync>);

impl CodecError {
    /// Wraps a codec's error.
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for CodecError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

/// Whether a name is one: `a-z`, `0-9`, `.`, `_` and `-`, at most 200 bytes, no empty segment.
///
/// ```
/// use eda_core::event::is_valid_name;
///
/// assert!(is_valid_name("order.created"));
/// assert!(!is_valid_name("Order.Created"));
/// assert!(!is_valid_name("order..created"));
/// assert!(!is_valid_name("order.*"));
/// ```
pub const fn is_valid_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > 200 {
        return false;
    }
    let mut index = 0;
    let mut segment_is_empty = true;
    while index < bytes.len() {
        match bytes[index] {
            b'.' if segment_is_empty => return false,
            b'.' => segment_is_empty = true,
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => segment_is_empty = false,
            _ => return false,
        }
        index += 1;
    }
    !segment_is_empty
}
