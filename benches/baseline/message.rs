//! An event on the wire: the properties and headers that the framework writes, too.

use std::time::{Duration, SystemTime};

use eda_bench::event::{OrderPlaced, SOURCE};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use uuid::Uuid;

use super::Outcome;

/// Makes messages of one kind of event: what is the same in all is made once.
pub(super) struct Template {
    pub(super) name: ShortString,
    headers: FieldTable,
    properties: BasicProperties,
}

/// What an event follows from.
pub(super) struct Cause {
    pub(super) id: Uuid,
    pub(super) correlation_id: String,
}

impl Template {
    pub(super) fn new(name: &str) -> Self {
        let mut headers = FieldTable::default();
        for (header, value) in [("specversion", "1.0"), ("type", name), ("source", SOURCE), ("eventversion", "1")] {
            headers.insert(format!("cloudEvents_{header}").into(), text(value));
        }
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_type(name.into())
            .with_content_type("application/json".into())
            .with_app_id(SOURCE.into());
        Self { name: name.into(), headers, properties }
    }

    /// Of an event that begins something.
    pub(super) fn first(&self) -> BasicProperties {
        let id = Uuid::now_v7().to_string();
        self.properties(&id, &id, None)
    }

    /// Of an event that follows from another: its id is always the same.
    pub(super) fn effect(&self, cause: &Cause) -> BasicProperties {
        let id = Uuid::new_v5(&cause.id, self.name.as_str().as_bytes()).to_string();
        self.properties(&id, &cause.correlation_id, Some(cause.id))
    }

    fn properties(&self, id: &str, correlation_id: &str, causation_id: Option<Uuid>) -> BasicProperties {
        let now = SystemTime::now();
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let mut headers = self.headers.clone();
        headers.insert("cloudEvents_id".into(), text(id));
        headers.insert("cloudEvents_correlationid".into(), text(correlation_id));
        headers.insert("cloudEvents_time".into(), text(&humantime::format_rfc3339_millis(now).to_string()));
        if let Some(cause) = causation_id {
            headers.insert("cloudEvents_causationid".into(), text(&cause.to_string()));
        }
        self.properties
            .clone()
            .with_headers(headers)
            .with_message_id(id.into())
            .with_correlation_id(correlation_id.into())
            .with_timestamp(since.as_secs())
    }
}

impl Cause {
    /// Of a delivery.
    pub(super) fn of(properties: &BasicProperties) -> Outcome<Self> {
        let id = properties.message_id().as_ref().ok_or("a message without an id")?;
        let correlation_id = properties.correlation_id().as_ref().unwrap_or(id).to_string();
        Ok(Self { id: Uuid::try_parse(id.as_str())?, correlation_id })
    }
}

/// The body of an event.
pub(super) fn body(number: u64) -> Outcome<Vec<u8>> {
    Ok(serde_json::to_vec(&OrderPlaced::new(number))?)
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
