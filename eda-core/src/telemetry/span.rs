//! The spans: one for each publish and one for each attempt, with the fields of the OpenTelemetry conventions for messaging.
//!
//! They have the level that [`LEVEL`] says and the targets `eda::publish` and `eda::process`, so that filters can tell them from
//! everything else.

use std::fmt;

use tracing::field::{Empty, display};
use tracing::{Level, Span, span};

use crate::message::Message;
use crate::transport::Destination;

/// Lines of a log that are written inside of a span carry its fields; at this level they do so where they are asked for.
const LEVEL: Level = Level::DEBUG;

/// Of an event on its way to the broker.
pub(super) fn publish(destination: Destination, message: &Message) -> Span {
    let Destination { system, exchange } = destination;
    let key = &*message.routing_key;
    span!(
        target: "eda::publish",
        LEVEL,
        "publish",
        otel.name = display(Named("publish", message.name.as_deref().unwrap_or(key))),
        otel.kind = "producer",
        otel.status_code = Empty,
        otel.status_description = Empty,
        messaging.system = system,
        messaging.operation.name = "publish",
        messaging.operation.type = "send",
        messaging.destination.name = display(Joined([exchange, key])),
        messaging.rabbitmq.destination.routing_key = key,
        messaging.message.id = message.id.as_ref().map(display),
        messaging.message.conversation_id = message.correlation_id.as_deref(),
        error.type = Empty,
    )
}

/// Of an attempt to handle a delivery. It begins a trace of its own.
pub(super) fn process(system: &str, queue: &str, handler: &str, attempt: u32, message: &Message) -> Span {
    // the exchange that it came through is no part of a message; a queue of the same name as the key is not said twice
    let key = &*message.routing_key;
    let shown = if key == queue { "" } else { key };
    span!(
        target: "eda::process",
        parent: None,
        LEVEL,
        "process",
        otel.name = display(Named("process", handler)),
        otel.kind = "consumer",
        otel.status_code = Empty,
        otel.status_description = Empty,
        messaging.system = system,
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = display(Joined([shown, queue])),
        messaging.rabbitmq.destination.routing_key = key,
        messaging.message.id = message.id.as_ref().map(display),
        messaging.message.conversation_id = message.correlation_id.as_deref(),
        eda.handler = handler,
        eda.event = message.name.as_deref(),
        eda.attempt = attempt,
        error.type = Empty,
    )
}

/// Says that it failed: with a word of few, and for a person.
pub(super) fn failed(span: &Span, error_type: &str, why: &dyn fmt::Display) {
    if !span.is_disabled() {
        span.record("error.type", error_type);
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_description", display(why));
    }
}

/// As the conventions name spans: the operation, then what it is done to.
struct Named<'a>(&'static str, &'a str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

/// As the conventions name destinations of RabbitMQ: what there is of two parts.
struct Joined<'a>([&'a str; 2]);

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one, ""] | ["", one] => f.write_str(one),
            [one, other] => write!(f, "{one}:{other}"),
        }
    }
}
