//! Names that no other test uses, on a broker that tests share.

use std::borrow::Cow;

use eda_core::{EventId, Message, Subscription};

/// What stands before every queue and routing key at the broker, and is nowhere else to be seen. So tests that run at the
/// same time, and what earlier ones left behind, keep apart.
#[derive(Clone, Debug)]
pub(super) struct Names(Option<String>);

impl Names {
    /// As they are: the broker is this test's alone.
    pub(super) fn plain() -> Self {
        Self(None)
    }

    /// A prefix that nobody has used before.
    pub(super) fn fresh() -> Self {
        let id = EventId::new().to_string();
        let random = id.rsplit('-').next().unwrap_or_default();
        Self(Some(format!("test-{random}.")))
    }

    /// As the broker is to know it. A queue that someone else declares keeps its name.
    pub(super) fn outside(&self, subscription: &Subscription) -> Subscription {
        let mut outside = subscription.clone();
        if let Some(prefix) = self.0.as_deref().filter(|_| subscription.declare) {
            outside.queue.insert_str(0, prefix);
            outside.bindings.iter_mut().for_each(|binding| binding.insert_str(0, prefix));
        }
        outside
    }

    /// As it goes to the broker.
    pub(super) fn send(&self, mut message: Message) -> Message {
        if let Some(prefix) = &self.0 {
            message.routing_key = Cow::Owned(format!("{prefix}{}", message.routing_key));
        }
        message
    }

    /// As the app sees what arrived.
    pub(super) fn receive(&self, message: &Message) -> Message {
        let mut message = message.clone();
        if let Some(prefix) = &self.0
            && let Some(key) = message.routing_key.strip_prefix(prefix.as_str())
        {
            message.routing_key = Cow::Owned(key.to_owned());
        }
        message
    }
}
