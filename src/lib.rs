#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
#[cfg(feature = "tool")]
pub mod tool;

#[doc(inline)]
pub use eda_core::*;
#[cfg(feature = "http")]
#[doc(inline)]
pub use eda_http as http;
#[cfg(feature = "journal")]
#[doc(inline)]
pub use eda_journal as journal;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use eda_macros::{Event, FromRef, HandlerError, handler};
#[cfg(feature = "rabbit")]
#[doc(inline)]
pub use eda_rabbit as rabbit;

pub use self::connect::connect;

/// Everything that a service's source file needs: `use eda::prelude::*;`.
pub mod prelude {
    #[cfg(feature = "tool")]
    #[doc(no_inline)]
    pub use crate::tool::Main;
    #[doc(no_inline)]
    pub use eda_core::{AnyEvent, App, Broker, Event, Failure, FromRef, HandlerError, Meta, Publisher, Service, State};
    #[cfg(feature = "macros")]
    #[doc(no_inline)]
    pub use eda_macros::{Event, FromRef, HandlerError, handler};
    #[cfg(feature = "json")]
    #[doc(no_inline)]
    pub use serde::{Deserialize, Serialize};
}

/// The examples of the macros, which live with the macros and need this package.
#[cfg(all(doctest, feature = "macros", feature = "json"))]
mod macros {
    #[doc = include_str!("../eda-macros/src/docs/event.md")]
    struct Event;
    #[doc = include_str!("../eda-macros/src/docs/handler.md")]
    struct Handler;
    #[doc = include_str!("../eda-macros/src/docs/handler_error.md")]
    struct HandlerError;
    #[doc = include_str!("../eda-macros/src/docs/from_ref.md")]
    struct FromRef;
}

/// The guides, which are compiled and run.
#[cfg(all(doctest, feature = "macros", feature = "json"))]
mod guides {
    #[doc = include_str!("../docs/guides/handlers.md")]
    struct Handlers;
    #[doc = include_str!("../docs/guides/errors-and-retries.md")]
    struct ErrorsAndRetries;
    #[doc = include_str!("../docs/guides/foreign-clients.md")]
    struct ForeignClients;
    #[cfg(feature = "metrics")]
    #[doc = include_str!("../docs/guides/observability.md")]
    struct Observability;
    #[cfg(feature = "rabbit")]
    #[doc = include_str!("../docs/guides/rabbitmq-topology.md")]
    struct RabbitmqTopology;
}
