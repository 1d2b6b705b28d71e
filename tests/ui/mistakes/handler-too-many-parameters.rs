use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler]
async fn charge(
    _order: OrderCreated,
    _1: Meta,
    _2: Meta,
    _3: Meta,
    _4: Meta,
    _5: Meta,
    _6: Meta,
    _7: Meta,
    _8: Meta,
    _9: Meta,
) {
}

fn main() {}
