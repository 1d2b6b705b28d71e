use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler(pattern = "order.crea*")]
async fn charge(_order: AnyEvent) {}

fn main() {}
