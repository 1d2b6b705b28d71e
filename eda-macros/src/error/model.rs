//! An error as its author described it.

use syn::{Attribute, Data, DeriveInput, Ident, Meta};

use crate::attr::{Key, Options};
use crate::diagnostics::Diagnostics;
use crate::paths::{CRATE, Paths};

const TABLE: &[Key] = &[CRATE];

/// An error type with its variants, each classed.
pub(crate) struct HandlerError<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) permanent: Vec<&'a Ident>,
    pub(crate) transient: Vec<&'a Ident>,
    /// Where there are no variants: the class of the whole.
    pub(crate) whole: Class,
    pub(crate) paths: Paths,
}

/// Whether another attempt can help.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Transient,
    Permanent,
}

impl<'a> HandlerError<'a> {
    pub(crate) fn new(input: &'a DeriveInput, diagnostics: &Diagnostics) -> Self {
        let whole = class(&input.attrs, diagnostics).unwrap_or(Class::Transient);
        let (mut permanent, mut transient) = (Vec::new(), Vec::new());
        if let Data::Enum(data) = &input.data {
            for variant in &data.variants {
                match class(&variant.attrs, diagnostics).unwrap_or(whole) {
                    Class::Permanent => permanent.push(&variant.ident),
                    Class::Transient => transient.push(&variant.ident),
                }
            }
        }
        let mut options = Options::default();
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("handler_error")) {
            match &attribute.meta {
                Meta::List(list) => options.extend(list.tokens.clone(), TABLE, diagnostics),
                other => diagnostics.error(other, format!("expected `#[handler_error({})]`", CRATE.example)),
            }
        }
        let paths = Paths::new(options.path(&CRATE, diagnostics));
        Self { input, permanent, transient, whole, paths }
    }
}

/// What the markers say; they say it once.
fn class(attributes: &[Attribute], diagnostics: &Diagnostics) -> Option<Class> {
    let mut class = None;
    for attribute in attributes {
        let found = match attribute.path() {
            path if path.is_ident("permanent") => Class::Permanent,
            path if path.is_ident("transient") => Class::Transient,
            _ => continue,
        };
        if !matches!(attribute.meta, Meta::Path(_)) {
            diagnostics.error(attribute, "the marker takes nothing: write `#[permanent]` or `#[transient]`");
        } else if class.is_some() {
            diagnostics.error(attribute, "classed already: keep either `#[permanent]` or `#[transient]`, once");
        }
        class = Some(found);
    }
    class
}
