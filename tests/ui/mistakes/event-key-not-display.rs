use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", key = lines)]
struct OrderCreated {
    lines: Vec<u64>,
}

fn main() {}
