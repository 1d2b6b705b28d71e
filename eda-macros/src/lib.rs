//! The macros of `eda`: use them through the facade. Each reads its input into a model, checks it, and prints it;
//! everything that they write can be written by hand.

mod attr;
mod diagnostics;
mod duration;
mod error;
mod event;
mod from_ref;
mod handler;
mod name;
mod paths;
mod suggest;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a struct an event.
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    event::derive(input.into()).into()
}

/// Makes a function a handler.
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handler::attribute(arguments.into(), &item.into()).into()
}

/// Makes an error one that handlers return.
#[proc_macro_derive(HandlerError, attributes(permanent, transient, handler_error))]
pub fn derive_handler_error(input: TokenStream) -> TokenStream {
    error::derive(input.into()).into()
}

/// Makes the fields of a struct the parts of a service's state.
#[proc_macro_derive(FromRef, attributes(from_ref))]
pub fn derive_from_ref(input: TokenStream) -> TokenStream {
    from_ref::derive(input.into()).into()
}
