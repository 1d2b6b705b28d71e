//! What would become of a delivery, without calling a handler.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::app::{App, QueuePlan};
use crate::error::Result;
use crate::failure::Failure;
use crate::message::Message;
use crate::transport::Reason;

use super::failed::{detail, panicked};
use super::identify::identify;
use super::process::readable;

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
    /// ```
    /// use eda_core::transport::Reason;
    /// use eda_core::{AnyEvent, App, Message, Service};
    ///
    /// let digits = |text: String| text.replace(|letter: char| letter.is_ascii_digit(), "#");
    /// let app = App::new().service(Service::new("audit").on("log", |_: AnyEvent| async {}).redact(digits));
    /// let refused = app.rehearsal()?.read("audit.log", Message::new("order.created", vec![b' '; 2 << 20]));
    /// let Err(failure) = refused else { panic!("it is over the limit") };
    /// assert_eq!(failure.reason(), Reason::TooLarge);
    /// assert!(failure.detail().starts_with("the body has ####### bytes"));
    /// # Ok::<_, eda_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Why the first attempt would fail, as a dead letter would say it: what [`redact`](crate::Service::redact) leaves of the
    /// text, which may quote the body. A decoder that panics is a failure with the reason [`Panicked`](Reason::Panicked).
    pub fn read(&self, queue: &str, message: Message) -> Result<(), Failure> {
        let Some(plan) = self.queues.iter().find(|plan| plan.subscription.queue == queue) else {
            let text = format!("no handler of this app takes from the queue `{queue}`");
            return Err(Failure::because(Reason::UnknownEvent, text));
        };
        let told = |failure: Failure| Failure::because(failure.reason(), detail(&failure, plan.redact.as_ref()));
        rehearse(plan, message).map_err(told)
    }
}

fn rehearse(plan: &QueuePlan, message: Message) -> Result<(), Failure> {
    let message = readable(&Arc::new(message))?;
    let handler = identify(&message, &plan.handlers)?;
    catch_unwind(AssertUnwindSafe(|| (handler.read)(&message))).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queues: Vec<_> = self.queues.iter().map(|plan| &plan.subscription.queue).collect();
        f.debug_struct("Rehearsal").field("queues", &queues).finish()
    }
}
