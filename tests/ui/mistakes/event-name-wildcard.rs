use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.*")]
struct OrderCreated {
    order_id: u64,
}

fn main() {}
