use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", routing_key = "order.{lines}.created")]
struct OrderCreated {
    lines: Vec<u64>,
}

fn main() {}
