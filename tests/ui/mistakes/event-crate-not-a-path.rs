use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created", crate = "my eda")]
struct OrderCreated {
    order_id: u64,
}

fn main() {}
