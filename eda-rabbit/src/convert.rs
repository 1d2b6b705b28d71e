//! Our messages and AMQP's, both ways, and the copies that retries and dead letters are.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use eda_core::transport::FailureRecord;
use eda_core::{EventId, HeaderValue, Headers, Message, envelope};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::topology::{DEAD, RETRY, wait_name};
use crate::wire::{Arrived, Outgoing};

/// The prefix of the attributes, as the AMQP binding of CloudEvents (§3.1.3) prefers it.
const PREFIX: &str = "cloudEvents_";
/// The headers that this transport writes on copies: always removed before handlers see them.
const OWN: &str = "eda-";
const ATTEMPT: &str = "eda-attempt";
const ROUTING_KEY: &str = "eda-routing-key";
const EXCHANGE: &str = "eda-exchange";
const FIRST_FAILED_AT: &str = "eda-first-failed-at";
const LAST_FAILED_AT: &str = "eda-last-failed-at";
const REASON: &str = "eda-reason";
const DETAIL: &str = "eda-detail";
const HANDLER: &str = "eda-handler";

const PERSISTENT: u8 = 2;

/// What a copy is made of: the delivery as it came.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Bytes,
}

/// A message as AMQP carries it: CloudEvents in binary mode, persistent.
pub(crate) fn outgoing(message: Message, exchange: &str) -> Outgoing {
    let mut headers = FieldTable::default();
    for (name, value) in envelope::attributes(&message) {
        headers.insert(format!("{PREFIX}{name}").into(), AMQPValue::LongString(value.as_ref().into()));
    }
    for (name, value) in message.headers.iter() {
        if let Ok(name) = ShortString::try_new(name) {
            headers.insert(name, to_amqp(value));
        }
    }
    let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers);
    if let Some(id) = &message.id {
        properties = properties.with_message_id(short(&id.to_string()));
    }
    if let Some(name) = &message.name {
        properties = properties.with_type(short(name));
    }
    if let Some(content_type) = &message.content_type {
        properties = properties.with_content_type(short(content_type));
    }
    if let Some(correlation_id) = &message.correlation_id {
        properties = properties.with_correlation_id(short(correlation_id));
    }
    if let Some(source) = &message.source {
        properties = properties.with_app_id(short(source));
    }
    if let Some(since) = message.time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()) {
        properties = properties.with_timestamp(since.as_secs());
    }
    Outgoing { exchange: exchange.to_owned(), routing_key: message.routing_key.into(), properties, body: message.body }
}

/// What a delivery says, and which attempt it is. `is_own` queues are quorum queues, whose count of deliveries is the
/// broker's own; elsewhere a producer could forge it.
pub(crate) fn incoming(arrived: &Arrived, is_own: bool) -> (Message, u32) {
    let (properties, is_copy) = (&arrived.properties, arrived.exchange == RETRY);
    let mut message = Message::new(arrived.routing_key.clone(), arrived.body.clone());
    let text = |property: &Option<ShortString>| property.as_ref().map(|text| text.as_str().to_owned());
    message.id = properties.message_id().as_ref().map(|id| EventId::from(id.as_str()));
    message.name = text(properties.kind()).map(Cow::Owned);
    message.content_type = text(properties.content_type()).map(Cow::Owned);
    message.correlation_id = text(properties.correlation_id());
    message.source = text(properties.app_id()).map(Cow::Owned);
    message.time =
        properties.timestamp().and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));

    let (mut own_attempt, mut broker_attempt) = (1, 1);
    for (name, value) in properties.headers().iter().flatten() {
        let name = name.as_str();
        match name {
            ATTEMPT if is_copy => own_attempt = number(value).unwrap_or(1),
            ROUTING_KEY if is_copy => {
                if let AMQPValue::LongString(key) = value {
                    message.routing_key = Cow::Owned(key.to_string());
                }
            }
            "x-delivery-count" if is_own && arrived.redelivered => {
                broker_attempt = number(value).unwrap_or(0).saturating_add(1);
            }
            _ if is_brokers_or_ours(name) => {}
            _ => {
                let value = from_amqp(value);
                if !envelope::absorb(&mut message, name, &value) {
                    message.headers.insert(name, value);
                }
            }
        }
    }
    (message, own_attempt.max(broker_attempt))
}

/// A copy that waits for its time and then returns to its queue: everything as it came, and the next attempt's number.
pub(crate) fn retry_copy(original: &Original, queue: &str, milliseconds: u64, failure: &FailureRecord) -> Outgoing {
    let mut copy = copy(original, failure);
    copy.headers.insert(ATTEMPT.into(), AMQPValue::LongLongInt((failure.attempt.saturating_add(1)).into()));
    copy.outgoing(wait_name(milliseconds), queue)
}

/// A copy that is kept with the reason: everything as it came, and why, where and when it failed.
pub(crate) fn dead_copy(original: &Original, queue: &str, failure: &FailureRecord) -> Outgoing {
    let mut copy = copy(original, failure);
    copy.headers.insert(ATTEMPT.into(), AMQPValue::LongLongInt(failure.attempt.into()));
    copy.headers.insert(LAST_FAILED_AT.into(), long(&time(failure.failed_at)));
    copy.outgoing(DEAD.to_owned(), queue)
}

struct Copy<'a> {
    original: &'a Original,
    headers: std::collections::BTreeMap<ShortString, AMQPValue>,
}

fn copy<'a>(original: &'a Original, failure: &FailureRecord) -> Copy<'a> {
    let old = original.properties.headers().as_ref();
    let is_copy = original.exchange == RETRY;
    let kept = |name: &str| is_copy.then(|| old?.inner().get(name).cloned()).flatten();
    let mut headers: std::collections::BTreeMap<_, _> = old
        .into_iter()
        .flatten()
        .filter(|(name, _)| !is_brokers_or_ours(name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut set = |name: &str, value| headers.insert(name.into(), value);
    set(ROUTING_KEY, kept(ROUTING_KEY).unwrap_or_else(|| long(&original.routing_key)));
    set(EXCHANGE, kept(EXCHANGE).unwrap_or_else(|| long(&original.exchange)));
    set(FIRST_FAILED_AT, kept(FIRST_FAILED_AT).unwrap_or_else(|| long(&time(failure.failed_at))));
    set(REASON, long(failure.reason.as_str()));
    set(DETAIL, long(&failure.detail));
    set(HANDLER, long(&failure.handler));
    Copy { original, headers }
}

impl Copy<'_> {
    fn outgoing(self, exchange: String, routing_key: &str) -> Outgoing {
        let old = &self.original.properties;
        let mut properties =
            BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(self.headers.into());
        // all but `expiration`, which would end the copy, and `user_id`, which the broker checks against who publishes
        macro_rules! keep {
            ($($get:ident $with:ident)*) => { $(
                if let Some(value) = old.$get().clone() {
                    properties = properties.$with(value);
                }
            )* };
        }
        keep! {
            kind with_type
            content_type with_content_type
            content_encoding with_content_encoding
            correlation_id with_correlation_id
            timestamp with_timestamp
            app_id with_app_id
            priority with_priority
            reply_to with_reply_to
            cluster_id with_cluster_id
        }
        // a message that came without an id gets one, and keeps it from here on
        let id = old.message_id().clone().unwrap_or_else(|| short(&EventId::new().to_string()));
        let properties = properties.with_message_id(id);
        Outgoing { exchange, routing_key: routing_key.to_owned(), properties, body: self.original.body.clone() }
    }
}

/// What the broker adds, what steers it, and what this transport writes: none of it is the producer's word.
fn is_brokers_or_ours(name: &str) -> bool {
    name.starts_with(OWN)
        || name.starts_with("x-")
        || name.eq_ignore_ascii_case("CC")
        || name.eq_ignore_ascii_case("BCC")
}

fn number(value: &AMQPValue) -> Option<u32> {
    match value {
        AMQPValue::ShortShortInt(number) => (*number).try_into().ok(),
        AMQPValue::ShortShortUInt(number) => Some((*number).into()),
        AMQPValue::ShortInt(number) => (*number).try_into().ok(),
        AMQPValue::ShortUInt(number) => Some((*number).into()),
        AMQPValue::LongInt(number) => (*number).try_into().ok(),
        AMQPValue::LongUInt(number) => Some(*number),
        AMQPValue::LongLongInt(number) => (*number).try_into().ok(),
        _ => None,
    }
}

/// AMQP's field values: 0-9-1 §4.2.1, as RabbitMQ has them.
fn from_amqp(value: &AMQPValue) -> HeaderValue {
    match value {
        AMQPValue::Boolean(value) => HeaderValue::Bool(*value),
        AMQPValue::ShortShortInt(number) => HeaderValue::Int((*number).into()),
        AMQPValue::ShortShortUInt(number) => HeaderValue::Int((*number).into()),
        AMQPValue::ShortInt(number) => HeaderValue::Int((*number).into()),
        AMQPValue::ShortUInt(number) => HeaderValue::Int((*number).into()),
        AMQPValue::LongInt(number) => HeaderValue::Int((*number).into()),
        AMQPValue::LongUInt(number) => HeaderValue::Int((*number).into()),
        AMQPValue::LongLongInt(number) => HeaderValue::Int(*number),
        AMQPValue::Float(number) => HeaderValue::Float((*number).into()),
        AMQPValue::Double(number) => HeaderValue::Float(*number),
        AMQPValue::DecimalValue(decimal) => HeaderValue::Decimal { scale: decimal.scale, value: decimal.value },
        AMQPValue::ShortString(text) => HeaderValue::Text(text.as_str().to_owned()),
        AMQPValue::LongString(text) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => HeaderValue::Text(text.to_owned()),
            Err(_) => HeaderValue::Bytes(Bytes::copy_from_slice(text.as_bytes())),
        },
        AMQPValue::FieldArray(values) => HeaderValue::List(values.as_slice().iter().map(from_amqp).collect()),
        AMQPValue::Timestamp(seconds) => HeaderValue::Timestamp(*seconds),
        AMQPValue::FieldTable(table) => HeaderValue::Table(
            table.into_iter().map(|(name, value)| (name.as_str(), from_amqp(value))).collect::<Headers>(),
        ),
        AMQPValue::ByteArray(bytes) => HeaderValue::Bytes(Bytes::copy_from_slice(bytes.as_slice())),
        AMQPValue::Void => HeaderValue::Null,
    }
}

fn to_amqp(value: &HeaderValue) -> AMQPValue {
    match value {
        HeaderValue::Bool(value) => AMQPValue::Boolean(*value),
        HeaderValue::Int(number) => AMQPValue::LongLongInt(*number),
        // RabbitMQ has no unsigned 64-bit field value, and text loses nothing
        HeaderValue::UInt(number) => {
            i64::try_from(*number).map_or_else(|_| long(&number.to_string()), AMQPValue::LongLongInt)
        }
        HeaderValue::Float(number) => AMQPValue::Double(*number),
        HeaderValue::Decimal { scale, value } => {
            AMQPValue::DecimalValue(lapin::types::DecimalValue { scale: *scale, value: *value })
        }
        HeaderValue::Text(text) => long(text),
        HeaderValue::Bytes(bytes) => AMQPValue::ByteArray(bytes.to_vec().into()),
        HeaderValue::Timestamp(seconds) => AMQPValue::Timestamp(*seconds),
        HeaderValue::List(values) => AMQPValue::FieldArray(values.iter().map(to_amqp).collect::<Vec<_>>().into()),
        HeaderValue::Table(headers) => {
            let mut table = FieldTable::default();
            for (name, value) in headers.iter() {
                table.insert(short(name), to_amqp(value));
            }
            AMQPValue::FieldTable(table)
        }
        _ => AMQPValue::Void,
    }
}

fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// AMQP's short strings hold 255 bytes; publishing checks that before, so nothing is cut here but on a foreign copy.
fn short(text: &str) -> ShortString {
    let fits = (0..=text.len().min(255)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    ShortString::try_new(&text[..fits]).unwrap_or_default()
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
