//! A named group of handlers with state and policy.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tower::Layer;

use crate::context::Call;
use crate::event::EventInfo;
use crate::extract::HandlerFor;
use crate::handler::{Handler, HandlerDef, HandlerMeta, Incoming, Interest, Read};
use crate::middleware::{Bound, BoxError, CallService, Emitted, Stack};
use crate::outcome::Outcome;
use crate::publisher::EventList;
use crate::telemetry::Traces;
use crate::topology::Policy;

/// A named group of handlers with state and policy. Its name is the consumer group, the source of the events that its
/// handlers publish, and the first part of its queues' names, so it stays the same over deployments.
///
/// ```
/// use eda_core::transport::memory::Memory;
/// use eda_core::{AnyEvent, Broker, Service};
///
/// # async fn example() -> eda_core::Result {
/// let broker = Broker::new(Memory::new()).await?;
/// Service::new("audit").on("log", |event: AnyEvent| async move { println!("{}", event.name()) }).run(&broker).await
/// # }
/// ```
pub struct Service<S = ()> {
    pub(crate) name: String,
    state: Arc<S>,
    policy: Policy,
    handlers: Vec<HandlerDef<S>>,
    layers: Stack,
    redact: Option<Redact>,
    publishes: Vec<EventInfo>,
    traces: Traces,
}

/// Takes out of a text what must not leave the process.
pub(crate) type Redact = Arc<dyn Fn(String) -> String + Send + Sync>;

impl Service {
    /// A service without state or handlers. Names are made of `a-z`, `0-9`, `.`, `_` and `-`; a bad one is reported when
    /// the service starts, with all other problems.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: Arc::new(()),
            policy: Policy::default(),
            handlers: Vec::new(),
            layers: Stack::default(),
            redact: None,
            publishes: Vec::new(),
            traces: Traces::default(),
        }
    }

    /// Gives the service its state: what `State<T>` parameters of its handlers take from.
    #[must_use]
    pub fn state<S: Send + Sync + 'static>(self, state: S) -> Service<S> {
        let Self { name, policy, handlers, layers, redact, publishes, traces, .. } = self;
        let handlers = handlers.into_iter().map(HandlerDef::with_any_state).collect();
        Service { name, state: Arc::new(state), policy, handlers, layers, redact, publishes, traces }
    }
}

impl<S: Send + Sync + 'static> Service<S> {
    /// Subscribes a function under `#[handler]`: `.handler::<charge>()`.
    #[must_use]
    pub fn handler<H: Handler + HandlerFor<S, <H as Handler>::Extract>>(self) -> Self {
        self.register(HandlerDef::of::<H>())
    }

    /// Subscribes a closure that takes an event, under a name.
    #[must_use]
    #[track_caller]
    pub fn on<E, F, R>(self, name: &'static str, function: F) -> Self
    where
        E: Incoming,
        F: Fn(E) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: Outcome,
    {
        self.register(HandlerDef::from_fn(name, function))
    }

    /// Subscribes a handler that is a value.
    #[must_use]
    pub fn register(mut self, handler: HandlerDef<S>) -> Self {
        self.handlers.push(handler);
        self
    }

    /// Says which events the service publishes outside of its handlers, such as from a web server: one event, or a tuple.
    /// It is for those who read the event graph. A service that only publishes needs no handler: it takes from no queue, is
    /// ready as soon as it has started, and runs until it is told to stop.
    ///
    /// ```
    /// # use eda_core::{AnyEvent, Event, Service};
    /// # fn example<OrderCreated: Event>() {
    /// let service = Service::new("shop").on("log", |_: AnyEvent| async {}).publishes::<OrderCreated>();
    /// # drop(service);
    /// # }
    /// ```
    #[must_use]
    pub fn publishes<L: EventList>(mut self) -> Self {
        L::list(&mut self.publishes);
        self
    }

    /// What holds for handlers that do not say otherwise.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Puts a [layer](crate::middleware) around every call of this service's handlers; the last one added is outermost.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<CallService> + Send + Sync + 'static,
        L::Service: tower::Service<Call, Response = Emitted> + Clone + Send + Sync + 'static,
        <L::Service as tower::Service<Call>>::Error: Into<BoxError>,
        <L::Service as tower::Service<Call>>::Future: Send,
    {
        self.layers.push(layer);
        self
    }

    /// Rewrites what is told of failures, in the log and beside retries and dead letters: the texts of errors and panics,
    /// which may hold what must not leave the process. Sees the whole text; what it gives is cut to
    /// [`DETAIL_LIMIT`](crate::transport::FailureRecord::DETAIL_LIMIT) bytes. Where it panics, nothing of the text is told.
    /// A later one takes the place of an earlier one.
    ///
    /// ```
    /// use eda_core::Service;
    ///
    /// let digits = |text: String| text.replace(|letter: char| letter.is_ascii_digit(), "#");
    /// let service = Service::new("billing").redact(digits);
    /// # drop(service);
    /// ```
    #[must_use]
    pub fn redact(mut self, redact: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        self.redact = Some(Arc::new(redact));
        self
    }

    /// Handles each delivery in the trace that its event was published in. Without it, each begins a trace of its own with a
    /// link to the other: an event may be handled by many services, and days later.
    ///
    /// ```
    /// use eda_core::{AnyEvent, Service};
    ///
    /// let service = Service::new("audit").on("log", |_: AnyEvent| async {}).one_trace();
    /// # drop(service);
    /// ```
    #[cfg(feature = "otel")]
    #[must_use]
    pub fn one_trace(mut self) -> Self {
        self.traces = Traces::One;
        self
    }

    /// The handlers, in the order in which they were added.
    pub fn handlers(&self) -> &[HandlerDef<S>] {
        &self.handlers
    }

    pub(crate) fn prepare(self) -> PreparedService {
        let Self { name, state, policy, handlers, layers, redact, publishes, traces } = self;
        let prepare = |handler: HandlerDef<S>| PreparedHandler {
            meta: *handler.meta(),
            interest: *handler.interest(),
            emits: handler.emits().to_vec(),
            policy: handler.meta().policy(&policy),
            read: handler.read(),
            bound: layers.bind(handler, Arc::clone(&state)),
        };
        PreparedService { name, handlers: handlers.into_iter().map(prepare).collect(), redact, publishes, traces }
    }
}

impl<S: fmt::Debug> fmt::Debug for Service<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("name", &self.name)
            .field("state", &self.state)
            .field("policy", &self.policy)
            .field("handlers", &self.handlers)
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}

/// A service whose state's type is forgotten.
#[derive(Clone)]
pub(crate) struct PreparedService {
    pub(crate) name: String,
    pub(crate) handlers: Vec<PreparedHandler>,
    pub(crate) redact: Option<Redact>,
    pub(crate) publishes: Vec<EventInfo>,
    pub(crate) traces: Traces,
}

/// A handler bound to its service's state and layers.
#[derive(Clone)]
pub(crate) struct PreparedHandler {
    pub(crate) meta: HandlerMeta,
    pub(crate) interest: Interest,
    pub(crate) emits: Vec<EventInfo>,
    pub(crate) policy: Policy,
    pub(crate) read: Read,
    pub(crate) bound: Bound,
}

impl PreparedHandler {
    pub(crate) fn queue(&self, service: &str) -> String {
        self.meta.queue.map_or_else(|| format!("{service}.{}", self.meta.name), str::to_owned)
    }
}
