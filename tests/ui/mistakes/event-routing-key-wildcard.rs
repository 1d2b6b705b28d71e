use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", routing_key = "order.#")]
struct OrderCreated {
    order_id: u64,
}

fn main() {}
