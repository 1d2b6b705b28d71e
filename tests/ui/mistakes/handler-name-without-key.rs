use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler("charge-card", retries = 5)]
async fn charge(_order: OrderCreated) {}

fn main() {
    let _ = Service::new("billing").handler::<charge>();
}
