use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[derive(Clone, Default)]
struct Cards;

#[handler]
async fn charge(_order: OrderCreated, _limit: State<u64>, _cards: State<Cards>) {}

fn main() {
    let _ = Service::new("billing").handler::<charge>();
}
