//! `#[cfg(…)]`: what stands beside a function is there when the function is.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token};

use crate::handler::model::{Handler, Parameter};

/// The attributes that decide whether an item is there, `cfg_attr` cut down to those that do.
pub(crate) fn attributes(attributes: &[Attribute]) -> Vec<Attribute> {
    let kept = attributes.iter().filter_map(|attribute| {
        let meta = decides(&attribute.meta)?;
        Some(Attribute { meta, ..attribute.clone() })
    });
    kept.collect()
}

fn decides(meta: &Meta) -> Option<Meta> {
    if meta.path().is_ident("cfg") {
        return Some(meta.clone());
    }
    let Meta::List(list) = meta else { return None };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let parts = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone()).ok()?;
    let mut parts = parts.iter();
    let predicate = parts.next()?;
    let kept: Vec<_> = parts.filter_map(decides).collect();
    let mut list = list.clone();
    list.tokens = quote!(#predicate, #(#kept),*);
    (!kept.is_empty()).then_some(Meta::List(list))
}

/// One set of parameters that can be there at the same time.
pub(crate) struct Variant<'a> {
    /// When it is there; `None`: always.
    pub(crate) predicate: Option<TokenStream>,
    pub(crate) extractors: Vec<&'a Parameter<'a>>,
}

/// A tuple can't have `#[cfg(…)]` inside, so each combination of the parameters' predicates is one implementation.
pub(crate) fn variants<'a>(handler: &'a Handler<'a>) -> Vec<Variant<'a>> {
    let predicates = predicates(handler);
    let combinations = 0..1_u32 << predicates.len();
    let variants = combinations.rev().map(|combination| {
        let holds = |index: usize| combination & (1 << index) != 0;
        let is_there = |parameter: &&Parameter<'_>| {
            let predicate = parameter.cfg.as_ref().map(ToString::to_string);
            predicate.is_none_or(|predicate| {
                predicates.iter().position(|other| other.to_string() == predicate).is_some_and(holds)
            })
        };
        let parts = predicates
            .iter()
            .enumerate()
            .map(|(index, predicate)| if holds(index) { quote!(#predicate) } else { quote!(not(#predicate)) });
        let parts: Vec<_> = parts.collect();
        let predicate = match parts.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            _ => Some(quote!(all(#(#parts),*))),
        };
        Variant { predicate, extractors: handler.extractors.iter().filter(is_there).collect() }
    });
    variants.collect()
}

/// The different predicates on parameters.
pub(crate) fn predicates<'a>(handler: &'a Handler<'_>) -> Vec<&'a TokenStream> {
    let mut different: Vec<&TokenStream> = Vec::new();
    for predicate in handler.extractors.iter().filter_map(|parameter| parameter.cfg.as_ref()) {
        if different.iter().all(|other| other.to_string() != predicate.to_string()) {
            different.push(predicate);
        }
    }
    different
}
