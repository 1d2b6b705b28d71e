use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", key = oder_id)]
struct OrderCreated {
    order_id: u64,
}

fn main() {}
