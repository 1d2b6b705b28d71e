use eda::prelude::*;

use std::rc::Rc;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler]
async fn charge(order: OrderCreated) {
    let order = Rc::new(order);
    std::future::ready(()).await;
    drop(order);
}

fn main() {}
