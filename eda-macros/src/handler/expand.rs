//! Prints the struct and `impl Handler` that stand beside the function.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, GenericParam, Ident};

use crate::diagnostics::Diagnostics;
use crate::handler::cfg::{self, Variant};
use crate::handler::function::Function;
use crate::handler::model::{Attributes, Handler, Parameter};
use crate::handler::signature;
use crate::paths::{respan, spread};

pub(crate) fn handler(handler: &Handler<'_>) -> TokenStream {
    let marker = marker(handler.function, &handler.cfg, signature::parameter(handler));
    let implementations = cfg::variants(handler).into_iter().map(|variant| implementation(handler, &variant));
    quote!(#marker #(#implementations)*)
}

/// The error, and a handler that never runs: so that the services that subscribe it hear nothing of the mistake.
pub(crate) fn fallback(arguments: TokenStream, function: &Function, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    // no struct can stand beside a method, and none of it be `'static` with a lifetime
    let has_lifetimes = function.signature.generics.lifetimes().next().is_some();
    if function.signature.receiver().is_some() || has_lifetimes {
        return error;
    }
    let cfg = cfg::attributes(&function.attributes);
    let marker = marker(function, &cfg, None);
    let ident = &function.signature.ident;
    let generics = &function.signature.generics;
    let (parameters, names) = (&generics.params, names(generics));
    let where_clause = &generics.where_clause;
    let unread = Diagnostics::new();
    let paths = Attributes::read(arguments, &unread).paths;
    // told already
    drop(unread.finish());
    let (trait_, any_event, meta) = (paths.handler(), paths.any_event(), paths.handler_meta());
    quote! {
        #error
        #marker
        #(#cfg)*
        impl<#parameters> #trait_ for #ident #names #where_clause {
            type Event = #any_event;
            type Extract = ();
            type Output = ();
            const META: #meta = #meta::new("invalid");
            async fn call(_: #any_event, (): ()) {}
        }
    }
}

/// A struct of the function's name. Braced and empty, it lives among the types only, so the name still calls the
/// function.
fn marker(function: &Function, cfg: &[syn::Attribute], checked: Option<TokenStream>) -> TokenStream {
    let generics = &function.signature.generics;
    let ident = at_macro(&function.signature.ident);
    let visibility = respan_at_macro(function.visibility.to_token_stream());
    let parameters = generics.params.iter().map(|parameter| match parameter {
        GenericParam::Const(parameter) => {
            let (ident, ty) = (&parameter.ident, &parameter.ty);
            quote!(const #ident: #ty)
        }
        GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
        GenericParam::Lifetime(parameter) => parameter.lifetime.to_token_stream(),
    });
    let parameters: Vec<_> = parameters.chain(checked).collect();
    let parameters = (!parameters.is_empty()).then(|| quote!(<#(#parameters),*>));
    let types: Vec<_> = generics.type_params().map(|parameter| &parameter.ident).collect();
    let deprecated = function.deprecated();
    let field = (!types.is_empty()).then(|| quote!(__types: fn(#(#types),*)));
    quote! {
        #(#cfg)*
        #(#deprecated)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, reason = "named like its function")]
        #visibility struct #ident #parameters { #field }
    }
}

fn implementation(handler: &Handler<'_>, variant: &Variant<'_>) -> TokenStream {
    let (function, paths) = (handler.function, &handler.attributes.paths);
    let (cfg, trait_) = (&handler.cfg, paths.handler());
    let ident = &function.signature.ident;
    let predicate = variant.predicate.iter();
    let generics = &function.signature.generics;
    let (parameters, names) = (generics.split_for_impl().0, names(generics));
    let turbofish = (!names.is_empty()).then(|| quote!(::#names));
    let where_clause = signature::where_clause(handler, variant);
    let event = handler.event.ty;
    let types: Vec<_> = variant.extractors.iter().map(|parameter| parameter.ty).collect();
    let bindings: Vec<_> = variant.extractors.iter().map(|parameter| local(parameter)).collect();
    let event_binding = local(&handler.event);
    let output = handler.output.map_or_else(|| quote!(()), ToTokens::to_token_stream);
    let allow = function.deprecated().next().map(|_| quote!(#[allow(deprecated, reason = "told where it is used")]));
    let meta_type = paths.handler_meta();
    let meta = meta(handler);
    let comma = (!types.is_empty()).then(|| quote!(,));
    let event = associated("Event", &quote!(#event), &quote!(#event));
    let extract = associated("Extract", &quote!((#(#types),* #comma)), &quote!(#(#types)*));
    let output = associated("Output", &output, &output);
    let semicolon = handler.output.is_none().then(|| quote!(;));
    // what does not hold in there, such as `Send`, is shown at the function's name
    let call = quote_spanned! {Span::mixed_site().located_at(ident.span())=>
        async fn call(#event_binding: Self::Event, (#(#bindings),* #comma): Self::Extract) -> Self::Output {
            #ident #turbofish (#event_binding, #(#bindings),*).await #semicolon
        }
    };
    quote! {
        #(#cfg)*
        #(#[cfg(#predicate)])*
        #allow
        impl #parameters #trait_ for #ident #names
        #where_clause
        {
            #event
            #extract
            #output
            const META: #meta_type = #meta;
            #call
        }
    }
}

/// `type Name = ty;`, shown at `place`: there the compiler points where a type is less visible than the handler.
fn associated(name: &str, ty: &TokenStream, place: &TokenStream) -> TokenStream {
    let name = Ident::new(name, Span::call_site());
    let head = spread(quote!(type #name =), place);
    let last = place.clone().into_iter().last().map_or_else(Span::call_site, |token| token.span());
    let end = quote_spanned!(last=> ;);
    quote!(#head #ty #end)
}

/// The chain of options. It stands at the function's name, which it remembers as the handler's location.
fn meta(handler: &Handler<'_>) -> TokenStream {
    let ident = &handler.function.signature.ident;
    let attributes = handler.attributes;
    let paths = attributes.paths.at(ident.span());
    let (meta, backoff) = (paths.handler_meta(), paths.backoff());
    let name = &handler.name;
    let doc = handler.doc.iter();
    let queue = attributes.queue.iter();
    let declare = attributes.declare.iter();
    let discriminator = attributes.discriminator.iter();
    let pattern = attributes.pattern.iter();
    let retries = attributes.retries.iter();
    let (first, last): (Vec<_>, Vec<_>) =
        attributes.backoff.map(|(first, last)| (number(first), number(last))).into_iter().unzip();
    let timeout = attributes.timeout.map(number).into_iter();
    let concurrency = attributes.concurrency.iter();
    let prefetch = attributes.prefetch.iter();
    quote_spanned! {ident.span()=>
        #meta::new(#name)
            #(.doc(#doc))*
            #(.queue(#queue))*
            #(.declare(#declare))*
            #(.discriminator(#discriminator))*
            #(.pattern(#pattern))*
            #(.retries(#retries))*
            #(.backoff(#backoff::millis(#first, #last)))*
            #(.timeout_millis(#timeout))*
            #(.concurrency(#concurrency))*
            #(.prefetch(#prefetch))*
    }
}

/// `<T, N>`, or nothing.
fn names(generics: &syn::Generics) -> TokenStream {
    let (_, names, _) = generics.split_for_impl();
    names.into_token_stream()
}

/// A local of the generated call: nothing of the user's, not even a constant of this name, is meant by it.
fn local(parameter: &Parameter<'_>) -> Ident {
    at_macro(&parameter.binding)
}

/// The same word, written by the macro: lints on names have been told to the function already.
fn at_macro(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(Span::mixed_site().located_at(ident.span()));
    ident
}

fn respan_at_macro(tokens: TokenStream) -> TokenStream {
    let span = tokens.span();
    respan(tokens, Span::mixed_site().located_at(span))
}

/// A number as people write it: `30_000`.
fn number(value: u64) -> TokenStream {
    let digits = value.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let text = if digits.len() > 4 { groups.join("_") } else { digits.clone() };
    text.parse().unwrap_or_else(|_| Literal::u64_unsuffixed(value).to_token_stream())
}
