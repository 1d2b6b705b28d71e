//! The parts of an AsyncAPI 3.1 document: channels, operations, messages, schemas.
//!
//! An event is a channel, since it is what services share; a handler receives from its event's channel. One that takes
//! whatever matches, or takes from a queue that others declare, receives from that queue, which is then a channel, too.

use eda_core::app::HandlerInfo;
use eda_core::{App, EventInfo};
use serde_json::{Map, Value, json};

use super::schema;
use crate::description::events;
use crate::names::matches;

/// The exchange of all events; a transport's word, which AsyncAPI's binding asks for.
const EXCHANGE: &str = "eda.events";
const BINDING_VERSION: &str = "0.3.0";

pub(super) fn of(app: &App, title: &str, version: &str) -> Value {
    let events = events(app);
    let mut document = Document::default();
    for event in &events {
        document.event(event);
    }
    for service in app.services() {
        for handler in &service.handlers {
            let id = format!("{}.{}", service.name, handler.meta.name);
            document.receive(&id, handler, &events);
            document.send(&id, handler.emits);
        }
        document.send(service.name, service.publishes);
    }
    let Document { channels, operations, messages, schemas } = document;
    json!({
        "asyncapi": "3.1.0",
        "info": { "title": title, "version": version },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

#[derive(Default)]
struct Document {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Document {
    fn event(&mut self, event: &EventInfo) {
        let id = message_id(event);
        let mut message = json!({
            "name": event.name,
            "title": format!("{} v{}", event.name, event.version),
            "contentType": event.content_type,
            "headers": headers(event),
            "bindings": { "amqp": { "messageType": event.name, "bindingVersion": BINDING_VERSION } },
        });
        describe(&mut message, event.doc);
        if let Some(schema) = event.codec.schema().and_then(|schema| schema::at(&schema, &id)) {
            self.schemas.insert(id.clone(), schema);
            message["payload"] = reference(&["components", "schemas", &id]);
        }
        self.messages.insert(id.clone(), message);
        let channel = self.channels.entry(event.name).or_insert_with(|| {
            json!({
                "address": event.binding,
                "title": event.name,
                "messages": {},
                "bindings": { "amqp": {
                    "is": "routingKey",
                    "exchange": { "name": EXCHANGE, "type": "topic", "durable": true, "autoDelete": false },
                    "bindingVersion": BINDING_VERSION,
                } },
            })
        });
        describe(channel, event.doc);
        channel["messages"][&id] = reference(&["components", "messages", &id]);
    }

    fn receive(&mut self, id: &str, handler: &HandlerInfo<'_>, events: &[EventInfo]) {
        let (channel, taken) = match handler.interest.event {
            Some(event) if handler.meta.declare => (event.name.to_owned(), vec![event]),
            Some(event) => (self.queue(handler, &[event]), vec![event]),
            None => {
                let taken: Vec<_> = events.iter().filter(|event| takes(handler, event)).copied().collect();
                (self.queue(handler, &taken), taken)
            }
        };
        let mut operation = json!({
            "action": "receive",
            "channel": reference(&["channels", &channel]),
            "title": id,
            "messages": in_channel(&channel, &taken),
            "bindings": { "amqp": { "ack": true, "bindingVersion": BINDING_VERSION } },
            "x-queue": handler.queue,
        });
        if !handler.interest.accept.is_empty() {
            operation["x-accepts"] = json!(handler.interest.accept);
        }
        describe(&mut operation, handler.meta.doc);
        let id = unique(&self.operations, id);
        self.operations.insert(id, operation);
    }

    fn send(&mut self, by: &str, events: &[EventInfo]) {
        for (index, event) in events.iter().enumerate() {
            if events[..index].contains(event) {
                continue;
            }
            let id = unique(&self.operations, &format!("{by}.sends.{}", message_id(event)));
            let operation = json!({
                "action": "send",
                "channel": reference(&["channels", event.name]),
                "title": format!("{by} sends {}", event.name),
                "messages": in_channel(event.name, &[*event]),
                "bindings": { "amqp": { "deliveryMode": 2, "mandatory": true, "bindingVersion": BINDING_VERSION } },
            });
            self.operations.insert(id, operation);
        }
    }

    /// A queue as a channel; handlers that share it share the channel.
    fn queue(&mut self, handler: &HandlerInfo<'_>, taken: &[EventInfo]) -> String {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
        let plain = |queue: &str| queue.replace(|letter: char| !is_plain(letter), "_");
        let is_this =
            |channel: &Value| channel["address"] == *handler.queue && channel["bindings"]["amqp"]["is"] == "queue";
        let known = self.channels.iter().find(|(_, channel)| is_this(channel)).map(|(id, _)| id.clone());
        let id = known.unwrap_or_else(|| unique(&self.channels, &format!("queue.{}", plain(&handler.queue))));
        let channel = self.channels.entry(&id).or_insert_with(|| {
            let mut queue = json!({ "name": handler.queue });
            if handler.meta.declare {
                queue = json!({ "name": handler.queue, "durable": true, "exclusive": false, "autoDelete": false });
            }
            json!({
                "address": handler.queue,
                "title": format!("queue {}", handler.queue),
                "messages": {},
                "bindings": { "amqp": { "is": "queue", "queue": queue, "bindingVersion": BINDING_VERSION } },
            })
        });
        for event in taken {
            let message = message_id(event);
            channel["messages"][&message] = reference(&["components", "messages", &message]);
        }
        id
    }
}

fn message_id(event: &EventInfo) -> String {
    format!("{}.v{}", event.name, event.version)
}

fn in_channel(channel: &str, events: &[EventInfo]) -> Vec<Value> {
    events.iter().map(|event| reference(&["channels", channel, "messages", &message_id(event)])).collect()
}

/// The metadata of an event, which travels as CloudEvents in binary mode.
fn headers(event: &EventInfo) -> Value {
    json!({
        "type": "object",
        "required": ["cloudEvents_specversion", "cloudEvents_id", "cloudEvents_type", "cloudEvents_source"],
        "properties": {
            "cloudEvents_specversion": { "const": "1.0" },
            "cloudEvents_id": { "type": "string", "description": "the same over every resend, retry and replay" },
            "cloudEvents_type": { "const": event.name },
            "cloudEvents_source": { "type": "string", "description": "the service that published it" },
            "cloudEvents_time": { "type": "string", "format": "date-time" },
        },
    })
}

fn takes(handler: &HandlerInfo<'_>, event: &EventInfo) -> bool {
    matches(handler.meta.pattern.unwrap_or(handler.interest.binding), event.name)
}

fn describe(part: &mut Value, doc: &str) {
    if !doc.is_empty() {
        part["description"] = json!(doc);
    }
}

fn reference(path: &[&str]) -> Value {
    json!({ "$ref": format!("#/{}", path.join("/")) })
}

fn unique(taken: &Map<String, Value>, wanted: &str) -> String {
    let numbered = (2..).map(|number| format!("{wanted}-{number}"));
    let mut free = std::iter::once(wanted.to_owned()).chain(numbered).filter(|id| !taken.contains_key(id));
    free.next().unwrap_or_default()
}
