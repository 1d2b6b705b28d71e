//! What a handler takes first, and how it is read from a message.

use crate::envelope::media_type;
use crate::event::{Event, EventInfo};
use crate::failure::Failure;
use crate::message::Message;
use crate::transport::Reason;

/// What a handler takes first: an [`Event`], or [`AnyEvent`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "a handler takes an event first: write `#[derive(Serialize, Deserialize, Event)]` and `#[event(name = \"…\")]` on it"
)]
pub trait Incoming: Sized + Send + 'static {
    /// Which messages it wants.
    const INTEREST: Interest;

    /// Reads it from a message that it wants. Name, version and content type are the message's.
    ///
    /// # Errors
    /// A permanent failure with the reason that fits: undecodable, unknown version, unknown content type.
    fn decode(message: &Message) -> Result<Self, Failure>;
}

/// Which messages a handler wants.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// The event's name; `None` takes every event.
    pub name: Option<&'static str>,
    /// The newest version that the handler knows.
    pub version: u32,
    /// The pattern of routing keys.
    pub binding: &'static str,
    /// Other names under which foreign producers send it.
    pub accept: &'static [&'static str],
    /// The event's doc comment, in Markdown. Empty where there is none.
    pub doc: &'static str,
    /// The event as tools see it; `None` where it takes every event.
    pub event: Option<EventInfo>,
}

#[diagnostic::do_not_recommend]
impl<E: Event> Incoming for E {
    const INTEREST: Interest = Interest {
        name: Some(E::NAME),
        version: E::VERSION,
        binding: E::BINDING,
        accept: E::ACCEPT,
        doc: E::DOC,
        event: Some(EventInfo::of::<E>()),
    };

    fn decode(message: &Message) -> Result<Self, Failure> {
        if let Some(version) = message.version.filter(|version| *version > E::VERSION) {
            let known = E::VERSION;
            let text =
                format!("`{}` came in version {version}, and this handler knows up to {known}: update it", E::NAME);
            return Err(Failure::because(Reason::UnknownVersion, text));
        }
        if let Some(content_type) = message.content_type.as_deref()
            && content_type != E::CONTENT_TYPE
            && !fits(media_type(content_type), E::CONTENT_TYPE)
        {
            let text = format!("expected a body of `{}`, found `{content_type}`", E::CONTENT_TYPE);
            return Err(Failure::because(Reason::UnknownContentType, text));
        }
        E::decode(&message.body)
            .map_err(|error| Failure::because(Reason::Undecodable, format!("the body is no `{}`: {error}", E::NAME)))
    }
}

/// Foreign producers often leave their client's default content type; those say nothing about the body.
fn fits(found: &str, expected: &str) -> bool {
    let says_nothing = matches!(found, "" | "application/octet-stream" | "text/plain");
    let same_family = expected == "application/json" && found.ends_with("+json");
    says_nothing || same_family || found.eq_ignore_ascii_case(expected)
}

/// Every event that matches a handler's pattern, undecoded: for audit and tailing.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyEvent {
    message: Message,
}

impl AnyEvent {
    /// The event's name, or the routing key where the producer said none.
    pub fn name(&self) -> &str {
        self.message.name.as_deref().unwrap_or(&self.message.routing_key)
    }

    /// The body, as it came; of an event in structured mode, its data as it came.
    pub fn body(&self) -> &[u8] {
        &self.message.body
    }

    /// The whole message, as it came, but that attributes have their own fields: those of headers with a known prefix, and
    /// those in the body of an event in structured mode.
    pub fn message(&self) -> &Message {
        &self.message
    }
}

#[diagnostic::do_not_recommend]
impl Incoming for AnyEvent {
    const INTEREST: Interest =
        Interest { name: None, version: u32::MAX, binding: "#", accept: &[], doc: "", event: None };

    fn decode(message: &Message) -> Result<Self, Failure> {
        Ok(Self { message: message.clone() })
    }
}
