//! An event as its author described it.

use proc_macro2::{Ident, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Index, LitInt, LitStr, Member, Meta};

use crate::attr::{Key, Options};
use crate::diagnostics::Diagnostics;
use crate::doc;
use crate::event::template::{Piece, Template};
use crate::paths::{CRATE, Paths};
use crate::suggest;

pub(crate) const NAME: Key = Key::once("name", r#"name = "order.created""#);
const VERSION: Key = Key::once("version", "version = 2");
const KEY: Key = Key::once("key", "key = order_id");
const ROUTING_KEY: Key = Key::once("routing_key", r#"routing_key = "order.{region}.created""#);
const ACCEPT: Key = Key::repeated("accept", r#"accept = "OrderCreated""#);

const TABLE: &[Key] = &[NAME, VERSION, KEY, ROUTING_KEY, ACCEPT, CRATE];

/// What stands in `#[event(…)]`.
pub(crate) struct Attributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<LitInt>,
    pub(crate) key: Option<TokenTree>,
    pub(crate) routing_key: Option<Template>,
    pub(crate) accept: Vec<LitStr>,
    pub(crate) paths: Paths,
}

impl Attributes {
    pub(crate) fn read(input: &DeriveInput, diagnostics: &Diagnostics) -> Self {
        let mut options = Options::default();
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
            match &attribute.meta {
                Meta::List(list) => options.extend(list.tokens.clone(), TABLE, diagnostics),
                other => diagnostics.error(other, format!("expected `#[event({})]`", NAME.example)),
            }
        }
        let routing_key = options.text(&ROUTING_KEY, diagnostics);
        Self {
            name: options.text(&NAME, diagnostics),
            version: options.number(&VERSION, 1..=u32::MAX.into(), diagnostics),
            key: options.field(&KEY, diagnostics),
            routing_key: routing_key.and_then(|text| diagnostics.keep(Template::parse(text))),
            accept: options.texts(&ACCEPT, diagnostics),
            paths: Paths::new(options.path(&CRATE, diagnostics)),
        }
    }
}

/// Where the runtime is, whatever else is wrong: for what is written beside an error.
pub(crate) fn paths(input: &DeriveInput) -> Paths {
    let unread = Diagnostics::new();
    let paths = Attributes::read(input, &unread).paths;
    // told already
    drop(unread.finish());
    paths
}

/// An event, every name of a field resolved.
pub(crate) struct Event<'a> {
    pub(crate) ident: &'a Ident,
    /// The struct's doc comment.
    pub(crate) doc: Option<String>,
    pub(crate) attributes: Attributes,
    pub(crate) key: Option<Member>,
    /// What fills the gaps of the routing key, in order.
    pub(crate) gaps: Vec<Member>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(input: &'a DeriveInput, attributes: Attributes, diagnostics: &Diagnostics) -> Self {
        let fields = Fields::of(input);
        let key = attributes.key.as_ref().and_then(|key| {
            let named = key.to_string();
            fields.find(named.trim_start_matches("r#"), key, diagnostics)
        });
        let template = attributes.routing_key.iter();
        let gaps = template.flat_map(|template| template.pieces.iter().map(move |piece| (piece, &template.text)));
        let gaps = gaps.filter_map(|(piece, text)| match piece {
            Piece::Gap(field) => fields.find(field, text, diagnostics),
            Piece::Text(_) => None,
        });
        let gaps = gaps.collect();
        Self { ident: &input.ident, doc: doc::text(&input.attrs), attributes, key, gaps }
    }
}

struct Fields<'a>(Vec<&'a Field>);

impl<'a> Fields<'a> {
    fn of(input: &'a DeriveInput) -> Self {
        match &input.data {
            Data::Struct(data) => Self(data.fields.iter().collect()),
            Data::Enum(_) | Data::Union(_) => Self(Vec::new()),
        }
    }

    /// The field of this name, which is not raw; `place` is where the author wrote it.
    fn find(&self, name: &str, place: &(impl ToTokens + Spanned), diagnostics: &Diagnostics) -> Option<Member> {
        let names = || self.0.iter().enumerate().map(|(index, field)| display_name(index, field));
        let found = names().position(|other| other == name).map(|index| member(index, self.0[index]));
        if found.is_none() {
            let names: Vec<_> = names().collect();
            let suggestion = suggest::nearest(name, names.iter().map(String::as_str));
            diagnostics.error(place, format!("no field `{name}`{suggestion}"));
        }
        found.map(|mut member| {
            match &mut member {
                Member::Named(ident) => ident.set_span(place.span()),
                Member::Unnamed(index) => index.span = place.span(),
            }
            member
        })
    }
}

fn display_name(index: usize, field: &Field) -> String {
    field.ident.as_ref().map_or_else(|| index.to_string(), |ident| ident.unraw().to_string())
}

fn member(index: usize, field: &Field) -> Member {
    field.ident.clone().map_or_else(|| Member::Unnamed(Index::from(index)), Member::Named)
}
