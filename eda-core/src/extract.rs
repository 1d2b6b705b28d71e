//! What a handler takes beside the event.

use std::future::{Future, ready};
use std::ops::Deref;
use std::time::SystemTime;

use crate::context::Context;
use crate::event::EventInfo;
use crate::failure::Failure;
use crate::message::{EventId, Headers};
use crate::publisher::{EventList, Publisher};

/// Something that a handler can take beside the event: what is known of it without a service. So a parameter that is
/// none is an error where the handler stands, not where it is subscribed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a handler's parameter",
    label = "after the event, a handler takes `State<T>`, `Meta`, `Publisher<(A, B)>`, or a type with its own `FromDelivery`"
)]
pub trait Extractor: Sized + Send {
    /// Appends the events that it lets a handler publish.
    fn emits(events: &mut Vec<EventInfo>) {
        let _ = events;
    }
}

/// How an [`Extractor`] is taken, from a delivery and the service's state `S`.
pub trait FromDelivery<S>: Extractor {
    /// Takes it. A failure fails the attempt before the handler is called.
    fn from_delivery(context: &Context<'_, S>) -> impl Future<Output = Result<Self, Failure>> + Send;
}

/// What a service with state `S` can take. It is [`FromDelivery`] under a name of its own: for this one the compiler does
/// not go through the states that would do.
#[diagnostic::on_unimplemented(
    message = "the service's state, `{S}`, does not hold what `{Self}` takes: give `.state(…)` that, or a struct with a field of it and `#[derive(FromRef)]`"
)]
pub trait TakenFrom<S>: FromDelivery<S> {}

#[diagnostic::do_not_recommend]
impl<S, T: FromDelivery<S>> TakenFrom<S> for T {}

/// A handler that takes `Extract`, a tuple of up to eight, in a service with state `S`. There is nothing to implement.
#[diagnostic::on_unimplemented(
    message = "a service can't take `{Extract}` for `{Self}`: `type Extract` is a tuple of up to eight"
)]
pub trait HandlerFor<S, Extract> {
    /// Takes all in order. The first failure fails the attempt.
    fn extract(context: &Context<'_, S>) -> impl Future<Output = Result<Extract, Failure>> + Send;
}

/// A part of a service's state. `#[derive(FromRef)]` writes this for every field of a struct; a service whose state *is*
/// `T` needs nothing.
#[diagnostic::on_unimplemented(
    message = "the service does not hold `{Self}`, which this handler's `State<{Self}>` asks for",
    label = "write `.state(…)` before it; several parts go into one struct with `#[derive(Clone, FromRef)]`"
)]
pub trait FromRef<S> {
    /// Takes a clone of the part out of the state.
    fn from_ref(state: &S) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> FromRef<T> for T {
    fn from_ref(state: &T) -> Self {
        state.clone()
    }
}

/// What `#[derive(FromRef)]` needs of a field.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a part of a state",
    label = "a part is cloned for each attempt: derive `Clone` for it, put it into an `Arc`, or write `#[from_ref(skip)]`"
)]
pub trait Part {
    /// A clone of it.
    #[must_use]
    fn part(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Part for T {
    fn part(&self) -> Self {
        self.clone()
    }
}

/// A clone of a state's field: what `#[derive(FromRef)]` writes into each `from_ref`.
pub fn part<T: Part>(field: &T) -> T {
    field.part()
}

/// A part of the service's state, such as a pool or a client: `State(cards): State<Cards>`.
///
/// It is cloned for each attempt, so it should be cheap to clone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State<T>(pub T);

#[diagnostic::do_not_recommend]
impl<T: Send> Extractor for State<T> {}

#[diagnostic::do_not_recommend]
impl<S, T: FromRef<S> + Send> FromDelivery<S> for State<T> {
    fn from_delivery(context: &Context<'_, S>) -> impl Future<Output = Result<Self, Failure>> + Send {
        ready(Ok(Self(T::from_ref(context.state()))))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// What is known of a delivery beside the event itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// The event's id. A message whose producer gave none has one for the first attempt only, and another, which it keeps,
    /// from the second on.
    pub id: EventId,
    /// The service that published it.
    pub source: Option<String>,
    /// When it was published.
    pub time: Option<SystemTime>,
    /// What all events of the business process share.
    pub correlation_id: String,
    /// The id of the event whose handling published this one.
    pub causation_id: Option<String>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Whether the broker delivered it before. `false` does not mean the first time; only the id tells duplicates.
    pub redelivered: bool,
    /// By what the broker routed it.
    pub routing_key: String,
    /// What it belongs to, such as its order.
    pub partition_key: Option<String>,
    /// What else the producer said.
    pub headers: Headers,
}

#[diagnostic::do_not_recommend]
impl Extractor for Meta {}

#[diagnostic::do_not_recommend]
impl<S> FromDelivery<S> for Meta {
    fn from_delivery(context: &Context<'_, S>) -> impl Future<Output = Result<Self, Failure>> + Send {
        let (call, message) = (context.call(), context.message());
        ready(Ok(Self {
            id: call.cause().id().clone(),
            source: message.source.as_deref().map(str::to_owned),
            time: message.time,
            correlation_id: call.cause().correlation_id().to_owned(),
            causation_id: message.causation_id.clone(),
            attempt: call.attempt,
            redelivered: call.redelivered,
            routing_key: message.routing_key.to_string(),
            partition_key: message.partition_key.clone(),
            headers: message.headers.clone(),
        }))
    }
}

#[diagnostic::do_not_recommend]
impl<L: EventList> Extractor for Publisher<L> {
    fn emits(events: &mut Vec<EventInfo>) {
        L::list(events);
    }
}

#[diagnostic::do_not_recommend]
impl<S, L: EventList> FromDelivery<S> for Publisher<L> {
    fn from_delivery(context: &Context<'_, S>) -> impl Future<Output = Result<Self, Failure>> + Send {
        ready(Ok(context.call().publisher()))
    }
}

#[diagnostic::do_not_recommend]
impl Extractor for () {}

impl<S, Handler> HandlerFor<S, ()> for Handler {
    fn extract(_context: &Context<'_, S>) -> impl Future<Output = Result<(), Failure>> + Send {
        ready(Ok(()))
    }
}

macro_rules! tuple {
    ($($place:tt $extractor:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<$($extractor: Extractor),+> Extractor for ($($extractor,)+) {
            fn emits(events: &mut Vec<EventInfo>) {
                $($extractor::emits(events);)+
            }
        }

        // recommended, so that the one that is missing is told, not the whole tuple
        impl<S, Handler, $($extractor: TakenFrom<S>),+> HandlerFor<S, ($($extractor,)+)> for Handler {
            fn extract(context: &Context<'_, S>) -> impl Future<Output = Result<($($extractor,)+), Failure>> + Send {
                // made before the first wait, so that no reference to the state is held across one
                let parts = ($($extractor::from_delivery(context),)+);
                async move { Ok(($(parts.$place.await?,)+)) }
            }
        }
    };
}

tuple! { 0 A }
tuple! { 0 A, 1 B }
tuple! { 0 A, 1 B, 2 C }
tuple! { 0 A, 1 B, 2 C, 3 D }
tuple! { 0 A, 1 B, 2 C, 3 D, 4 E }
tuple! { 0 A, 1 B, 2 C, 3 D, 4 E, 5 F }
tuple! { 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G }
tuple! { 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H }
