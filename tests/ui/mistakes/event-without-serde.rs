use eda::prelude::*;

#[derive(Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

fn main() {}
