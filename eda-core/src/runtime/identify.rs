//! Which handler of a queue a message is for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::failure::Failure;
use crate::message::Message;
use crate::service::PreparedHandler;
use crate::transport::Reason;

/// The event's name is taken from the message, where the producer said one that a handler has; else from the JSON field that a
/// handler names as its discriminator; else, where the producer said none, from the routing key. A foreign queue with a single handler that names no discriminator
/// holds one kind of message: what is named nowhere is that handler's.
///
/// # Errors
/// A permanent failure where no handler wants the message: it lists what was looked at, or says that the body is no JSON
/// object where a field of it should have told.
pub(super) fn identify<'a>(message: &Message, handlers: &'a [PreparedHandler]) -> Result<&'a PreparedHandler, Failure> {
    if let Some(every) = handlers.iter().find(|handler| handler.interest.name.is_none()) {
        return Ok(every);
    }
    if let Some(name) = &message.name
        && let Some(handler) = handlers.iter().find(|handler| is_named(handler, name))
    {
        return Ok(handler);
    }
    let mut seen: Vec<Cow<'_, str>> = message.name.iter().map(|name| format!("name `{name}`").into()).collect();
    let mut unreadable = None;
    for handler in handlers {
        let Some(field) = handler.meta.discriminator else { continue };
        match discriminator(&message.body, field) {
            Ok(Some(name)) if is_named(handler, &name) => return Ok(handler),
            Ok(Some(name)) => seen.push(format!("field `{field}` with `{name}`").into()),
            Ok(None) => seen.push(format!("no text in field `{field}`").into()),
            Err(error) => unreadable = Some((field, error)),
        }
    }
    if message.name.is_none() {
        let key = &message.routing_key;
        if let Some(handler) =
            handlers.iter().find(|handler| is_named(handler, key) || matches(handler.interest.binding, key))
        {
            return Ok(handler);
        }
        seen.push(format!("routing key `{key}`").into());
    }
    if let [only] = handlers
        && message.name.is_none()
        && !only.meta.declare
        && only.meta.discriminator.is_none()
    {
        return Ok(only);
    }
    if let Some((field, error)) = unreadable
        && message.name.is_none()
    {
        let text = format!("expected a JSON object with the event's name in field `{field}`: {error}");
        return Err(Failure::because(Reason::Undecodable, text));
    }
    seen.dedup();
    let wanted: Vec<_> = handlers.iter().filter_map(|handler| handler.interest.name).collect();
    let text = format!("expected one of the events `{}`, found {}", wanted.join("`, `"), seen.join(", "));
    Err(Failure::because(Reason::UnknownEvent, text))
}

fn is_named(handler: &PreparedHandler, name: &str) -> bool {
    handler.interest.name == Some(name) || handler.interest.accept.contains(&name)
}

/// An event's binding has `*` for segments that vary, and no other wildcard.
fn matches(binding: &str, key: &str) -> bool {
    let (mut pattern, mut segments) = (binding.split('.'), key.split('.'));
    loop {
        match (pattern.next(), segments.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == "*" || wanted == found => {}
            _ => return false,
        }
    }
}

fn discriminator(body: &[u8], field: &str) -> Result<Option<String>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = json.deserialize_map(FieldOf(field))?;
    json.end()?;
    Ok(value.and_then(|value| serde_json::from_str(value.get()).ok()))
}

/// The last value of that name in an object; the others are read over and not kept.
struct FieldOf<'a>(&'a str);

impl<'de> Visitor<'de> for FieldOf<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            if name == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
