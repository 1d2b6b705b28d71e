//! `#[derive(Event)]`: read into a model, check it, print it.

mod check;
mod expand;
mod model;
mod template;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Result};

use crate::diagnostics::Diagnostics;

use self::model::{Attributes, Event};

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    match syn::parse2(input) {
        Ok(input) => try_derive(&input).unwrap_or_else(|error| expand::fallback(&input, &error)),
        Err(error) => error.into_compile_error(),
    }
}

fn try_derive(input: &DeriveInput) -> Result<TokenStream> {
    let diagnostics = Diagnostics::new();
    let attributes = Attributes::read(input, &diagnostics);
    check::item(input, &diagnostics);
    check::attributes(input, &attributes, &diagnostics);
    let event = Event::new(input, attributes, &diagnostics);
    diagnostics.finish()?;
    Ok(expand::event(&event))
}
