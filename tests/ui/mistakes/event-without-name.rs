use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(key = order_id)]
struct OrderCreated {
    order_id: u64,
}

fn main() {}
