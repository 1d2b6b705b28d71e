use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[derive(Clone, Default)]
struct Cards;

#[derive(Clone, FromRef)]
struct Billing {
    limit: u64,
}

#[handler]
async fn charge(_order: OrderCreated, _limit: State<u64>, _cards: State<Cards>) {}

fn main() {
    let _ = Service::new("billing").state(Billing { limit: 3 }).handler::<charge>();
}
