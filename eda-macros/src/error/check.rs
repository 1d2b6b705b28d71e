//! What holds for every error of a handler.

use syn::{Attribute, Data, DeriveInput, Field};

use crate::diagnostics::Diagnostics;

pub(crate) fn item(input: &DeriveInput, diagnostics: &Diagnostics) {
    match &input.data {
        Data::Struct(data) => data.fields.iter().for_each(|field| unmarked(field, diagnostics)),
        Data::Enum(data) => {
            data.variants.iter().flat_map(|variant| &variant.fields).for_each(|field| unmarked(field, diagnostics));
        }
        Data::Union(data) => diagnostics.error(data.union_token, "an error is a struct or an enum"),
    }
}

fn unmarked(field: &Field, diagnostics: &Diagnostics) {
    let is_marker =
        |attribute: &&Attribute| attribute.path().is_ident("permanent") || attribute.path().is_ident("transient");
    if let Some(marker) = field.attrs.iter().find(is_marker) {
        diagnostics.error(marker, "a field is neither: write the marker on the variant or on the whole type");
    }
}
