//! `#[derive(FromRef)]`: the parts of a service's state.

mod check;
mod expand;
mod model;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Error, Result};

use crate::diagnostics::Diagnostics;

use self::model::State;

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let expanded = syn::parse2(input).and_then(|input| try_derive(&input));
    expanded.unwrap_or_else(Error::into_compile_error)
}

fn try_derive(input: &DeriveInput) -> Result<TokenStream> {
    let diagnostics = Diagnostics::new();
    let state = State::new(input, &diagnostics);
    check::item(input, &diagnostics);
    check::parts(&state, &diagnostics);
    diagnostics.finish()?;
    Ok(expand::from_ref(&state))
}
