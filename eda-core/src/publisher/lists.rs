//! Which events a publisher may publish, checked by the compiler.

use crate::event::Event;
use crate::event::EventInfo;

/// The list of a publisher outside of handlers: every event.
#[derive(Debug)]
pub enum AnyOf {}

/// An event that a list holds, at a place that the compiler infers.
#[diagnostic::on_unimplemented(
    message = "this publisher does not list `{Self}`",
    label = "write `Publisher<(…, {Self})>` in the handler's parameters"
)]
pub trait ListedIn<L, Place> {}

/// A list of events that a handler's parameter names: one event, or a tuple of up to eight.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event that can be published",
    label = "write an event, or a tuple of events: `Publisher<(OrderCreated, OrderPaid)>`"
)]
pub trait EventList: 'static {
    /// Appends the listed events.
    fn list(events: &mut Vec<EventInfo>);
}

/// The place of an event that stands alone.
#[derive(Debug)]
pub enum Alone {}

/// The place of the `N`th event of a tuple.
#[derive(Debug)]
pub enum At<const N: usize> {}

#[diagnostic::do_not_recommend]
impl<E: Event> ListedIn<AnyOf, Alone> for E {}

#[diagnostic::do_not_recommend]
impl<E: Event> ListedIn<E, Alone> for E {}

#[diagnostic::do_not_recommend]
impl<E: Event> EventList for E {
    fn list(events: &mut Vec<EventInfo>) {
        events.push(E::info());
    }
}

macro_rules! tuple {
    ($($place:literal $event:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<$($event: EventList),+> EventList for ($($event,)+) {
            fn list(events: &mut Vec<EventInfo>) {
                $($event::list(events);)+
            }
        }
        place! { [$($event)+] $($place $event)+ }
    };
}

macro_rules! place {
    ($all:tt $($place:literal $event:ident)+) => { $(place! { @one $all $place $event })+ };
    (@one [$($all:ident)+] $place:literal $event:ident) => {
        #[diagnostic::do_not_recommend]
        impl<$($all),+> ListedIn<($($all,)+), At<$place>> for $event where $event: Event {}
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
