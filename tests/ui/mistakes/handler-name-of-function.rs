use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler]
#[expect(non_snake_case)]
async fn chargeCard(_order: OrderCreated) {}

fn main() {}
