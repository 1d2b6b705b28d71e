//! What the publisher has in hand: AMQP is made of it anew each time that it is sent, which costs less than a copy kept for the
//! case that the connection is lost.

use std::borrow::Cow;
use std::sync::Arc;

use eda_core::Message;

use crate::convert::Writer;
use crate::wire::Outgoing;

/// It is small: it goes through several hands.
pub(crate) enum Parcel {
    /// An event, and the exchange that it goes to.
    Event(Box<Message>, &'static str),
    /// A retry or a dead letter.
    Copy(Arc<Outgoing>),
}

impl Parcel {
    pub(crate) fn outgoing(&self, writer: &mut Writer) -> Outgoing {
        match self {
            Self::Event(message, exchange) => writer.outgoing(message, exchange),
            Self::Copy(outgoing) => Outgoing::clone(outgoing),
        }
    }

    pub(crate) fn id(&self) -> Cow<'_, str> {
        match self {
            Self::Event(message, _) => message.id.as_ref().map_or(Cow::Borrowed(""), |id| id.to_string().into()),
            Self::Copy(outgoing) => outgoing.properties.message_id().as_ref().map_or("", |id| id.as_str()).into(),
        }
    }

    /// Its routing key and its exchange.
    pub(crate) fn route(&self) -> (&str, &str) {
        match self {
            Self::Event(message, exchange) => (&message.routing_key, exchange),
            Self::Copy(outgoing) => (&outgoing.routing_key, &outgoing.exchange),
        }
    }
}
