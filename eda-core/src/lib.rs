//! Traits, types, runtime and in-memory transport of `eda`. Use it through the facade `eda-rs`; depend on this package
//! only to write a transport or a test harness. It opens no socket and knows no broker.

pub mod envelope;
pub mod error;
pub mod message;
pub mod topology;
pub mod transport;

pub use self::error::{Error, ErrorKind, Result};
pub use self::message::{EventId, HeaderValue, Headers, Message};
pub use self::topology::{Backoff, EventInfo, Policy, Subscription, Topology};
