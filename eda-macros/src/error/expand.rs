//! Prints `impl HandlerError`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error};

use crate::diagnostics::Diagnostics;
use crate::error::model::{Class, HandlerError};

pub(crate) fn handler_error(error: &HandlerError<'_>) -> TokenStream {
    let (ident, paths) = (&error.input.ident, &error.paths);
    let (generics, names, where_clause) = error.input.generics.split_for_impl();
    let (trait_, failure) = (paths.handler_error(), paths.failure());
    let cause = paths.at(ident.span()).cause();
    let own = where_clause.iter().flat_map(|clause| &clause.predicates);
    let (permanent, transient) = (&error.permanent, &error.transient);
    let body = match (error.permanent.as_slice(), error.transient.as_slice()) {
        ([], []) if error.whole == Class::Permanent => quote!(#failure::permanent(self)),
        ([_, ..], []) => quote!(#failure::permanent(self)),
        (_, []) | ([], _) => quote!(#failure::transient(self)),
        _ => quote! {
            match self {
                #(Self::#permanent { .. })|* => #failure::permanent(self),
                #(Self::#transient { .. })|* => #failure::transient(self),
            }
        },
    };
    quote! {
        #[automatically_derived]
        impl #generics #trait_ for #ident #names
        where
            #(#own,)*
            #ident #names: #cause,
        {
            fn into_failure(self) -> #failure {
                #body
            }
        }
    }
}

/// The error, and an implementation that never runs: so that the handlers that return this type hear nothing of it.
pub(crate) fn fallback(input: &DeriveInput, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    let unread = Diagnostics::new();
    let paths = HandlerError::new(input, &unread).paths;
    // told already
    drop(unread.finish());
    let (trait_, failure) = (paths.handler_error(), paths.failure());
    let (ident, (generics, names, where_clause)) = (&input.ident, input.generics.split_for_impl());
    quote! {
        #error
        #[automatically_derived]
        impl #generics #trait_ for #ident #names #where_clause {
            fn into_failure(self) -> #failure {
                loop {}
            }
        }
    }
}
