//! What the macros write, as files: `EDA_BLESS=1 cargo test -p eda-macros` writes them anew. The facade's tests compile
//! the same files.

use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::{error, event, from_ref, handler};

/// Nobody reads more.
const MAX_LINES: usize = 30;

#[test]
fn expansions_are_as_recorded() {
    let mut changed = Vec::new();
    for (name, expansion) in expansions() {
        let path = folder().join(name).with_extension("rs");
        let found = pretty(expansion);
        if env::var_os("EDA_BLESS").is_some() {
            fs::write(&path, &found).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != found {
            changed.push(format!("{name}:\n{found}"));
        }
    }
    assert!(changed.is_empty(), "other than recorded (EDA_BLESS=1 records):\n{}", changed.join("\n"));
}

#[test]
fn no_recording_is_left_over() {
    let names: Vec<_> = expansions().iter().map(|(name, _)| folder().join(name).with_extension("rs")).collect();
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        assert!(names.contains(&path), "{} is nobody's expansion", path.display());
    }
}

#[test]
fn expansions_are_short() {
    for (name, expansion) in expansions() {
        let text = pretty(expansion);
        assert!(text.lines().count() <= MAX_LINES, "{name} has more than {MAX_LINES} lines:\n{text}");
    }
}

#[test]
fn only_the_framework_is_named() {
    for (name, expansion) in expansions() {
        let mut roots = Vec::new();
        roots_of_paths(expansion, &mut roots);
        assert!(!roots.is_empty(), "{name} names nothing");
        assert!(roots.iter().all(|root| root == "eda"), "{name} names other crates: {roots:?}");
    }
}

#[test]
fn mistakes_leave_a_stub() {
    let handler = handler::attribute(
        quote!(retrys = 5),
        &quote!(
            async fn charge(order: OrderCreated) {}
        ),
    )
    .to_string();
    assert!(handler.starts_with("async fn charge (order : OrderCreated) { }"), "{handler}");
    assert!(handler.contains("compile_error") && handler.contains("struct charge"), "{handler}");
    let event = event::derive(quote!(
        struct OrderCreated {}
    ))
    .to_string();
    assert!(event.contains("compile_error") && event.contains(":: eda :: Event for OrderCreated"), "{event}");
}

#[test]
fn half_typed_bodies_are_handlers() {
    let function = quote!(async fn charge(order: OrderCreated) { order. });
    let expanded = handler::attribute(TokenStream::new(), &function).to_string();
    assert!(!expanded.contains("compile_error"), "{expanded}");
}

fn expansions() -> Vec<(&'static str, TokenStream)> {
    vec![
        (
            "order_created",
            event::derive(quote! {
                #[event(name = "order.created", key = order_id)]
                pub struct OrderCreated { pub order_id: u64, pub amount: u64 }
            }),
        ),
        (
            "payment_completed",
            event::derive(quote! {
                #[event(name = "payment.completed", key = order_id)]
                pub struct PaymentCompleted { pub order_id: u64 }
            }),
        ),
        (
            "template_key",
            event::derive(quote! {
                /// A parcel has left the house.
                #[event(name = "order.shipped", version = 2, routing_key = "order.{region}.shipped", accept = "OrderShipped")]
                pub struct OrderShipped { pub region: String }
            }),
        ),
        (
            "charge",
            handler::beside(
                quote!(retries = 5, backoff = "200ms..30s"),
                &quote! {
                    /// Charges the card once per order.
                    pub async fn charge(order: OrderCreated, State(cards): State<Cards>) -> Result<PaymentCompleted, CardError> {}
                },
            ),
        ),
        (
            "relay",
            handler::beside(
                quote!(),
                &quote!(
                    async fn relay<T>(event: T, progress: Publisher<(T, OrderCreated)>) -> Option<T>
                    where
                        T: Event,
                    {
                    }
                ),
            ),
        ),
        (
            "audit",
            handler::beside(
                quote!(pattern = "order.#", prefetch = 32),
                &quote!(
                    pub(crate) async fn audit(event: AnyEvent, _: Meta) {}
                ),
            ),
        ),
        (
            "from_script",
            handler::beside(
                quote!(
                    queue = "order_events",
                    declare = false,
                    discriminator = "event_type",
                    name = "script",
                    timeout = "30s",
                    concurrency = 1
                ),
                &quote!(
                    async fn from_script(order: OrderCreated) {}
                ),
            ),
        ),
        (
            "card_error",
            error::derive(quote! {
                pub enum CardError { #[permanent] Declined { code: u16 }, #[permanent] Expired, Unreachable(String) }
            }),
        ),
        (
            "billing",
            from_ref::derive(quote! {
                pub struct Billing { pub cards: Cards, pub limit: u64, #[from_ref(skip)] pub reserve: u64 }
            }),
        ),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

fn pretty(expansion: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(expansion).unwrap())
}

/// The first words of the paths that begin with `::`.
fn roots_of_paths(tokens: TokenStream, roots: &mut Vec<String>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    for (index, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            roots_of_paths(group.stream(), roots);
        }
        let follows = index.checked_sub(1).and_then(|before| tokens.get(before));
        let continues = match follows {
            Some(TokenTree::Ident(word)) => !matches!(word.to_string().as_str(), "impl" | "for" | "as"),
            Some(TokenTree::Punct(punct)) => match punct.as_char() {
                // `<T as ::eda::Event>::NAME`, but not `impl<T> ::eda::Handler`
                '>' => !closes_parameters(&tokens[..index]),
                ':' => punct.spacing() != proc_macro2::Spacing::Alone,
                _ => false,
            },
            _ => false,
        };
        let starts = is_colon(Some(token)) && is_colon(tokens.get(index + 1)) && !is_colon(follows) && !continues;
        if starts && let Some(TokenTree::Ident(root)) = tokens.get(index + 2) {
            roots.push(root.to_string());
        }
        // `T: ::eda::Event`
        if is_colon(Some(token))
            && is_colon(tokens.get(index + 1))
            && is_colon(tokens.get(index + 2))
            && let Some(TokenTree::Ident(root)) = tokens.get(index + 3)
        {
            roots.push(root.to_string());
        }
        if let TokenTree::Ident(word) = token {
            assert!(!matches!(word.to_string().as_str(), "std" | "core" | "alloc"), "`{word}` is not ours to name");
        }
    }
}

/// Whether the last token is the `>` of an `impl<…>`.
fn closes_parameters(tokens: &[TokenTree]) -> bool {
    let mut open = 0_u32;
    for (index, token) in tokens.iter().enumerate().rev() {
        let TokenTree::Punct(punct) = token else { continue };
        match punct.as_char() {
            '>' => open += 1,
            '<' => open -= 1,
            _ => {}
        }
        if open == 0 {
            let before = index.checked_sub(1).map(|before| tokens[before].to_string());
            return before.is_some_and(|word| word == "impl");
        }
    }
    false
}
