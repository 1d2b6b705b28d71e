//! A state as its author described it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Data, DeriveInput, Ident, Index, Member, Meta, Type};

use crate::attr::{Key, Options};
use crate::diagnostics::Diagnostics;
use crate::paths::{CRATE, Paths};

const TABLE: &[Key] = &[CRATE];

/// A struct whose fields are what handlers ask for.
pub(crate) struct State<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) paths: Paths,
}

/// A field that is not skipped.
pub(crate) struct Part<'a> {
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
}

impl<'a> State<'a> {
    pub(crate) fn new(input: &'a DeriveInput, diagnostics: &Diagnostics) -> Self {
        let mut parts = Vec::new();
        if let Data::Struct(data) = &input.data {
            for (index, field) in data.fields.iter().enumerate() {
                if !skipped(&field.attrs, diagnostics) {
                    let member = field.ident.clone().map_or_else(|| Member::Unnamed(Index::from(index)), Member::Named);
                    parts.push(Part { member, ty: &field.ty });
                }
            }
        }
        let mut options = Options::default();
        for attribute in from_ref(&input.attrs) {
            match &attribute.meta {
                Meta::List(list) => options.extend(list.tokens.clone(), TABLE, diagnostics),
                other => diagnostics.error(other, format!("expected `#[from_ref({})]`", CRATE.example)),
            }
        }
        Self { ident: &input.ident, parts, paths: Paths::new(options.path(&CRATE, diagnostics)) }
    }
}

impl Part<'_> {
    /// Two parts of one type can't be told apart by it.
    pub(crate) fn same_type(&self, other: &Part<'_>) -> bool {
        self.ty.to_token_stream().to_string() == other.ty.to_token_stream().to_string()
    }

    pub(crate) fn name(&self) -> TokenStream {
        let member = &self.member;
        quote!(#member)
    }
}

fn skipped(attributes: &[Attribute], diagnostics: &Diagnostics) -> bool {
    let mut skipped = false;
    for attribute in from_ref(attributes) {
        let word = attribute.parse_args::<Ident>();
        if !word.is_ok_and(|word| word == "skip") {
            diagnostics.error(&attribute.meta, "expected `#[from_ref(skip)]`");
        }
        skipped = true;
    }
    skipped
}

fn from_ref(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("from_ref"))
}
