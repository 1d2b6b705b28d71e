use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", accept = "OrderCreated", accept = "OrderCreated")]
struct OrderCreated {
    order_id: u64,
}

fn main() {}
