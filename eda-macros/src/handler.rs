//! `#[handler]`: the function stays as it is; beside it stands what the runtime needs to know.

mod cfg;
mod check;
mod expand;
mod function;
mod model;
mod signature;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Result;

use crate::diagnostics::Diagnostics;

use self::function::Function;
use self::model::{Attributes, Handler};

pub(crate) fn attribute(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let beside = beside(arguments, item);
    quote!(#item #beside)
}

/// What stands beside the function.
pub(crate) fn beside(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    match syn::parse2(item.clone()) {
        Ok(function) => try_expand(arguments.clone(), &function)
            .unwrap_or_else(|error| expand::fallback(arguments, &function, &error)),
        Err(error) => error.into_compile_error(),
    }
}

fn try_expand(arguments: TokenStream, function: &Function) -> Result<TokenStream> {
    let diagnostics = Diagnostics::new();
    let attributes = Attributes::read(arguments, &diagnostics);
    check::signature(&function.signature, &diagnostics);
    check::attributes(&attributes, function, &diagnostics);
    let handler = Handler::new(function, &attributes, &diagnostics);
    if let Some(handler) = &handler {
        check::predicates(handler, &diagnostics);
    }
    diagnostics.finish()?;
    Ok(handler.map(|handler| expand::handler(&handler)).unwrap_or_default())
}
