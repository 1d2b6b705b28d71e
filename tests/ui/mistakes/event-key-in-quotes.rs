use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", key = "order_id")]
struct OrderCreated {
    order_id: u64,
}

fn main() {}
