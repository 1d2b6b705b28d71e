//! One delivery as handlers, extractors and middleware see it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::message::Message;
use crate::publisher::{Cause, Publisher};
use crate::transport::Publish;

/// One attempt to handle a delivery: what middleware sees, and what [`Context`] is made of. It reads as its
/// [parts](CallParts), and cloning it is cheap.
#[derive(Clone)]
pub struct Call(Arc<CallParts>);

/// What is known of a [`Call`].
pub struct CallParts {
    /// What arrived.
    pub message: Arc<Message>,
    /// The service that handles it.
    pub service: Arc<str>,
    /// The handler's name.
    pub handler: &'static str,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Whether the broker delivered it before.
    pub redelivered: bool,
    publish: Arc<dyn Publish>,
    /// Made for whoever asks first: most handlers publish nothing.
    cause: OnceLock<Arc<Cause>>,
}

impl Call {
    /// An attempt of `service`'s `handler`; what it publishes goes through `publish`.
    pub fn new(
        message: Arc<Message>,
        service: Arc<str>,
        handler: &'static str,
        attempt: u32,
        redelivered: bool,
        publish: Arc<dyn Publish>,
    ) -> Self {
        let cause = OnceLock::new();
        Self(Arc::new(CallParts { message, service, handler, attempt, redelivered, publish, cause }))
    }

    /// The same place for another attempt, where nobody holds a clone of this one any more.
    pub(crate) fn renew(
        &mut self,
        message: &Arc<Message>,
        handler: &'static str,
        attempt: u32,
        redelivered: bool,
    ) -> bool {
        let Some(parts) = Arc::get_mut(&mut self.0) else { return false };
        (parts.message, parts.handler) = (Arc::clone(message), handler);
        (parts.attempt, parts.redelivered) = (attempt, redelivered);
        // one that was cut short has not let go of it
        parts.cause.take();
        true
    }

    /// Lets go of what belongs to this attempt, where nobody holds a clone of it any more.
    pub(crate) fn let_go(&mut self, nothing: &Arc<Message>) -> bool {
        let Some(parts) = Arc::get_mut(&mut self.0) else { return false };
        parts.message = Arc::clone(nothing);
        parts.cause.take();
        true
    }

    /// A publisher of effects of this delivery.
    pub fn publisher<L>(&self) -> Publisher<L> {
        Publisher::new(Arc::clone(&self.publish), self.service.to_string(), Some(Arc::clone(self.shared_cause())))
    }

    /// What effects of this delivery name as their cause.
    pub fn cause(&self) -> &Cause {
        self.shared_cause()
    }

    fn shared_cause(&self) -> &Arc<Cause> {
        let make = || Arc::new(Cause::new(&self.message, format!("{}.{}", self.service, self.handler)));
        self.0.cause.get_or_init(make)
    }
}

impl Deref for Call {
    type Target = CallParts;

    fn deref(&self) -> &CallParts {
        &self.0
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for CallParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("event", &self.message.name)
            .field("id", &self.message.id)
            .field("service", &self.service)
            .field("handler", &self.handler)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// One attempt to handle a delivery, with the service's state: what extractors take from.
#[derive(Debug)]
pub struct Context<'a, S> {
    call: &'a Call,
    state: &'a S,
}

impl<'a, S> Context<'a, S> {
    /// Of an attempt and the service's state.
    pub fn new(call: &'a Call, state: &'a S) -> Self {
        Self { call, state }
    }

    /// The attempt.
    pub fn call(&self) -> &'a Call {
        self.call
    }

    /// What arrived.
    pub fn message(&self) -> &'a Message {
        &self.call.message
    }

    /// The service's state.
    pub fn state(&self) -> &'a S {
        self.state
    }
}
