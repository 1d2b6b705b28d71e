use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler(prefetch = 100_000)]
async fn charge(_order: OrderCreated) {}

fn main() {}
