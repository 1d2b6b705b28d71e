//! The conformance suite on RabbitMQ: on the shared broker, through a network that can be taken away.

// a network that comes and goes
#[path = "../faults/proxy.rs"]
mod proxy;
// with the rights of a service, and no others
#[path = "../security/user.rs"]
mod user;
// how the suite reaches the broker, and what it does to it
mod setup;

// the table in docs/conformance.md
#[path = "../../../eda-testing/tests/conformance/table.rs"]
mod table;

use self::setup::SharedBroker;

eda_testing::conformance!(SharedBroker::new().await);

#[tokio::test]
async fn the_table_tells_what_rabbitmq_keeps() {
    table::check("RabbitMQ", &SharedBroker::new().await).await;
}
