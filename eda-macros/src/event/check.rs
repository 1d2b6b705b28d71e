//! What holds for every event.

use syn::{Data, DeriveInput, LitStr};

use crate::diagnostics::Diagnostics;
use crate::event::model::{Attributes, NAME};
use crate::event::template::{Piece, Template};
use crate::name;

/// An event is a struct that stands for one shape.
pub(crate) fn item(input: &DeriveInput, diagnostics: &Diagnostics) {
    match &input.data {
        Data::Struct(_) => {}
        Data::Enum(data) => diagnostics
            .error(data.enum_token, "an event is a struct: write one for each variant, each with its own name"),
        Data::Union(data) => {
            diagnostics.error(data.union_token, "an event is a struct: JSON can't say which field of a union holds");
        }
    }
    if !input.generics.params.is_empty() {
        let message = "an event has no parameters: its name stands for one shape; write one struct for each";
        diagnostics.error(&input.generics, message);
    }
}

pub(crate) fn attributes(input: &DeriveInput, attributes: &Attributes, diagnostics: &Diagnostics) {
    // an unreadable attribute has been reported, and may well have held the name
    if let Some(name) = &attributes.name {
        told(name, name::check(&name.value()), diagnostics);
    } else if !diagnostics.found_any() {
        let message = format!("an event needs a name: write `#[event({})]` below the derive", NAME.example);
        diagnostics.error(&input.ident, message);
    }
    if let Some(template) = &attributes.routing_key {
        told(&template.text, routing_key(template), diagnostics);
    }
    accepted(attributes, diagnostics);
}

/// Foreign names are free, but each says something new.
fn accepted(attributes: &Attributes, diagnostics: &Diagnostics) {
    let mut known: Vec<_> = attributes.name.iter().map(LitStr::value).collect();
    for name in &attributes.accept {
        let value = name.value();
        if value.is_empty() {
            diagnostics.error(name, "a name can't be empty: write the name that the foreign producer sends");
        } else if known.contains(&value) {
            diagnostics.error(name, format!("`{value}` is accepted already: leave it out"));
        }
        known.push(value);
    }
}

fn routing_key(template: &Template) -> Result<(), String> {
    for piece in &template.pieces {
        let Piece::Text(text) = piece else { continue };
        match text.chars().find(|c| !matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-')) {
            Some('*' | '#') => return Err("an event has one key: wildcards belong to those who subscribe".to_owned()),
            Some(c) => {
                return Err(format!(
                    "`{c}` can't be in a routing key: write letters, digits, `.`, `_`, `-` and `{{field}}`"
                ));
            }
            None => {}
        }
    }
    name::segments("a routing key", &template.whole())
}

fn told(place: &LitStr, result: Result<(), String>, diagnostics: &Diagnostics) {
    if let Err(message) = result {
        diagnostics.error(place, message);
    }
}
