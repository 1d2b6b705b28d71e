use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

struct Billing;

impl Billing {
    #[handler]
    async fn charge(&self, _order: OrderCreated) {}
}

fn main() {}
