//! What has to hold of the types in a signature, each shown at the type that its author wrote.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use crate::handler::cfg::Variant;
use crate::handler::model::{Handler, Role, mentions};
use crate::paths::spread;

/// `const __SIGNATURE: bool = { … }`: a parameter of the struct whose default compiles where the signature is a
/// handler's. Where it does not, the compiler says so here, and nothing where the handler is subscribed: what it knows of
/// a type with such a parameter is told already.
///
/// A default can't name the function's own parameters: what mentions them is a bound.
pub(crate) fn parameter(handler: &Handler<'_>) -> Option<TokenStream> {
    let takes = (None, handler.event.ty, Role::Event);
    let extracts = handler
        .extractors
        .iter()
        .flat_map(|parameter| parameter.extracts().into_iter().map(|(ty, role)| (parameter.cfg.as_ref(), ty, role)));
    let returns = handler.returns().into_iter().map(|(ty, role)| (None, ty, role));
    let known = [takes].into_iter().chain(extracts).chain(returns).filter(|(_, ty, _)| !is_generic(handler, ty));
    let lines: Vec<_> = known
        .map(|(cfg, ty, role)| {
            let (cfg, bound, function) = (cfg.into_iter(), bound(handler, role), function(role));
            quote!(#(#[cfg(#cfg)])* let _ = <#ty as #bound>::#function;)
        })
        .collect();
    (!lines.is_empty()).then(|| quote!(const __SIGNATURE: bool = { #(#lines)* true }))
}

/// The function's own bounds, and what has to hold of types that mention its parameters.
pub(crate) fn where_clause(handler: &Handler<'_>, variant: &Variant<'_>) -> Option<TokenStream> {
    let own = handler.function.signature.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let takes = [(handler.event.ty, Role::Event)].into_iter();
    let extracts = variant.extractors.iter().flat_map(|parameter| parameter.extracts());
    let generic = takes.chain(extracts).chain(handler.returns()).filter(|(ty, _)| is_generic(handler, ty));
    let bounds = generic.map(|(ty, role)| {
        let bound = spread(bound(handler, role), ty);
        quote!(#ty: #bound)
    });
    let bounds: Vec<_> = own.map(ToTokens::to_token_stream).chain(bounds).collect();
    (!bounds.is_empty()).then(|| quote!(where #(#bounds,)*))
}

fn is_generic(handler: &Handler<'_>, ty: &Type) -> bool {
    let generics = &handler.function.signature.generics;
    let types = generics.type_params().map(|parameter| &parameter.ident);
    let mut names = types.chain(generics.const_params().map(|parameter| &parameter.ident));
    names.any(|name| mentions(ty.to_token_stream(), &name.to_string()))
}

fn bound(handler: &Handler<'_>, role: Role) -> TokenStream {
    let paths = &handler.attributes.paths;
    match role {
        Role::Event => paths.incoming(),
        Role::Extractor => paths.extractor(),
        Role::Listed => paths.event_list(),
        Role::Emits => paths.emit(),
        Role::Fails => paths.handler_error(),
        Role::Output => paths.outcome(),
    }
}

/// A function of the bound's trait: to name one is to ask for the trait, and runs nothing. Its own types are known
/// without the trait; what is not would be an error, too.
fn function(role: Role) -> TokenStream {
    match role {
        Role::Event => quote!(decode),
        Role::Extractor | Role::Emits | Role::Output => quote!(emits),
        Role::Listed => quote!(list),
        Role::Fails => quote!(into_failure),
    }
}
