//! RabbitMQ as a transport of `eda`, over lapin. Use it through the facade `eda-rs` with feature `rabbit`.
//!
//! ```no_run
//! # async fn example() -> eda_core::Result {
//! use eda_core::Broker;
//! use eda_rabbit::Rabbit;
//!
//! let broker = Broker::new(Rabbit::connect("amqp://localhost?prefetch=100").await?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What to know when you run it
//!
//! * lapin logs the whole of a returned message at WARN and, at TRACE, the login. Where logs are kept, put
//!   [`is_safe_to_log`] before what writes them, or set `RUST_LOG=info,lapin=warn,lapin::returned_messages=error`.
//! * lapin reads what the broker sends by recursion; `RUST_MIN_STACK=67108864` in a service's environment gives it room.
//! * A service unbinds and deletes nothing: a handler that takes another event than before leaves the binding of the old one
//!   behind, and a handler that is gone its queue. An operator does, by [`Operate`](eda_core::transport::Operate).
//! * An exchange that is deleted by hand comes back with the next publish or reconnect, its bindings with the next
//!   reconnect of each subscriber; what is published in between is parked.
//! * Before RabbitMQ 4.3 every delivery that is given back, as at the end of a process, counts towards the queue's delivery
//!   limit of 50, after which the broker parks it. It is no attempt.

mod config;
mod log;
pub mod topology;
mod permissions;
mod convert;
mod wire;
mod declared;
mod backoff;
mod connection;
mod publisher;
mod settle;
mod subscriber;
mod journal;
mod rabbit;
mod operate;

pub use self::config::Config;
pub use self::log::is_safe_to_log;
pub use self::permissions::Permissions;
pub use self::rabbit::Rabbit;

#[cfg(feature = "__fuzz")]
#[doc(hidden)]
pub use self::convert::there_and_back;
#[cfg(feature = "__simulation")]
#[doc(hidden)]
pub use self::wire::simulation;
