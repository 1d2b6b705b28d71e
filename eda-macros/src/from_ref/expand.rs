//! Prints one `impl FromRef` for each part.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::from_ref::model::{Part, State};

pub(crate) fn from_ref(state: &State<'_>) -> TokenStream {
    state.parts.iter().map(|part| implementation(state, part)).collect()
}

fn implementation(state: &State<'_>, part: &Part<'_>) -> TokenStream {
    let (ident, ty, member) = (state.ident, part.ty, &part.member);
    let trait_ = state.paths.part();
    // a part is cloned through its own `FromRef`; what is no `Clone` is shown at the field's type
    let clone = state.paths.at(ty.span()).part();
    let body = quote_spanned!(ty.span()=> #clone::from_ref(&state.#member));
    quote! {
        #[automatically_derived]
        impl #trait_<#ident> for #ty {
            fn from_ref(state: &#ident) -> Self {
                #body
            }
        }
    }
}
