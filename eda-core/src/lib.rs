//! Traits, types, runtime and in-memory transport of `eda`. Use it through the facade `eda-rs`; depend on this package
//! only to write a transport or a test harness. It opens no socket and knows no broker.

#[doc(hidden)]
pub mod mutant;
pub mod error;
pub mod message;
pub mod event;
#[cfg(feature = "json")]
pub mod json;
pub mod envelope;
pub mod topology;
pub mod transport;
pub mod failure;
pub mod publisher;
pub mod journal;
pub mod context;
pub mod extract;
pub mod outcome;
pub mod handler;
pub mod middleware;
pub mod retry;
pub mod telemetry;
pub mod broker;
pub mod service;
pub mod app;
pub mod health;
pub mod runtime;

pub use self::app::App;
pub use self::broker::Broker;
pub use self::context::{Call, CallParts, Context};
pub use self::error::{Error, ErrorKind, Result};
pub use self::event::{Event, EventInfo};
pub use self::extract::{Extractor, FromDelivery, FromRef, Meta, State};
pub use self::failure::{Failure, HandlerError};
pub use self::handler::{AnyEvent, Handler, HandlerDef, HandlerMeta, Incoming};
pub use self::health::{Health, HealthWatch};
pub use self::message::{EventId, HeaderValue, Headers, Message};
pub use self::outcome::{Emit, Outcome};
pub use self::publisher::Publisher;
pub use self::runtime::{Rehearsal, Running};
pub use self::service::Service;
pub use self::topology::{Backoff, Policy, Subscription, Topology};
