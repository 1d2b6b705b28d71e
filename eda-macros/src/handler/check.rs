//! What holds for every handler.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{FnArg, Lifetime, PatType, ReturnType, Safety, Signature, Type};

use crate::diagnostics::Diagnostics;
use crate::handler::cfg;
use crate::handler::function::Function;
use crate::handler::model::{Attributes, NAME, PATTERN, QUEUE, mentions};
use crate::name;

/// As many as tuples of extractors have.
const MAX_EXTRACTORS: usize = 8;
/// Each doubles the number of implementations.
const MAX_PREDICATES: usize = 4;

pub(crate) fn signature(signature: &Signature, diagnostics: &Diagnostics) {
    if let Some(receiver) = signature.receiver() {
        let message =
            "a handler is a free function: take what you need as a parameter, such as `State(cards): State<Cards>`";
        return diagnostics.error(receiver, message);
    }
    if signature.asyncness.is_none() {
        diagnostics.error(signature.fn_token, format!("a handler is async: write `async fn {}`", signature.ident));
    }
    if let Safety::Unsafe(token) = &signature.safety {
        diagnostics.error(token, "a handler can't be unsafe: the runtime calls it");
    }
    if let Some(abi) = &signature.abi {
        diagnostics.error(abi, "a handler is called by the runtime only: leave the ABI out");
    }
    if let Some(lifetime) = signature.generics.lifetimes().next() {
        let message = "a handler has no lifetimes: it owns the event and everything else that it takes";
        return diagnostics.error(lifetime, message);
    }
    parameters(signature, diagnostics);
    if let ReturnType::Type(_, ty) = &signature.output
        && mentions(ty.to_token_stream(), "impl")
    {
        let message =
            "`impl Trait` hides what the handler emits: write the type, such as `Result<OrderPaid, eda::Failure>`";
        diagnostics.error(ty, message);
    }
}

fn parameters(signature: &Signature, diagnostics: &Diagnostics) {
    let mut typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(parameter),
        FnArg::Receiver(_) => None,
    });
    if let Some(event) = typed.next() {
        self::event(event, diagnostics);
    } else {
        let message = format!("a handler takes an event first: write `{}(order: OrderCreated)`", signature.ident);
        diagnostics.error(&signature.ident, message);
    }
    for parameter in typed.clone() {
        owned(&parameter.ty, "a handler's parameters are owned", diagnostics);
    }
    if let Some(parameter) = typed.nth(MAX_EXTRACTORS) {
        let message =
            format!("a handler takes up to {MAX_EXTRACTORS} parameters after the event: put some into one type");
        diagnostics.error(&parameter.ty, message);
    }
}

fn event(parameter: &PatType, diagnostics: &Diagnostics) {
    if let Some(attribute) = cfg::attributes(&parameter.attrs).first() {
        diagnostics.error(attribute, "the event is always there: write `#[cfg(…)]` on the whole handler");
    }
    owned(&parameter.ty, "a handler owns its event", diagnostics);
}

/// A type that says all: no reference, no elided lifetime, no `impl Trait`.
fn owned(ty: &Type, owned: &str, diagnostics: &Diagnostics) {
    let text = ty.to_token_stream();
    if let Type::Reference(reference) = ty {
        let inner = readable(&reference.elem);
        diagnostics.error(ty, format!("{owned}: write `{inner}` without `&`"));
    } else if mentions(text.clone(), "impl") {
        diagnostics
            .error(ty, "`impl Trait` can't be named in `.handler::<…>()`: write the type, or a parameter `<T: …>`");
    } else if let Some(lifetime) = borrowed(ty) {
        diagnostics.error(lifetime, format!("{owned}: write `'static`, or a type without lifetimes"));
    }
}

/// The first lifetime that is not `'static`.
fn borrowed(ty: &Type) -> Option<Lifetime> {
    fn first(tokens: proc_macro2::TokenStream) -> Option<Lifetime> {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                proc_macro2::TokenTree::Punct(tick) if tick.as_char() == '\'' => {
                    if let Some(proc_macro2::TokenTree::Ident(name)) = tokens.peek()
                        && name != "static"
                    {
                        let mut lifetime = Lifetime::new(&format!("'{name}"), tick.span());
                        lifetime.ident.set_span(name.span());
                        return Some(lifetime);
                    }
                }
                proc_macro2::TokenTree::Group(group) => {
                    if let Some(lifetime) = first(group.stream()) {
                        return Some(lifetime);
                    }
                }
                _ => {}
            }
        }
        None
    }
    // `for<'a> fn(&'a str)` brings its own
    if mentions(ty.to_token_stream(), "for") { None } else { first(ty.to_token_stream()) }
}

/// A type as people write it: tokens have spaces between them.
fn readable(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(" < ", "<").replace(" >", ">").replace(" :: ", "::").replace(" ,", ",")
}

pub(crate) fn attributes(attributes: &Attributes, function: &Function, diagnostics: &Diagnostics) {
    let ident = &function.signature.ident;
    if let Some(name) = &attributes.name {
        if let Err(message) = name::check(&name.value()) {
            diagnostics.error(name, message);
        }
    } else if name::check(&ident.unraw().to_string()).is_err() {
        diagnostics.error(ident, format!("this can't name a queue: choose a name with `#[handler({})]`", NAME.example));
    }
    if let Some(queue) =
        attributes.queue.as_ref().filter(|queue| queue.value().is_empty() || queue.value().len() > name::MAX_BYTES)
    {
        diagnostics.error(queue, format!("a queue's name has 1 to {} bytes", name::MAX_BYTES));
    }
    if let Some(declare) =
        attributes.declare_key.as_ref().filter(|_| attributes.declare == Some(false) && attributes.queue.is_none())
    {
        diagnostics.error(declare, format!("which queue is there already? write `{}` beside it", QUEUE.example));
    }
    if let Some(field) = attributes.discriminator.as_ref().filter(|field| field.value().is_empty()) {
        diagnostics.error(field, "a field can't be without a name: write the JSON field that names the event");
    }
    pattern(attributes, function, diagnostics);
}

fn pattern(attributes: &Attributes, function: &Function, diagnostics: &Diagnostics) {
    let Some(pattern) = &attributes.pattern else { return };
    if let Err(message) = name::check_pattern(&pattern.value()) {
        diagnostics.error(pattern, message);
    }
    let event = function.signature.inputs.first().map(ToTokens::to_token_stream);
    if event.is_some_and(|event| !mentions(event, "AnyEvent")) {
        let message = format!("`{}` is for handlers of `AnyEvent`: a typed event has its own name", PATTERN.name);
        diagnostics.error(pattern, message);
    }
}

/// Each predicate on a parameter doubles what is written.
pub(crate) fn predicates(handler: &crate::handler::model::Handler<'_>, diagnostics: &Diagnostics) {
    if let Some(predicate) = cfg::predicates(handler).get(MAX_PREDICATES) {
        diagnostics.error(predicate, format!("up to {MAX_PREDICATES} different `#[cfg(…)]` can be on parameters"));
    }
}
