//! Prints `impl Event`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, Member};

use crate::event::model::{self, Event};
use crate::event::template::Template;

pub(crate) fn event(event: &Event<'_>) -> TokenStream {
    let (ident, paths) = (event.ident, &event.attributes.paths);
    let (trait_, encoded, decoded) = (paths.event(), paths.encoded(), paths.decoded());
    let (encode, decode) = (paths.encode(), paths.decode());
    let (schema, schema_of, no_schema) = (paths.schema(), paths.schema_of(), paths.no_schema());
    let json = paths.at(ident.span()).json();
    let name = &event.attributes.name;
    let constants = constants(event);
    let keys = [routing_key(event), partition_key(event)];
    quote! {
        #[automatically_derived]
        impl #trait_ for #ident
        where
            #ident: #json,
        {
            const NAME: &'static str = #name;
            #constants
            #(#keys)*
            fn encode(&self) -> #encoded {
                #encode(self)
            }
            fn decode(body: &[u8]) -> #decoded<Self> {
                #decode(body)
            }
            fn schema() -> #schema {
                use #no_schema as _;
                #schema_of::<Self>::schema()
            }
        }
    }
}

/// The error, and an event that never runs: so that the struct's users hear nothing of the mistake.
pub(crate) fn fallback(input: &DeriveInput, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    if !input.generics.params.is_empty() {
        return error;
    }
    let paths = model::paths(input);
    let (trait_, encoded, decoded) = (paths.event(), paths.encoded(), paths.decoded());
    let ident = &input.ident;
    quote! {
        #error
        #[automatically_derived]
        impl #trait_ for #ident {
            const NAME: &'static str = "invalid";
            fn encode(&self) -> #encoded {
                loop {}
            }
            fn decode(_: &[u8]) -> #decoded<Self> {
                loop {}
            }
        }
    }
}

fn constants(event: &Event<'_>) -> TokenStream {
    let attributes = &event.attributes;
    let version = attributes.version.iter().filter(|version| version.base10_digits() != "1");
    let binding = attributes.routing_key.iter().map(Template::binding);
    let accept = Some(&attributes.accept).filter(|accept| !accept.is_empty()).into_iter();
    let doc = event.doc.iter();
    quote! {
        #(const DOC: &'static str = #doc;)*
        #(const VERSION: u32 = #version;)*
        #(const BINDING: &'static str = #binding;)*
        #(const ACCEPT: &'static [&'static str] = &[#(#accept),*];)*
    }
}

fn routing_key(event: &Event<'_>) -> Option<TokenStream> {
    let template = event.attributes.routing_key.as_ref()?;
    let span = template.text.span();
    let paths = event.attributes.paths.at(span);
    let (key, fill) = (paths.key(), paths.routing_key());
    let value = if template.is_static() {
        let text = &template.text;
        quote!(#key::Borrowed(#text))
    } else {
        let (around, gaps) = (template.around_gaps(), &event.gaps);
        quote_spanned!(span=> #fill(&[#(#around),*], &[#(&self.#gaps),*]))
    };
    let receiver = quote_spanned!(span=> &self);
    Some(quote! {
        fn routing_key(#receiver) -> #key<'_> {
            #value
        }
    })
}

fn partition_key(event: &Event<'_>) -> Option<TokenStream> {
    let key = event.key.as_ref()?;
    let span = match key {
        Member::Named(ident) => ident.span(),
        Member::Unnamed(index) => index.span,
    };
    let paths = event.attributes.paths.at(span);
    let (optional_key, partition_key) = (paths.optional_key(), paths.partition_key());
    // at the field's name, where the compiler shows what can't be a key; with `self`, which has to be the same word
    let receiver = quote_spanned!(span=> &self);
    let value = quote_spanned!(span=> #partition_key(&self.#key));
    Some(quote! {
        fn partition_key(#receiver) -> #optional_key<'_> {
            #value
        }
    })
}
