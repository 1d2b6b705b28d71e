use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[derive(Clone)]
struct Cards;

#[handler]
async fn charge(_order: OrderCreated, _cards: Cards) {}

fn main() {
    let _ = Service::new("billing").handler::<charge>();
}
