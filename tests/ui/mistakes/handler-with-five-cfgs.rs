use eda::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(name = "order.created")]
struct OrderCreated {
    order_id: u64,
}

#[handler]
async fn charge(
    _order: OrderCreated,
    #[cfg(unix)] _1: Meta,
    #[cfg(windows)] _2: Meta,
    #[cfg(test)] _3: Meta,
    #[cfg(debug_assertions)] _4: Meta,
    #[cfg(panic = "unwind")] _5: Meta,
) {
}

fn main() {}
