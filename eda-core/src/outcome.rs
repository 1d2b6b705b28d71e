//! What a handler gives back: events to publish, nothing, or why it failed.

use crate::context::Call;
use crate::error::Result;
use crate::event::Event;
use crate::event::EventInfo;
use crate::failure::{Failure, HandlerError};
use crate::message::Message;
use crate::publisher::{AnyOf, Publisher};

/// Events that a handler returns: an event, `()`, or an `Option`, a `Vec` or a tuple of those.
#[diagnostic::on_unimplemented(
    message = "a handler can't return `{Self}`",
    label = "return `()`, an event, an `Option`, `Vec` or tuple of events, or a `Result` of one of those"
)]
pub trait Emit: Send + 'static {
    /// Appends the events that may be among them: known without running.
    fn emits(events: &mut Vec<EventInfo>);

    /// Hands each to the emitter, in order.
    ///
    /// # Errors
    /// Where an event can't be written as a body.
    fn emit(self, emitter: &mut Emitter<'_>) -> Result<()>;
}

/// Collects what a handler returned as messages, with ids derived from the delivery.
#[derive(Debug)]
pub struct Emitter<'a> {
    by: By<'a>,
    messages: Vec<Message>,
}

/// Who publishes. Of a handler's call a publisher is made with the first event: most handlers return none.
#[derive(Debug)]
enum By<'a> {
    Publisher(&'a Publisher<AnyOf>),
    Call(&'a Call, Option<Publisher<AnyOf>>),
}

impl<'a> Emitter<'a> {
    /// For effects of the publisher's cause.
    pub fn new(publisher: &'a Publisher<AnyOf>) -> Self {
        Self { by: By::Publisher(publisher), messages: Vec::new() }
    }

    /// For effects of a handler's call.
    pub(crate) fn of(call: &'a Call) -> Self {
        Self { by: By::Call(call, None), messages: Vec::new() }
    }

    /// Takes an event.
    ///
    /// # Errors
    /// Where it can't be written as a body.
    pub fn push<E: Event>(&mut self, event: &E) -> Result<()> {
        let publisher = match &mut self.by {
            By::Publisher(publisher) => *publisher,
            By::Call(call, publisher) => &*publisher.get_or_insert_with(|| call.publisher()),
        };
        let message = publisher.compose(publisher.next_id(E::NAME), event)?;
        // most return one, and a message is large
        self.messages.reserve_exact(usize::from(self.messages.is_empty()));
        self.messages.push(message);
        Ok(())
    }

    /// What was taken, in order.
    pub fn into_messages(self) -> Vec<Message> {
        self.messages
    }
}

/// What a handler gives back: [events](Emit), or a `Result` of them with a [`HandlerError`].
#[diagnostic::on_unimplemented(
    message = "a handler can't return `{Self}`",
    label = "return `()`, an event, an `Option`, `Vec` or tuple of events, or a `Result` of one of those with `eda::Failure` or an error that derives `HandlerError`"
)]
pub trait Outcome: Send + 'static {
    /// The events that leave when the handler succeeded.
    type Emits: Emit;

    /// Appends the events that may leave: known without running.
    fn emits(events: &mut Vec<EventInfo>) {
        <Self::Emits as Emit>::emits(events);
    }

    /// The events, or why there are none.
    ///
    /// # Errors
    /// The handler's own error, classed.
    fn into_result(self) -> Result<Self::Emits, Failure>;
}

#[diagnostic::do_not_recommend]
impl<T: Emit> Outcome for T {
    type Emits = T;

    fn into_result(self) -> Result<T, Failure> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Emit, E: HandlerError> Outcome for std::result::Result<T, E> {
    type Emits = T;

    fn into_result(self) -> Result<T, Failure> {
        self.map_err(HandlerError::into_failure)
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event> Emit for E {
    fn emits(events: &mut Vec<EventInfo>) {
        events.push(E::info());
    }

    fn emit(self, emitter: &mut Emitter<'_>) -> Result<()> {
        emitter.push(&self)
    }
}

#[diagnostic::do_not_recommend]
impl Emit for () {
    fn emits(_events: &mut Vec<EventInfo>) {}

    fn emit(self, _emitter: &mut Emitter<'_>) -> Result<()> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Emit> Emit for Option<T> {
    fn emits(events: &mut Vec<EventInfo>) {
        T::emits(events);
    }

    fn emit(self, emitter: &mut Emitter<'_>) -> Result<()> {
        self.map_or(Ok(()), |events| events.emit(emitter))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Emit> Emit for Vec<T> {
    fn emits(events: &mut Vec<EventInfo>) {
        T::emits(events);
    }

    fn emit(self, emitter: &mut Emitter<'_>) -> Result<()> {
        self.into_iter().try_for_each(|events| events.emit(emitter))
    }
}

macro_rules! tuple {
    ($($place:tt $emit:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<$($emit: Emit),+> Emit for ($($emit,)+) {
            fn emits(events: &mut Vec<EventInfo>) {
                $($emit::emits(events);)+
            }

            fn emit(self, emitter: &mut Emitter<'_>) -> Result<()> {
                $(self.$place.emit(emitter)?;)+
                Ok(())
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
