use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler]
async fn charge(order: OrderCreated) -> (OrderCreated, u64) {
    (order, 3)
}

fn main() {
    let _ = Service::new("billing").handler::<charge>();
}
