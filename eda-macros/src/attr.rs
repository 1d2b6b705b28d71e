//! What stands between the parentheses of an attribute: `key = value, …`. Every macro has one table of keys; this is
//! the only parser.

use std::ops::RangeInclusive;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Error, LitInt, LitStr, Path, Result, Token, token};

use crate::diagnostics::Diagnostics;
use crate::suggest;

/// One row of a macro's table: a key, and how it is written.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) example: &'static str,
    pub(crate) repeats: bool,
}

impl Key {
    /// A key that can stand once. The example starts with the key.
    pub(crate) const fn once(name: &'static str, example: &'static str) -> Self {
        Self { name, example, repeats: false }
    }

    /// A key that can stand many times.
    pub(crate) const fn repeated(name: &'static str, example: &'static str) -> Self {
        Self { name, example, repeats: true }
    }
}

/// The keys that were written, each of which is in the table.
#[derive(Default)]
pub(crate) struct Options(Vec<Entry>);

struct Entry {
    key: Ident,
    value: Value,
}

enum Value {
    Word(Ident),
    Text(LitStr),
    Number(LitInt),
    Texts(Punctuated<LitStr, Token![,]>),
    Other(TokenStream),
}

impl Options {
    /// Reads `key = value, …`. What is wrong with one entry does not hide what is wrong with the next.
    pub(crate) fn parse(tokens: TokenStream, table: &[Key], diagnostics: &Diagnostics) -> Self {
        let mut options = Self::default();
        // the first key is the one that people leave out
        if let (Ok(value), Some(key)) = (value_first.parse2(tokens.clone()), table.first()) {
            let text = value.to_token_stream();
            diagnostics.error(value, format!("a value stands behind its key: write `{} = {text}`", key.name));
            return options;
        }
        let entries = Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens);
        for entry in diagnostics.keep(entries).into_iter().flatten() {
            options.add(entry, table, diagnostics);
        }
        options
    }

    /// Adds what another attribute of the same macro says.
    pub(crate) fn extend(&mut self, tokens: TokenStream, table: &[Key], diagnostics: &Diagnostics) {
        for entry in Self::parse(tokens, table, diagnostics).0 {
            self.add(entry, table, diagnostics);
        }
    }

    fn add(&mut self, entry: Entry, table: &[Key], diagnostics: &Diagnostics) {
        let name = entry.key.unraw().to_string();
        let Some(key) = table.iter().find(|key| key.name == name) else {
            let known = table.iter().map(|key| key.name);
            return diagnostics.error(entry.key, format!("unknown option `{name}`{}", suggest::nearest(&name, known)));
        };
        if !key.repeats && self.0.iter().any(|other| other.key == entry.key) {
            return diagnostics.error(entry.key, format!("`{name}` is given twice: keep one of them"));
        }
        if let Value::Other(tokens) = &entry.value {
            let message = format!("expected `{}`", key.example);
            return if tokens.is_empty() {
                diagnostics.error(entry.key, message);
            } else {
                diagnostics.error(tokens, message);
            };
        }
        self.0.push(entry);
    }

    /// Where the key stands, for errors.
    pub(crate) fn key(&self, key: &Key) -> Option<&Ident> {
        self.values(key).map(|entry| &entry.key).next()
    }

    pub(crate) fn text(&self, key: &Key, diagnostics: &Diagnostics) -> Option<LitStr> {
        self.texts(key, diagnostics).into_iter().next()
    }

    /// The texts of a key that is repeated or has a list.
    pub(crate) fn texts(&self, key: &Key, diagnostics: &Diagnostics) -> Vec<LitStr> {
        let mut texts = Vec::new();
        for entry in self.values(key) {
            match &entry.value {
                Value::Text(text) => texts.push(text.clone()),
                Value::Texts(list) if key.repeats => texts.extend(list.iter().cloned()),
                other => diagnostics.error(other, format!("expected `{}`", key.example)),
            }
        }
        texts
    }

    pub(crate) fn flag(&self, key: &Key, diagnostics: &Diagnostics) -> Option<bool> {
        match &self.values(key).next()?.value {
            Value::Word(word) if word == "true" => Some(true),
            Value::Word(word) if word == "false" => Some(false),
            other => {
                diagnostics.error(other, format!("expected `{}`", key.example));
                None
            }
        }
    }

    /// A whole number within a range. The literal comes back as it was written.
    pub(crate) fn number(&self, key: &Key, range: RangeInclusive<u64>, diagnostics: &Diagnostics) -> Option<LitInt> {
        let value = &self.values(key).next()?.value;
        if let Value::Number(number) = value
            && number.suffix().is_empty()
        {
            if number.base10_parse().is_ok_and(|value: u64| range.contains(&value)) {
                return Some(number.clone());
            }
            let (first, last) = range.into_inner();
            diagnostics.error(number, format!("`{}` is a number from {first} to {last}", key.name));
        } else {
            diagnostics.error(value, format!("expected `{}`", key.example));
        }
        None
    }

    /// A field: its name, or its position in a tuple struct.
    pub(crate) fn field(&self, key: &Key, diagnostics: &Diagnostics) -> Option<TokenTree> {
        match &self.values(key).next()?.value {
            Value::Word(word) => Some(word.clone().into()),
            Value::Number(number) => Some(number.token().into()),
            other => {
                diagnostics.error(other, format!("expected `{}`: the name of a field, without quotes", key.example));
                None
            }
        }
    }

    pub(crate) fn path(&self, key: &Key, diagnostics: &Diagnostics) -> Option<Path> {
        let text = self.text(key, diagnostics)?;
        diagnostics
            .keep(text.parse().map_err(|_| Error::new(text.span(), format!("expected a path: `{}`", key.example))))
    }

    fn values(&self, key: &Key) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| entry.key == key.name)
    }
}

/// The text at the start, without a key.
fn value_first(input: ParseStream<'_>) -> Result<LitStr> {
    let value = input.parse()?;
    input.parse::<TokenStream>()?;
    Ok(value)
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = match input.fork().call(Ident::parse_any) {
            Ok(_) => input.call(Ident::parse_any)?,
            Err(_) => return Err(input.error("expected `option = value`")),
        };
        let value = if input.parse::<Option<Token![=]>>()?.is_some() {
            input.parse()?
        } else {
            // what follows the key instead of `=`, if anything
            Value::Other(rest(input)?)
        };
        Ok(Self { key, value })
    }
}

impl Parse for Value {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let ahead = input.fork();
        let value = if ahead.peek(LitStr) {
            ahead.parse().map(Self::Text)
        } else if ahead.peek(LitInt) {
            ahead.parse().map(Self::Number)
        } else if ahead.peek(token::Bracket) {
            texts(&ahead).map(Self::Texts)
        } else {
            ahead.call(Ident::parse_any).map(Self::Word)
        };
        let ends = ahead.is_empty() || ahead.peek(Token![,]);
        let tokens = rest(input)?;
        Ok(match value {
            Ok(value) if ends => value,
            _ => Self::Other(tokens),
        })
    }
}

impl ToTokens for Value {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Word(word) => word.to_tokens(tokens),
            Self::Text(text) => text.to_tokens(tokens),
            Self::Number(number) => number.to_tokens(tokens),
            Self::Texts(texts) => texts.to_tokens(tokens),
            Self::Other(other) => other.to_tokens(tokens),
        }
    }
}

fn texts(input: ParseStream<'_>) -> Result<Punctuated<LitStr, Token![,]>> {
    let content;
    syn::bracketed!(content in input);
    Punctuated::parse_terminated(&content)
}

/// Everything up to the next comma.
fn rest(input: ParseStream<'_>) -> Result<TokenStream> {
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        let token: TokenTree = input.parse()?;
        tokens.extend(quote!(#token));
    }
    Ok(tokens)
}
