//! A handler with its type forgotten: what a service is made of.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use super::slot::{Kept, Slot};
use crate::context::{Call, Context};
use crate::event::EventInfo;
use crate::extract::{Extractor, HandlerFor};
use crate::failure::Failure;
use crate::handler::{Handler, HandlerMeta, Incoming, Interest};
use crate::message::Message;
use crate::outcome::{Emit, Emitter, Outcome};
use crate::transport::Reason;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A handler as a value, of a service with state `S`: what functions under `#[handler]` and closures become.
///
/// ```
/// use eda_core::{AnyEvent, HandlerDef};
///
/// let audit = HandlerDef::<()>::from_fn("audit", |event: AnyEvent| async move { println!("{}", event.name()) })
///     .configure(|options| options.pattern("order.#").retries(2));
/// assert_eq!(audit.meta().name, "audit");
/// ```
pub struct HandlerDef<S> {
    meta: HandlerMeta,
    interest: Interest,
    emits: Vec<EventInfo>,
    read: Read,
    run: Arc<dyn Run<S>>,
}

/// Whether a message can be read as what a handler takes.
pub(crate) type Read = fn(&Message) -> Result<(), Failure>;

impl<S: Send + Sync + 'static> HandlerDef<S> {
    /// Of a type that implements [`Handler`].
    pub fn of<H: Handler + HandlerFor<S, <H as Handler>::Extract>>() -> Self {
        let mut emits = Vec::new();
        H::Extract::emits(&mut emits);
        H::Output::emits(&mut emits);
        let run = Arc::new(Typed::<H>(PhantomData));
        Self { meta: H::META, interest: H::Event::INTEREST, emits, read: read::<H::Event>, run }
    }

    /// Of a closure that takes an event.
    #[track_caller]
    pub fn from_fn<E, F, R>(name: &'static str, function: F) -> Self
    where
        E: Incoming,
        F: Fn(E) -> R + Send + Sync + 'static,
        R: Future + Send + 'static,
        R::Output: Outcome,
    {
        let mut emits = Vec::new();
        R::Output::emits(&mut emits);
        let run = Arc::new(Closure(function, PhantomData));
        Self { meta: HandlerMeta::new(name), interest: E::INTEREST, emits, read: read::<E>, run }
    }

    /// Changes its options.
    #[must_use]
    pub fn configure(mut self, options: impl FnOnce(HandlerMeta) -> HandlerMeta) -> Self {
        self.meta = options(self.meta);
        self
    }

    /// Its name and options.
    pub fn meta(&self) -> &HandlerMeta {
        &self.meta
    }

    /// Which messages it wants.
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// What it may publish.
    pub fn emits(&self) -> &[EventInfo] {
        &self.emits
    }

    /// Where one call after the other of this handler is made, without an allocation for each.
    pub(crate) fn slot(&self, state: Arc<S>) -> Box<dyn Slot> {
        Arc::clone(&self.run).slot(state)
    }

    /// Reads the event, and does nothing with it.
    pub(crate) fn read(&self) -> Read {
        self.read
    }

    /// Reads the event, extracts, calls the function, and gives what it returned as messages that are not yet published.
    pub(crate) fn run(&self, call: Call, state: Arc<S>) -> BoxFuture<'static, Result<Vec<Message>, Failure>> {
        self.run.run(call, state)
    }
}

impl HandlerDef<()> {
    /// The same handler in a service that has a state, which it does not look at.
    pub(crate) fn with_any_state<S: Send + Sync + 'static>(self) -> HandlerDef<S> {
        let Self { meta, interest, emits, read, run } = self;
        HandlerDef { meta, interest, emits, read, run: Arc::new(Stateless(run)) }
    }
}

impl<S> Clone for HandlerDef<S> {
    fn clone(&self) -> Self {
        let (emits, run) = (self.emits.clone(), Arc::clone(&self.run));
        Self { meta: self.meta, interest: self.interest, emits, read: self.read, run }
    }
}

impl<S> fmt::Debug for HandlerDef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerDef")
            .field("meta", &self.meta)
            .field("interest", &self.interest)
            .field("emits", &self.emits)
            .finish_non_exhaustive()
    }
}

trait Run<S>: Send + Sync {
    fn slot(self: Arc<Self>, state: Arc<S>) -> Box<dyn Slot>;

    fn run(&self, call: Call, state: Arc<S>) -> BoxFuture<'static, Result<Vec<Message>, Failure>>;
}

struct Typed<H>(PhantomData<fn() -> H>);

impl<H: Handler> Typed<H> {
    async fn call<S>(call: Call, state: Arc<Own<S>>) -> Result<Vec<Message>, Failure>
    where
        S: Send + Sync + 'static,
        H: HandlerFor<S, <H as Handler>::Extract>,
    {
        let event = H::Event::decode(&call.message)?;
        let extract = H::extract(&Context::new(&call, &state.0)).await?;
        emitted(&call, H::call(event, extract).await)
    }
}

impl<S: Send + Sync + 'static, H: Handler + HandlerFor<S, <H as Handler>::Extract>> Run<S> for Typed<H> {
    fn slot(self: Arc<Self>, state: Arc<S>) -> Box<dyn Slot> {
        // counted for each slot by itself: one count for all of a service's workers would go from core to core
        let state = Arc::new(Own(state));
        Kept::boxed(move |call| Self::call(call, Arc::clone(&state)))
    }

    fn run(&self, call: Call, state: Arc<S>) -> BoxFuture<'static, Result<Vec<Message>, Failure>> {
        Box::pin(Self::call(call, Arc::new(Own(state))))
    }
}

/// A state that is shared twice.
struct Own<S>(Arc<S>);

struct Closure<F, E>(F, PhantomData<fn(E)>);

impl<F, E> Closure<F, E> {
    fn call<R>(&self, call: Call) -> impl Future<Output = Result<Vec<Message>, Failure>> + Send + use<F, E, R>
    where
        E: Incoming,
        F: Fn(E) -> R,
        R: Future + Send + 'static,
        R::Output: Outcome,
    {
        let begun = E::decode(&call.message).map(&self.0);
        async move { emitted(&call, begun?.await) }
    }
}

impl<S, E, F, R> Run<S> for Closure<F, E>
where
    S: Send + Sync + 'static,
    E: Incoming,
    F: Fn(E) -> R + Send + Sync + 'static,
    R: Future + Send + 'static,
    R::Output: Outcome,
{
    fn slot(self: Arc<Self>, _state: Arc<S>) -> Box<dyn Slot> {
        Kept::boxed(move |call| Self::call(&self, call))
    }

    fn run(&self, call: Call, _state: Arc<S>) -> BoxFuture<'static, Result<Vec<Message>, Failure>> {
        Box::pin(self.call(call))
    }
}

struct Stateless(Arc<dyn Run<()>>);

impl<S: Send + Sync + 'static> Run<S> for Stateless {
    fn slot(self: Arc<Self>, _state: Arc<S>) -> Box<dyn Slot> {
        Arc::clone(&self.0).slot(Arc::new(()))
    }

    fn run(&self, call: Call, _state: Arc<S>) -> BoxFuture<'static, Result<Vec<Message>, Failure>> {
        self.0.run(call, Arc::new(()))
    }
}

fn read<E: Incoming>(message: &Message) -> Result<(), Failure> {
    E::decode(message).map(drop)
}

fn emitted(call: &Call, outcome: impl Outcome) -> Result<Vec<Message>, Failure> {
    let events = outcome.into_result()?;
    let mut emitter = Emitter::of(call);
    events.emit(&mut emitter).map_err(|error| Failure::because(Reason::Permanent, error))?;
    Ok(emitter.into_messages())
}
