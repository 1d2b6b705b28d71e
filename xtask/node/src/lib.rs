//! Private RabbitMQ nodes for tests: own ports, own data, on 127.0.0.1 only, and gone when the process ends, however it
//! ends. Needs a Unix and an installed `rabbitmq-server`.
//!
//! Two kinds of tests need a broker:
//!
//! * Most take the one that all share, [`shared_url`]. It has one virtual host, and may be one that the author of a change
//!   runs on their machine, so they use names of queues, exchanges and services that no other test and no earlier run has.
//! * Tests that crash, freeze, fill or count on the broker start a [`Node`]. Tests of one binary may share it, one at a
//!   time; it may be in a `static`, since it ends with the process also when it is never dropped.
//!
//! ```no_run
//! let mut node = rabbit_node::Node::start(rabbit_node::Options::default())?;
//! println!("{}", node.url());
//! node.kill()?;
//! node.start_again()?;
//! # Ok::<(), String>(())
//! ```

mod eval;
mod guard;
mod node;
mod place;
mod ports;
mod ready;
mod script;
mod stale;
mod tools;

pub use self::guard::Guard;
pub use self::node::{Node, Options};
pub use self::ready::answers;
pub use self::script::ctl_at;
pub use self::tools::Tools;

/// The broker that all tests share, from `AMQP_URL`.
///
/// # Panics
///
/// When `AMQP_URL` is not set: a test that needs a broker never skips silently.
pub fn shared_url() -> String {
    std::env::var("AMQP_URL").expect("no broker: run `cargo xtask test`, or set AMQP_URL")
}
