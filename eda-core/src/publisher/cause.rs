//! What an event is the effect of: the delivery that a handler is handling.

use std::sync::{Mutex, PoisonError};

use crate::message::{EventId, Message};
use crate::transport::limits::SHORT_TEXT_LIMIT;

/// What an event is the effect of. Effects share the cause's correlation, name it as their causation, and get ids that
/// are [derived](EventId::derived) from it.
#[derive(Debug)]
pub struct Cause {
    id: EventId,
    correlation_id: String,
    handler: String,
    published: Mutex<Vec<(&'static str, u32)>>,
}

impl Cause {
    /// The delivery of `message` to `handler`, such as `billing.charge`. A message without an id gets one that stands
    /// for this attempt only.
    pub fn new(message: &Message, handler: impl Into<String>) -> Self {
        let id = message.id.clone().unwrap_or_else(EventId::new);
        let correlation_id = message.correlation_id.clone().unwrap_or_else(|| id.to_string());
        // one that no broker carries on is stood for by one that does, the same each time
        let fits = correlation_id.len() <= SHORT_TEXT_LIMIT;
        let correlation_id = if fits { correlation_id } else { EventId::derived(&id, "", "", 0).to_string() };
        Self { id, correlation_id, handler: handler.into(), published: Mutex::default() }
    }

    /// The id of the causing event.
    pub fn id(&self) -> &EventId {
        &self.id
    }

    /// What all events of the business process share.
    pub fn correlation_id(&self) -> &str {
        &self.correlation_id
    }

    pub(crate) fn next_id(&self, event: &'static str) -> EventId {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        let ordinal = if let Some((_, ordinal)) = published.iter_mut().find(|(name, _)| *name == event) {
            *ordinal += 1;
            *ordinal
        } else {
            published.push((event, 0));
            0
        };
        EventId::derived(&self.id, &self.handler, event, ordinal)
    }
}
