//! Writes messages as AMQP carries them. What is the same in all messages of a kind is made once and then copied: the names
//! of headers, and most values.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use eda_core::{Message, envelope};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::value::{short, to_amqp};
use super::{PERSISTENT, PREFIX};
use crate::wire::Outgoing;

/// So many kinds are remembered: a service publishes fewer, and whoever passes on those of others does no harm.
const KINDS: usize = 64;

#[derive(Default)]
pub(crate) struct Writer {
    kinds: Vec<Kind>,
    /// Of the message at hand.
    id: String,
    clock: Clock,
}

/// What messages have in common.
struct Kind {
    traits: Traits,
    /// Values that differ are empty.
    headers: BTreeMap<ShortString, AMQPValue>,
    /// In the order of the headers.
    values: Vec<Value>,
    properties: BasicProperties,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Traits {
    name: Option<Box<str>>,
    source: Option<Box<str>>,
    content_type: Option<Box<str>>,
    version: Option<u32>,
    /// Of what may be there, and differs where it is: id, time, partition key, correlation and causation.
    has: [bool; 5],
}

/// A header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Same,
    Id,
    Time,
    PartitionKey,
    CorrelationId,
    CausationId,
}

impl Writer {
    /// CloudEvents in binary mode, persistent.
    pub(crate) fn outgoing(&mut self, message: &Message, exchange: &str) -> Outgoing {
        let Self { kinds, id, clock } = self;
        id.clear();
        if let Some(message_id) = &message.id {
            // a String takes whatever is written
            let _ = write!(id, "{message_id}");
        }
        let since = message.time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let time = since.and_then(|since| clock.text(since));
        let has = [
            message.id.is_some(),
            time.is_some(),
            message.partition_key.is_some(),
            message.correlation_id.is_some(),
            message.causation_id.is_some(),
        ];
        let index = kinds.iter().position(|kind| kind.traits.are_of(message, has)).unwrap_or_else(|| {
            if kinds.len() == KINDS {
                kinds.clear();
            }
            kinds.push(Kind::of(message, has));
            kinds.len() - 1
        });
        let kind = &kinds[index];

        let mut headers = kind.headers.clone();
        for (header, value) in headers.values_mut().zip(&kind.values) {
            let text = match value {
                Value::Same => continue,
                Value::Id => id.as_str(),
                Value::Time => time.unwrap_or_default(),
                Value::PartitionKey => message.partition_key.as_deref().unwrap_or_default(),
                Value::CorrelationId => message.correlation_id.as_deref().unwrap_or_default(),
                Value::CausationId => message.causation_id.as_deref().unwrap_or_default(),
            };
            *header = AMQPValue::LongString(text.into());
        }
        for (name, value) in message.headers.iter() {
            if let Ok(name) = ShortString::try_new(name) {
                headers.insert(name, to_amqp(value));
            }
        }
        let mut properties = kind.properties.clone().with_headers(FieldTable::from(headers));
        if message.id.is_some() {
            properties = properties.with_message_id(short(id));
        }
        if let Some(correlation_id) = &message.correlation_id {
            properties = properties.with_correlation_id(short(correlation_id));
        }
        if let Some(since) = since {
            properties = properties.with_timestamp(since.as_secs());
        }
        let (exchange, routing_key) = (exchange.to_owned(), message.routing_key.clone().into_owned());
        Outgoing { exchange, routing_key, properties, body: message.body.clone() }
    }
}

impl Kind {
    fn of(message: &Message, has: [bool; 5]) -> Self {
        let mut entries = BTreeMap::new();
        for (name, text) in envelope::attributes(message) {
            let (value, text) = match name {
                "id" => (Value::Id, ""),
                "time" => (Value::Time, ""),
                "partitionkey" => (Value::PartitionKey, ""),
                "correlationid" => (Value::CorrelationId, ""),
                "causationid" => (Value::CausationId, ""),
                _ => (Value::Same, &*text),
            };
            entries.insert(short(&[PREFIX, name].concat()), (value, AMQPValue::LongString(text.into())));
        }
        let values = entries.values().map(|(value, _)| *value).collect();
        let headers = entries.into_iter().map(|(name, (_, text))| (name, text)).collect();
        let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        if let Some(name) = &message.name {
            properties = properties.with_type(short(name));
        }
        if let Some(content_type) = &message.content_type {
            properties = properties.with_content_type(short(content_type));
        }
        if let Some(source) = &message.source {
            properties = properties.with_app_id(short(source));
        }
        let owned = |text: Option<&str>| text.map(Box::from);
        let traits = Traits {
            name: owned(message.name.as_deref()),
            source: owned(message.source.as_deref()),
            content_type: owned(message.content_type.as_deref()),
            version: message.version,
            has,
        };
        Self { traits, headers, values, properties }
    }
}

impl Traits {
    fn are_of(&self, message: &Message, has: [bool; 5]) -> bool {
        self.has == has
            && self.version == message.version
            && self.name.as_deref() == message.name.as_deref()
            && self.source.as_deref() == message.source.as_deref()
            && self.content_type.as_deref() == message.content_type.as_deref()
    }
}

/// Times as text: within a second only the last digits differ.
#[derive(Default)]
struct Clock {
    second: u64,
    /// The last time that was written.
    text: String,
}

impl Clock {
    /// RFC 3339 with milliseconds, as attributes have it; nothing beyond the year 9999.
    fn text(&mut self, since: Duration) -> Option<&str> {
        const YEAR_10000: u64 = 253_402_300_800;
        const UP_TO_SECONDS: usize = "2026-11-23T08:54:00.".len();
        if since.as_secs() >= YEAR_10000 {
            return None;
        }
        if self.text.is_empty() || self.second != since.as_secs() {
            self.second = since.as_secs();
            self.text.clear();
            // a String takes whatever is written
            let _ = write!(self.text, "{}", humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since));
        } else {
            let milliseconds = since.subsec_millis();
            self.text.truncate(UP_TO_SECONDS);
            for power in [100, 10, 1] {
                self.text.push(char::from_digit(milliseconds / power % 10, 10).unwrap_or('0'));
            }
            self.text.push('Z');
        }
        Some(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use eda_core::{EventId, HeaderValue};

    use super::*;

    fn message(second: u64, millisecond: u64) -> Message {
        let mut message = Message::new("order.created", "{}");
        message.id = Some(EventId::from("7"));
        message.name = Some("order.created".into());
        message.source = Some("shop".into());
        message.time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(1_000 * second + millisecond));
        message
    }

    /// As the envelope has it, whatever a writer remembers.
    fn expected(message: &Message) -> BTreeMap<ShortString, AMQPValue> {
        let attributes = envelope::attributes(message).map(|(name, text)| {
            (ShortString::from([PREFIX, name].concat()), AMQPValue::LongString(text.into_owned().into()))
        });
        let headers = message.headers.iter().map(|(name, value)| (ShortString::from(name), to_amqp(value)));
        attributes.chain(headers).collect()
    }

    #[test]
    fn every_message_is_written_as_if_it_were_the_first() {
        let mut messages = Vec::new();
        for (second, millisecond) in [(0, 0), (0, 7), (0, 999), (1, 80), (1_000_000_000, 1), (253_402_300_800, 0)] {
            messages.push(message(second, millisecond));
        }
        for change in [
            (|message| message.partition_key = Some("7".into())) as fn(&mut Message),
            |message| message.correlation_id = Some("8".into()),
            |message| message.causation_id = Some("9".into()),
            |message| message.version = Some(2),
            |message| message.source = None,
            |message| message.name = Some("order.paid".into()),
            |message| message.time = None,
            |message| message.headers.insert("tenant", "acme"),
            |message| message.headers.insert("cloudEvents_id", HeaderValue::Int(1)),
        ] {
            let mut changed = messages[messages.len() - 1].clone();
            change(&mut changed);
            messages.push(changed);
        }
        let mut writer = Writer::default();
        for message in messages.iter().chain(&messages) {
            let found = writer.outgoing(message, "eda.events").properties;
            let headers = found.headers().as_ref().expect("there are some");
            assert_eq!(headers.inner(), &expected(message), "{message:?}");
            let text = |property: &Option<ShortString>| property.as_ref().map(ToString::to_string);
            assert_eq!(text(found.message_id()), Some("7".to_owned()));
            assert_eq!(text(found.kind()).as_deref(), message.name.as_deref());
            assert_eq!(text(found.app_id()).as_deref(), message.source.as_deref());
            assert_eq!(text(found.correlation_id()), message.correlation_id);
        }
    }

    #[test]
    fn no_flood_of_kinds_is_remembered() {
        let mut writer = Writer::default();
        for number in 0..1_000 {
            let mut message = message(0, 0);
            message.name = Some(format!("order.{number}").into());
            writer.outgoing(&message, "eda.events");
        }
        assert!(writer.kinds.len() <= KINDS);
    }
}
