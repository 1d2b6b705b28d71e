//! Private RabbitMQ nodes for tests: own ports, own data, on 127.0.0.1 only, and gone when the process ends, however it
//! ends. Needs a Unix and an installed `rabbitmq-server`.
//!
//! ```no_run
//! let mut node = rabbit_node::Node::start(rabbit_node::Options::default())?;
//! println!("{}", node.url());
//! node.kill()?;
//! node.start_again()?;
//! # Ok::<(), String>(())
//! ```

mod guard;
mod node;
mod place;
mod ready;
mod tools;

pub use self::guard::Guard;
pub use self::node::{Node, Options};
pub use self::ready::answers;
pub use self::tools::Tools;

/// The broker that all tests share, from `AMQP_URL`.
///
/// # Panics
///
/// When `AMQP_URL` is not set: a test that needs a broker never skips silently.
pub fn shared_url() -> String {
    std::env::var("AMQP_URL").expect("no broker: run `cargo xtask test`, or set AMQP_URL")
}
