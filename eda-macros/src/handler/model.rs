//! A handler as its author described it.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, GenericArgument, LitInt, LitStr, Pat, PatType, PathArguments, ReturnType, Type};

use crate::attr::{Key, Options};
use crate::diagnostics::Diagnostics;
use crate::doc;
use crate::duration;
use crate::handler::cfg;
use crate::handler::function::Function;
use crate::paths::{CRATE, Paths};

pub(crate) const NAME: Key = Key::once("name", r#"name = "charge-card""#);
pub(crate) const QUEUE: Key = Key::once("queue", r#"queue = "order_events""#);
pub(crate) const DECLARE: Key = Key::once("declare", "declare = false");
const DISCRIMINATOR: Key = Key::once("discriminator", r#"discriminator = "event_type""#);
pub(crate) const PATTERN: Key = Key::once("pattern", r#"pattern = "order.#""#);
const RETRIES: Key = Key::once("retries", "retries = 5");
const BACKOFF: Key = Key::once("backoff", r#"backoff = "200ms..30s""#);
const TIMEOUT: Key = Key::once("timeout", r#"timeout = "30s""#);
const CONCURRENCY: Key = Key::once("concurrency", "concurrency = 1");
const PREFETCH: Key = Key::once("prefetch", "prefetch = 32");

const TABLE: &[Key] =
    &[NAME, QUEUE, DECLARE, DISCRIMINATOR, PATTERN, RETRIES, BACKOFF, TIMEOUT, CONCURRENCY, PREFETCH, CRATE];

/// What stands in `#[handler(…)]`.
pub(crate) struct Attributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) declare: Option<bool>,
    /// Where `declare` stands.
    pub(crate) declare_key: Option<Ident>,
    pub(crate) discriminator: Option<LitStr>,
    pub(crate) pattern: Option<LitStr>,
    pub(crate) retries: Option<LitInt>,
    /// The first and the last wait in milliseconds.
    pub(crate) backoff: Option<(u64, u64)>,
    /// In milliseconds.
    pub(crate) timeout: Option<u64>,
    pub(crate) concurrency: Option<LitInt>,
    pub(crate) prefetch: Option<LitInt>,
    pub(crate) paths: Paths,
}

impl Attributes {
    pub(crate) fn read(arguments: TokenStream, diagnostics: &Diagnostics) -> Self {
        let options = Options::parse(arguments, TABLE, diagnostics);
        let text = |key| options.text(key, diagnostics);
        let number = |key, first, last| options.number(key, first..=last, diagnostics);
        Self {
            name: text(&NAME),
            queue: text(&QUEUE),
            declare: options.flag(&DECLARE, diagnostics),
            declare_key: options.key(&DECLARE).cloned(),
            discriminator: text(&DISCRIMINATOR),
            pattern: text(&PATTERN),
            retries: number(&RETRIES, 0, u32::MAX.into()),
            backoff: text(&BACKOFF).and_then(|text| parsed(&text, duration::range, diagnostics)),
            timeout: text(&TIMEOUT).and_then(|text| parsed(&text, duration::millis, diagnostics)),
            concurrency: number(&CONCURRENCY, 1, u16::MAX.into()),
            prefetch: number(&PREFETCH, 1, u16::MAX.into()),
            paths: Paths::new(options.path(&CRATE, diagnostics)),
        }
    }
}

fn parsed<T>(text: &LitStr, parse: fn(&str) -> Result<T, String>, diagnostics: &Diagnostics) -> Option<T> {
    diagnostics.keep(parse(&text.value()).map_err(|message| syn::Error::new_spanned(text, message)))
}

/// A handler: an event, what is extracted, and what comes back.
pub(crate) struct Handler<'a> {
    pub(crate) function: &'a Function,
    pub(crate) attributes: &'a Attributes,
    /// The name of the queue's last part and of the metrics; stable while the function is renamed.
    pub(crate) name: String,
    /// The function's doc comment.
    pub(crate) doc: Option<String>,
    pub(crate) event: Parameter<'a>,
    pub(crate) extractors: Vec<Parameter<'a>>,
    /// The return type, as it was written.
    pub(crate) output: Option<&'a Type>,
    /// The `#[cfg(…)]` of the function, for all that stands beside it.
    pub(crate) cfg: Vec<Attribute>,
}

/// A parameter: what the generated call binds it to, its type, and when it is there.
#[derive(Clone)]
pub(crate) struct Parameter<'a> {
    pub(crate) binding: Ident,
    pub(crate) ty: &'a Type,
    /// The predicate of `#[cfg(…)]` on the parameter.
    pub(crate) cfg: Option<TokenStream>,
}

impl<'a> Handler<'a> {
    /// Nothing where the signature has no event; the check has said so.
    pub(crate) fn new(function: &'a Function, attributes: &'a Attributes, diagnostics: &Diagnostics) -> Option<Self> {
        let ident = &function.signature.ident;
        let typed = function.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(parameter) => Some(parameter),
            FnArg::Receiver(_) => None,
        });
        let mut parameters: Vec<Parameter<'_>> = Vec::new();
        for (index, parameter) in typed.enumerate() {
            let is_free = |name: &Ident| name != ident && parameters.iter().all(|other| other.binding != *name);
            let numbered = (index..).map(|index| format_ident!("part{index}"));
            let Some(binding) = binding(&parameter.pat).into_iter().chain(numbered).find(is_free) else { continue };
            parameters.push(Parameter { binding, ty: &parameter.ty, cfg: cfg_of(parameter, diagnostics) });
        }
        let mut parameters = parameters.into_iter();
        let event = parameters.next()?;
        let name = attributes.name.as_ref().map_or_else(|| ident.unraw().to_string(), LitStr::value);
        let output = match &function.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(&**ty),
        };
        let cfg = cfg::attributes(&function.attributes);
        let doc = doc::text(&function.attributes);
        Some(Self { function, attributes, name, doc, event, extractors: parameters.collect(), output, cfg })
    }

    /// What comes back, in the parts that can be wrong on their own: `Result<Paid, CardError>` emits one and fails with
    /// the other. What looks otherwise, such as an alias, is one part.
    pub(crate) fn returns(&self) -> Vec<(&'a Type, Role)> {
        let Some(ty) = self.output else { return Vec::new() };
        let parts = match arguments(ty, "Result").as_slice() {
            [emits, fails] => vec![(*emits, Role::Emits), (*fails, Role::Fails)],
            _ => vec![(ty, Role::Output)],
        };
        parts.into_iter().filter(|(ty, _)| !matches!(ty, Type::Tuple(unit) if unit.elems.is_empty())).collect()
    }
}

impl<'a> Parameter<'a> {
    /// What is taken, in the parts that can be wrong on their own: `Publisher<(A, B)>` lists two events.
    pub(crate) fn extracts(&self) -> Vec<(&'a Type, Role)> {
        match arguments(self.ty, "Publisher").as_slice() {
            [Type::Tuple(events)] if !events.elems.is_empty() => {
                events.elems.iter().map(|event| (event, Role::Listed)).collect()
            }
            [list] => vec![(*list, Role::Listed)],
            _ => vec![(self.ty, Role::Extractor)],
        }
    }
}

/// What a type in the signature has to be.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Event,
    Extractor,
    Listed,
    Emits,
    Fails,
    Output,
}

/// The types between the angle brackets of a type of this name.
fn arguments<'a>(ty: &'a Type, name: &str) -> Vec<&'a Type> {
    let Type::Path(path) = ty else { return Vec::new() };
    let last = path.path.segments.last().filter(|last| last.ident == name);
    let Some(PathArguments::AngleBracketed(arguments)) = last.map(|last| &last.arguments) else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// Whether a word stands anywhere in the tokens.
pub(crate) fn mentions(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        TokenTree::Group(group) => mentions(group.stream(), word),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// The one name that a pattern binds, if it does: `order`, `State(cards)`.
fn binding(pattern: &Pat) -> Option<Ident> {
    match pattern {
        // what is used has no underscore in front
        Pat::Ident(pattern) => {
            let name = pattern.ident.to_string();
            let mut word: Ident = syn::parse_str(name.trim_start_matches('_')).ok()?;
            word.set_span(pattern.ident.span());
            Some(word)
        }
        Pat::TupleStruct(pattern) if pattern.elems.len() == 1 => pattern.elems.first().and_then(binding),
        _ => None,
    }
}

fn cfg_of(parameter: &PatType, diagnostics: &Diagnostics) -> Option<TokenStream> {
    let mut predicates = cfg::attributes(&parameter.attrs)
        .into_iter()
        .filter_map(|attribute| diagnostics.keep(attribute.meta.require_list().map(|list| list.tokens.clone())));
    let first = predicates.next()?;
    let more: Vec<_> = predicates.collect();
    Some(if more.is_empty() { first } else { quote::quote!(all(#first, #(#more),*)) })
}
