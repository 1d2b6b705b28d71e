//! `#[derive(HandlerError)]`: which failures another attempt can't mend.

mod check;
mod expand;
mod model;

use proc_macro2::TokenStream;
use syn::{DeriveInput, Result};

use crate::diagnostics::Diagnostics;

use self::model::HandlerError;

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    match syn::parse2(input) {
        Ok(input) => try_derive(&input).unwrap_or_else(|error| expand::fallback(&input, &error)),
        Err(error) => error.into_compile_error(),
    }
}

fn try_derive(input: &DeriveInput) -> Result<TokenStream> {
    let diagnostics = Diagnostics::new();
    let error = HandlerError::new(input, &diagnostics);
    check::item(input, &diagnostics);
    diagnostics.finish()?;
    Ok(expand::handler_error(&error))
}
