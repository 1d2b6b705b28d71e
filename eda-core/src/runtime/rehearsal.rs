//! What would become of a delivery, without calling a handler.

use std::sync::Arc;

use super::identify::identify;
use super::process::readable;
use crate::app::{App, QueuePlan};
use crate::error::Result;
use crate::failure::Failure;
use crate::message::Message;
use crate::transport::Reason;

/// Tells whether an app would read messages: what a tool looks at before it sends any again.
///
/// ```
/// use eda_core::{AnyEvent, App, Message, Service};
///
/// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}));
/// let rehearsal = app.rehearsal()?;
/// assert!(rehearsal.read("audit.log", Message::new("order.created", "{}")).is_ok());
/// assert!(rehearsal.read("audit.lag", Message::new("order.created", "{}")).is_err());
/// # Ok::<_, eda_core::Error>(())
/// ```
pub struct Rehearsal {
    queues: Vec<QueuePlan>,
}

impl App {
    /// Whether its handlers would read messages, with the types that they have today.
    ///
    /// # Errors
    /// As [`topology`](Self::topology).
    pub fn rehearsal(&self) -> Result<Rehearsal> {
        self.plan().map(|plan| Rehearsal { queues: plan.queues })
    }
}

impl Rehearsal {
    /// Does with a message of a queue what the runtime does with a delivery, up to the call of the handler.
    ///
    /// # Errors
    /// Why the delivery would be a dead letter at its first attempt.
    pub fn read(&self, queue: &str, message: Message) -> Result<(), Failure> {
        let Some(plan) = self.queues.iter().find(|plan| plan.subscription.queue == queue) else {
            let text = format!("no handler of this app takes from the queue `{queue}`");
            return Err(Failure::because(Reason::UnknownEvent, text));
        };
        let message = readable(&Arc::new(message))?;
        let handler = identify(&message, &plan.handlers)?;
        (handler.read)(&message)
    }
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queues: Vec<_> = self.queues.iter().map(|plan| &plan.subscription.queue).collect();
        f.debug_struct("Rehearsal").field("queues", &queues).finish()
    }
}
