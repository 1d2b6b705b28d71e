//! Two hundred handlers, to measure `describe`: `cargo build -p eda-tool --example many`, then
//! `time target/debug/examples/many describe --json > /dev/null`.

use std::process::ExitCode;

use eda_core::transport::memory::Memory;
use eda_core::{App, Broker, Event, Service, event, json};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct OrderCreated {
    order_id: u64,
}

impl Event for OrderCreated {
    const NAME: &'static str = "order.created";

    fn encode(&self) -> event::Encoded {
        json::encode(self)
    }

    fn decode(body: &[u8]) -> event::Decoded<Self> {
        json::decode(body)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // names live as long as the program does, and these are no literals
    let name = |number: u32| -> &'static str { format!("handler-{number}").leak() };
    let service = (0..200).fold(Service::new("many"), |service, number| {
        service.on(name(number), |order: OrderCreated| async move { order })
    });
    eda_tool::main(App::from(service), |_| Broker::new(Memory::new())).await
}
