//! A message as a file: one line of JSON with everything but the body, then the body as it is.

use std::time::SystemTime;

use eda_core::{Error, ErrorKind, EventId, HeaderValue, Headers, Message, Result};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Line {
    id: Option<String>,
    name: Option<String>,
    version: Option<u32>,
    source: Option<String>,
    time: Option<SystemTime>,
    routing_key: String,
    partition_key: Option<String>,
    correlation_id: Option<String>,
    causation_id: Option<String>,
    content_type: Option<String>,
    headers: Vec<(String, Value)>,
}

/// JSON knows fewer types than headers have, so each value says which it is.
#[derive(Serialize, Deserialize)]
enum Value {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Decimal(u8, u32),
    Text(String),
    Bytes(Vec<u8>),
    Timestamp(u64),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
}

pub(crate) fn encode(message: &Message) -> Result<Vec<u8>> {
    let line = Line {
        id: message.id.as_ref().map(ToString::to_string),
        name: message.name.as_deref().map(Into::into),
        version: message.version,
        source: message.source.as_deref().map(Into::into),
        time: message.time,
        routing_key: message.routing_key.clone().into_owned(),
        partition_key: message.partition_key.clone(),
        correlation_id: message.correlation_id.clone(),
        causation_id: message.causation_id.clone(),
        content_type: message.content_type.as_deref().map(Into::into),
        headers: values(&message.headers),
    };
    let unwritable = |error| Error::new(ErrorKind::Invalid, "the message can't be written as a file").caused_by(error);
    let mut file = serde_json::to_vec(&line).map_err(unwritable)?;
    file.push(b'\n');
    file.extend_from_slice(&message.body);
    Ok(file)
}

pub(crate) fn decode(file: &[u8]) -> Result<Message> {
    let unreadable = || Error::new(ErrorKind::Internal, "a file of the queue holds no message");
    let end = file.iter().position(|byte| *byte == b'\n').ok_or_else(unreadable)?;
    let line: Line = serde_json::from_slice(&file[..end]).map_err(|error| unreadable().caused_by(error))?;
    Ok(Message {
        id: line.id.as_deref().map(EventId::from),
        name: line.name.map(Into::into),
        version: line.version,
        source: line.source.map(Into::into),
        time: line.time,
        routing_key: line.routing_key.into(),
        partition_key: line.partition_key,
        correlation_id: line.correlation_id,
        causation_id: line.causation_id,
        content_type: line.content_type.map(Into::into),
        headers: headers(line.headers),
        body: file[end + 1..].to_vec().into(),
    })
}

fn values(headers: &Headers) -> Vec<(String, Value)> {
    headers.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

fn headers(values: Vec<(String, Value)>) -> Headers {
    values.into_iter().map(|(name, value)| (name, HeaderValue::from(value))).collect()
}

impl From<&HeaderValue> for Value {
    fn from(value: &HeaderValue) -> Self {
        match value {
            HeaderValue::Bool(value) => Self::Bool(*value),
            HeaderValue::Int(value) => Self::Int(*value),
            HeaderValue::UInt(value) => Self::UInt(*value),
            HeaderValue::Float(value) => Self::Float(*value),
            HeaderValue::Decimal { scale, value } => Self::Decimal(*scale, *value),
            HeaderValue::Text(text) => Self::Text(text.clone()),
            HeaderValue::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            HeaderValue::Timestamp(seconds) => Self::Timestamp(*seconds),
            HeaderValue::List(list) => Self::List(list.iter().map(Into::into).collect()),
            HeaderValue::Table(table) => Self::Table(values(table)),
            // the only one that is left today; a later one would have to be added here
            _ => Self::Null,
        }
    }
}

impl From<Value> for HeaderValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Int(value) => Self::Int(value),
            Value::UInt(value) => Self::UInt(value),
            Value::Float(value) => Self::Float(value),
            Value::Decimal(scale, value) => Self::Decimal { scale, value },
            Value::Text(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Bytes(bytes.into()),
            Value::Timestamp(seconds) => Self::Timestamp(seconds),
            Value::List(list) => Self::List(list.into_iter().map(Into::into).collect()),
            Value::Table(table) => Self::Table(headers(table)),
        }
    }
}
