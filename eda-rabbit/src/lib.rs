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
//! lapin logs the whole of a returned message at WARN and, at TRACE, the login. Where logs are kept, filter it:
//! `RUST_LOG=info,lapin=warn,lapin::returned_messages=error`.

mod config;
pub mod topology;
mod convert;
mod wire;
mod backoff;
mod connection;
mod publisher;
mod settle;
mod subscriber;
mod rabbit;

pub use self::config::{Config, Unrouted};
pub use self::rabbit::Rabbit;
