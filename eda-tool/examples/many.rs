//! Two hundred handlers, to measure `describe`: `cargo run --release -p eda-tool --example many -- describe > /dev/null`
//! tells on standard error how long it took, from the begin of `main`; the aim is 50 ms at most.
#![expect(clippy::print_stderr, reason = "a program speaks to its user")]

use std::process::ExitCode;
use std::time::Instant;

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
    let began = Instant::now();
    // names live as long as the program does, and these are no literals
    let name = |number: u32| -> &'static str { format!("handler-{number}").leak() };
    let service = (0..200).fold(Service::new("many"), |service, number| {
        service.on(name(number), |order: OrderCreated| async move { order })
    });
    let code = eda_tool::main(App::from(service), |_| Broker::new(Memory::new())).await;
    eprintln!("took {:.1?}", began.elapsed());
    code
}
