//! The conformance suite on RabbitMQ: on the shared broker, through a network that can be taken away.

// a network that comes and goes
#[path = "../faults/proxy.rs"]
mod proxy;
// how the suite reaches the broker, and what it does to it
mod setup;

use self::setup::SharedBroker;

eda_testing::conformance!(SharedBroker::new().await);
