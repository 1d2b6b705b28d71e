use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler]
async fn charge(order: OrderCreated) -> Result<u64, Failure> {
    Ok(order.order_id)
}

fn main() {
    let _ = Service::new("billing").handler::<charge>();
}
