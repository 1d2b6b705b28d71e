use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

use std::borrow::Cow;

#[handler]
async fn charge(_order: OrderCreated, _note: Cow<'_, str>) {}

fn main() {}
