//! Middleware around every call of a service's handlers: `tower::Layer`s.
//!
//! A layer sees each attempt as a [`Call`] and its outcome as [`Emitted`], or an error. Any layer of tower or of your own
//! that keeps those types fits; an error that a layer adds is a transient failure.
//!
//! ```
//! use eda_core::{AnyEvent, Service};
//! use tower::layer::layer_fn;
//! use tower::util::MapRequest;
//!
//! Service::new("audit")
//!     .on("log", |event: AnyEvent| async move { println!("{}", event.name()) })
//!     .layer(layer_fn(|inner| {
//!         MapRequest::new(inner, |call: eda_core::Call| {
//!             println!("attempt {} of {}", call.attempt, call.handler);
//!             call
//!         })
//!     }));
//! ```

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use tower::util::{BoxCloneSyncService, ServiceExt, service_fn};
use tower::{Layer, Service};

use crate::context::Call;
use crate::failure::Failure;
use crate::handler::{HandlerDef, Kept, Slot};
use crate::message::Message;

/// The error of a service between layers; a handler's own [`Failure`] travels inside of it.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// What a handler returned, as messages that are published when all layers are through.
#[derive(Debug, Default)]
pub struct Emitted(pub(crate) Vec<Message>);

impl Emitted {
    /// The messages, in order.
    pub fn messages(&self) -> &[Message] {
        &self.0
    }
}

/// A handler's call, with all layers around it.
pub type CallService = BoxCloneSyncService<Call, Emitted, BoxError>;

/// Layers of one service, outermost last.
#[derive(Clone, Default)]
pub(crate) struct Stack(Vec<Arc<dyn Fn(CallService) -> CallService + Send + Sync>>);

/// A handler with its state and layers: makes the place in which a worker calls it, all that the runtime needs.
pub(crate) type Bound = Arc<dyn Fn() -> Box<dyn Slot> + Send + Sync>;

impl Stack {
    pub(crate) fn push<L>(&mut self, layer: L)
    where
        L: Layer<CallService> + Send + Sync + 'static,
        L::Service: Service<Call, Response = Emitted> + Clone + Send + Sync + 'static,
        <L::Service as Service<Call>>::Error: Into<BoxError>,
        <L::Service as Service<Call>>::Future: Send,
    {
        self.0.push(Arc::new(move |inner| BoxCloneSyncService::new(layer.layer(inner).map_err(Into::into))));
    }

    pub(crate) fn bind<S: Send + Sync + 'static>(&self, handler: HandlerDef<S>, state: Arc<S>) -> Bound {
        if self.0.is_empty() {
            return Arc::new(move || handler.slot(Arc::clone(&state)));
        }
        let innermost = service_fn(move |call: Call| {
            let run = handler.run(call, Arc::clone(&state));
            async move { run.await.map(Emitted).map_err(|failure| BoxError::from(HandlerFailed(failure))) }
        });
        let service = self.0.iter().fold(BoxCloneSyncService::new(innermost), |inner, layer| layer(inner));
        Arc::new(move || {
            let service = service.clone();
            Kept::boxed(move |call| {
                let called = service.clone().oneshot(call);
                async move { called.await.map(|emitted| emitted.0).map_err(into_failure) }
            })
        })
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack of {} layers", self.0.len())
    }
}

/// A handler's [`Failure`] as an error, which layers can pass on.
struct HandlerFailed(Failure);

fn into_failure(error: BoxError) -> Failure {
    match error.downcast::<HandlerFailed>() {
        Ok(failed) => failed.0,
        Err(error) => Failure::transient(error),
    }
}

impl fmt::Display for HandlerFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HandlerFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for HandlerFailed {}
