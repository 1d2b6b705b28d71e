//! CloudEvents 1.0: an event's metadata as attributes beside the body (binary mode), and read back from what others send.
//!
//! Attributes and extensions follow the CloudEvents core specification (§3 Context Attributes) and its partitioning
//! extension; prefixes follow the protocol bindings: `cloudEvents_` and the older `cloudEvents:` (AMQP §3.1.3),
//! `ce_` (Kafka §3.2.3), `ce-` (HTTP §3.1.3, which Knative sends over AMQP, too).

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "otel")]
use crate::message::Headers;
use crate::message::{EventId, HeaderValue, Message};

/// The media type of an event that brings its attributes in the body: structured mode.
pub const STRUCTURED: &str = "application/cloudevents+json";

/// How many attributes and extensions an event in structured mode may have: each becomes a field or a header.
pub const ATTRIBUTE_LIMIT: usize = 1_000;

const SPEC_VERSION: &str = "1.0";
const PREFIXES: [&str; 4] = ["cloudEvents_", "cloudEvents:", "ce-", "ce_"];

/// The attributes of a message without any prefix: what a transport writes into headers, each under the prefix of its
/// protocol's binding. `datacontenttype` is not among them: in binary mode it is the transport's own content type.
///
/// ```
/// use eda_core::{EventId, Message, envelope};
///
/// let message = Message { id: Some(EventId::from("7")), name: Some("order.created".into()), ..Message::default() };
/// let names: Vec<_> = envelope::attributes(&message).map(|(name, _)| name).collect();
/// assert_eq!(names, ["specversion", "id", "type"]);
/// ```
pub fn attributes(message: &Message) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
    [
        ("specversion", Some(Cow::Borrowed(SPEC_VERSION))),
        ("id", message.id.as_ref().map(|id| Cow::Owned(id.to_text()))),
        ("type", message.name.as_deref().map(Cow::Borrowed)),
        ("source", message.source.as_deref().map(Cow::Borrowed)),
        ("time", message.time.and_then(write_time).map(Cow::Owned)),
        ("eventversion", message.version.map(version)),
        ("partitionkey", message.partition_key.as_deref().map(Cow::Borrowed)),
        ("correlationid", message.correlation_id.as_deref().map(Cow::Borrowed)),
        ("causationid", message.causation_id.as_deref().map(Cow::Borrowed)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

/// Reads a header into the message's own field if it is an attribute under any known prefix. `false` means that it is
/// a plain header, or an attribute or extension that has no field: keep it among the headers.
///
/// A value that can't be read, such as a time that is none, is left out: no header of a foreign producer is ever fatal.
pub fn absorb(message: &mut Message, header: &str, value: &HeaderValue) -> bool {
    PREFIXES
        .iter()
        .find_map(|prefix| header.strip_prefix(prefix))
        .is_some_and(|attribute| set_attribute(message, attribute, value))
}

/// As [`absorb`], for a header that is text.
pub fn absorb_text(message: &mut Message, header: &str, text: &str) -> bool {
    PREFIXES
        .iter()
        .find_map(|prefix| header.strip_prefix(prefix))
        .is_some_and(|attribute| set_text(message, attribute, Cow::Borrowed(text)))
}

/// An extension of CloudEvents that has no field of its own, and is text: under any known prefix among the headers.
#[cfg(feature = "otel")]
pub(crate) fn extension<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let is_it = |header: &str| PREFIXES.iter().any(|prefix| header.strip_prefix(prefix) == Some(name));
    headers.iter().find_map(|(header, value)| match value {
        HeaderValue::Text(text) if is_it(header) => Some(text.as_str()),
        _ => None,
    })
}

/// Whether a message says that it is in structured mode.
pub fn is_structured(message: &Message) -> bool {
    message
        .content_type
        .as_deref()
        // most are shorter, and need no look at their parameters
        .filter(|content_type| content_type.len() >= STRUCTURED.len())
        .is_some_and(|content_type| media_type(content_type).eq_ignore_ascii_case(STRUCTURED))
}

/// Unfolds a message in structured mode: attributes come out of the body, and `data` becomes the body, byte for byte. An
/// event without data has an empty body. Any other message stays as it is.
///
/// # Errors
/// [`Invalid`](ErrorKind::Invalid) where the content type says structured mode and the body is none,
/// [`TooLarge`](ErrorKind::TooLarge) where it has more attributes than a message may have headers.
pub fn unfold(message: &mut Message) -> Result<()> {
    if !is_structured(message) {
        return Ok(());
    }
    let body = message.body.clone();
    let attributes: Structured<'_> = serde_json::from_slice(&body).map_err(|error| {
        Error::new(
            ErrorKind::Invalid,
            format!("expected a CloudEvent in JSON, as the content type `{STRUCTURED}` says"),
        )
        .caused_by(error)
    })?;
    if !attributes.is_whole {
        let text = format!("the CloudEvent has over {ATTRIBUTE_LIMIT} attributes: put them into its data");
        return Err(Error::new(ErrorKind::TooLarge, text));
    }
    let mut content_type = None;
    message.body = Bytes::new();
    for (name, raw) in attributes.members {
        match name.as_ref() {
            "data" => message.body = body.slice_ref(raw.get().as_bytes()),
            "data_base64" => message.body = decode_base64(raw)?,
            "datacontenttype" => content_type = serde_json::from_str::<String>(raw.get()).ok(),
            name => {
                if let Some(value) = scalar(raw)
                    && !set_attribute(message, name, &value)
                {
                    message.headers.insert(format!("{}{name}", PREFIXES[0]), value);
                }
            }
        }
    }
    message.content_type = Some(content_type.map_or(Cow::Borrowed("application/json"), Cow::Owned));
    Ok(())
}

/// The media type of a content type without its parameters: `application/json` of `application/json; charset=utf-8`.
pub fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn set_attribute(message: &mut Message, attribute: &str, value: &HeaderValue) -> bool {
    let text = match value {
        HeaderValue::Text(text) => Cow::Borrowed(text.as_str()),
        HeaderValue::Int(number) => Cow::Owned(number.to_string()),
        HeaderValue::Bytes(bytes) => String::from_utf8_lossy(bytes),
        HeaderValue::Timestamp(seconds) if attribute == "time" => {
            message.time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(*seconds));
            return true;
        }
        _ => return false,
    };
    set_text(message, attribute, text)
}

fn set_text(message: &mut Message, attribute: &str, text: Cow<'_, str>) -> bool {
    // a transport has often set the same from a property of its own
    let is_known = |field: Option<&str>| field == Some(&*text);
    match attribute {
        "specversion" => {}
        "id" if message.id.as_ref().is_some_and(|id| id.is(&text)) => {}
        "id" => message.id = Some(EventId::from(&*text)),
        "type" if is_known(message.name.as_deref()) => {}
        "source" if is_known(message.source.as_deref()) => {}
        "correlationid" if is_known(message.correlation_id.as_deref()) => {}
        "type" => message.name = Some(Cow::Owned(text.into_owned())),
        "source" => message.source = Some(Cow::Owned(text.into_owned())),
        "time" => message.time = read_time(&text).or(message.time),
        "eventversion" => match text.parse() {
            Ok(version) => message.version = Some(version),
            Err(_) => return false,
        },
        "partitionkey" => message.partition_key = Some(text.into_owned()),
        "correlationid" => message.correlation_id = Some(text.into_owned()),
        "causationid" => message.causation_id = Some(text.into_owned()),
        _ => return false,
    }
    true
}

/// Nearly every event is of its first version.
fn version(version: u32) -> Cow<'static, str> {
    if version == 1 { Cow::Borrowed("1") } else { Cow::Owned(version.to_string()) }
}

/// RFC 3339 in UTC, with milliseconds. Nothing for a time that it can't express, before 1970 or beyond the year 9999, as of a
/// producer that writes milliseconds where AMQP has seconds.
pub fn write_time(time: SystemTime) -> Option<String> {
    const YEAR_10000: u64 = 253_402_300_800;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    (since.as_secs() < YEAR_10000).then(|| humantime::format_rfc3339_millis(time).to_string())
}

/// Reads RFC 3339 with any offset; Python's `isoformat` writes `+00:00` where others write `Z`.
pub fn read_time(text: &str) -> Option<SystemTime> {
    let (local, offset) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, None),
        None => text.split_at_checked(text.len().checked_sub(6)?).map(|(local, offset)| (local, Some(offset)))?,
    };
    let Some(offset) = offset else { return read_utc(text, local) };
    let time = read_utc("", local)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let ahead = Duration::from_secs(hours.parse::<u64>().ok()? * 3600 + minutes.parse::<u64>().ok()? * 60);
    match offset.as_bytes()[0] {
        b'+' => time.checked_sub(ahead),
        b'-' => time.checked_add(ahead),
        _ => None,
    }
}

/// `text` is the time as it came, if it ends where RFC 3339 has a `Z`.
fn read_utc(text: &str, local: &str) -> Option<SystemTime> {
    // as nearly everybody writes it, and no copy is needed
    let as_it_is = humantime::parse_rfc3339(text).ok();
    as_it_is.or_else(|| humantime::parse_rfc3339(&format!("{}Z", local.replacen(' ', "T", 1))).ok())
}

/// The members of an object in their order, as many as a message may have headers; of the rest only that there is one.
struct Structured<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
    is_whole: bool,
}

impl<'de> Deserialize<'de> for Structured<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Structured<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Structured { members: Vec::new(), is_whole: true };
        while let Some(member) = map.next_entry()? {
            if found.members.len() < ATTRIBUTE_LIMIT {
                found.members.push(member);
            } else {
                found.is_whole = false;
            }
        }
        Ok(found)
    }
}

fn scalar(raw: &RawValue) -> Option<HeaderValue> {
    match serde_json::from_str(raw.get()).ok()? {
        serde_json::Value::String(text) => Some(HeaderValue::Text(text)),
        serde_json::Value::Bool(value) => Some(HeaderValue::Bool(value)),
        serde_json::Value::Number(number) => number.as_i64().map(HeaderValue::Int),
        _ => None,
    }
}

/// Data that is no JSON comes in base64 (CloudEvents JSON format §3.1.1).
fn decode_base64(raw: &RawValue) -> Result<Bytes> {
    let refuse = || Error::new(ErrorKind::Invalid, "expected `data_base64` to be a string in standard base64");
    let text: String = serde_json::from_str(raw.get()).map_err(|error| refuse().caused_by(error))?;
    BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|error| refuse().caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_common_form() {
        let expected = humantime::parse_rfc3339("2026-11-23T08:54:00Z").ok();
        for text in [
            "2026-11-23T08:54:00Z",
            "2026-11-23T08:54:00+00:00",
            "2026-11-23T10:54:00+02:00",
            "2026-11-23T04:24:00-04:30",
            "2026-11-23 08:54:00z",
        ] {
            assert_eq!(read_time(text), expected, "{text}");
        }
        for text in ["", "soon", "2026-11-23", "2026-11-23T08:54:00", "2026-11-23T08:54:00é+02:00"] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_is_left_out() {
        let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000_000);
        let message = Message { time: Some(far), ..Message::default() };
        assert!(attributes(&message).all(|(name, _)| name != "time"));
    }

    #[test]
    fn structured_mode_keeps_the_bytes_of_its_data() {
        let body = r#"{"specversion":"1.0","id":"7","type":"order.created","source":"shop","tenant":"acme","data":{"a": 1.50}}"#;
        let mut message = Message::new("k", body);
        message.content_type = Some("Application/CloudEvents+JSON; charset=utf-8".into());
        unfold(&mut message).expect("it is well formed");
        assert_eq!(&message.body[..], br#"{"a": 1.50}"#);
        assert_eq!(message.name.as_deref(), Some("order.created"));
        assert_eq!(message.headers.text("cloudEvents_tenant"), Some("acme"));
    }

    #[test]
    fn structured_mode_without_data_has_an_empty_body() {
        let mut message = Message::new("k", r#"{"specversion":"1.0","id":"7","type":"order.created","source":"shop"}"#);
        message.content_type = Some(STRUCTURED.into());
        unfold(&mut message).expect("it is well formed");
        assert!(message.body.is_empty());
    }

    #[test]
    fn structured_mode_takes_data_in_base64() {
        let mut message = Message::new("k", r#"{"id":"7","data_base64":"eyJhIjoxfQ=="}"#);
        message.content_type = Some(STRUCTURED.into());
        unfold(&mut message).expect("it is well formed");
        assert_eq!(&message.body[..], br#"{"a":1}"#);
    }

    #[test]
    fn a_body_that_is_no_structured_event_is_refused() {
        let mut message = Message::new("k", "[1]");
        message.content_type = Some(STRUCTURED.into());
        assert_eq!(unfold(&mut message).map_err(|error| error.kind()), Err(ErrorKind::Invalid));
    }
}
