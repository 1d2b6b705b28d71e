use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler]
async fn charge<'a>(_order: OrderCreated, _note: &'a str) {}

fn main() {}
