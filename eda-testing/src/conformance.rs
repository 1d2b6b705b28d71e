//! The conformance suite: what every transport promises, one named case each.
//!
//! The author of a transport says in a [`Setup`] how to connect and what the suite may do to the broker, and gets one
//! test for each case:
//!
//! ```
//! use std::sync::Arc;
//!
//! use eda_core::Result;
//! use eda_core::transport::Transport;
//! use eda_core::transport::memory::Memory;
//! use eda_testing::conformance::{self, Need, Options, Setup};
//!
//! #[derive(Default)]
//! struct Mine(Memory);
//!
//! #[async_trait::async_trait]
//! impl Setup for Mine {
//!     async fn connect(&self, options: &Options) -> Result<Arc<dyn Transport>> {
//!         Ok(Arc::new(self.0.clone().with_unrouted(options.unrouted)))
//!     }
//!
//!     fn gaps(&self) -> Vec<(Need, &'static str)> {
//!         vec![
//!             (Need::DeadLetters, "dead letters can't be looked at yet"),
//!             (Need::Parked, "parked messages can't be looked at yet"),
//!             (Need::ForeignQueues, "there are no other programs in a process"),
//!             (Need::ConnectionLoss, "there is no connection that could be lost"),
//!             (Need::BrokerAway, "there is no connection that could be lost"),
//!             (Need::ConsumerCancel, "this broker ends no consumer by itself"),
//!         ]
//!     }
//! }
//!
//! // in a file below `tests/`: one `#[test]` for each case, with a broker of its own
//! eda_testing::conformance!(Mine::default());
//!
//! // or by program
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! for case in conformance::cases().iter().filter(|case| case.group() == "settling") {
//!     let outcome = conformance::run(case, &Mine::default()).await;
//!     assert_eq!(outcome, conformance::Outcome::Passed, "{case}");
//! }
//! # }
//! ```
//!
//! A case whose [needs](Need) are not met is skipped, with the reason: the transport's [`Capabilities`] lack it, or the
//! setup names it among its [gaps](Setup::gaps). Nothing is skipped without a line that somebody wrote.
//!
//! Each run of a case uses queues and routing keys that no other run has used, so cases run in parallel on one broker that
//! others use, too.
//!
//! [`Capabilities`]: eda_core::transport::Capabilities

mod case;
mod cases;
mod failed;
mod list;
mod setup;
mod stage;

pub use self::case::{Case, Outcome, cases, check, run};
pub use self::setup::{Clock, DeadLetter, Need, Options, Setup};
