//! Names that mean something else here: what the macros write is a guest in such code.

/// Nothing is imported.
#[no_implicit_prelude]
pub mod without_prelude {
    use ::framework::{AnyEvent, Event, FromRef, HandlerError, Meta, Publisher, State, handler};
    use ::serde::{Deserialize, Serialize};
    use ::std::prelude::v1::{Clone, Debug, derive};

    /// An event.
    #[derive(Clone, Debug, Serialize, Deserialize, Event)]
    #[event(name = "order.created", key = id, routing_key = "order.{region}.created", crate = "framework")]
    #[non_exhaustive]
    pub struct OrderCreated {
        /// What the order is known by.
        pub id: u64,
        /// Where it was placed.
        pub region: ::std::string::String,
        /// Not everywhere.
        #[cfg(not(unix))]
        pub elsewhere: u8,
    }

    /// A part of the state.
    #[derive(Clone, Debug)]
    #[non_exhaustive]
    pub struct Cards {
        /// What is left.
        pub limit: ::std::string::String,
    }

    /// A state.
    #[derive(Clone, Debug, FromRef)]
    #[from_ref(crate = "framework")]
    #[non_exhaustive]
    pub struct Billing {
        /// A part.
        pub cards: Cards,
        /// No part.
        #[from_ref(skip)]
        pub limit: ::std::string::String,
    }

    /// An error.
    #[derive(Clone, Copy, Debug, HandlerError)]
    #[handler_error(crate = "framework")]
    #[non_exhaustive]
    pub enum CardError {
        /// For good.
        #[permanent]
        Declined,
        /// For now.
        Unreachable,
    }

    impl ::std::fmt::Display for CardError {
        #[inline]
        fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
            formatter.write_str("declined")
        }
    }

    impl ::std::error::Error for CardError {}

    /// A handler.
    ///
    /// # Errors
    /// For good.
    #[handler(retries = 5, backoff = "200ms..30s", crate = "framework")]
    #[inline]
    pub async fn charge(
        order: OrderCreated,
        State(cards): State<Cards>,
        progress: Publisher<(OrderCreated,)>,
        #[cfg(unix)] meta: Meta,
        #[cfg(not(unix))] meta: State<Cards>,
    ) -> ::std::result::Result<OrderCreated, CardError> {
        ::std::mem::drop(::std::future::ready((cards, progress, meta)).await);
        ::std::result::Result::Ok(order)
    }

    /// A handler of everything.
    #[handler(pattern = "#", crate = "framework")]
    #[inline]
    pub async fn audit(_: AnyEvent) {
        ::std::future::ready(()).await;
    }
}

/// Everything has another meaning.
pub mod shadowed {
    use framework::{Event, Meta, State, handler};
    use serde::{Deserialize, Serialize};

    /// Not `Clone`'s.
    pub mod core {}
    /// Not the framework.
    pub mod eda {}
    /// Not ours.
    pub mod std {}

    /// Not a result.
    #[derive(Clone, Copy, Debug)]
    #[non_exhaustive]
    pub struct Result;
    /// Not an option.
    #[derive(Clone, Copy, Debug)]
    #[non_exhaustive]
    pub struct Option;
    /// Not text.
    #[derive(Clone, Copy, Debug)]
    #[non_exhaustive]
    pub struct String;
    /// Not a box.
    #[derive(Clone, Copy, Debug)]
    #[non_exhaustive]
    pub struct Box;
    /// Not a vector.
    #[derive(Clone, Copy, Debug)]
    #[non_exhaustive]
    pub struct Vec;

    /// Not a marker.
    pub trait Send {}
    /// Not a marker either.
    pub trait Sync {}
    /// Not a future.
    pub trait Future {}
    /// Not a handler.
    pub trait Handler {}
    /// Not a conversion.
    pub trait Into {}

    /// Not a variant.
    #[expect(non_snake_case, reason = "as hostile as can be")]
    #[inline]
    pub const fn Some() {}
    /// Not a variant.
    #[expect(non_snake_case, reason = "as hostile as can be")]
    #[inline]
    pub const fn None() {}
    /// Not a variant.
    #[expect(non_snake_case, reason = "as hostile as can be")]
    #[inline]
    pub const fn Ok() {}
    /// Not a variant.
    #[expect(non_snake_case, reason = "as hostile as can be")]
    #[inline]
    pub const fn Err() {}

    /// An event of a type with the state's usual letter.
    #[derive(Clone, Copy, Debug, Serialize, Deserialize, Event)]
    #[event(name = "s.happened", key = r#type, routing_key = "s.{type}", accept = "S", crate = "framework")]
    #[non_exhaustive]
    pub struct S {
        /// A word of the language.
        pub r#type: u8,
    }

    /// A handler whose name and parameters are words of the language, of the trait, and of each other.
    #[handler(crate = "framework")]
    #[inline]
    pub async fn r#match(r#match: S, r#type: Meta, State(call): State<u8>) -> S {
        ::std::mem::drop(::std::future::ready((r#type, call)).await);
        r#match
    }
}

/// Written by the user's own macros, inside of functions.
pub mod generated {
    use framework::{Event, Service};

    /// Items that a macro writes.
    macro_rules! event {
        ($event:ident, $name:literal, $key:ident: $ty:ty, $handler:ident) => {
            #[doc = $name]
            #[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize, framework::Event)]
            #[event(name = $name, key = $key, crate = "framework")]
            #[non_exhaustive]
            pub struct $event {
                /// The key.
                pub $key: $ty,
                /// A field that the macro names.
                pub own: u8,
            }

            #[doc = $name]
            #[framework::handler(crate = "framework")]
            #[inline]
            pub async fn $handler(event: $event, framework::State(state): framework::State<u8>) -> $event {
                let _: u8 = ::std::future::ready(state).await;
                event
            }
        };
    }

    /// Items that a macro writes.
    macro_rules! own_names {
        () => {
            /// All names are the macro's.
            #[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize, framework::Event)]
            #[event(name = "own.happened", key = own, routing_key = "own.{own}", crate = "framework")]
            #[non_exhaustive]
            pub struct Own {
                /// A field that the macro names.
                pub own: u8,
            }

            /// All names are the macro's.
            #[framework::handler(crate = "framework")]
            #[inline]
            pub async fn own(event: Own, meta: framework::Meta) -> Own {
                drop(::std::future::ready(meta).await);
                event
            }
        };
    }

    event!(Moved, "order.moved", id: u64, follow);
    own_names!();

    /// Events and handlers of a function.
    #[must_use]
    #[inline]
    #[expect(deprecated, reason = "told once, here")]
    pub fn service() -> Service<u8> {
        use framework::{State, handler};

        #[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize, Event)]
        #[event(name = "inner.happened", crate = "framework")]
        /// Seen by nobody else.
        struct Inner;

        /// Not there.
        #[handler(crate = "framework")]
        #[cfg(any())]
        async fn absent(event: Absent) {}

        /// Still there.
        #[handler(crate = "framework")]
        #[deprecated(note = "told to who subscribes it")]
        async fn old(event: Inner) -> Inner {
            ::std::future::ready(event).await
        }

        /// There.
        #[handler(crate = "framework")]
        #[cfg(not(any()))]
        async fn inner(event: Inner, State(state): State<u8>) -> Inner {
            let _: u8 = ::std::future::ready(state).await;
            event
        }

        Service::new(Inner::NAME).state(3).handler::<inner>().handler::<old>().handler::<follow>().handler::<own>()
    }
}
