//! The names of the runtime that generated code uses, each once. All of them start with `::eda::`, unless
//! `crate = "…"` says otherwise.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Path, Token};

use crate::attr::Key;

/// The option that every macro understands.
pub(crate) const CRATE: Key = Key::once("crate", r#"crate = "my_eda""#);

/// Makes paths below the root, with one span.
pub(crate) struct Paths {
    root: TokenStream,
    span: Span,
}

impl Paths {
    /// Below what `crate = "…"` says, or `::eda`. A dependency is named from the outside, whatever a module of the same
    /// name is in scope; anything else starts with `crate`, `self` or `super`.
    pub(crate) fn new(root: Option<Path>) -> Self {
        let root = root.map_or_else(
            || quote!(::eda),
            |mut path| {
                let first = path.segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
                if !matches!(first.as_str(), "crate" | "self" | "super") {
                    path.leading_colon = Some(Token![::](Span::call_site()));
                }
                path.into_token_stream()
            },
        );
        Self { root: respan(root, Span::call_site()), span: Span::call_site() }
    }

    /// The same names at another place: the compiler shows it where an obligation does not hold.
    pub(crate) fn at(&self, span: Span) -> Self {
        Self { root: respan(self.root.clone(), span), span }
    }
}

macro_rules! paths {
    ($($name:ident => $($segment:ident)::+),+ $(,)?) => {
        impl Paths {
            $(pub(crate) fn $name(&self) -> TokenStream {
                let root = &self.root;
                quote_spanned!(self.span=> #root::$($segment)::+)
            })+
        }
    };
}

paths! {
    event => Event,
    json => json::Json,
    encode => json::encode,
    decode => json::decode,
    encoded => event::Encoded,
    decoded => event::Decoded,
    schema => event::Schema,
    schema_of => event::SchemaOf,
    no_schema => event::NoSchema,
    key => event::Key,
    optional_key => event::OptionalKey,
    routing_key => event::routing_key,
    partition_key => event::partition_key,
    handler => Handler,
    handler_meta => HandlerMeta,
    incoming => Incoming,
    extractor => Extractor,
    event_list => publisher::EventList,
    emit => Emit,
    outcome => Outcome,
    any_event => AnyEvent,
    backoff => Backoff,
    handler_error => HandlerError,
    failure => Failure,
    cause => failure::Cause,
    ref_from => FromRef,
    part => extract::part,
    part_of_state => extract::Part,
}

/// The same tokens, all at one place.
pub(crate) fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let tokens = tokens.into_iter().map(|mut token| {
        if let proc_macro2::TokenTree::Group(group) = &token {
            token = proc_macro2::Group::new(group.delimiter(), respan(group.stream(), span)).into();
        }
        token.set_span(span);
        token
    });
    tokens.collect()
}

/// Tokens that the compiler underlines like `place`, from its first to its last token.
pub(crate) fn spread(tokens: TokenStream, place: impl ToTokens) -> TokenStream {
    let mut places = place.into_token_stream().into_iter().map(|token| token.span());
    let Some(first) = places.next() else { return tokens };
    let last = places.last().unwrap_or(first);
    let mut tokens = respan(tokens, last).into_iter();
    let head = tokens.next().map(|mut token| {
        token.set_span(first);
        token
    });
    head.into_iter().chain(tokens).collect()
}
