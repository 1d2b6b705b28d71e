//! Our messages and AMQP's, both ways, and the copies that retries and dead letters are.

mod copy;
mod letter;
mod properties;
mod value;
mod writer;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use eda_core::transport::limits;
use eda_core::{EventId, Message, envelope};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, ShortString};

use self::value::{from_amqp, number, text};
use crate::topology::{JOURNAL_LINES, RETRY};
use crate::wire::{Arrived, Outgoing};

pub(crate) use self::copy::{Original, dead_copy, retry_copy};
pub(crate) use self::letter::letter;
#[cfg(feature = "__simulation")]
pub(crate) use self::properties::of_the_author;
pub(crate) use self::writer::Writer;

/// The prefix of the attributes, as the AMQP binding of CloudEvents (§3.1.3) prefers it.
const PREFIX: &str = "cloudEvents_";
/// The headers that this transport writes on copies: always removed before handlers see them.
const OWN: &str = "eda-";
const ATTEMPT: &str = "eda-attempt";
const ROUTING_KEY: &str = "eda-routing-key";

const PERSISTENT: u8 = 2;
const JSON: &str = "application/json";

/// What a delivery says, and which attempt it is. What the broker counts, redeliveries after lost connections, does not make
/// an attempt: most of those never reached a handler.
pub(crate) fn incoming(arrived: &Arrived) -> (Message, u32) {
    let (properties, is_copy) = (&arrived.properties, arrived.exchange == RETRY);
    let mut message = Message::new(arrived.routing_key.clone(), arrived.body.clone());
    let owned = |property: &Option<ShortString>| property.as_ref().map(|text| text.as_str().to_owned());
    message.id = properties.message_id().as_ref().map(|id| EventId::from(id.as_str()));
    message.name = owned(properties.kind()).map(Cow::Owned);
    message.content_type = properties.content_type().as_ref().map(|content_type| match content_type.as_str() {
        // nearly all are, and no copy is needed of it
        JSON => Cow::Borrowed(JSON),
        other => Cow::Owned(other.to_owned()),
    });
    message.correlation_id = owned(properties.correlation_id());
    message.source = owned(properties.app_id()).map(Cow::Owned);
    message.time =
        properties.timestamp().and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));

    let mut attempt = 1;
    for (name, value) in properties.headers().iter().flatten() {
        let name = name.as_str();
        match name {
            ATTEMPT if is_copy => attempt = number(value).unwrap_or(1),
            ROUTING_KEY if is_copy => {
                if let AMQPValue::LongString(key) = value {
                    message.routing_key = Cow::Owned(key.to_string());
                }
            }
            _ if is_brokers_or_ours(name) => {}
            // one over the limit says enough
            _ if message.headers.len() > limits::HEADER_COUNT_LIMIT => {}
            // an attribute is nearly always text, which is read where it lies
            _ if text(value).is_some_and(|text| envelope::absorb_text(&mut message, name, text)) => {}
            _ => {
                let value = from_amqp(value);
                if !envelope::absorb(&mut message, name, &value) {
                    message.headers.insert(name, value);
                }
            }
        }
    }
    (message, attempt)
}

/// A message that holds lines of the journal.
pub(crate) fn journal_lines(lines: &[u8]) -> Outgoing {
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/x-ndjson".into())
        .with_type("eda.journal".into())
        .with_message_id(EventId::new().to_string().into());
    let (exchange, routing_key) = (JOURNAL_LINES.to_owned(), String::new());
    Outgoing { exchange, routing_key, properties, body: Bytes::copy_from_slice(lines) }
}

/// How often a delivery has come back, as the broker counts; 0 where it does not.
pub(crate) fn came_back(arrived: &Arrived) -> u32 {
    let headers = arrived.properties.headers().as_ref().filter(|_| arrived.redelivered);
    headers.and_then(|headers| number(headers.inner().get("x-delivery-count")?)).unwrap_or(0)
}

/// A message as it arrives where it was sent, without a broker between; for the package `fuzz`.
#[cfg(feature = "__fuzz")]
pub fn there_and_back(message: &Message) -> Message {
    let outgoing = Writer::default().outgoing(message, crate::topology::EVENTS);
    let Outgoing { exchange, routing_key, properties, body } = outgoing;
    incoming(&Arrived { tag: 1, exchange, routing_key, redelivered: false, properties, body }).0
}

/// What the broker adds, what steers it, and what this transport writes: none of it is the producer's word.
fn is_brokers_or_ours(name: &str) -> bool {
    name.starts_with(OWN)
        || name.starts_with("x-")
        || name.eq_ignore_ascii_case("CC")
        || name.eq_ignore_ascii_case("BCC")
}
