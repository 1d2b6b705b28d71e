//! The macros of `eda`: use them through the facade. Each reads its input into a model, checks it, and prints it;
//! everything that they write can be written by hand.
//!
//! The examples in `docs/` need the runtime, on which this package does not depend: the facade's tests run them.

#![cfg_attr(doctest, allow(missing_docs, reason = "the docs are tested by the facade"))]

mod attr;
mod diagnostics;
mod doc;
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

#[cfg_attr(not(doctest), doc = include_str!("docs/event.md"))]
#[proc_macro_derive(Event, attributes(event))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    event::derive(input.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/handler.md"))]
#[proc_macro_attribute]
pub fn handler(arguments: TokenStream, item: TokenStream) -> TokenStream {
    handler::attribute(arguments.into(), &item.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/handler_error.md"))]
#[proc_macro_derive(HandlerError, attributes(permanent, transient, handler_error))]
pub fn derive_handler_error(input: TokenStream) -> TokenStream {
    error::derive(input.into()).into()
}

#[cfg_attr(not(doctest), doc = include_str!("docs/from_ref.md"))]
#[proc_macro_derive(FromRef, attributes(from_ref))]
pub fn derive_from_ref(input: TokenStream) -> TokenStream {
    from_ref::derive(input.into()).into()
}
