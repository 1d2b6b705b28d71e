//! An event on the wire: the properties and headers that the framework writes, too.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

use eda_bench::event::{OrderPlaced, SOURCE};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use uuid::Uuid;

use super::Outcome;

/// Makes messages of one kind of event: what is the same in all is made once.
pub(super) struct Template {
    pub(super) name: ShortString,
    /// Those that differ from event to event are empty.
    headers: BTreeMap<ShortString, AMQPValue>,
    properties: BasicProperties,
}

/// Times as text: within a second only the last digits differ.
#[derive(Default)]
pub(super) struct Clock {
    second: u64,
    text: String,
}

/// What an event follows from.
pub(super) struct Cause {
    pub(super) id: Uuid,
    pub(super) correlation_id: String,
}

/// The headers in the order in which a table has them.
const HEADERS: [&str; 8] =
    ["causationid", "correlationid", "eventversion", "id", "source", "specversion", "time", "type"];

impl Template {
    pub(super) fn new(name: &str) -> Self {
        let same = |header| match header {
            "specversion" => "1.0",
            "type" => name,
            "source" => SOURCE,
            "eventversion" => "1",
            _ => "",
        };
        let headers = HEADERS.map(|header| (format!("cloudEvents_{header}").into(), text(same(header))));
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_type(name.into())
            .with_content_type("application/json".into())
            .with_app_id(SOURCE.into());
        Self { name: name.into(), headers: headers.into(), properties }
    }

    /// Of events that begin something.
    pub(super) fn of_first(name: &str) -> Self {
        let mut template = Self::new(name);
        template.headers.remove("cloudEvents_causationid");
        template
    }

    /// Of an event that begins something.
    pub(super) fn first(&self, clock: &mut Clock) -> BasicProperties {
        let id = hyphenated(&Uuid::now_v7());
        self.properties(&id, &id, None, clock)
    }

    /// Of an event that follows from another: its id is always the same.
    pub(super) fn effect(&self, cause: &Cause, clock: &mut Clock) -> BasicProperties {
        let id = hyphenated(&Uuid::new_v5(&cause.id, self.name.as_str().as_bytes()));
        self.properties(&id, &cause.correlation_id, Some(cause.id), clock)
    }

    fn properties(
        &self,
        id: &str,
        correlation_id: &str,
        causation_id: Option<Uuid>,
        clock: &mut Clock,
    ) -> BasicProperties {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let mut headers = self.headers.clone();
        let from = usize::from(causation_id.is_none());
        for (value, header) in headers.values_mut().zip(&HEADERS[from..]) {
            *value = match *header {
                "causationid" => text(&causation_id.as_ref().map(hyphenated).unwrap_or_default()),
                "correlationid" => text(correlation_id),
                "id" => text(id),
                "time" => text(clock.text(now)),
                _ => continue,
            };
        }
        self.properties
            .clone()
            .with_headers(FieldTable::from(headers))
            .with_message_id(id.into())
            .with_correlation_id(correlation_id.into())
            .with_timestamp(now.as_secs())
    }
}

impl Clock {
    fn text(&mut self, since: Duration) -> &str {
        const UP_TO_SECONDS: usize = "2026-11-23T08:54:00.".len();
        if self.text.is_empty() || self.second != since.as_secs() {
            self.second = since.as_secs();
            self.text.clear();
            // a String takes whatever is written
            let _ = write!(self.text, "{}", humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since));
        } else {
            self.text.truncate(UP_TO_SECONDS);
            for power in [100, 10, 1] {
                self.text.push(char::from_digit(since.subsec_millis() / power % 10, 10).unwrap_or('0'));
            }
            self.text.push('Z');
        }
        &self.text
    }
}

fn hyphenated(id: &Uuid) -> String {
    id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
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
