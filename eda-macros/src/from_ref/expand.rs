//! Prints one `impl FromRef` for each part.

use proc_macro2::TokenStream;
use quote::quote;

use crate::from_ref::model::{Part, State};
use crate::paths::spread;

pub(crate) fn from_ref(state: &State<'_>) -> TokenStream {
    state.parts.iter().map(|part| implementation(state, part)).collect()
}

fn implementation(state: &State<'_>, part: &Part<'_>) -> TokenStream {
    let (ident, ty, member) = (state.ident, part.ty, &part.member);
    let (trait_, take) = (state.paths.ref_from(), state.paths.part());
    // what is no `Clone` is shown at the field's type
    let bound = spread(state.paths.part_of_state(), ty);
    quote! {
        #[automatically_derived]
        impl #trait_<#ident> for #ty
        where
            #ty: #bound,
        {
            fn from_ref(state: &#ident) -> Self {
                #take(&state.#member)
            }
        }
    }
}
