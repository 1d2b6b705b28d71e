use eda::prelude::*;

#[derive(Event)]
#[event(name = "order.created")]
union OrderCreated {
    order_id: u64,
}

fn main() {}
