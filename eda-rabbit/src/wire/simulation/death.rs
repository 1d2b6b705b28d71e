//! What a broker writes on a dead letter.

use lapin::types::{AMQPValue, FieldArray, FieldTable, ShortString};

use super::queue::Message;
use crate::convert::of_the_author;

const HISTORY: &str = "x-death";

/// The message as it goes to the dead-letter exchange; `None` where it has been in a queue before without a rejection since,
/// which is a cycle that RabbitMQ ends without a word.
pub(super) fn dead_letter(
    message: &Message,
    queue: &str,
    reason: &str,
    exchange: &str,
    key: Option<&str>,
    seconds: u64,
) -> Message {
    let mut headers = message.properties.headers().clone().unwrap_or_default();
    let text = |text: &str| AMQPValue::LongString(text.into());
    let short = |name: &str| ShortString::from(name);
    let mut history = match headers.inner().get(HISTORY) {
        Some(AMQPValue::FieldArray(array)) => array.as_slice().to_vec(),
        _ => Vec::new(),
    };
    let is_same = |entry: &AMQPValue| match entry {
        AMQPValue::FieldTable(table) => {
            let is =
                |name: &str, expected: &str| table.inner().get(name) == Some(&AMQPValue::LongString(expected.into()));
            is("queue", queue) && is("reason", reason)
        }
        _ => false,
    };
    let known = history.iter().position(is_same).map(|at| history.remove(at));
    let entry = if let Some(AMQPValue::FieldTable(mut table)) = known {
        let count = match table.inner().get("count") {
            Some(AMQPValue::LongLongInt(count)) => *count,
            _ => 0,
        };
        table.insert(short("count"), AMQPValue::LongLongInt(count + 1));
        table
    } else {
        let mut table = FieldTable::default();
        table.insert(short("count"), AMQPValue::LongLongInt(1));
        table.insert(short("reason"), text(reason));
        table.insert(short("queue"), text(queue));
        table.insert(short("time"), AMQPValue::Timestamp(seconds));
        table.insert(short("exchange"), text(&message.exchange));
        let keys = FieldArray::from(vec![text(&message.routing_key)]);
        table.insert(short("routing-keys"), AMQPValue::FieldArray(keys));
        if let Some(expiration) = message.properties.expiration() {
            table.insert(short("original-expiration"), text(expiration.as_str()));
        }
        table
    };
    history.insert(0, AMQPValue::FieldTable(entry));
    headers.insert(short(HISTORY), AMQPValue::FieldArray(FieldArray::from(history)));
    for (name, value) in [
        ("x-first-death-reason", reason),
        ("x-first-death-queue", queue),
        ("x-first-death-exchange", &message.exchange),
    ] {
        if !headers.contains_key(name) {
            headers.insert(short(name), text(value));
        }
    }
    let properties = without_expiration(message).with_headers(headers);
    let routing_key = key.unwrap_or(&message.routing_key).to_owned();
    Message { exchange: exchange.to_owned(), routing_key, properties, body: message.body.clone() }
}

/// Whether a dead letter would go in circles without anybody having rejected it.
pub(super) fn is_cycle(dead_letter: &Message, target: &str) -> bool {
    let Some(AMQPValue::FieldArray(history)) =
        dead_letter.properties.headers().as_ref().and_then(|headers| headers.inner().get(HISTORY))
    else {
        return false;
    };
    let value = |entry: &AMQPValue, name: &str| match entry {
        AMQPValue::FieldTable(table) => table.inner().get(name).cloned(),
        _ => None,
    };
    let is = |entry: &AMQPValue, name: &str, text: &str| value(entry, name) == Some(AMQPValue::LongString(text.into()));
    let entries = history.as_slice();
    entries.iter().any(|entry| is(entry, "queue", target))
        && !entries.iter().any(|entry| is(entry, "reason", "rejected"))
}

fn without_expiration(message: &Message) -> lapin::BasicProperties {
    let old = &message.properties;
    let mut properties = of_the_author(old);
    if let Some(id) = old.message_id().clone() {
        properties = properties.with_message_id(id);
    }
    if let Some(user) = old.user_id().clone() {
        properties = properties.with_user_id(user);
    }
    if let Some(mode) = *old.delivery_mode() {
        properties = properties.with_delivery_mode(mode);
    }
    properties
}

/// The headers of a delivery that came back: how often.
pub(super) fn with_count(mut properties: lapin::BasicProperties, count: u64) -> lapin::BasicProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(i64::try_from(count).unwrap_or(i64::MAX)));
    properties = properties.with_headers(headers);
    properties
}
