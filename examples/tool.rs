//! A service whose binary is its own operations tool: `cargo run --example tool --features tool -- describe`.

use std::process::ExitCode;

use eda::prelude::*;
use schemars::JsonSchema;

/// A customer has placed an order.
#[derive(Serialize, Deserialize, JsonSchema, Event)]
#[event(name = "order.created", key = order_id)]
struct OrderCreated {
    /// The shop's number of the order.
    order_id: u64,
    lines: Vec<Line>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Line {
    article: String,
    count: u32,
}

/// The customer's bank has paid.
#[derive(Serialize, Deserialize, Event)]
#[event(name = "payment.completed", version = 2, key = order_id)]
struct PaymentCompleted {
    order_id: u64,
}

/// Charges the card once per order.
#[handler(retries = 5, backoff = "200ms..30s")]
#[expect(clippy::unused_async, reason = "a handler is async, and this one has no card to charge")]
async fn charge(order: OrderCreated) -> PaymentCompleted {
    PaymentCompleted { order_id: order.order_id }
}

pub(crate) fn billing() -> Service {
    Service::new("billing").handler::<charge>().publishes::<OrderCreated>()
}

#[tokio::main]
async fn main() -> ExitCode {
    billing().main().await
}
