use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler]
async fn charge(order: OrderCreated) -> u64 {
    order.order_id
}

fn main() {}
