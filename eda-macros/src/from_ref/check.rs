//! What holds for every state.

use syn::{Data, DeriveInput};

use crate::diagnostics::Diagnostics;
use crate::from_ref::model::State;

pub(crate) fn item(input: &DeriveInput, diagnostics: &Diagnostics) {
    match &input.data {
        Data::Struct(_) => {}
        Data::Enum(data) => {
            diagnostics.error(data.enum_token, "a state is a struct: its fields are what handlers ask for");
        }
        Data::Union(data) => {
            diagnostics.error(data.union_token, "a state is a struct: its fields are what handlers ask for");
        }
    }
    if !input.generics.params.is_empty() {
        diagnostics.error(&input.generics, "a state has no parameters: write the types of its fields");
    }
}

pub(crate) fn parts(state: &State<'_>, diagnostics: &Diagnostics) {
    for (index, part) in state.parts.iter().enumerate() {
        if let Some(first) = state.parts[..index].iter().find(|other| other.same_type(part)) {
            let (name, first) = (part.name(), first.name());
            let message = format!(
                "`{first}` has this type already, and handlers ask by type: give `{name}` a type of its own or `#[from_ref(skip)]`"
            );
            diagnostics.error(part.ty, message);
        }
    }
}
