//! AMQP's field values and ours: 0-9-1 §4.2.1, as RabbitMQ has them.

use bytes::Bytes;
use eda_core::{HeaderValue, Headers};
use lapin::types::{AMQPValue, FieldTable, ShortString};

/// How deep lists and tables are read; what lies deeper is read as null. Nobody's metadata is that deep, and a stack is
/// no place to find out how deep it can be.
const DEPTH: usize = 16;

pub(super) fn from_amqp(value: &AMQPValue) -> HeaderValue {
    read(value, DEPTH)
}

fn read(value: &AMQPValue, depth: usize) -> HeaderValue {
    match value {
        AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) if depth == 0 => HeaderValue::Null,
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
        AMQPValue::FieldArray(values) => {
            HeaderValue::List(values.as_slice().iter().map(|value| read(value, depth - 1)).collect())
        }
        AMQPValue::Timestamp(seconds) => HeaderValue::Timestamp(*seconds),
        AMQPValue::FieldTable(table) => HeaderValue::Table(
            table.into_iter().map(|(name, value)| (name.as_str(), read(value, depth - 1))).collect::<Headers>(),
        ),
        AMQPValue::ByteArray(bytes) => HeaderValue::Bytes(Bytes::copy_from_slice(bytes.as_slice())),
        AMQPValue::Void => HeaderValue::Null,
    }
}

pub(super) fn to_amqp(value: &HeaderValue) -> AMQPValue {
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

/// How many bytes a value takes in a table, its type included.
pub(super) fn encoded_size(value: &AMQPValue) -> usize {
    1 + match value {
        AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
        AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
        AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
        AMQPValue::DecimalValue(_) => 5,
        AMQPValue::LongLongInt(_) | AMQPValue::Double(_) | AMQPValue::Timestamp(_) => 8,
        AMQPValue::ShortString(text) => 1 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.len(),
        AMQPValue::FieldArray(values) => 4 + values.as_slice().iter().map(encoded_size).sum::<usize>(),
        AMQPValue::FieldTable(table) => {
            4 + table.into_iter().map(|(name, value)| 1 + name.as_str().len() + encoded_size(value)).sum::<usize>()
        }
        AMQPValue::Void => 0,
    }
}

/// A count, of whatever integer type.
pub(super) fn number(value: &AMQPValue) -> Option<u32> {
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

/// A value that is text.
pub(super) fn text(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        _ => None,
    }
}

pub(super) fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// AMQP's short strings hold 255 bytes; publishing checks that before, so nothing is cut here but on a foreign copy.
pub(super) fn short(text: &str) -> ShortString {
    let fits = (0..=text.len().min(255)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    ShortString::try_new(&text[..fits]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_too_deep_is_read_as_null() {
        let mut value = AMQPValue::Boolean(true);
        for _ in 0..1_000 {
            value = AMQPValue::FieldArray(vec![value].into());
        }
        let (mut read, mut depth) = (from_amqp(&value), 0);
        while let HeaderValue::List(mut values) = read {
            read = values.remove(0);
            depth += 1;
        }
        assert_eq!((read, depth), (HeaderValue::Null, DEPTH));
    }
}
