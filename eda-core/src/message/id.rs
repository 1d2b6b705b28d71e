//! The identity of an event.

use std::fmt;

use uuid::Uuid;

/// The identity of an event: made once, kept over every resend, retry and replay.
///
/// Ours are UUIDs: version 7 (RFC 9562 §5.7) for an event that begins something, version 8 (§5.8), computed from the
/// cause, for an event that a handler publishes. A foreign producer's id is kept as it is, whatever it looks like.
///
/// ```
/// use eda_core::EventId;
///
/// let order = EventId::new();
/// let payment = EventId::derived(&order, "billing.charge", "payment.completed", 0);
/// assert_eq!(payment, EventId::derived(&order, "billing.charge", "payment.completed", 0));
/// assert_ne!(payment, EventId::derived(&order, "billing.charge", "payment.completed", 1));
/// assert_eq!(EventId::from("order-77").to_string(), "order-77");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Uuid(Uuid),
    Foreign(Box<str>),
}

/// Divides the derived ids of this framework from everyone else's (RFC 9562 §6.5); never changes.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f1d_6f0a_52c4_5d0e_9a37_5b1b_6c3e_e0da);

impl EventId {
    /// A fresh id, sorted by time.
    #[expect(clippy::new_without_default, reason = "each call gives another id, which no `Default` should")]
    pub fn new() -> Self {
        Self(Repr::Uuid(Uuid::now_v7()))
    }

    /// The id of an event that a handler causes: the same cause, handler, name and ordinal give the same id, so a
    /// delivery that is handled twice publishes the same ids twice, and whoever remembers ids sees each effect once.
    ///
    /// `handler` is the service's name and the handler's, such as `billing.charge`; `ordinal` counts the events of
    /// that name that the handler published for this cause before.
    pub fn derived(cause: &EventId, handler: &str, event: &str, ordinal: u32) -> Self {
        let text = format!("{cause}\n{handler}\n{event}\n{ordinal}");
        Self(Repr::Uuid(Uuid::new_v8(*Uuid::new_v5(&NAMESPACE, text.as_bytes()).as_bytes())))
    }

    /// Its text, as [`Display`](fmt::Display) gives it, which takes longer.
    pub(crate) fn to_text(&self) -> String {
        match &self.0 {
            Repr::Uuid(uuid) => uuid.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned(),
            Repr::Foreign(text) => text.to_string(),
        }
    }

    /// Whether this is its text.
    pub(crate) fn is(&self, text: &str) -> bool {
        match &self.0 {
            Repr::Uuid(uuid) => uuid.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text,
            Repr::Foreign(own) => **own == *text,
        }
    }

    /// How many bytes its text has.
    pub(crate) fn text_len(&self) -> usize {
        match &self.0 {
            Repr::Uuid(_) => uuid::fmt::Hyphenated::LENGTH,
            Repr::Foreign(text) => text.len(),
        }
    }
}

impl From<&str> for EventId {
    fn from(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text => Self(Repr::Uuid(uuid)),
            _ => Self(Repr::Foreign(text.into())),
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Uuid(uuid) => uuid.as_hyphenated().fmt(f),
            Repr::Foreign(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
